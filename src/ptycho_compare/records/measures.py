"""Scores: which way each is better; and those that reports single out, with their number of digits.

One table for all reports; nothing else in the tree states a direction or a precision.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Part = Literal["amplitude", "phase"]
PARTS: tuple[Part, ...] = ("amplitude", "phase")

MISSING = "N/A"
"""Stands in a text where there is no number."""

TABLE_DECIMALS = 3
JOB_DECIMALS = 4

# cut-offs are frequencies
_HIGHER = ("psnr", "ssim", "ms_ssim", "frc50", "frc1over7", "frc_half_bit", "frc_auc", "frt50")
_FIENUP = ("fienup", "fienup_ramp_kept", "fienup_ramp_free")
_LOWER = ("mae", "mse", *_FIENUP, "phase_rmse", "r_factor", "r_factor_own_probe")
_OF_HALVES = ("frc50", "frc1over7", "frc_half_bit", "ssnr1", "frc_auc", "fienup", "phase_rmse")

HIGHER_IS_BETTER: Mapping[str, bool] = {
    **dict.fromkeys(_HIGHER, True),
    **dict.fromkeys(_LOWER, False),
    **{f"half_{name}": name not in _LOWER for name in _OF_HALVES},
}
"""By score. Rows of a table that are not here measure something else: a shift, a gauge, a time."""


@dataclass(frozen=True)
class Measure:
    """A measure of the comparison table that reports single out.

    Attributes
    ----------
    name, title : str
        In tables and JSON, and in texts.
    delta_decimals : int
        Digits of a difference in the delta files.
    has_best : bool
        The best comparison stands beside the average.
    """

    name: str
    title: str
    delta_decimals: int
    has_best: bool

    @property
    def higher_is_better(self) -> bool:
        """Which way is better."""
        return HIGHER_IS_BETTER[self.name]

    def delta_text(self, delta: float | None) -> str:
        """Return a difference as the delta files have it: with its sign."""
        return signed_text(delta, self.delta_decimals)

    @property
    def reading(self) -> str:
        """One sentence on how a difference from PtychoPINN is read."""
        better, sign = ("Higher", "positive") if self.higher_is_better else ("Lower", "negative")
        return f"{better} is better: a {sign} difference is in PtychoPINN's favour."


MS_SSIM = Measure("ms_ssim", "MS-SSIM", delta_decimals=3, has_best=True)
MAE = Measure("mae", "MAE", delta_decimals=6, has_best=False)
MEASURES = (MS_SSIM, MAE)


def number_text(number: float | None, decimals: int = TABLE_DECIMALS, *, missing: str = MISSING) -> str:
    """Return a number as text, or that there is none."""
    return missing if number is None else f"{number + 0.0:.{decimals}f}"  # + 0.0: zero has no sign


def signed_text(number: float | None, decimals: int) -> str:
    """Return a difference as text; its sign stays where all digits are 0, as PtychoPINN's tools have it."""
    return MISSING if number is None else f"{number + 0.0:+.{decimals}f}"
