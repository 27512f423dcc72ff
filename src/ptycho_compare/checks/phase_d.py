"""Phase D of a hub: every view is drawn again from its split, measured again, and compared.

Recomputing covers more than a schema: a value that equals the recomputed one has its type, lies in its
range and belongs to these data.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import InputError
from ptycho_compare.finding import Finding, Kind
from ptycho_compare.hub import Hub
from ptycho_compare.scan.formats.arrays import read_metadata
from ptycho_compare.scan.formats.npz_container import NpzContainer
from ptycho_compare.scan.formats.opening import open_container
from ptycho_compare.scan.overlap import TOOL, OverlapParameters, SplitView, draw_view, read_parent
from ptycho_compare.scan.write import METADATA
from ptycho_compare.storage.files import digest_of
from ptycho_compare.study import Study
from ptycho_compare.untrusted.npz import NpzFile, open_npz
from ptycho_compare.untrusted.regular import read_json, why_unreadable

_TOLERANCE = 1e-6
"""Relative; numpy and scipy of another version may round differently."""
_AGAIN = "run phase D again"
_TEXT = 100
"""Characters of a value that a finding shows."""


def judge_phase_d(hub: Hub, study: Study, dose: int, view: str) -> list[Finding]:
    """Collect what does not hold in a view: `judge_views` and `judge_metrics`."""
    return [*judge_views(hub, study, dose, view), *judge_metrics(hub, study, dose, view)]


def judge_files(hub: Hub, dose: int, view: str, splits: Sequence[str]) -> Iterator[Finding]:
    """Judge a view by its files alone: they are there, can be read, and name the split here by digest.

    Nothing is drawn or measured again, and no study is needed.
    """
    for split in splits:
        parent, path = hub.patched(dose, split), hub.overlap_view(dose, view, split)
        digest = digest_of(parent) if parent.is_file() else None
        if not path.is_file():
            yield _missing(path)
        else:
            try:
                with open_container(path) as found:
                    metadata = read_metadata(found)
                yield from _of_another_parent(path, _own_record(metadata), parent, digest)
            except InputError as error:
                yield Finding("changed", f"{error}; {_AGAIN}")
        metrics = hub.overlap_metrics(dose, view, split)
        facts = _json_of(metrics)
        if isinstance(facts, Finding):
            yield facts
        else:
            yield from _of_another_parent(metrics, facts, parent, digest)
    bundle = _json_of(hub.overlap_bundle(dose, view))
    if isinstance(bundle, Finding):
        yield bundle


def judge_views(hub: Hub, study: Study, dose: int, view: str) -> list[Finding]:
    """Judge the NPZ files of a view.

    Each must hold exactly the seeded subsample of its split, everything else of the split untouched, and
    metadata that say so and name the split by digest. Findings are "missing" for what is not there, "stale"
    for a view of another split or of other settings, "changed" for one that is not what its own record says.
    """
    findings: list[Finding] = []
    for split in study.splits:
        expected = _expected(hub, study, dose, view, split)
        path = hub.overlap_view(dose, view, split)
        if isinstance(expected, Finding):
            findings.append(expected)
        elif not path.is_file():
            findings.append(_missing(path))
        else:
            findings += _of_file(path, expected)
    return findings


def judge_metrics(hub: Hub, study: Study, dose: int, view: str) -> list[Finding]:
    """Judge the metrics of a view: each number against the recomputed one, and the bundle of all splits.

    Findings are those of `judge_views`.
    """
    findings: list[Finding] = []
    bundle: dict[str, Any] = {}
    for split in study.splits:
        expected = _expected(hub, study, dose, view, split)
        if isinstance(expected, Finding):
            findings.append(expected)
            continue
        bundle[split] = expected.metrics_record()
        findings += _of_json(hub.overlap_metrics(dose, view, split), bundle[split])
    if len(bundle) == len(study.splits):
        findings += _of_json(hub.overlap_bundle(dose, view), bundle)
    return findings


def _expected(hub: Hub, study: Study, dose: int, view: str, split: str) -> SplitView | Finding:
    path = hub.patched(dose, split)
    if not path.is_file():
        return Finding("missing", f"{path}: a view is judged by its split, and the split is not there")
    try:
        return draw_view(read_parent(path, name=hub.relative(path)), study, view)
    except InputError as error:
        return Finding("input", str(error))


def _missing(path: Path) -> Finding:
    return Finding("missing", f"{path}: is not there; {_AGAIN}")


def _of_file(path: Path, expected: SplitView) -> Iterator[Finding]:
    try:
        with open_npz(path) as found:
            metadata = read_metadata(NpzContainer(found, label=str(path), spool_folder=None))
            wrong = list(_of_metadata(f"{path}: '{METADATA}'", expected.metadata(), metadata))
            yield from wrong
            # arrays of another split or of other settings differ anyway, and would say it once more
            if not any(finding.kind == "stale" for finding in wrong):
                yield from _of_arrays(path, found, expected)
    except InputError as error:
        yield Finding("changed", f"{error}; {_AGAIN}")


def _of_metadata(label: str, expected: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[Finding]:
    records = found.get("data_transformations")
    if isinstance(records, list) and any(map(_is_own, records)):
        yield from _compared(label, expected, found)
    else:
        text = f"has no record by {TOOL}: which images of which file the view holds is not known"
        yield Finding("stale", f"{label} {text}; {_AGAIN}")


def _of_arrays(path: Path, found: NpzFile, expected: SplitView) -> Iterator[Finding]:
    parent = expected.parent
    wanted = {key: fate for key, fate in parent.fates.items() if fate != "left_out"}
    for key in sorted(found.headers.keys() - wanted.keys() - {METADATA}):
        yield Finding("changed", f"{path}: '{key}' is not of {parent.name}; {_AGAIN}")
    with open_npz(parent.path) as source:
        for key, fate in wanted.items():
            if key not in found:
                yield Finding("missing", f"{path}: '{key}' is not there, and {parent.name} has it; {_AGAIN}")
                continue
            values = source.array(key)
            difference = _difference(
                values[expected.kept] if fate == "filtered" else values, found.array(key)
            )
            if difference:
                whose = "the kept images of " if fate == "filtered" else ""
                yield Finding("changed", f"{path}: '{key}' is not that of {whose}{parent.name}: {difference}")


def _difference(expected: NDArray[Any], found: NDArray[Any]) -> str:
    """Say how an array differs; empty when it does not."""
    if (expected.shape, expected.dtype) != (found.shape, found.dtype):
        return f"expected {expected.dtype} {expected.shape}, found {found.dtype} {found.shape}; {_AGAIN}"
    differs = expected != found
    if expected.dtype.kind in "fc":
        differs &= ~(np.isnan(expected) & np.isnan(found))
    if not differs.any():
        return ""
    first = tuple(int(each) for each in np.argwhere(differs)[0])
    return (
        f"{int(differs.sum())} of {differs.size} values differ, the first at {list(first)}: "
        f"expected {expected[first]}, found {found[first]}; {_AGAIN}"
    )


def _own_record(metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a view's metadata say of how it was drawn; empty where they say nothing."""
    records = metadata.get("data_transformations")
    own = [each for each in records if _is_own(each)] if isinstance(records, list) else []
    parameters = own[-1].get("parameters") if own else None
    return parameters if isinstance(parameters, dict) else {}


def _is_own(record: object) -> bool:
    return isinstance(record, dict) and record.get("tool") == TOOL


def _of_another_parent(
    path: Path, facts: Mapping[str, Any], parent: Path, sha256: str | None
) -> Iterator[Finding]:
    """Compare the digest of the split that a file was made from, where it says one, with the split here."""
    stated = facts.get("parent_sha256", sha256)
    if sha256 is not None and stated != sha256:
        text = f"parent_sha256 is {_short(stated)}, and that of {parent.name} is {sha256!r}"
        yield Finding("stale", f"{path}: {text}; {_AGAIN}")


def _of_json(path: Path, expected: Mapping[str, Any]) -> Iterator[Finding]:
    found = _json_of(path)
    if isinstance(found, Finding):
        yield found
    else:
        yield from _compared(str(path), expected, found)


def _json_of(path: Path) -> Mapping[str, Any] | Finding:
    try:
        found = read_json(path)
    except FileNotFoundError:
        return _missing(path)
    except (OSError, ValueError) as error:
        return Finding("changed", f"{path}: cannot be read as JSON ({why_unreadable(error)}); {_AGAIN}")
    if not isinstance(found, dict):
        return Finding("changed", f"{path}: holds no names with values; {_AGAIN}")
    return found


_RESTS_ON = frozenset(
    (*(each.name for each in fields(OverlapParameters)), "metrics_version", "parent_file", "parent_sha256")
)
"""What a view is made from: where it differs, the view is not wrong but of something else."""


def _compared(label: str, expected: object, found: object) -> Iterator[Finding]:
    for name, text in _differing(expected, found):
        kind: Kind = "stale" if name.rpartition(".")[2] in _RESTS_ON else "changed"
        yield Finding(kind, f"{label}: {name}: {text}; {_AGAIN}")


def _differing(expected: object, found: object, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield where two JSON values differ, by dotted name, and how."""
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        for key in [*expected, *(key for key in found if key not in expected)]:
            inner = f"{name}.{key}".removeprefix(".")
            if key not in found:
                yield inner, "is not there"
            elif key not in expected:
                yield inner, f"is not expected, found {_short(found[key])}"
            else:
                yield from _differing(expected[key], found[key], inner)
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for number, pair in enumerate(zip(expected, found, strict=True)):
            yield from _differing(*pair, f"{name}.{number}")
    elif not _equal(expected, found):
        yield name, f"expected {_short(expected)}, found {_short(found)}"


def _equal(expected: object, found: object) -> bool:
    if isinstance(expected, float) and isinstance(found, int | float) and not isinstance(found, bool):
        return math.isclose(expected, found, rel_tol=_TOLERANCE)
    return type(expected) is type(found) and expected == found


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _TEXT else f"{text[:_TEXT]}..."
