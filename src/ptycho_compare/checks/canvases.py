"""Stored canvases of a comparison: alive, finite and on the pixels that were scored."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from ptycho_compare.errors import ArchiveError
from ptycho_compare.finding import Finding, Kind
from ptycho_compare.hub import Artifacts
from ptycho_compare.records.manifest import Manifest, read_manifest
from ptycho_compare.records.reconstructions_npz import TRUTH_KEY
from ptycho_compare.scoring.collapse import CollapseLimits, find_collapse
from ptycho_compare.storage.files import digest_of
from ptycho_compare.untrusted.npz import NpzFile, open_npz

_ROUNDING = 1e-5
"""Relative, of an amplitude in single precision."""
_MAY_BE_NAN = ("_offset_dy", "_offset_dx", "_map")
"""Shifts that were not measured, and pixels of a residual map that no image reached."""


def judge_stored(names: Artifacts, limits: CollapseLimits | None) -> Iterator[Finding]:
    """Look into all stored arrays of a comparison, where the files are those that its manifest lists."""
    try:
        manifest = read_manifest(names.manifest)
    except (OSError, ValidationError):
        yield Finding("missing", f"{names.manifest}: cannot be read, so no canvas is looked into")
        return
    for path in _stored(names):
        record = manifest.artifacts.get(path.name)
        if record is not None and not (path.is_file() and digest_of(path) == record.sha256):
            kind: Kind = "changed" if path.is_file() else "missing"
            yield Finding(kind, f"{path}: is not the file that the manifest lists, so it is not looked into")
            return
    yield from judge_canvases(names.reconstructions, manifest, limits or CollapseLimits())
    yield from judge_finite(names, manifest)


def _stored(names: Artifacts) -> tuple[Path, ...]:
    return names.reconstructions, names.reconstructions_aligned, names.residuals, names.patches


def judge_canvases(path: Path, manifest: Manifest, limits: CollapseLimits) -> Iterator[Finding]:
    """Look at ``reconstructions.npz`` itself: a score alone would not show a blank picture."""
    if not path.is_file():
        return
    try:
        with open_npz(path) as archive:
            mask = archive.array("mask")
            pixels = int(np.count_nonzero(mask))
            if pixels != manifest.mask_pixels:
                said = f"the manifest says mask_pixels {manifest.mask_pixels}"
                yield Finding("changed", f"{path}: 'mask' holds {pixels} pixels, and {said}")
            for arm, record in manifest.arms.items():
                if record.status == "ok":
                    yield from _of_arm(path, archive, arm, mask, limits)
    except ArchiveError as error:
        yield Finding("changed", str(error))


def _of_arm(
    path: Path, archive: NpzFile, arm: str, mask: NDArray[Any], limits: CollapseLimits
) -> Iterator[Finding]:
    key = f"{arm.lower()}_complex"
    values = archive.array(key)
    if (values.dtype.kind, mask.dtype.kind, mask.shape) != ("c", "b", values.shape):
        found = f"'{key}' of {values.dtype} {values.shape} and 'mask' of {mask.dtype} {mask.shape}"
        yield Finding("changed", f"{path}: {found} are no canvas", arm)
        return
    if not mask.any():
        return
    collapse = find_collapse(values, mask, truth=_truth(archive, mask), limits=limits)
    if collapse is not None:
        yield Finding("dead", f"{collapse.kind}: {collapse.detail} ({path})", arm)
        return
    parts = {f"{arm.lower()}_amplitude": np.abs(values), f"{arm.lower()}_phase": np.angle(values)}
    for name, wanted in parts.items():
        stored = archive.array(name) if name in archive else wanted
        largest = _ROUNDING * max(float(np.abs(wanted).max()), 1.0)
        if stored.shape != wanted.shape or not (np.abs(stored - wanted) <= largest)[mask].all():
            yield Finding("changed", f"{path}: '{name}' is not that of '{key}'", arm)


def _truth(archive: NpzFile, mask: NDArray[Any]) -> NDArray[Any] | None:
    """The truth beside the canvases, if it can be used: where it is opaque, an arm may be empty."""
    key = f"{TRUTH_KEY}_complex"
    truth = archive.array(key) if key in archive else None
    usable = truth is not None and truth.shape == mask.shape and np.isfinite(truth[mask]).all()
    return truth if usable else None


def judge_finite(names: Artifacts, manifest: Manifest) -> Iterator[Finding]:
    """Find numbers that are not finite in what is stored of arms that count as alive."""
    dead = tuple(f"{arm.lower()}_" for arm, record in manifest.arms.items() if record.status != "ok")
    for path in _stored(names):
        if not path.is_file():
            continue
        try:
            with open_npz(path) as archive:
                for key, header in archive.headers.items():
                    if header.dtype.kind not in "fc" or key.endswith(_MAY_BE_NAN) or key.startswith(dead):
                        continue
                    bad = int((~np.isfinite(archive.array(key))).sum())
                    if bad:
                        yield Finding("dead", f"non_finite: {path}: '{key}' is not finite in {bad} values")
        except ArchiveError as error:
            yield Finding("changed", str(error))
