"""The accounts of a comparison: every arm got all groups of the plan, and predicted what was expected."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ArchiveError
from ptycho_compare.finding import Finding
from ptycho_compare.hub import short_name
from ptycho_compare.reconstruction.canvas import read_window
from ptycho_compare.records.manifest import ArmRecord, Manifest
from ptycho_compare.untrusted.npz import open_npz
from ptycho_compare.untrusted.regular import read_log

_AGAIN = "run the comparison again"
_END_CHARACTERS = 80
_SIZES = re.compile(r"nonzero_count=(\d{1,18})/(\d{1,18})$")
_PLANNED = " - plan: "
_TRACEBACK = "\nTraceback (most recent call last):"
_HELD: Mapping[str, tuple[str, int, str]] = {
    "groups": ("iu", 2, "(B, C) integers"),
    "normalization": ("fiu", 0, "one number"),
    "seed": ("iu", 0, "one integer"),
    "neighbors": ("iu", 0, "one integer"),
    "algorithm": ("U", 0, "one name"),
}
"""Contents of ``plan.npz``: kinds, as NumPy calls them, dimensions, and both in words."""


def judge_plan(path: Path, manifest: Manifest) -> Iterator[Finding]:
    """Compare ``plan.npz`` with what the manifest says of the plan."""
    if not path.is_file():
        return
    told = manifest.plan
    try:
        with open_npz(path) as archive:
            held = {key: archive.array(key) for key in _HELD}
    except ArchiveError as error:
        yield Finding("changed", str(error))
        return
    wrong = list(_of_another_kind(path, held))
    if wrong:
        yield from wrong
        return
    groups = held.pop("groups")
    found = {key: value.item() for key, value in held.items()}
    found |= {"groups": len(groups), "group_size": groups.shape[1], "images": len(np.unique(groups))}
    for key, value in found.items():
        if value != told.get(key):
            yield Finding(
                "changed", f"{path}: {key} is {value}, and the manifest says {told.get(key)}; {_AGAIN}"
            )
    for key in ("seed", "neighbors"):
        if key in manifest.settings and manifest.settings[key] != found[key]:
            text = f"settings.{key} is {manifest.settings[key]}, and {path.name} was drawn with {found[key]}"
            yield Finding("changed", f"{path.with_name('manifest.json')}: {text}; {_AGAIN}")
    images = told.get("images_in_scan", 0)
    if groups.size and not (groups.min() >= 0 and groups.max() < images):
        ends = f"{groups.min()} to {groups.max()}"
        yield Finding("changed", f"{path}: 'groups' names images {ends}, and the scan has {images}; {_AGAIN}")


def _of_another_kind(path: Path, held: Mapping[str, NDArray[Any]]) -> Iterator[Finding]:
    for key, (kinds, dimensions, needed) in _HELD.items():
        value = held[key]
        if value.ndim != dimensions or value.dtype.kind not in kinds:
            text = f"'{key}' is {value.dtype} {value.shape}; needed: {needed}"
            yield Finding("changed", f"{path}: {text}")


def judge_log(path: Path, manifest: Manifest) -> Iterator[Finding]:
    """Compare the numbers of predicted pixels in a comparison's log, if it is there, with its plan.

    Nor does the log of arms that are all well end in a traceback, after the plan of the last attempt.
    """
    if not path.is_file():
        return
    text = read_log(path)
    if not text.strip():
        yield Finding("missing", f"{path}: is empty; {_AGAIN}")
        return
    whole = all(record.status == "ok" for record in manifest.arms.values())
    if whole and _TRACEBACK in text[text.rfind(_PLANNED) :]:
        said = "tells of a traceback, and the manifest says that all arms are ok"
        yield Finding("failed", f"{path}: {said}; {_AGAIN}")
    for arm, record in manifest.arms.items():
        expected = _expected(record, manifest)
        if expected is None or record.status != "ok":
            continue
        name = f"DIAGNOSTIC {short_name(arm)}_output stats"
        counts = [found.groups() for found in map(_SIZES.search, _lines_with(f"{name}: ", text)) if found]
        filled, size = map(int, counts[-1]) if counts else (0, 0)
        if not counts:
            yield Finding("missing", f"{path}: has no line '{name}'; {_AGAIN}", arm)
        elif size not in expected:
            said = f"'{name}' tells of {size} predicted pixels, and the plan asks for {expected[0]}"
            yield Finding("changed", f"{path}: {said}; {_AGAIN}", arm)
        elif not filled:
            said = f"'{name}' says that every predicted pixel is zero, and the manifest that the arm is ok"
            yield Finding("failed", f"{path}: {said}; {_AGAIN}", arm)


def _lines_with(name: str, text: str) -> Iterator[str]:
    """Ends of the lines that hold a name: a log may be one line of a megabyte, all of it that name."""
    return (line[-_END_CHARACTERS:] for line in text.splitlines() if name in line)


def _expected(record: ArmRecord, manifest: Manifest) -> tuple[int, int] | None:
    """Pixels of a network's output: a patch per group, or per image of the plan; None for other arms.

    Of each the middle, from which the canvas is interpolated; logs before 2026-12 tell of all of it.
    """
    parameters = record.details.get("parameters", {})
    side, gridsize = parameters.get("N"), parameters.get("gridsize")
    if not isinstance(side, int) or not isinstance(gridsize, int):
        return None
    rows, crop_px = (
        manifest.plan.get("images" if gridsize == 1 else "groups"),
        manifest.settings.get("crop_px"),
    )
    if not isinstance(rows, int) or not isinstance(crop_px, int):
        return None
    read = read_window(side, crop_px)
    return rows * (read.stop - read.start) ** 2, rows * side**2
