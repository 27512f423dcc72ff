"""PtychoPINN's own definitions, for continuity with tables that its program wrote.

They are not comparable across image sizes and flatter a dead arm (a constant scores 70 dB):
judge by `arm_metrics`. The numbers differ from the standard ones, because the
amplitude is scaled by the ratio of means; a plane is taken from each wrapped phase by itself;
PSNR has a peak of 255; SSIM has 7 x 7 uniform windows and takes a phase as a fraction of 2 pi;
MS-SSIM multiplies full SSIMs of images decimated without a low-pass; a ring correlation has no
window, takes the modulus, runs into the corners of Fourier space and is read in rings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import scipy
import skimage
from numpy.typing import NDArray

from ptycho_compare.errors import ScoringError
from ptycho_compare.scoring.mask import ComplexImage
from ptycho_compare.scoring.metrics.image_metrics import LEVEL_WEIGHTS
from ptycho_compare.scoring.metrics.metric import Metric
from ptycho_compare.scoring.metrics.ring_curve import RingCurve

METRIC_VERSION = "ptychopinn-1"
"""Names these definitions in every row."""

_WINDOW_PX = 7
_PEAK = 255.0
_THRESHOLDS = {"frc50": 0.5, "frc1over7": 1 / 7}

Real = NDArray[np.floating[Any]]
Pair = tuple[Real, Real]


@dataclass(frozen=True)
class PtychoPinnSettings:
    """Choices that PtychoPINN's command line offers about its metrics.

    Attributes
    ----------
    phase_align : {"plane", "mean"}
        Taken from each phase.
    frc_sigma : float
        Gaussian smoothing of the ring curve, rings.
    ms_ssim_sigma : float
        Gaussian blur of the amplitudes before MS-SSIM, px.
    trim_px : int
        Rows and columns left out on every side.
    """

    phase_align: Literal["plane", "mean"] = "plane"
    frc_sigma: float = 0.0
    ms_ssim_sigma: float = 1.0
    trim_px: int = 2


def ptychopinn_metrics(
    image: ComplexImage, truth: ComplexImage, *, settings: PtychoPinnSettings = PtychoPinnSettings()
) -> tuple[tuple[Metric, ...], Mapping[str, RingCurve]]:
    """Score one image by PtychoPINN's formulas.

    Parameters
    ----------
    image, truth : ndarray, (H, W), complex
        Aligned, in whichever gauge. Their precision matters in the last digits: give them as stored.
    settings : PtychoPinnSettings

    Returns
    -------
    tuple of Metric
        mae, mse, psnr, ssim, ms_ssim, frc50, frc1over7.
    mapping of str to RingCurve
        "amplitude" and "phase"; frequencies run past Nyquist into the corner.

    Raises
    ------
    ScoringError
        Unlike or too small shapes, or values that are not finite.
    """
    edge = settings.trim_px
    _check(image, truth, least=_WINDOW_PX + 2 * edge)
    trimmed = slice(edge, -edge) if edge else slice(None)
    image, truth = image[trimmed, trimmed], truth[trimmed, trimmed]
    wanted, found = np.abs(truth).astype(np.float32), np.abs(image)
    amplitudes: Pair = (wanted, found * (np.mean(wanted) / np.mean(found)))
    align = {"plane": _without_plane, "mean": _without_mean}[settings.phase_align]
    phases: Pair = (align(np.angle(truth)), align(np.angle(image)))
    turns: Pair = ((phases[0] + np.pi) / (2 * np.pi), (phases[1] + np.pi) / (2 * np.pi))
    sigma = settings.ms_ssim_sigma
    blurred = (_blurred(amplitudes[0], sigma), _blurred(amplitudes[1], sigma))
    rows = [
        Metric(name, float(of(*amplitudes)), float(of(*phases)), None, "dB" if name == "psnr" else "", "")
        for name, of in (("mae", _mae), ("mse", _mse), ("psnr", _psnr))
    ]
    rows += [
        _ssim_row(_ssim(*amplitudes, float(np.ptp(wanted))), _ssim(*turns, 1.0)),
        Metric("ms_ssim", _ms_ssim(*blurred), _ms_ssim(*turns), None, "", ""),
    ]
    curves = {
        name: curve
        for name, pair in (("amplitude", amplitudes), ("phase", phases))
        if (curve := _ring_curve(pair[0], pair[1], settings.frc_sigma)) is not None
    }
    rows += [_cutoff_row(name, threshold, curves) for name, threshold in _THRESHOLDS.items()]
    return tuple(rows), curves


def _check(image: ComplexImage, truth: ComplexImage, *, least: int) -> None:
    if image.shape != truth.shape or image.ndim != 2 or min(image.shape) < least:
        raise ScoringError(
            f"PtychoPINN's metrics need two images of one shape, at least {least} x {least}; "
            f"found {image.shape} and {truth.shape}"
        )
    for name, values in (("image", image), ("truth", truth)):
        bad = int(np.count_nonzero(~np.isfinite(values)))
        if bad:
            raise ScoringError(f"{name} is not finite in {bad} of {values.size} pixels")
    if not image.any():
        raise ScoringError("the image is zero: its amplitude has no scale")


def _blurred(values: Real, sigma: float) -> Real:
    return np.asarray(scipy.ndimage.gaussian_filter(values, sigma)) if sigma > 0 else values


def _mae(target: Real, found: Real) -> float:
    return float(np.mean(np.abs(target - found)))


def _mse(target: Real, found: Real) -> float:
    return float(np.mean((target - found) ** 2))


def _psnr(target: Real, found: Real) -> float:
    difference = target.astype(np.float32) - found.astype(np.float32)
    rms = float(np.sqrt(np.mean(difference.astype(np.float64) ** 2)))
    return 20 * float(np.log10(_PEAK / (rms + np.finfo(np.float64).eps)))


def _ssim(target: Real, found: Real, data_range: float) -> float:
    library: Any = skimage.metrics  # partly untyped
    with np.errstate(divide="ignore", invalid="ignore"):  # NaN where neither image has any range
        return float(library.structural_similarity(target, found, data_range=data_range))


def _ssim_row(amplitude: float, phase: float) -> Metric:
    if np.isnan(amplitude):
        return Metric("ssim", None, phase, None, "", "amplitude: the truth is constant")
    return Metric("ssim", amplitude, phase, None, "", "")


def _ms_ssim(target: Real, found: Real) -> float:
    data_range = float(max(np.ptp(target), np.ptp(found)))
    value = 1.0
    for weight in LEVEL_WEIGHTS:
        similarity = _ssim(target, found, data_range)
        if np.isnan(similarity):
            return 0.0
        value *= max(similarity, 1e-4 if similarity < 0 else 0.0) ** weight
        target, found = target[::2, ::2], found[::2, ::2]
        if min(target.shape) < _WINDOW_PX:
            break
    return value


def _without_plane(phase: Real) -> Real:
    """Take the least-squares plane a x + b y + c from a phase as it is, wraps and all."""
    rows, columns = np.indices(phase.shape)
    design = np.stack([columns.ravel(), rows.ravel(), np.ones(phase.size)], axis=1)
    plane = np.linalg.lstsq(design, phase.ravel(), rcond=None)[0]
    return np.asarray(phase - (design @ plane).reshape(phase.shape))


def _without_mean(phase: Real) -> Real:
    return np.asarray(phase - np.mean(phase))


def _ring_curve(target: Real, found: Real, sigma: float) -> RingCurve | None:
    """Correlate two images ring by ring, the corner included; None against zeros."""
    if not target.any():
        return None
    side = min(target.shape)
    box = tuple(slice((length - side) // 2, (length - side) // 2 + side) for length in target.shape)
    f1, f2 = np.fft.fft2(target[box]), np.fft.fft2(found[box])
    number = np.fft.fftfreq(side, 1 / side)
    ring = np.rint(np.hypot(number[:, np.newaxis], number)).astype(np.int64).ravel()
    cross = f1 * np.conj(f2)
    real, imag, power1, power2 = (
        np.bincount(ring, weights=part.ravel())
        for part in (cross.real, cross.imag, np.abs(f1) ** 2, np.abs(f2) ** 2)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation = np.hypot(real, imag) / np.sqrt(power1 * power2)
    if sigma > 0:
        correlation = scipy.ndimage.gaussian_filter(correlation, sigma)
    return RingCurve(np.arange(len(correlation)) / side, correlation, np.bincount(ring))


def _cutoff_row(name: str, threshold: float, curves: Mapping[str, RingCurve]) -> Metric:
    found = {part: _first_below(curve.correlation, threshold) for part, curve in curves.items()}
    beyond = [part for part, number in found.items() if number == len(curves[part].correlation)]
    missing = [part for part in ("amplitude", "phase") if part not in found]
    notes = [f"{part} never below: the number of rings" for part in beyond]
    notes += [f"{part}: the truth is zero" for part in missing]
    return Metric(name, found.get("amplitude"), found.get("phase"), None, "rings", "; ".join(notes))


def _first_below(correlation: Real, threshold: float) -> float:
    """Return where the curve first falls below, between rings; 0 if at once, the number of rings if never."""
    below = np.flatnonzero(correlation < threshold)
    if below.size == 0:
        return float(len(correlation))
    right = int(below[0])
    if right == 0:
        return 0.0
    high, low = float(correlation[right - 1]), float(correlation[right])
    return right - 1 + (high - threshold) / (high - low)
