"""Dead reconstructions, found by name before any formula can flatter them.

A constant image has a finite SSIM and a respectable PSNR. So an arm is looked at first:
is it finite, is it there, is it more than one number? Only such an arm is not scored; one that
shows little is, with a verdict beside its numbers (`arm_verdict`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ScoringError
from ptycho_compare.scoring.mask import ComplexImage, Mask, check_grid, lit_part
from ptycho_compare.study import Study

CollapseKind = Literal["non_finite", "zero", "mostly_empty", "constant"]

EMPTY_BELOW = 1e-6
"""A pixel is empty below this fraction of the largest modulus on the mask."""

CONSTANT_BELOW = 1e-6
"""Contrast of a constant field or component in single precision, with a margin of ten."""


@dataclass(frozen=True)
class CollapseLimits:
    """Bounds below which an arm is dead (the first) or flat (the others).

    Attributes
    ----------
    max_zero_fraction : float
        Fraction of mask pixels that may be empty where the truth is not.
    min_contrast : float
        Least contrast of the complex field, sqrt(1 - |mean|^2 / mean|.|^2).
    min_relative_contrast : float
        Least contrast of amplitude and of phase, in units of the truth's.
    """

    max_zero_fraction: float = 0.05
    min_contrast: float = 1e-3
    min_relative_contrast: float = 0.05


DEFAULT_LIMITS = CollapseLimits()


def limits_of(study: Study) -> CollapseLimits:
    """Limits in a study's tolerances."""
    tolerances = study.tolerances
    return CollapseLimits(
        max_zero_fraction=tolerances.max_zero_fraction,
        min_contrast=tolerances.min_contrast,
        min_relative_contrast=tolerances.min_relative_contrast,
    )


@dataclass(frozen=True)
class Collapse:
    """The kind of a dead arm, and the measured number behind it in one sentence."""

    kind: CollapseKind
    detail: str


def find_collapse(
    values: ComplexImage,
    mask: Mask,
    *,
    truth: ComplexImage | None = None,
    limits: CollapseLimits = DEFAULT_LIMITS,
) -> Collapse | None:
    """Find what is dead about a reconstruction.

    Parameters
    ----------
    values : ndarray, (H, W), complex
        The reconstruction, any gauge.
    mask : ndarray, (H, W), bool
        Only these pixels are judged.
    truth : ndarray, (H, W), complex, optional
        Where it is opaque (`lit_part`), an arm may be empty.
    limits : CollapseLimits

    Returns
    -------
    Collapse or None
        The first that holds of non_finite, zero, mostly_empty, constant.
    """
    check_grid(mask)
    if values.shape != mask.shape:
        raise ScoringError(f"values have shape {values.shape}, the mask {mask.shape}")
    inside = np.asarray(values[mask], dtype=np.complex128)
    lit = np.ones(inside.shape, dtype=np.bool_)
    if truth is not None:
        check_grid(mask, truth=truth)
        lit = lit_part(truth, mask)[mask]
    return _non_finite(inside) or _zero(inside) or _mostly_empty(inside, lit, limits) or _constant(inside)


def _non_finite(inside: NDArray[np.complex128]) -> Collapse | None:
    bad = int(np.count_nonzero(~np.isfinite(inside)))
    if bad == 0:
        return None
    return Collapse("non_finite", f"object is not finite in {bad} of {inside.size} mask pixels")


def _zero(inside: NDArray[np.complex128]) -> Collapse | None:
    largest = float(np.abs(inside).max())
    tiny = float(np.finfo(np.float32).tiny)
    if largest >= tiny:
        return None
    measured = "= 0" if largest == 0.0 else f"< {tiny:.2g}"
    return Collapse("zero", f"|object| {measured} in {inside.size} of {inside.size} mask pixels")


def _mostly_empty(inside: NDArray[np.complex128], lit: Mask, limits: CollapseLimits) -> Collapse | None:
    modulus = np.abs(inside)
    empty = int(np.count_nonzero(modulus[lit] < EMPTY_BELOW * modulus.max()))
    pixels = int(lit.sum())
    if empty <= limits.max_zero_fraction * pixels:
        return None
    where = "mask pixels" if pixels == inside.size else "mask pixels in which the truth is not opaque"
    return Collapse(
        "mostly_empty",
        f"|object| < {EMPTY_BELOW:g} of its maximum in {empty} of {pixels} {where} "
        f"({empty / pixels:.1%}, limit {limits.max_zero_fraction:.1%})",
    )


def _constant(inside: NDArray[np.complex128]) -> Collapse | None:
    """Judge the complex field: its contrast is the Fienup error against a constant."""
    # the spread about the mean, not 1 - ratio, which rounding would floor at 1e-8
    contrast = float(np.linalg.norm(inside - inside.mean()) / np.linalg.norm(inside))
    if contrast >= CONSTANT_BELOW:
        return None
    return Collapse(
        "constant",
        f"contrast of the object is {contrast:.2g} in {inside.size} mask pixels (limit {CONSTANT_BELOW:g})",
    )
