"""The place of an image on the truth's grid, to a hundredth of a pixel, or a refusal.

A bounded search: a whole-pixel peak and a phase ramp to begin with, then a least-squares
refinement of both in which the image is moved and only pixels with known content on both
sides are compared. Correlation is not phase-normalised: on smooth images that would follow
the noise of empty frequencies (median error 1 px at a blur of 2 px).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from ptycho_compare.errors import ScoringError
from ptycho_compare.scoring.alignment.matching import Region, Scene, Vector, chance_overlap, refine
from ptycho_compare.scoring.alignment.ramp import Ramp
from ptycho_compare.scoring.mask import ComplexImage, Mask, check_grid, erode

LEAST_OVERLAP = 0.3
"""Below this overlap an image is unrelated, whatever its texture."""

SAME_PLACE_PX = 1e-3
"""A shift below this is no shift: it is not asked to improve anything."""

NOISE_PART = 0.01
"""The overlap may fall by this part of what noise already took from it. The refinement
follows the truth's slopes, so on a noisy image in its right place it stops a few
thousandths of a pixel beside the highest overlap."""


@dataclass(frozen=True)
class Shift:
    """A measured displacement, and the phase ramp that was measured with it.

    Attributes
    ----------
    dy, dx : float
        To apply to the image, px: its content moves by +dy rows and +dx columns. Both 0
        when not registered.
    registered : bool
        The measurement can be trusted.
    confidence : float
        Normalised overlap |<truth, image>| / (|truth| |image|) at the peak, means removed, in
        [0, 1]: 1 for the same image, near 0 for unrelated ones.
    reason : str
        One sentence with the numbers: the gain in overlap, or why it was refused.
    ramp : tuple of float
        By which the moved image's phase rises less than the truth's along rows and columns,
        rad/px: `apply_ramp` would take the difference out. Both 0 when not registered.
    """

    dy: float
    dx: float
    registered: bool
    confidence: float
    reason: str
    ramp: Ramp = (0.0, 0.0)


def register(image: ComplexImage, truth: ComplexImage, mask: Mask, *, radius_px: float) -> Shift:
    """Measure the shift that brings the image onto the truth.

    Complex fields are compared, free of gain, mean and linear phase, so a phase object
    without amplitude contrast is registered as well, and the gauge does not matter.

    Parameters
    ----------
    image, truth : ndarray, (H, W), complex
        On one grid. Pixels outside the mask may hold anything and have no influence.
    mask : ndarray, (H, W), bool
    radius_px : float
        Largest |dy| and |dx| accepted. Nothing is searched beyond it.

    Returns
    -------
    Shift
        Not registered when the peak lies at or beyond the radius, when the overlap there is
        not above that of unrelated images with these spectra, when the move does not
        improve the overlap, or when the mask is too small to tell.

    Raises
    ------
    ScoringError
        Unlike shapes, an empty mask, values on it that are not finite, or an image or
        truth that is constant there.
    """
    check_grid(mask, image=image, truth=truth)
    if not (np.isfinite(radius_px) and radius_px > 0):
        raise ScoringError(f"a search radius is positive and finite, not {radius_px} px")
    scene = Scene.build(image, truth, mask, radius_px)
    peak = scene.start.shift
    if max(map(abs, peak)) >= scene.reach:
        return _refused(f"the correlation peak {_px(*peak)} touches the search radius of {radius_px:g} px")
    found, window = refine(scene)
    if window is None:
        return _refused(
            f"{int(mask.sum())} mask pixels leave no common region at a shift of {_px(*found[:2])}"
        )
    return _judged(scene, window, found, radius_px)


def shift_image(values: ComplexImage, dy: float, dx: float) -> NDArray[np.complex128]:
    """Move a whole image by any fraction of a pixel.

    A phase ramp in Fourier space, on the image continued by its own mirror image: periodic
    without a jump, so nothing wraps around and no edge rings.

    Parameters
    ----------
    values : ndarray, (H, W), complex
        Finite everywhere.
    dy, dx : float
        Content moves by +dy rows and +dx columns, px. What enters is mirrored content:
        `shift_weight` says where.

    Returns
    -------
    ndarray, (H, W), complex128
    """
    check_grid(np.ones(values.shape, dtype=np.bool_), image=values)
    rows, cols = values.shape
    mirrored = np.pad(values.astype(np.complex128), ((0, rows), (0, cols)), mode="symmetric")
    spectrum = np.fft.fft2(mirrored)
    spectrum *= _symmetric_ramp(2 * rows, dy)[:, np.newaxis] * _symmetric_ramp(2 * cols, dx)
    return np.asarray(np.fft.ifft2(spectrum)[:rows, :cols])


def continued(values: ComplexImage, known: Mask) -> NDArray[np.complex128]:
    """Replace every unknown pixel by the nearest known one.

    A hard edge between content and nothing would ring through a Fourier shift; a
    continuation hardly does. Both arrays are (H, W), at least one pixel is known, and unknown ones may hold
    anything.
    """
    check_grid(known, values=values)
    nearest = scipy.ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
    return np.asarray(values[tuple(nearest)], dtype=np.complex128)


def shift_weight(weight: NDArray[np.float64], dy: float, dx: float) -> NDArray[np.float64]:
    """Move a coverage weight (H, W) along with its image; see `shift_image`.

    It moves by whole pixels, with 0 where anything from outside the image enters. A fractional
    part also clears the pixels next to uncovered ones, which interpolation mixes into them.
    """
    whole = (round(dy), round(dx))
    moved = np.zeros(weight.shape, dtype=np.float64)
    (to_rows, from_rows), (to_cols, from_cols) = map(_overlapping, weight.shape, whole)
    moved[to_rows, to_cols] = weight[from_rows, from_cols]
    # a millionth of a pixel is rounding of the measured shift and mixes nothing
    if max(abs(dy - whole[0]), abs(dx - whole[1])) > 1e-6:
        moved[~erode(moved > 0, 1)] = 0.0
    return moved


def _judged(scene: Scene, window: Vector, found: Vector, radius_px: float) -> Shift:
    dy, dx = (float(each) for each in found[:2])
    place = _px(dy, dx)
    region = Region.build(scene, window)
    before, after = region.overlap(np.array([0.0, 0.0, *found[2:]])), region.overlap(found)
    if max(abs(dy), abs(dx)) > radius_px:
        return _refused(f"the best shift {place} lies beyond the search radius of {radius_px:g} px", after)
    # The best of all places and ramps searched reaches 2 to 5.5 times what chance gives at one of
    # them (random fields of 64 to 160 px). The cap lets very smooth images register at all.
    least = min(max(LEAST_OVERLAP, 5.5 * chance_overlap(region, found)), 0.8)
    if after < least:
        return _refused(
            f"the overlap of {after:.3f} at {place} is not above the {least:.3f} of unrelated images", after
        )
    if max(abs(dy), abs(dx)) > SAME_PLACE_PX and after < before - NOISE_PART * (1.0 - before):
        return _refused(
            f"moving by {place} does not improve the overlap ({before:.6f} to {after:.6f})", after
        )
    reason = f"moving by {place} takes the overlap from {before:.6f} to {after:.6f}"
    return Shift(dy, dx, True, after, reason, scene.ramp(found))


def _refused(reason: str, confidence: float = 0.0) -> Shift:
    return Shift(0.0, 0.0, False, confidence, reason)


def _px(dy: float, dx: float) -> str:
    return f"(dy {dy:+.3f}, dx {dx:+.3f}) px"


def _symmetric_ramp(side: int, shift: float) -> NDArray[np.complex128]:
    """Phase ramp of a shift for an even number of pixels."""
    ramp = np.exp(-2j * np.pi * np.fft.fftfreq(side) * shift)
    # the Nyquist line stands for both signs of its frequency, so it takes their mean
    ramp[side // 2] = np.cos(np.pi * shift)
    return np.asarray(ramp)


def _overlapping(side: int, step: int) -> tuple[slice, slice]:
    """Slices of one axis where content lands, and where it came from."""
    kept = max(side - abs(step), 0)
    return slice(max(step, 0), max(step, 0) + kept), slice(max(-step, 0), max(-step, 0) + kept)
