"""Scores of reconstructions against a true object, or without one: mask, gauge, registration, metrics.

All images lie on one integer pixel grid, the true object's. `score_arms` is the way in for
a comparison, `score_pair` for any two arrays; the modules are the parts, each usable alone.
"""

from __future__ import annotations

from ptycho_compare.scoring.arm_metrics import Measurement
from ptycho_compare.scoring.collapse import Collapse, CollapseLimits, find_collapse
from ptycho_compare.scoring.estimate import Interval, Resampling
from ptycho_compare.scoring.frc import Cutoff, RingCurve, ring_correlation
from ptycho_compare.scoring.gauge import Gauge, fienup_error, fit_gauge
from ptycho_compare.scoring.image_metrics import MsSsim, mae, ms_ssim, mse, psnr, ssim, truth_range
from ptycho_compare.scoring.mask import bounding_box, common_mask, erode
from ptycho_compare.scoring.metric import Difference, Metric, ReferenceKind
from ptycho_compare.scoring.pair import score_pair
from ptycho_compare.scoring.placement import (
    ArmImage,
    PlacedArm,
    Placement,
    PlacingSettings,
    place_arms,
)
from ptycho_compare.scoring.ptychopinn import PtychoPinnSettings, ptychopinn_metrics
from ptycho_compare.scoring.ramp import apply_ramp, fit_ramp
from ptycho_compare.scoring.registration import Shift, register, shift_image, shift_weight
from ptycho_compare.scoring.scorecard import (
    METRIC_VERSION,
    Agreement,
    ArmScore,
    Scorecard,
    ScoringSettings,
    score_arms,
    score_placed,
)
from ptycho_compare.scoring.twin import Twin, find_twin

__all__ = [
    "METRIC_VERSION",
    "Agreement",
    "ArmImage",
    "ArmScore",
    "Collapse",
    "CollapseLimits",
    "Cutoff",
    "Difference",
    "Gauge",
    "Interval",
    "Measurement",
    "Metric",
    "MsSsim",
    "PlacedArm",
    "Placement",
    "PlacingSettings",
    "PtychoPinnSettings",
    "ReferenceKind",
    "Resampling",
    "RingCurve",
    "Scorecard",
    "ScoringSettings",
    "Shift",
    "Twin",
    "apply_ramp",
    "bounding_box",
    "common_mask",
    "erode",
    "fienup_error",
    "find_collapse",
    "find_twin",
    "fit_gauge",
    "fit_ramp",
    "mae",
    "ms_ssim",
    "mse",
    "place_arms",
    "psnr",
    "ptychopinn_metrics",
    "register",
    "ring_correlation",
    "score_arms",
    "score_pair",
    "score_placed",
    "shift_image",
    "shift_weight",
    "ssim",
    "truth_range",
]
