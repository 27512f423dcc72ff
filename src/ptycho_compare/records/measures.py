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

_NAMES: Mapping[str, str] = {
    "mae": "mean absolute error",
    "mse": "mean square error",
    "psnr": "PSNR",
    "ssim": "SSIM",
    "ms_ssim": "MS-SSIM",
    "frc50": "FRC cut-off at 0.5",
    "frc1over7": "FRC cut-off at 1/7",
    "frc_half_bit": "FRC cut-off at half-bit",
    "frc_auc": "mean FRC",
    "frt50": "transfer cut-off at 0.5",
    "ssnr1": "SSNR cut-off at 1",
    "fienup": "Fienup error",
    "fienup_ramp_kept": "Fienup error, ramp kept",
    "fienup_ramp_free": "Fienup error, ramp removed",
    "phase_rmse": "rms error",
    "r_factor": "residual R",
    "r_factor_own_probe": "residual R through its own probe",
    "computation_time_s": "computing time",
}
_HALF = "half_"


def score_name(metric: str, component: str = "value") -> str:
    """Return a row's name as a person says it, e.g. ``SSIM of phase``; rows of other kinds keep theirs."""
    if metric.startswith(_HALF):
        return f"{score_name(metric.removeprefix(_HALF), component)}, between halves"
    name = _NAMES.get(metric, metric.replace("_", " "))
    return name if component == "value" else f"{name} of {component}"


REFERENCES: Mapping[str, str] = {
    "truth": "the true object",
    "independent_half": "a reconstruction of an independent half of the data",
    "same_data": "a reconstruction of the same data: agreement, not resolution",
}
"""What the kinds of reference are, in words; "none" has no entry."""


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
    """Return a number as text, or that there is none; where all digits are 0 it has no sign (``z``)."""
    return missing if number is None else f"{number:z.{decimals}f}"


def signed_text(number: float | None, decimals: int) -> str:
    """Return a difference as text; its sign stays where all digits are 0, as PtychoPINN's tools have it."""
    return MISSING if number is None else f"{number + 0.0:+.{decimals}f}"
