"""A view of a split: a function of the split's file and the study alone.

Phase D writes it; the checks draw it again and compare.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ScanError
from ptycho_compare.scan.overlap.metrics import METRICS_VERSION, OverlapMetrics, measure_overlap
from ptycho_compare.scan.overlap.parameters import OverlapParameters
from ptycho_compare.scan.overlap.parent import Parent
from ptycho_compare.study import Study

TOOL = "overlap_views"


@dataclass(frozen=True)
class SplitView:
    """One view of one split.

    Attributes
    ----------
    parent : Parent
    kept : ndarray, (n,), bool
        True for an image of the view.
    parameters : OverlapParameters
    metrics : OverlapMetrics
    """

    parent: Parent
    kept: NDArray[np.bool_]
    parameters: OverlapParameters
    metrics: OverlapMetrics

    def metadata(self) -> dict[str, Any]:
        """``_metadata`` of the view: the split's own, and a record of what was done to it.

        PtychoPINN replaces the metadata by the parameters. Here they stand at the same place, and what
        was there stays. The record's time is null: equal inputs give equal bytes.
        """
        facts = {
            "metrics_version": METRICS_VERSION,
            **asdict(self.parameters),
            "geometry_acceptance_bound": self.metrics.geometry_acceptance_bound,
            "effective_min_acceptance": self.metrics.effective_min_acceptance,
        }
        done = {
            "tool": TOOL,
            "timestamp": None,
            "operation": "subsample",
            "parameters": {
                **facts,
                **self._origin(),
                "n_images_total": len(self.kept),
                "n_images_kept": int(self.kept.sum()),
                "filtered": self.parent.keys("filtered"),
                "left_out": self.parent.keys("left_out"),
            },
        }
        before = self.parent.metadata
        return {**before, **facts, "data_transformations": [*before.get("data_transformations", []), done]}

    def metrics_record(self) -> dict[str, Any]:
        """Contents of the metrics file."""
        return {**self.metrics.record(self.parameters), **self._origin()}

    def _origin(self) -> dict[str, str]:
        return {"parent_file": self.parent.name, "parent_sha256": self.parent.sha256}


def draw_view(parent: Parent, study: Study, view: str) -> SplitView:
    """Draw and measure a view, by name.

    Raises
    ------
    ScanError
        The view would hold no image, or fewer than a group needs.
    """
    parameters = OverlapParameters.of_study(study, view, patch_px=parent.patch_px)
    images = len(parent.positions)
    try:
        kept = kept_images(images, s_img=parameters.s_img, seed=parameters.rng_seed_subsample)
        metrics = measure_overlap(parent.positions[kept], parameters, n_total=images)
    except ScanError as error:
        raise ScanError(f"{parent.path}: view {view!r}: {error}") from None
    return SplitView(parent, kept, parameters, metrics)


def kept_images(images: int, *, s_img: float, seed: int) -> NDArray[np.bool_]:
    """Draw floor(s_img n) of n images without replacement.

    The product is exact: 0.29 of 100 images are 29, although 0.29 * 100 is below 29 in floating point.

    Returns
    -------
    ndarray, (n,), bool
        True for a kept image.

    Raises
    ------
    ScanError
        Nothing would be kept.
    """
    count = int(Fraction(repr(float(s_img))) * images)
    if count < 1:
        raise ScanError(f"s_img = {s_img} keeps none of {images} images; needed: at least 1")
    mask = np.zeros(images, bool)
    mask[np.random.default_rng(seed).choice(images, size=count, replace=False)] = True
    return mask
