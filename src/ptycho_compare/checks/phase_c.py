"""Phase C of a hub: the rules for its data, whoever made them.

Looks at names, shapes and metadata, not at the images: those are read and surveyed by whoever
opens the scan.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import InputError
from ptycho_compare.finding import Finding
from ptycho_compare.hub import Hub
from ptycho_compare.records.dose_list import dose_entry, read_dose
from ptycho_compare.records.phase_c_compliance import history_of, made_by_phase_c
from ptycho_compare.scan.formats.opening import open_container

_REQUIRED = ("objectGuess", "probeGuess", "xcoords", "ycoords")
_IMAGES = ("diffraction", "diff3d")


class Described(Protocol):
    """An array, or what the header of a stored one says."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of its axes."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of its values."""


def judge_phase_c(hub: Hub, dose: int, splits: Sequence[str], *, made: bool | None = None) -> list[Finding]:
    """Collect what does not hold for a dose's splits; `made`: as `history_of` takes it.

    Empty when every split is there and readable, and those that are said to be phase C's keep the contract,
    with metadata that say so.
    """
    return [finding for split in splits for finding in _judge(hub, dose, split, made)]


def phase_c_warnings(hub: Hub, dose: int, splits: Sequence[str]) -> list[str]:
    """Tell of what nothing is known: see `history_of`."""
    return [text for split in splits for text in history_of(hub, dose, split).warnings]


def contract_breaches(
    arrays: Mapping[str, Described], *, gridsize: int = 1, neighbors: int | None = None
) -> Iterator[str]:
    """Yield, a sentence each, where arrays break PtychoPINN's data contract.

    How close positions lie is no part of it, and neither is the overlap view they serve.

    Parameters
    ----------
    arrays : mapping of str to an array or its description
    gridsize : int
        Side of a group: C = gridsize^2 images form one.
    neighbors : int or None
        K, how many nearest neighbours a group draws from; needed for `gridsize` above 1.
    """
    missing = [key for key in _REQUIRED if key not in arrays]
    images = next((key for key in _IMAGES if key in arrays), None)
    if images is None:
        missing.insert(0, " or ".join(_IMAGES))
    if missing:
        found = ", ".join(sorted(arrays)) or "nothing"
        yield f"Missing required NPZ keys: {', '.join(missing)}; found: {found}"
    if images is not None:
        yield from _breaches_of_images(arrays, images)
    for key in ("objectGuess", "probeGuess"):
        if key in arrays and arrays[key].dtype.kind != "c":
            yield f"{key} must be complex, and is {arrays[key].dtype}"
    if gridsize > 1 and neighbors is None:
        yield f"neighbor_count required when gridsize={gridsize}"
    if gridsize > 1 and neighbors is not None and neighbors < gridsize**2:
        yield f"neighbor_count={neighbors} < C={gridsize**2} (OVERSAMPLING-001): no choice of neighbours"


def _breaches_of_images(arrays: Mapping[str, Described], key: str) -> Iterator[str]:
    images = arrays[key]
    if images.dtype.kind != "f":
        yield f"{key} must be float: amplitude, neither counts nor complex; it is {images.dtype}"
    if len(images.shape) < 3:
        yield f"{key} has shape {images.shape}; needed: (n, N, N)"
        return
    for name in ("xcoords", "ycoords"):
        if name in arrays and arrays[name].shape != images.shape[:1]:
            yield f"{name} length {arrays[name].shape} != {key} first axis {images.shape[:1]}"
    probe = arrays.get("probeGuess")
    if probe is not None and probe.shape[-2:] != images.shape[1:3]:
        yield f"probeGuess is {probe.shape} and {key} {images.shape}; needed: N x N alike"


def _judge(hub: Hub, dose: int, split: str, made: bool | None) -> Iterator[Finding]:
    history, path = history_of(hub, dose, split, made=made), hub.patched(dose, split)
    yield from history.findings
    if history.error or not history.claimed:
        return  # what a scan of another layout holds is judged by whoever opens it
    try:
        with open_container(path) as container:
            breaches = list(contract_breaches(container.headers))
    except InputError as error:
        yield Finding("input", str(error))
        return
    for breach in breaches:
        yield Finding("input", f"{path}: {breach}")


_STAGES = ("simulated_raw", "canonical", "patched")
_POSITIONS, _SHARED = ("xcoords", "ycoords"), ("objectGuess", "probeGuess")
_AGAIN = "run phase C again"

Arrays = dict[str, NDArray[Any]]


def judge_stages(hub: Hub, dose: int, splits: Sequence[str]) -> list[Finding]:
    """Collect where stages and splits of a dose differ, and where the list of doses does.

    Data that were brought from elsewhere have no stages and no list; what is there must agree.
    """
    findings: list[Finding] = []
    held: dict[Path, Arrays] = {}
    stages = [hub.phase_c_stage(dose, stage) for stage in _STAGES]
    parts = [hub.patched(dose, split) for split in splits]
    for path in filter(Path.is_file, [*stages, *parts]):
        try:
            held[path] = _read(path)
        except InputError as error:
            if path in stages:  # of splits `judge_phase_c` says it
                findings.append(Finding("input", f"{error}; {_AGAIN}"))
    again = _AGAIN if made_by_phase_c(hub, dose) else "write the file again"
    findings += [finding for path, arrays in held.items() for finding in _not_finite(path, arrays, again)]
    parent = hub.phase_c_stage(dose, "patched")
    if parent in held:
        findings += _of_stages(held, stages[:2], parent)
        findings += _of_splits(held, parts, parent)
    return [*findings, *_of_list(hub, dose, splits)]


def _read(path: Path) -> Arrays:
    with open_container(path) as container:
        return {key: container.array(key) for key in (*_POSITIONS, *_SHARED) if key in container}


def _not_finite(path: Path, arrays: Arrays, again: str) -> Iterator[Finding]:
    for key, values in arrays.items():
        if values.dtype.kind in "fc" and (bad := int((~np.isfinite(values)).sum())):
            yield Finding("input", f"{path}: '{key}' is not finite in {bad} values; {again}")


def _of_stages(held: dict[Path, Arrays], stages: Sequence[Path], parent: Path) -> Iterator[Finding]:
    for stage in stages:
        for key in held.get(stage, {}).keys() & held[parent].keys():
            if not np.array_equal(held[stage][key], held[parent][key]):
                yield Finding("changed", f"{stage}: '{key}' is not that of {parent.name}; {_AGAIN}")


def _of_splits(held: dict[Path, Arrays], splits: Sequence[Path], parent: Path) -> Iterator[Finding]:
    """Every position of a split is one of the parent's, and object and probe are the same."""
    whole = held[parent]
    known = set(zip(*(whole.get(key, np.empty(0)).tolist() for key in _POSITIONS), strict=False))
    for split in splits:
        part = held.get(split, {})
        for key in part.keys() & whole.keys() & set(_SHARED):
            if not np.array_equal(part[key], whole[key]):
                yield Finding("changed", f"{split}: '{key}' is not that of {parent.name}; {_AGAIN}")
        positions = list(zip(*(part.get(key, np.empty(0)).tolist() for key in _POSITIONS), strict=False))
        strange = [number for number, place in enumerate(positions) if place not in known]
        if strange:
            x, y = positions[strange[0]]
            text = f"{len(strange)} positions are none of {parent.name}'s, the first at {strange[0]}"
            yield Finding("changed", f"{split}: 'xcoords', 'ycoords': {text}: ({x:g}, {y:g}); {_AGAIN}")


def _of_list(hub: Hub, dose: int, splits: Sequence[str]) -> Iterator[Finding]:
    path, name = hub.phase_c_manifest(), f"dose_{dose}"
    if not path.is_file():
        return
    try:
        found = read_dose(hub, dose, splits)
    except (ValueError, KeyError, TypeError) as error:
        yield Finding("changed", f"{path}: {name}: {type(error).__name__}: {error}; {_AGAIN}")
        return
    for key, wanted in dose_entry(hub, dose, splits).items():
        if found[key] != wanted:
            yield Finding("changed", f"{path}: {name}.{key} is {found[key]!r}; expected {wanted!r}; {_AGAIN}")
