"""The rows of an arm's score that are read from its ring curves."""

from __future__ import annotations

from collections.abc import Mapping

from ptycho_compare.scoring.metrics.cutoff import Criterion, Cutoff
from ptycho_compare.scoring.metrics.estimate import Estimate
from ptycho_compare.scoring.metrics.frc import transfer_gain
from ptycho_compare.scoring.metrics.image_metrics import Image
from ptycho_compare.scoring.metrics.metric import Component
from ptycho_compare.scoring.metrics.ring_curve import RingCurve
from ptycho_compare.scoring.metrics.ring_estimate import CurveEstimate
from ptycho_compare.scoring.metrics.truth_view import TruthView

CRITERIA: Mapping[str, Criterion] = {"frc50": 0.5, "frc1over7": 1 / 7, "frc_half_bit": "half_bit"}
"""Cut-offs of the ring correlation, by the name of their row."""

HALF_CRITERIA: Mapping[str, Criterion] = {**CRITERIA, "ssnr1": 1 / 3}
"""The same between two halves of the data; with 1/3 the spectral signal-to-noise ratio falls to 1."""

TRANSFER_ROW = "frt50"

RING_UNITS = dict.fromkeys((*HALF_CRITERIA, TRANSFER_ROW), "cycles/px")

Curves = Mapping[Component, CurveEstimate]


def curve_estimates(
    smooth: Mapping[Component, Image], truth: TruthView, sigma: float
) -> dict[Component, CurveEstimate]:
    """Give the curves of an arm's parts (`smooth_parts`), smoothed by `sigma` rings."""
    found = {}
    for name, part in smooth.items():
        # a phase in rad has its scale
        gain = 1.0 if name == "phase" else transfer_gain(truth.smooth[name], part)
        sums = truth.patches.sums(truth.spectra[name], truth.patches.spectrum(part))
        curve = truth.patches.curve(sums, gain=gain).smoothed(sigma)
        found[name] = CurveEstimate(curve, sums, sigma, gain)
    return found


def ring_estimates(curves: Curves, criteria: Mapping[str, Criterion]) -> dict[str, dict[Component, Estimate]]:
    """Read the rows: the cut-offs of the correlation, its area, and the cut-off of the transfer."""
    found = {
        name: {part: each.cutoff(criterion) for part, each in curves.items()}
        for name, criterion in criteria.items()
    }
    found["frc_auc"] = {part: each.area() for part, each in curves.items()}
    transfers = {part: each.transfer_cutoff() for part, each in curves.items()}
    found[TRANSFER_ROW] = {part: each for part, each in transfers.items() if each is not None}
    return found


def ring_notes(curves: Curves, criteria: Mapping[str, Criterion]) -> dict[str, str]:
    """Declare both ends, where the cell holds the end itself, and dips below the cut-off of record."""
    cutoffs: dict[str, dict[Component, Cutoff | None]] = {
        name: {part: each.curve.cutoff(criterion) for part, each in curves.items()}
        for name, criterion in criteria.items()
    }
    cutoffs[TRANSFER_ROW] = {part: each.curve.transfer_cutoff() for part, each in curves.items()}
    return {
        name: "; ".join(
            f"{'complex' if part == 'value' else part} {said}"
            for part, cutoff in found.items()
            for said in ((_untransferred(curves[part].curve),) if cutoff is None else cutoff.notes)
        )
        for name, found in cutoffs.items()
    }


def _untransferred(curve: RingCurve) -> str:
    return "has no scale of transfer" if curve.transfer is None else "has no transfer: noise hides it"
