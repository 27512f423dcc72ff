"""Scores of reconstructions against a true object: mask, gauge, registration, metrics.

All images lie on one integer pixel grid, the true object's. `scorecard.score_arms` is the
way in; the modules beside it are the parts, each usable alone.
"""

from __future__ import annotations

from ptycho_compare.scoring.collapse import Collapse, CollapseLimits, find_collapse
from ptycho_compare.scoring.frc import Cutoff, RingCurve, masked_pair, ring_correlation
from ptycho_compare.scoring.gauge import Gauge, fienup_error, fit_gauge
from ptycho_compare.scoring.image_metrics import MsSsim, mae, ms_ssim, mse, psnr, ssim, truth_range
from ptycho_compare.scoring.mask import bounding_box, common_mask, erode
from ptycho_compare.scoring.registration import Shift, register, shift_image, shift_weight
from ptycho_compare.scoring.scorecard import (
    METRIC_VERSION,
    ArmImage,
    ArmScore,
    Metric,
    Scorecard,
    ScoringSettings,
    score_arms,
)

__all__ = [
    "METRIC_VERSION",
    "ArmImage",
    "ArmScore",
    "Collapse",
    "CollapseLimits",
    "Cutoff",
    "Gauge",
    "Metric",
    "MsSsim",
    "RingCurve",
    "Scorecard",
    "ScoringSettings",
    "Shift",
    "bounding_box",
    "common_mask",
    "erode",
    "fienup_error",
    "find_collapse",
    "fit_gauge",
    "mae",
    "masked_pair",
    "ms_ssim",
    "mse",
    "psnr",
    "register",
    "ring_correlation",
    "score_arms",
    "shift_image",
    "shift_weight",
    "ssim",
    "truth_range",
]
