"""Whether the stages of phase C are still those that its splits were taken from.

Looks at positions, object and probe: images are many, and their digests stand elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.checks.finding import Finding
from ptycho_compare.errors import InputError
from ptycho_compare.hub import Hub
from ptycho_compare.untrusted.npz import open_npz

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
    files = [hub.phase_c_stage(dose, stage) for stage in _STAGES]
    files += [hub.patched(dose, split) for split in splits]
    for path in filter(Path.is_file, files):
        try:
            held[path] = _read(path)
        except InputError as error:
            findings.append(Finding("input", f"{error}; {_AGAIN}"))
    findings += [finding for path, arrays in held.items() for finding in _not_finite(path, arrays)]
    parent = hub.phase_c_stage(dose, "patched")
    if parent in held:
        findings += _of_stages(held, files[:2], parent)
        findings += _of_splits(held, files[3:], parent)
    return [*findings, *_of_list(hub, dose, splits)]


def _read(path: Path) -> Arrays:
    with open_npz(path) as archive:
        return {key: archive.array(key) for key in (*_POSITIONS, *_SHARED) if key in archive}


def _not_finite(path: Path, arrays: Arrays) -> Iterator[Finding]:
    for key, values in arrays.items():
        if values.dtype.kind in "fc" and (bad := int((~np.isfinite(values)).sum())):
            yield Finding("input", f"{path}: '{key}' is not finite in {bad} values; {_AGAIN}")


def _of_stages(held: dict[Path, Arrays], stages: Sequence[Path], parent: Path) -> Iterator[Finding]:
    for stage in stages:
        for key in held.get(stage, {}).keys() & held[parent].keys():
            if not np.array_equal(held[stage][key], held[parent][key]):
                yield Finding("changed", f"{stage}: '{key}' is not that of {parent.name}; {_AGAIN}")


def _of_splits(held: dict[Path, Arrays], splits: Sequence[Path], parent: Path) -> Iterator[Finding]:
    """Whether every position of a split is one of the parent's; and object and probe are the same."""
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
        entry = json.loads(path.read_bytes())[name]
        found = {key: entry[key] for key in ("dose", "intermediate_dir", *splits)}
    except (ValueError, KeyError, TypeError) as error:
        yield Finding("changed", f"{path}: {name}: {type(error).__name__}: {error}; {_AGAIN}")
        return
    expected = {"dose": dose, "intermediate_dir": hub.relative(hub.phase_c(dose))}
    expected |= {split: hub.relative(hub.patched(dose, split)) for split in splits}
    for key, wanted in expected.items():
        if found[key] != wanted:
            yield Finding("changed", f"{path}: {name}.{key} is {found[key]!r}; expected {wanted!r}; {_AGAIN}")
