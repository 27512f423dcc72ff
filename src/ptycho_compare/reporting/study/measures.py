"""The measures that reports speak of: which way is better, and with how many digits they are told.

One table for all reports; nothing else in the tree states a direction or a precision of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Part = Literal["amplitude", "phase"]
PARTS: tuple[Part, ...] = ("amplitude", "phase")

MISSING = "N/A"
"""What a text says where there is no number."""

TABLE_DECIMALS = 3
JOB_DECIMALS = 4


@dataclass(frozen=True)
class Measure:
    """A measure of the comparison table that reports single out.

    Attributes
    ----------
    name, title : str
        In tables and JSON, and in texts.
    higher_is_better : bool
    delta_decimals : int
        Digits of a difference in the delta files.
    has_best : bool
        Whether the best comparison is told beside the average.
    """

    name: str
    title: str
    higher_is_better: bool
    delta_decimals: int
    has_best: bool

    def delta_text(self, delta: float | None) -> str:
        """Tell a difference as the delta files do: with its sign."""
        return signed_text(delta, self.delta_decimals)

    @property
    def reading(self) -> str:
        """How a difference from PtychoPINN is read, as one sentence."""
        better, sign = ("Higher", "positive") if self.higher_is_better else ("Lower", "negative")
        return f"{better} is better: a {sign} difference is in PtychoPINN's favour."


MS_SSIM = Measure("ms_ssim", "MS-SSIM", higher_is_better=True, delta_decimals=3, has_best=True)
MAE = Measure("mae", "MAE", higher_is_better=False, delta_decimals=6, has_best=False)
MEASURES = (MS_SSIM, MAE)


def number_text(number: float | None, decimals: int = TABLE_DECIMALS, *, missing: str = MISSING) -> str:
    """Tell a number, or that there is none."""
    return missing if number is None else f"{number + 0.0:.{decimals}f}"  # + 0.0: zero has no sign


def signed_text(number: float | None, decimals: int) -> str:
    """Tell a difference: its sign stays even where all digits shown are 0, as PtychoPINN's tools do."""
    return MISSING if number is None else f"{number + 0.0:+.{decimals}f}"
