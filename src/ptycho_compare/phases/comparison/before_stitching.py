"""Patches of networks as they are before they are stitched: scored for the table, stored, and read back.

What is iterative has no patches, and a reconstructor of the user's own gives an image only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.blas import one_blas_thread
from ptycho_compare.phases.comparison.arm import Arm, Setting
from ptycho_compare.records.tables.patches_csv import PatchRow
from ptycho_compare.scoring.metrics.truth_view import TruthView
from ptycho_compare.scoring.patch_scores import PatchJudge
from ptycho_compare.scoring.scorecard import Scorecard


def patch_rows(arms: Mapping[str, Arm], scorecard: Scorecard, setting: Setting) -> list[PatchRow]:
    """Score the kept patches of all arms that are scored themselves; empty where none were kept."""
    if scorecard.reference == "none" or not any(arm.patches is not None for arm in arms.values()):
        return []
    with one_blas_thread():
        return list(_rows(arms, scorecard, setting))


def _rows(arms: Mapping[str, Arm], scorecard: Scorecard, setting: Setting) -> Iterator[PatchRow]:
    truth, groups, grid = setting.scan.truth, setting.sampled_groups, setting.grid
    if truth is None or not scorecard.mask.any():
        return
    view = TruthView.build(truth, scorecard.mask, reference=setting.request.scoring.reference)
    images = setting.plan.groups[groups, 0].tolist()
    for score in scorecard.arms:
        patches, judge = arms[score.arm].patches, PatchJudge.of(score, view)
        if patches is None or judge is None:
            continue
        corners = (patches.first_pixels - grid.origin).tolist()
        for group, image, centre, corner, values in zip(
            groups.tolist(), images, patches.centres.tolist(), corners, patches.values, strict=True
        ):
            found = judge.score(values, (corner[0], corner[1]))
            yield PatchRow(
                score.arm,
                group,
                image,
                centre[0],
                centre[1],
                found.pixels,
                found.numbers,
                scorecard.metric_version,
                found.note,
            )


def patch_arrays(arms: Mapping[str, Arm], setting: Setting) -> dict[str, NDArray[Any]]:
    """Return what ``patches.npz`` holds of all arms; empty where no patches were kept."""
    held: dict[str, NDArray[Any]] = {}
    for name, arm in arms.items():
        if arm.patches is not None:
            held |= {
                f"{name.lower()}_patches": arm.patches.values,
                f"{name.lower()}_centres": arm.patches.centres,
                f"{name.lower()}_first_pixels": arm.patches.first_pixels,
            }
    if held:
        held["groups"] = setting.sampled_groups
        held["images"] = np.asarray(setting.plan.groups[setting.sampled_groups, 0])
    return held
