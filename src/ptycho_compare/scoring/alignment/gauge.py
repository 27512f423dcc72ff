"""The gauge: a complex gain and a phase ramp, which ptychography cannot know, removed before scoring.

A reconstruction times any complex constant explains the same diffraction equally well. A code
that retrieves the probe is free in a phase ramp as well: tilted the other way, the probe takes it
back. The gain is always free, the ramp by `ScoringSettings.ramp_rule`. They are fitted against
the truth in the complex domain and reported; a gain far from 1 is a finding about the arm, not an
error of its image. (Where an image lies is the third freedom: `registration`, for images that come
without a frame.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ScoringError
from ptycho_compare.scoring.alignment.ramp import Ramp, apply_ramp, fit_ramp
from ptycho_compare.scoring.mask import ComplexImage, Mask, check_grid


@dataclass(frozen=True)
class Gauge:
    """The freedom removed from one arm, and how much that changed.

    Attributes
    ----------
    scale : complex
        Multiply the image by it. Its modulus is the amplitude gain, its angle the global
        phase in rad, at the image's pixel [0, 0] if there is a ramp.
    overlap_before : float
        Re<image, truth> / (|image| |truth|) on the mask, in [-1, 1], as the arm came.
    overlap_after : float
        |<image, truth>| / (|image| |truth|) on the mask, in [0, 1]: the same number once
        the gauge is removed.
    ramp : tuple of float
        Phase gradient multiplied in along rows and columns, rad/px; 0 where it is not free.
    freed : bool
        The ramp was fitted and removed.
    because : str
        Who decided on the ramp.
    """

    scale: complex
    overlap_before: float
    overlap_after: float
    ramp: Ramp = (0.0, 0.0)
    freed: bool = False
    because: str = ""

    @property
    def phase(self) -> float:
        """The global phase, rad."""
        return float(np.angle(self.scale))

    @property
    def ramp_text(self) -> str:
        """What became of the ramp, and who decided so."""
        return f"ramp {'removed' if self.freed else 'kept'}{f': {self.because}' if self.because else ''}"

    def apply(self, image: ComplexImage) -> NDArray[np.complex128]:
        """Return an image (H, W) in the truth's gauge, complex128."""
        tilted = apply_ramp(image, self.ramp) if any(self.ramp) else np.asarray(image, np.complex128)
        # numpy takes a complex product apart, so inf * g warns; dead pixels stay dead pixels
        with np.errstate(invalid="ignore", over="ignore"):
            return tilted * self.scale


def fit_gauge(image: ComplexImage, truth: ComplexImage, mask: Mask, *, ramp: bool = False) -> Gauge:
    """Fit the gauge that brings the image closest to the truth.

    The least-squares gain is g = <image, truth> / <image, image> with
    <a, b> = sum conj(a) b over the mask; with a ramp, both together (`fit_ramp`).

    Parameters
    ----------
    image, truth : ndarray, (H, W), complex
        On the same pixel grid. Pixels outside the mask may hold anything.
    mask : ndarray, (H, W), bool
    ramp : bool
        A linear phase ramp is free as well.

    Raises
    ------
    ScoringError
        Unlike shapes, values that are not finite, or an image or truth that is zero on
        the whole mask or exactly orthogonal to the other: no gain is then the best.
    """
    check_grid(mask, image=image, truth=truth)
    before, gain = _overlap(image, truth, mask)
    if not ramp:
        return Gauge(gain, before.real, min(abs(before), 1.0))
    tilt = fit_ramp(image, truth, mask)
    after, gain = _overlap(apply_ramp(image, tilt), truth, mask)
    return Gauge(gain, before.real, min(abs(after), 1.0), tilt, freed=True)


def fienup_error(image: ComplexImage, truth: ComplexImage, mask: Mask) -> float:
    """Measure the error that no complex gain can remove.

    E = sqrt(1 - |<truth, image>|^2 / (<truth, truth> <image, image>)) [1]_: 0 for the same
    field up to a gain, 1 for an orthogonal one. Images and mask as in `fit_gauge`.

    References
    ----------
    .. [1] J. R. Fienup, Appl. Opt. 36, 8352-8357 (1997), doi:10.1364/AO.36.008352
    """
    gauge = fit_gauge(image, truth, mask)
    t = _on_mask(truth, mask)
    # The same number as the formula, without its cancellation: 1 - ratio would be lost in
    # rounding below 1e-8, the residual is good to 1e-16.
    residual = t - gauge.scale * _on_mask(image, mask)
    return min(float(np.linalg.norm(residual) / np.linalg.norm(t)), 1.0)


def _overlap(image: ComplexImage, truth: ComplexImage, mask: Mask) -> tuple[complex, complex]:
    """Normalised overlap of two images on a mask, and the gain that fits best."""
    a, t = _on_mask(image, mask), _on_mask(truth, mask)
    product = complex(np.vdot(a, t))
    norm = float(np.linalg.norm(a) * np.linalg.norm(t))
    if norm == 0.0 or product == 0.0:
        raise ScoringError(
            f"no complex gain fits: rms |image| {_rms(a):.3g}, rms |truth| {_rms(t):.3g}, "
            f"overlap {abs(product):.3g} on {a.size} mask pixels"
        )
    return product / norm, product / float(np.vdot(a, a).real)


def _on_mask(values: ComplexImage, mask: Mask) -> NDArray[np.complex128]:
    return np.asarray(values[mask], dtype=np.complex128)


def _rms(values: NDArray[np.complex128]) -> float:
    return float(np.sqrt(np.mean(np.abs(values) ** 2)))
