"""Patches of a network against the truth, each by itself, as they are before they are stitched.

Stitching averages what patches disagree in. In the gauge of the stitched image their own global phases and
gains count as errors; in its own gauge a patch is judged by what it shows. Both by the definitions of the
stitched image's rows, on its pixels and in its data ranges.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ScoringError
from ptycho_compare.scoring.alignment.gauge import Gauge, fienup_error, fit_gauge
from ptycho_compare.scoring.alignment.ramp import apply_ramp
from ptycho_compare.scoring.mask import ComplexImage, erode
from ptycho_compare.scoring.metrics import image_metrics
from ptycho_compare.scoring.metrics.arm_metrics import parts_of
from ptycho_compare.scoring.metrics.metric import Component
from ptycho_compare.scoring.metrics.truth_view import TruthView, TruthWindow
from ptycho_compare.scoring.scorecard import ArmScore

_REAL: tuple[Component, ...] = ("amplitude", "phase")


@dataclass(frozen=True)
class PatchScore:
    """The scores of one patch.

    Attributes
    ----------
    pixels : int
        On how many of its pixels it is scored.
    numbers : mapping of str to float
        ``fienup``; ``mae`` and ``ssim`` of amplitude and phase with its own gauge (``own_mae_phase``, say)
        and with that of the stitched image (``stitched_mae_phase``); ``gain`` and ``phase`` (rad): its own
        gauge over that one. Without those that cannot be: the phase of an opaque place, an SSIM where no
        11 x 11 window fits.
    note : str
        Why there are none at all; empty where there are.
    """

    pixels: int
    numbers: Mapping[str, float]
    note: str = ""


@dataclass(frozen=True, eq=False)
class PatchJudge:
    """What the patches of one arm are scored with.

    Attributes
    ----------
    view : TruthView
        On the common mask.
    gauge : Gauge
        Of the stitched image; its ramp is taken out of each patch before its own gauge is fitted.
    tilt : ndarray, (H, W), complex128
        That ramp.
    gain : float or None
        Of the stitched image's amplitude columns.
    scored : frozenset of (str, Component)
        Metrics and components of which the stitched image has a number.
    """

    view: TruthView
    gauge: Gauge
    tilt: NDArray[np.complex128]
    gain: float | None
    scored: frozenset[tuple[str, Component]]

    @classmethod
    def of(cls, score: ArmScore, view: TruthView) -> PatchJudge | None:
        """Make one of an arm's score; None for an arm that has none."""
        if score.status != "ok" or score.gauge is None:
            return None
        rows = {row.name: row for row in score.metrics if row.name in ("mae", "ssim")}
        numbers = {(name, part): row.number(part) for name, row in rows.items() for part in _REAL}
        return cls(
            view,
            score.gauge,
            apply_ramp(np.ones(view.mask.shape, np.complex128), score.gauge.ramp),
            score.amplitude_gain,
            frozenset(key for key, number in numbers.items() if number is not None),
        )

    def score(self, patch: ComplexImage, first_pixel: tuple[int, int]) -> PatchScore:
        """Score a patch (M, M), complex, whose pixel [0, 0] lies there on the truth's grid."""
        places = [
            slice(max(first, 0), max(min(first + side, limit), 0))
            for first, side, limit in zip(first_pixel, patch.shape, self.view.mask.shape, strict=True)
        ]
        truth = TruthWindow.of(self.view, (places[0], places[1]))
        rows, columns = (
            slice(place.start - first, place.stop - first)
            for place, first in zip(places, first_pixel, strict=True)
        )
        pixels = int(truth.mask.sum())
        if not pixels:
            return PatchScore(0, {}, "none of its pixels is scored")
        level = patch[rows, columns] * self.tilt[places[0], places[1]]
        try:
            return PatchScore(pixels, dict(self._numbers(level, truth)))
        except ScoringError as error:
            return PatchScore(pixels, {}, str(error))

    def _numbers(self, level: ComplexImage, truth: TruthWindow) -> Iterator[tuple[str, float]]:
        true = truth.field * np.conj(truth.rotation)
        yield "fienup", fienup_error(level, true, truth.mask)
        own = fit_gauge(level, true, truth.mask).scale
        yield from self._in_gauge("own", own * level, truth, None)
        yield from self._in_gauge("stitched", self.gauge.scale * level, truth, self.gain)
        yield "gain", abs(own / self.gauge.scale)
        yield "phase", float(np.angle(own / self.gauge.scale))

    def _in_gauge(
        self, name: str, image: ComplexImage, truth: TruthWindow, gain: float | None
    ) -> Iterator[tuple[str, float]]:
        parts, _ = parts_of(image, truth, gain=gain)
        for part in _REAL:
            mask = truth.masks[part]
            pair = truth.parts[part], parts[part], mask
            if ("mae", part) in self.scored and mask.any():
                yield f"{name}_mae_{part}", image_metrics.mae(*pair)
            if ("ssim", part) in self.scored and erode(mask, image_metrics.WINDOW_RADIUS_PX).any():
                yield f"{name}_ssim_{part}", image_metrics.ssim(*pair, data_range=self.view.ranges[part])
