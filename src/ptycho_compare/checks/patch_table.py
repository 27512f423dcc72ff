"""The table of patches before stitching: whole, possible, and of what its manifest says."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping

from ptycho_compare.errors import InputError
from ptycho_compare.finding import Finding
from ptycho_compare.hub import Artifacts
from ptycho_compare.records.manifest import ArmRecord, Manifest
from ptycho_compare.records.tables.patches_csv import PatchRow, read_patches_csv

_ANY = (0.0, math.inf)
_ENDS = {"fienup": (0.0, 1.0), "phase": (-3.1416, 3.1416)}
"""Of columns; others are errors, gains and similarities."""


def judge_patches(names: Artifacts, manifest: Manifest) -> Iterator[Finding]:
    """Judge ``patch_scores.csv``, where the manifest lists it, or its settings ask for it."""
    path = names.patch_scores
    networks = [arm for arm, record in manifest.arms.items() if record.status == "ok" and _runs(record)]
    if path.name not in manifest.artifacts:
        if networks and _asked(manifest):
            yield Finding("missing", f"{path}: the settings ask for patches, and the manifest lists none")
        return
    try:
        rows = read_patches_csv(path)
    except InputError as error:
        yield Finding("changed", str(error))
        return
    for text in dict.fromkeys(_faults(rows, networks, manifest)):
        yield Finding("changed", f"{path}: {text}")


def _asked(manifest: Manifest) -> bool:
    """Say if patches were to be scored: they need a true object, and the definitions that know patches."""
    scoring = manifest.settings.get("scoring")
    standard = isinstance(scoring, Mapping) and scoring.get("metrics") == "standard"
    return bool(manifest.settings.get("patches")) and standard and manifest.reference != "none"


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def _runs(record: ArmRecord) -> bool:
    """Say if an arm is a network: what it ran on stands in its record."""
    parameters = record.details.get("parameters")
    return isinstance(parameters, Mapping) and "device" in parameters


def _faults(rows: list[PatchRow], networks: list[str], manifest: Manifest) -> Iterator[str]:
    held: dict[str, list[tuple[int, int]]] = {}
    for row in rows:
        held.setdefault(row.arm, []).append((row.group, row.image))
        yield from _of_row(row, manifest)
    for arm in held.keys() - set(networks):
        yield f"{arm} is no network of the manifest that is scored"
    drawn = next(iter(held.values()), [])
    count = min(_number(manifest.settings.get("patches")), _number(manifest.plan.get("groups")))
    for arm in networks:
        found = held.get(arm, [])
        if twice := [group for (group, _), times in Counter(found).items() if times > 1]:
            yield f"{arm}, group {twice[0]} stands there {Counter(found).most_common(1)[0][1]} times"
        elif len(found) != count:
            yield f"{arm} has {len(found)} patches, and {count} were drawn"
        elif found != drawn:
            yield f"{arm} has patches of other groups than {next(iter(held))}"


def _of_row(row: PatchRow, manifest: Manifest) -> Iterator[str]:
    name = f"{row.arm}, group {row.group}"
    if row.metric_version != manifest.metric_version:
        yield f"{name}: metric_version is {row.metric_version}; the manifest says {manifest.metric_version}"
    fienup = row.numbers["fienup"]
    if (fienup is None) != bool(row.note):
        yield f"{name}: fienup is {'empty' if fienup is None else fienup}, and its note is '{row.note}'"
    for column, number in row.numbers.items():
        low, high = (-1.0, 1.0) if "_ssim_" in column else _ENDS.get(column, _ANY)
        if number is not None and not low <= number <= high:
            yield f"{name}: {column} = {number:g} is outside [{low:g}, {high:g}]"
