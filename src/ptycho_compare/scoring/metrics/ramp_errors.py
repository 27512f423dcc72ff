"""Both Fienup errors of an arm: with its phase ramp kept, and with it removed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ptycho_compare.scoring.mask import ComplexImage
from ptycho_compare.scoring.metrics.arm_metrics import Estimates, Measurement
from ptycho_compare.scoring.metrics.image_metrics import fienup_terms
from ptycho_compare.scoring.metrics.metric import Metric
from ptycho_compare.scoring.metrics.truth_view import TruthView

KEPT, REMOVED = "fienup_ramp_kept", "fienup_ramp_free"


def ramp_errors(kept: ComplexImage, removed: ComplexImage, truth: TruthView) -> Measurement:
    """Give both errors of an arm (H, W), in the truth's gauge without and with a free ramp."""
    rows: list[Metric] = []
    estimates: Estimates = {}
    for name, image in ((KEPT, kept), (REMOVED, removed)):
        field = np.where(truth.mask, image, 0.0).astype(np.complex128) * truth.rotation
        estimate = fienup_terms(truth.parts["value"], field, truth.mask).estimate(truth.blocks["value"])
        estimates[name] = {"value": estimate}
        rows.append(Metric(name, None, None, estimate.value, "", "complex field"))
    return Measurement(tuple(rows), {}, estimates)


def ramp_matters(rows: Sequence[Metric]) -> str:
    """Say by how much the ramp of an arm changes its error; empty where intervals overlap or are missing."""
    found = {row.name: row for row in rows if row.name in (KEPT, REMOVED)}
    if len(found) < 2:
        return ""
    ends = {name: row.intervals.get("value") for name, row in found.items()}
    above, below = ends[KEPT], ends[REMOVED]
    if above is None or below is None or above.low <= below.high:
        return ""
    kept, removed = (
        f"{found[name].value:.4f} [{interval.low:.4f}, {interval.high:.4f}]"
        for name, interval in ((KEPT, above), (REMOVED, below))
    )
    return f"its Fienup error is {kept} with its phase ramp kept, {removed} with the ramp removed"
