"""Dead reconstructions, found by name before any formula can flatter them.

A constant image has a finite SSIM and a respectable PSNR. So an arm is looked at first:
is it finite, is it there, does it show anything at all?
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ScoringError
from ptycho_compare.scoring.mask import ComplexImage, Mask, check_grid
from ptycho_compare.study import Study

CollapseKind = Literal["non_finite", "zero", "mostly_empty", "constant", "flat"]

EMPTY_BELOW = 1e-6
"""A pixel is empty below this fraction of the largest modulus on the mask."""

CONSTANT_BELOW = 1e-6
"""Complex contrast of a constant in single precision, with a margin of ten."""

TRUTH_SHOWS = 0.02
"""The truth must have this much contrast in a component before an arm is asked for any."""


@dataclass(frozen=True)
class CollapseLimits:
    """Bounds below which an arm shows nothing.

    Attributes
    ----------
    max_zero_fraction : float
        Fraction of mask pixels that may be empty.
    min_contrast : float
        Least contrast of the complex field, sqrt(1 - |mean|^2 / mean|.|^2).
    min_relative_contrast : float
        Least contrast of amplitude and of phase, in units of the truth's.
    """

    max_zero_fraction: float = 0.05
    min_contrast: float = 1e-3
    min_relative_contrast: float = 0.05


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
    """The kind of a dead or flat arm, and the measured number behind it in one sentence."""

    kind: CollapseKind
    detail: str


def find_collapse(
    values: ComplexImage,
    mask: Mask,
    *,
    truth: ComplexImage | None = None,
    limits: CollapseLimits = CollapseLimits(),
) -> Collapse | None:
    """Find what is dead or flat about a reconstruction.

    Parameters
    ----------
    values : ndarray, (H, W), complex
        The reconstruction, any gauge.
    mask : ndarray, (H, W), bool
        Only these pixels are judged.
    truth : ndarray, (H, W), complex, optional
        With it, a component in which the truth shows contrast and the arm none is flat.
    limits : CollapseLimits

    Returns
    -------
    Collapse or None
        The first that holds of non_finite, zero, mostly_empty, constant, flat.
    """
    check_grid(mask)
    if values.shape != mask.shape:
        raise ScoringError(f"values have shape {values.shape}, the mask {mask.shape}")
    inside = np.asarray(values[mask], dtype=np.complex128)
    found = _non_finite(inside) or _zero(inside) or _mostly_empty(inside, limits) or _even(inside, limits)
    if found is not None or truth is None:
        return found
    check_grid(mask, truth=truth)
    return _flat_component(inside, np.asarray(truth[mask], dtype=np.complex128), limits)


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


def _mostly_empty(inside: NDArray[np.complex128], limits: CollapseLimits) -> Collapse | None:
    modulus = np.abs(inside)
    empty = int(np.count_nonzero(modulus < EMPTY_BELOW * modulus.max()))
    if empty <= limits.max_zero_fraction * inside.size:
        return None
    return Collapse(
        "mostly_empty",
        f"|object| < {EMPTY_BELOW:g} of its maximum in {empty} of {inside.size} mask pixels "
        f"({empty / inside.size:.1%}, limit {limits.max_zero_fraction:.1%})",
    )


def _even(inside: NDArray[np.complex128], limits: CollapseLimits) -> Collapse | None:
    """Judge the complex field: its contrast is the Fienup error against a constant."""
    # the spread about the mean, not 1 - ratio, which rounding would floor at 1e-8
    contrast = float(np.linalg.norm(inside - inside.mean()) / np.linalg.norm(inside))
    if contrast < CONSTANT_BELOW:
        return Collapse(
            "constant",
            f"contrast of the object is {contrast:.2g} in {inside.size} mask pixels "
            f"(limit {CONSTANT_BELOW:g})",
        )
    if contrast < limits.min_contrast:
        return Collapse(
            "flat",
            f"contrast of the object is {contrast:.2g} in {inside.size} mask pixels "
            f"(limit {limits.min_contrast:g})",
        )
    return None


def _flat_component(
    inside: NDArray[np.complex128], truth: NDArray[np.complex128], limits: CollapseLimits
) -> Collapse | None:
    measures = {"amplitude": _amplitude_contrast, "phase": _phase_contrast}
    for component, contrast in measures.items():
        arm, wanted = contrast(inside), contrast(truth)
        if wanted > TRUTH_SHOWS and arm < limits.min_relative_contrast * wanted:
            unit = " rad" if component == "phase" else ""
            return Collapse(
                "flat",
                f"{component} contrast is {arm:.3g}{unit}, {arm / wanted:.1%} of the truth's "
                f"{wanted:.3g}{unit} (limit {limits.min_relative_contrast:.1%})",
            )
    return None


def _amplitude_contrast(values: NDArray[np.complex128]) -> float:
    modulus = np.abs(values)
    mean = float(modulus.mean())
    return float(modulus.std()) / mean if mean > 0 else 0.0


def _phase_contrast(values: NDArray[np.complex128]) -> float:
    """Spread of the angle about the mean phasor, rad.

    Turning the mean phasor to zero first keeps an object at +-pi from looking restless.
    """
    return float(np.angle(values * np.conj(values.mean())).std())
