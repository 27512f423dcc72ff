"""The splits of a place put together into one object, and scored as a whole, from stored canvases.

Papers stitch both halves of the scan; their seam shows what no score of a half does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import InputError, ResultsError
from ptycho_compare.hub import Artifacts, Hub
from ptycho_compare.phases.comparison.request import scoring_of
from ptycho_compare.records.manifest import Manifest, read_manifest
from ptycho_compare.records.reconstructions_npz import Image, StoredReconstructions, read_reconstructions
from ptycho_compare.records.stitched import StitchedObject, StitchedObjects, stitched_numbers
from ptycho_compare.records.tables.metrics_csv import table_rows
from ptycho_compare.reporting.figures.stitched import plot_stitched
from ptycho_compare.scoring.placement import ArmImage
from ptycho_compare.scoring.scorecard import Scorecard, score_arms
from ptycho_compare.storage.files import digest_of
from ptycho_compare.study import Comparison, Study
from ptycho_compare.untrusted.npz import open_npz

LEAST_SHARED = 64
"""Pixels that splits need in common: on fewer the factor between them is noise."""


class NotStitchedError(InputError):
    """The splits of a place cannot be put together."""


@dataclass(frozen=True)
class _Half:
    comparison: Comparison
    manifest: Manifest
    path: Path
    stored: StoredReconstructions

    def arm(self, name: str) -> tuple[Image, NDArray[np.float64]]:
        with open_npz(self.path) as held:
            weight = held.array(f"{name.lower()}_weight").astype(np.float64)
        # beyond what this split scored an iterative code has only its initial guess, of full weight
        return self.stored.arm(self.path, name), weight * self.stored.mask


def stitch_study(hub: Hub, study: Study, comparisons: Sequence[Comparison]) -> list[Path]:
    """Put the splits of every place together, and keep scores and a figure of the first; returns where.

    `comparisons` have evidence. What cannot be put together is entered with the reason.

    Raises
    ------
    InputError
        What a comparison stored is not what its manifest says.
    """
    places: dict[object, list[Comparison]] = {}
    for each in comparisons:
        places.setdefault((each.dose, each.view, each.tier, each.cell), []).append(each)
    names, found, drawn = hub.answers(), [], list[Path]()
    names.folder.mkdir(parents=True, exist_ok=True)
    for splits in (held for held in places.values() if len(held) > 1):
        try:
            parts = [_read(hub, each) for each in splits]
            made, scorecard, truth = _stitched(hub, study, parts)
        except NotStitchedError as error:
            made = _entry(hub, splits, why_not=str(error))
        else:
            if not drawn:
                drawn = plot_stitched(names.stitched_figure, names.stitched_figure_pdf, scorecard, truth)
        found.append(made)
    if not drawn:
        for path in (names.stitched_figure, names.stitched_figure_pdf):
            path.unlink(missing_ok=True)
    StitchedObjects(objects=found).write(names.stitched_record)
    return [names.stitched_record, *drawn]


def _read(hub: Hub, comparison: Comparison) -> _Half:
    names = Artifacts(comparison.folder(hub))
    manifest = read_manifest(names.manifest)
    path = names.reconstructions
    record = manifest.artifacts.get(path.name)
    if record is None:
        raise NotStitchedError(f"{comparison.id} stored no canvases")
    if not path.is_file() or digest_of(path) != record.sha256:
        raise ResultsError(
            f"{path}: is not the file of its manifest; ptycho-hub compare {comparison.id} writes it"
        )
    return _Half(comparison, manifest, path, read_reconstructions(path))


def _entry(hub: Hub, splits: Sequence[Comparison], **told: Any) -> StitchedObject:
    first = splits[0]
    parts = {each.id: digest_of(Artifacts(each.folder(hub)).manifest) for each in splits}
    place = {"dose": first.dose, "view": first.view, "tier": first.tier, "cell": dict(first.cell)}
    return StitchedObject(**place, parts=parts, **told)


def _stitched(hub: Hub, study: Study, parts: Sequence[_Half]) -> tuple[StitchedObject, Scorecard, Image]:
    truth = _one_truth(parts)
    masks = [part.stored.mask for part in parts]
    shared = np.logical_and.reduce(masks)
    if int(shared.sum()) < LEAST_SHARED:
        raise NotStitchedError(
            f"the splits have {int(shared.sum())} scored pixels in common; {LEAST_SHARED} tell their factor"
        )
    images, factors = {}, {}
    for name in _arms(parts):
        held = [part.arm(name) for part in parts]
        gains = [_factor(held[0][0], values, shared) for values, _ in held]
        weight = np.sum([each for _, each in held], axis=0)
        total = np.sum([g * v * w for g, (v, w) in zip(gains, held, strict=True)], axis=0)
        values = np.divide(total, weight, out=np.zeros_like(total), where=weight > 0)
        images[name] = ArmImage(values.astype(np.complex64), weight, movable=False)
        factors[name] = [part for gain in gains[1:] for part in (abs(gain), float(np.angle(gain)))]
    if not images:
        raise NotStitchedError("no arm has an image of every split in a frame that is known")
    area = np.logical_or.reduce(masks).astype(np.float64)
    scorecard = score_arms(images, truth, area=area, settings=scoring_of(study))
    told = {
        "shared_pixels": int(shared.sum()),
        "factors": factors,
        "mask_pixels": int(scorecard.mask.sum()),
        "reference": scorecard.reference,
        "numbers": list(stitched_numbers(table_rows(scorecard))),
    }
    return _entry(hub, [part.comparison for part in parts], **told), scorecard, truth


def _one_truth(parts: Sequence[_Half]) -> Image:
    found = [part.stored.truth(part.path) for part in parts]
    first = found[0]
    if first is None or any(each is None for each in found):
        raise NotStitchedError("the true object is not known: nothing tells where the splits lie")
    if any(part.stored.origin != parts[0].stored.origin for part in parts) or not all(
        each is not None and np.array_equal(first, each, equal_nan=True) for each in found
    ):
        raise NotStitchedError("the splits are of different objects, or lie on different grids")
    return first


def _arms(parts: Sequence[_Half]) -> Iterator[str]:
    """Yield the arms that are alive in every split, and were not moved to where they fit."""
    for name in parts[0].manifest.arms:
        records = [part.manifest.arms.get(name) for part in parts]
        if all(
            record is not None and record.status == "ok" and not _moved(record.details) for record in records
        ) and all(name.lower() in part.stored.names for part in parts):
            yield name


def _moved(details: dict[str, object]) -> bool:
    shift = details.get("shift")
    return isinstance(shift, dict) and bool(shift.get("applied"))


def _factor(first: Image, values: Image, shared: NDArray[np.bool_]) -> complex:
    """Fit the complex factor by which an image is closest to the first where both are, in least squares."""
    power = float(np.vdot(values[shared], values[shared]).real)
    return complex(np.vdot(values[shared], first[shared]) / power) if power > 0 else 1.0 + 0j
