"""One arm against the truth: the rows of its score.

Amplitude and phase are compared as real images, after the gauge, on one mask. Rows keep
one order and one meaning; a component the truth does not show gets no number and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.scoring import image_metrics
from ptycho_compare.scoring.frc import NYQUIST, RingCurve, masked_pair, ring_correlation
from ptycho_compare.scoring.gauge import fienup_error
from ptycho_compare.scoring.image_metrics import RealImage
from ptycho_compare.scoring.mask import ComplexImage, Mask, check_grid

Answer = TypeVar("Answer")

NO_CONTRAST = 1e-6
"""A range below this part of the largest amplitude, or below this many rad, is rounding."""

NO_CONTRAST_NOTE = "no contrast in the truth"
"""Declares, after the component's name, a score that cannot be given."""

FRC_THRESHOLD = 0.5
"""Against a noise-free truth; the partner of 1/7 between half data sets."""


@dataclass(frozen=True)
class Metric:
    """One row: a number for each component, or one for the complex field.

    Attributes
    ----------
    name : str
    amplitude, phase : float or None
        Of the component; None where it does not apply or cannot be given (`note` says why).
    value : float or None
        Of the complex field.
    unit : str
        Empty for dimensionless numbers and for numbers in the unit of the component.
    note : str
        What a reader must know beside the number; empty if nothing.
    """

    name: str
    amplitude: float | None
    phase: float | None
    value: float | None
    unit: str
    note: str


@dataclass(frozen=True, eq=False)
class TruthView:
    """The truth as the metrics see it, prepared once for all arms.

    Attributes
    ----------
    field : ndarray, (H, W), complex128
        The truth, 0 outside the mask, turned by `rotation`.
    rotation : complex
        Unit phasor that turns the truth's mean on the mask to phase 0, so that a phase
        object lies about 0 and not across the cut at +-pi.
    mask : ndarray, (H, W), bool
    amplitude_range, phase_range : float
        max - min of |truth| and of the turned angle (rad) on the mask.
    """

    field: NDArray[np.complex128]
    rotation: complex
    mask: Mask
    amplitude_range: float
    phase_range: float

    @classmethod
    def build(cls, truth: ComplexImage, mask: Mask) -> TruthView:
        """Prepare a truth (H, W), complex, on a mask (H, W)."""
        check_grid(mask, truth=truth)
        kept = np.where(mask, truth, 0.0).astype(np.complex128)
        rotation = complex(np.exp(-1j * np.angle(kept[mask].mean())))
        field = kept * rotation
        return cls(
            field,
            rotation,
            mask,
            amplitude_range=image_metrics.truth_range(np.abs(field), mask),
            phase_range=image_metrics.truth_range(np.angle(field), mask),
        )


@dataclass(frozen=True, eq=False)
class _Component:
    """Amplitude or phase of a pair, and whether the truth shows any contrast in it."""

    name: str
    truth: RealImage
    image: RealImage
    data_range: float
    shown: bool

    def note(self) -> str:
        return "" if self.shown else f"{self.name}: {NO_CONTRAST_NOTE}"


def measure(
    image: ComplexImage, truth: TruthView, *, frc_sigma: float = 0.0
) -> tuple[tuple[Metric, ...], Mapping[str, RingCurve]]:
    """Score one image.

    Parameters
    ----------
    image : ndarray, (H, W), complex
        In the gauge of the truth as it came; anything outside the mask.
    truth : TruthView
    frc_sigma : float
        Smoothing of the ring curves before the cut-off, in rings.

    Returns
    -------
    tuple of Metric
        mae, mse, psnr, ssim, ms_ssim, frc50, fienup, in this order.
    mapping of str to RingCurve
        "amplitude", "phase", "complex": the curves the cut-offs are read from. What shows
        no contrast in the truth has none.

    Raises
    ------
    ScoringError
        The image is not finite on the mask, or the mask holds no 11 x 11 window.
    """
    check_grid(truth.mask, image=image)
    field = np.where(truth.mask, image, 0.0).astype(np.complex128) * truth.rotation
    pair = (_amplitudes(field, truth), _phases(field, truth))
    curves = _curves(field, truth, pair, frc_sigma)
    rows = (
        *_pixel_rows(pair, truth.mask),
        *_structure_rows(pair, truth.mask),
        _frc_row(pair, curves),
        Metric("fienup", None, None, fienup_error(field, truth.field, truth.mask), "", "complex field"),
    )
    return rows, curves


def _amplitudes(field: NDArray[np.complex128], truth: TruthView) -> _Component:
    wanted = np.abs(truth.field)
    shown = truth.amplitude_range > NO_CONTRAST * float(wanted.max())
    return _Component("amplitude", wanted, np.abs(field), truth.amplitude_range, shown)


def _phases(field: NDArray[np.complex128], truth: TruthView) -> _Component:
    """Return the phases, the arm's as the truth's plus the angle between the two.

    Not unwrapped: both sides share the truth's own wraps, and the difference is the
    shortest one in every pixel. No plane is fitted: a plane fitted to wrapped phase turns
    a mere global phase into an error, and one taken from each side hides a false ramp.
    """
    # from the truth's least phase on: SSIM compares means, and means about 0 have no ratio
    wanted = np.angle(truth.field) - float(np.angle(truth.field)[truth.mask].min())
    found = wanted + np.angle(field * np.conj(truth.field))
    return _Component("phase", wanted, found, truth.phase_range, truth.phase_range > NO_CONTRAST)


def _pixel_rows(pair: tuple[_Component, _Component], mask: Mask) -> list[Metric]:
    mae, mse = (
        [metric(each.truth, each.image, mask) for each in pair]
        for metric in (image_metrics.mae, image_metrics.mse)
    )
    return [Metric("mae", mae[0], mae[1], None, "", ""), Metric("mse", mse[0], mse[1], None, "", "")]


def _structure_rows(pair: tuple[_Component, _Component], mask: Mask) -> list[Metric]:
    def asked(metric: Callable[..., Answer]) -> list[Answer | None]:
        return [
            metric(each.truth, each.image, mask, data_range=each.data_range) if each.shown else None
            for each in pair
        ]

    note = _joined(each.note() for each in pair)
    psnr, ssim, multi = asked(image_metrics.psnr), asked(image_metrics.ssim), asked(image_metrics.ms_ssim)
    scales = {each.levels for each in multi if each is not None}
    amplitude, phase = (each.value if each is not None else None for each in multi)
    return [
        Metric("psnr", psnr[0], psnr[1], None, "dB", note),
        Metric("ssim", ssim[0], ssim[1], None, "", note),
        Metric("ms_ssim", amplitude, phase, None, "", _joined([*(f"levels={n}" for n in scales), note])),
    ]


def _curves(
    field: NDArray[np.complex128], truth: TruthView, pair: tuple[_Component, _Component], sigma: float
) -> dict[str, RingCurve]:
    sides: dict[str, tuple[NDArray[Any], NDArray[Any]]] = {
        each.name: (each.truth, each.image) for each in pair if each.shown
    }
    if sides:
        sides["complex"] = (truth.field, field)
    return {
        name: ring_correlation(*masked_pair(wanted, found, truth.mask)).smoothed(sigma)
        for name, (wanted, found) in sides.items()
    }


def _frc_row(pair: tuple[_Component, _Component], curves: Mapping[str, RingCurve]) -> Metric:
    numbers: dict[str, float | None] = {}
    notes = []
    for each in pair:
        if not each.shown:
            numbers[each.name] = None
            notes.append(each.note())
            continue
        cutoff = curves[each.name].cutoff(FRC_THRESHOLD)
        # a declared number, not a blank: the highest frequency the grid could show
        numbers[each.name] = NYQUIST if cutoff.frequency is None else cutoff.frequency
        if cutoff.beyond_nyquist:
            notes.append(f"{each.name} beyond Nyquist")
    return Metric("frc50", numbers["amplitude"], numbers["phase"], None, "cycles/px", _joined(notes))


def _joined(notes: Iterable[str]) -> str:
    return "; ".join(note for note in notes if note)
