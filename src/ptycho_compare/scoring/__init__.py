"""Scores of reconstructions against a true object, or without one: mask, gauge, registration, metrics.

All images lie on one integer pixel grid, the true object's. `score_arms` is the way in for
a comparison, `score_pair` for any two arrays; the modules are the parts, each usable alone.
"""

from __future__ import annotations

from ptycho_compare.scoring.agreement import Agreement
from ptycho_compare.scoring.alignment.distortion import Distortion, measure_distortion
from ptycho_compare.scoring.alignment.gauge import Gauge, fienup_error, fit_gauge
from ptycho_compare.scoring.alignment.ramp import apply_ramp, fit_ramp
from ptycho_compare.scoring.alignment.registration import Shift, register, shift_image, shift_weight
from ptycho_compare.scoring.alignment.twin import Twin, find_twin
from ptycho_compare.scoring.arm_verdict import ArmVerdict
from ptycho_compare.scoring.collapse import Collapse, CollapseLimits, find_collapse
from ptycho_compare.scoring.mask import bounding_box, common_mask, erode
from ptycho_compare.scoring.metrics.arm_metrics import Measurement
from ptycho_compare.scoring.metrics.cutoff import Cutoff
from ptycho_compare.scoring.metrics.estimate import Interval, Resampling
from ptycho_compare.scoring.metrics.frc import ring_correlation
from ptycho_compare.scoring.metrics.image_metrics import MsSsim, mae, ms_ssim, mse, psnr, ssim, truth_range
from ptycho_compare.scoring.metrics.metric import Difference, Metric, ReferenceKind
from ptycho_compare.scoring.metrics.ptychopinn import PtychoPinnSettings, ptychopinn_metrics
from ptycho_compare.scoring.metrics.ring_curve import RingCurve
from ptycho_compare.scoring.pair import score_pair
from ptycho_compare.scoring.placement import (
    ArmImage,
    PlacedArm,
    Placement,
    PlacingSettings,
    place_arms,
)
from ptycho_compare.scoring.scorecard import ArmScore, Scorecard, score_arms, score_placed
from ptycho_compare.scoring.settings import METRIC_VERSION, ScoringSettings

__all__ = [
    "METRIC_VERSION",
    "Agreement",
    "ArmImage",
    "ArmScore",
    "ArmVerdict",
    "Collapse",
    "CollapseLimits",
    "Cutoff",
    "Difference",
    "Distortion",
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
    "measure_distortion",
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
