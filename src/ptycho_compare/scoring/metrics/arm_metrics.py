"""One arm against the truth: the rows of its score.

Amplitude and phase are compared as real images and the field as a complex one, after the
gauge, on one mask. Rows keep one order and one meaning; a component the truth does not
show gets no number and says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.scoring.arm_verdict import ArmVerdict, arm_verdicts, lacking_parts, shares_of
from ptycho_compare.scoring.collapse import DEFAULT_LIMITS, CollapseLimits
from ptycho_compare.scoring.mask import ComplexImage, Mask, check_grid
from ptycho_compare.scoring.metrics import image_metrics
from ptycho_compare.scoring.metrics.contrast import Contrast
from ptycho_compare.scoring.metrics.cutoff import Criterion
from ptycho_compare.scoring.metrics.estimate import Estimate
from ptycho_compare.scoring.metrics.image_metrics import Averages, Image
from ptycho_compare.scoring.metrics.metric import ARM_HAS_NONE, COMPONENTS, NO_WINDOW, Component, Metric
from ptycho_compare.scoring.metrics.ring_curve import RingCurve
from ptycho_compare.scoring.metrics.ring_rows import (
    CRITERIA,
    RING_UNITS,
    curve_estimates,
    ring_estimates,
    ring_notes,
)
from ptycho_compare.scoring.metrics.truth_view import TruthView, TruthWindow, smooth_parts

UNITS = {"psnr": "dB", "phase_rmse": "rad", **RING_UNITS}
"""Units of rows that have another one than their component."""

COMPLEX_NOTE = "complex field"

Estimates = dict[str, dict[Component, Estimate]]
"""By metric and component."""


@dataclass(frozen=True, eq=False)
class Measurement:
    """Scores of one image.

    Attributes
    ----------
    metrics : tuple of Metric
        mae, mse, psnr, ssim, ms_ssim, the cut-offs, frc_auc, frt50, fienup, phase_rmse, in this
        order, without intervals.
    curves : mapping of str to RingCurve
        "amplitude", "phase", "complex": the curves the cut-offs are read from. A component without
        contrast in the truth has none.
    estimates : Estimates
        Each number with the sums it can be drawn again from.
    verdicts : tuple of ArmVerdict
        On the arm, beside its numbers.
    contrast : mapping of Component to float
        Of amplitude and phase, as a part of the truth's.
    amplitude_gain : float or None
        Real gain of the amplitude columns alone, on top of the gauge's; None where there are none.
    """

    metrics: tuple[Metric, ...]
    curves: Mapping[str, RingCurve]
    estimates: Estimates
    verdicts: tuple[ArmVerdict, ...] = ()
    contrast: Mapping[Component, float] = field(default_factory=dict)
    amplitude_gain: float | None = None

    def noted(self, name: str, note: str) -> Measurement:
        """Return these rows, one of them with a longer note."""
        rows = (
            replace(row, note=_joined([row.note, note])) if row.name == name else row for row in self.metrics
        )
        return replace(self, metrics=tuple(rows))

    def joined(self, more: Measurement) -> Measurement:
        """Return these rows and more behind them."""
        return replace(
            self,
            metrics=self.metrics + more.metrics,
            curves={**self.curves, **more.curves},
            estimates=self.estimates | more.estimates,
        )


def measure(
    image: ComplexImage,
    truth: TruthView,
    *,
    frc_sigma: float = 0.0,
    limits: CollapseLimits = DEFAULT_LIMITS,
    criteria: Mapping[str, Criterion] = CRITERIA,
) -> Measurement:
    """Score one image.

    Parameters
    ----------
    image : ndarray, (H, W), complex
        In the gauge of the truth as it came; anything outside the mask.
    truth : TruthView
    frc_sigma : float
        Smoothing of the ring curves before the cut-off, in rings.
    limits : CollapseLimits
        Below which an image is flat.
    criteria : mapping of str to Criterion
        Cut-offs of the ring correlation to read, by the name of their row.

    Raises
    ------
    ScoringError
        The image is not finite on the mask, or the mask holds no 11 x 11 window.
    """
    parts, gain = parts_of(image, truth)
    contrast = _contrast(parts["value"], truth)
    lacking = lacking_parts(contrast, truth.contrast)
    averages, levels = _averages(parts, truth, lacking)
    estimates: Estimates = {
        name: {part: terms.estimate(truth.blocks[part]) for part, terms in found.items()}
        for name, found in averages.items()
    }
    drawn = curve_estimates(smooth_parts(parts, truth.masks, truth.shown - lacking), truth, frc_sigma)
    rings = ring_estimates(drawn, criteria)
    order = ("mae", "mse", "psnr", "ssim", "ms_ssim", *rings, "fienup", "phase_rmse")
    estimates = {name: (estimates | rings)[name] for name in order}
    missing = truth.note("amplitude", "phase")
    notes = {
        **dict.fromkeys(order, missing),
        **{name: _joined([note, missing]) for name, note in ring_notes(drawn, criteria).items()},
        "fienup": COMPLEX_NOTE,
        "phase_rmse": "",
    }
    notes["ms_ssim"] = _joined([*(f"levels={n}" for n in sorted(levels)), notes["ms_ssim"]])
    notes = {name: _joined([note, *_of_parts(name, truth, lacking)]) for name, note in notes.items()}
    return Measurement(
        metrics=tuple(_row(name, found, notes[name]) for name, found in estimates.items()),
        curves={"complex" if name == "value" else name: each.curve for name, each in drawn.items()},
        estimates=estimates,
        verdicts=arm_verdicts(contrast, truth.contrast, limits),
        contrast=shares_of(contrast, truth.contrast),
        amplitude_gain=gain,
    )


def parts_of(
    image: ComplexImage, truth: TruthView | TruthWindow, *, gain: float | None = None
) -> tuple[dict[Component, Image], float]:
    """Return amplitude, phase and field of an image as they are held against the truth's.

    Parameters
    ----------
    image : ndarray, (H, W), complex
        In the gauge of the truth as it came.
    gain : float or None
        Of the amplitude alone; None for the one that fits best, which is returned.
    """
    inside = _in_view(image, truth)
    if gain is None:
        gain = _amplitude_gain(np.abs(inside[truth.mask]), np.abs(truth.field[truth.mask]))
    return {"amplitude": gain * np.abs(inside), "phase": _phase(inside, truth), "value": inside}, gain


def judged(image: ComplexImage, truth: TruthView, limits: CollapseLimits) -> Measurement:
    """Judge how much an image shows, and measure no more; it is given as to `measure`."""
    contrast = _contrast(_in_view(image, truth), truth)
    return Measurement(
        (),
        {},
        {},
        verdicts=arm_verdicts(contrast, truth.contrast, limits),
        contrast=shares_of(contrast, truth.contrast),
    )


def _in_view(image: ComplexImage, truth: TruthView | TruthWindow) -> NDArray[np.complex128]:
    check_grid(truth.mask, image=image)
    return np.asarray(np.where(truth.mask, image, 0.0).astype(np.complex128) * truth.rotation)


def _contrast(field: NDArray[np.complex128], truth: TruthView) -> Contrast:
    return Contrast.of(field, truth.mask, truth.masks["phase"], truth.phase.fit.of_field(field))


def _amplitude_gain(arm: NDArray[np.float64], truth: NDArray[np.float64]) -> float:
    """Least-squares gain of the modulus alone: an error of the phase must not dim the amplitude."""
    return float(np.sum(truth * arm) / np.sum(arm**2))


def _phase(field: NDArray[np.complex128], truth: TruthView | TruthWindow) -> NDArray[np.float64]:
    """Phases of the arm: the truth's without its smooth part, plus the angle between the two.

    The difference is the shortest one in every pixel, and nothing of the arm's is fitted or
    unwrapped: a plane fitted to wrapped phase turns a mere global phase into an error, and one
    taken from each side hides a false ramp.
    """
    return np.asarray(truth.parts["phase"] + np.angle(field * np.conj(truth.field)))


def _averages(
    parts: Mapping[Component, Image], truth: TruthView, lacking: frozenset[Component]
) -> tuple[dict[str, dict[Component, Averages]], set[int]]:
    """State every pixel and structure metric as averages; also how many scales MS-SSIM had."""

    def pair(name: Component) -> tuple[Image, Image, Mask]:
        return truth.parts[name], parts[name], truth.masks[name]

    there = [name for name in COMPONENTS if name not in lacking]
    shown = [name for name in there if name in truth.shown]
    real = [name for name in shown if name != "value" and name in truth.windows]
    ranges = truth.ranges
    found: dict[str, dict[Component, Averages]] = {
        "mae": {name: image_metrics.mae_terms(*pair(name)) for name in there},
        "mse": {name: image_metrics.mse_terms(*pair(name)) for name in there},
        "psnr": {name: image_metrics.psnr_terms(*pair(name), data_range=ranges[name]) for name in shown},
        "ssim": {name: image_metrics.ssim_terms(*pair(name), data_range=ranges[name]) for name in real},
        "ms_ssim": {name: image_metrics.ms_ssim_terms(*pair(name), data_range=ranges[name]) for name in real},
        "fienup": {"value": image_metrics.fienup_terms(*pair("value"))},
        "phase_rmse": {"phase": image_metrics.rmse_terms(*pair("phase"))} if "phase" in there else {},
    }
    return found, {len(terms.layers) for terms in found["ms_ssim"].values()}


def _of_parts(name: str, truth: TruthView, lacking: frozenset[Component]) -> Iterator[str]:
    """Say in a row's note what its parts lack beside what the truth does."""
    if name == "fienup":
        return
    parts: tuple[Component, ...] = ("phase",) if name == "phase_rmse" else ("amplitude", "phase")
    yield from (f"{part}: {ARM_HAS_NONE}" for part in parts if part in lacking)
    if name in ("ssim", "ms_ssim") and "phase" in truth.shown - truth.windows - lacking:
        yield f"phase: {NO_WINDOW}"
    yield truth.phase_note


def _row(name: str, found: Mapping[Component, Estimate], note: str) -> Metric:
    numbers = {part: estimate.value for part, estimate in found.items()}
    return Metric(
        name,
        numbers.get("amplitude"),
        numbers.get("phase"),
        numbers.get("value"),
        UNITS.get(name, ""),
        note,
    )


def _joined(notes: Iterable[str]) -> str:
    return "; ".join(note for note in notes if note)
