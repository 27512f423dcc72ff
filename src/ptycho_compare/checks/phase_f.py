"""Phase F of a hub: the rules for its iterative reconstructions, whoever made them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.checks.figure import judge_figure
from ptycho_compare.checks.remade import cannot_read
from ptycho_compare.checks.step_records import judge_step, made_here
from ptycho_compare.errors import InputError, ReportError
from ptycho_compare.finding import Finding
from ptycho_compare.hub import Cell, Hub
from ptycho_compare.reconstruction.ready_made import ReadyMade, read_ready_made
from ptycho_compare.records.reconstruction_list import (
    MADE_BY,
    ReconstructionList,
    ReconstructionResult,
    of_split,
    read_reconstruction_list,
    read_skipped_reconstructions,
    reconstruction_list,
    skipped_reconstructions,
)
from ptycho_compare.scoring.collapse import CollapseLimits, find_collapse
from ptycho_compare.storage.files import digest_of
from ptycho_compare.study import Study
from ptycho_compare.study.steps import ReconstructStep
from ptycho_compare.untrusted.npz import open_npz
from ptycho_compare.untrusted.regular import read_log

_AGAIN = f"run {MADE_BY} again"
_RETURN_CODE = re.compile(r"^return code: (-?\d+)$", re.MULTILINE)


def judge_phase_f(
    hub: Hub,
    dose: int,
    view: str,
    splits: Sequence[str],
    *,
    limits: CollapseLimits | None = None,
    study: Study | None = None,
) -> list[Finding]:
    """Collect what does not hold for the reconstructions of some splits.

    Empty when each split has its own, which can be read, is finite and alive by the study's `limits` (None
    for the defaults), agrees with the lists of phase F and is as its step left it. What was brought from
    elsewhere need not be listed; what is listed must agree.
    """
    places = [ReconstructStep(hub, dose, view, split) for split in splits]
    listed, findings = _list(hub, places)
    for place in places:
        findings += _of_file(place, limits or CollapseLimits())
        if listed is not None:
            findings += _of_list(place, listed)
        if made_here(place):
            findings += _of_log(place)
            findings += judge_figure(place.files.figure, MADE_BY)
        findings += judge_step(place, study)
    return [*findings, *_shared(places)]


def _list(hub: Hub, places: Sequence[ReconstructStep]) -> tuple[ReconstructionList | None, list[Finding]]:
    path = reconstruction_list(hub)
    if not path.exists() and not any(made_here(place) for place in places):
        return None, []
    try:
        listed, skipped = read_reconstruction_list(hub), read_skipped_reconstructions(hub)
    except ReportError as error:
        return None, [cannot_read(error)]
    findings = []
    counts = (
        (path, "total_jobs", listed.total_jobs, len(listed.jobs)),
        (skipped_reconstructions(hub), "skipped_count", skipped.skipped_count, len(skipped.skipped_jobs)),
    )
    for file, key, stated, found in counts:
        if stated != found:
            findings.append(
                Finding("changed", f"{file}: {key} is {stated}, and {found} are listed; {_AGAIN}")
            )
    for place in places:
        for each in of_split(skipped.skipped_jobs, *_where(place)):
            text = f"says that {place.split} could not be made ({each.reason}); {_AGAIN}"
            findings.append(Finding("failed", f"{skipped_reconstructions(hub)}: {text}"))
    return listed, findings


def _where(place: ReconstructStep) -> tuple[int, str, str, Cell]:
    return place.dose, place.view, place.split, place.cell


def _of_file(place: ReconstructStep, limits: CollapseLimits) -> Iterator[Finding]:
    path = place.files.reconstruction
    if not path.is_file():
        yield Finding("missing", f"{path}: no such file; {MADE_BY} makes it from the split's own data")
        return
    try:
        ready_made = read_ready_made(path)
        yield from _of_arrays(path)
    except InputError as error:
        yield Finding("input", str(error))
        return
    collapse = find_collapse(ready_made.values, _middle(ready_made), limits=limits)
    if collapse is not None:
        yield Finding("dead", f"{collapse.kind}: {collapse.detail} ({path}); {_AGAIN}", ready_made.arm)


def _of_arrays(path: Path) -> Iterator[Finding]:
    """Find what is not finite, in the object's margins and beside the object too."""
    if path.suffix != ".npz":
        return
    with open_npz(path) as archive:
        for key, header in archive.headers.items():
            if header.dtype.kind in "fc" and (bad := int((~np.isfinite(archive.array(key))).sum())):
                yield Finding("dead", f"non_finite: {path}: '{key}' is not finite in {bad} values; {_AGAIN}")


def _middle(ready_made: ReadyMade) -> NDArray[np.bool_]:
    """Half of each axis: the margins hold what no probe has seen."""
    rows, columns = np.indices(ready_made.values.shape)
    height, width = ready_made.values.shape[:2]
    mask: NDArray[np.bool_] = (np.abs(2 * rows + 1 - height) * 2 <= height) & (
        np.abs(2 * columns + 1 - width) * 2 <= width
    )
    return mask


def _of_list(place: ReconstructStep, listed: ReconstructionList) -> Iterator[Finding]:
    hub, path = place.hub, reconstruction_list(place.hub)
    where = _where(place)
    plans, results = of_split(listed.jobs, *where), of_split(listed.execution_results, *where)
    if not plans and not results and not made_here(place):
        return
    if len(plans) != 1 or len(results) != 1:
        text = (
            f"lists {place.split} {len(plans)} times as a job and {len(results)} times as a result, not once"
        )
        yield Finding("missing", f"{path}: {text}; {_AGAIN}")
        return
    plan, result = plans[0], results[0]
    folders = (hub.relative(place.files.folder), place.files.folder.relative_to(hub.phase_f()).as_posix())
    data = place.data
    expected: list[tuple[str, Any, Any]] = [("returncode", result.returncode, 0)]
    if plan.output_dir not in folders:
        expected.append(("output_dir", plan.output_dir, folders[0]))
    if made_here(place):
        expected.append(("input_npz", plan.input_npz, hub.relative(data)))
        expected.append(("log_path", result.log_path, hub.relative(place.files.log)))
        expected.append(("output_npz", result.output_npz, hub.relative(place.files.reconstruction)))
        expected.append(("engine", result.engine, plan.algorithm))
        expected.append(("epochs", result.epochs, plan.num_epochs))
    if result.input_sha256 is not None and data.is_file():
        expected.append((f"input_sha256 ({hub.relative(data)})", result.input_sha256, digest_of(data)))
    if place.files.reconstruction.is_file():
        expected += _of_output(place.files.reconstruction, result)
    for key, found, wanted in expected:
        if found != wanted:
            text = f"{key} of {place.split} is {found!r}; expected {wanted!r}"
            yield Finding("changed", f"{path}: {text}; {_AGAIN}")


def _of_output(path: Path, result: ReconstructionResult) -> Iterator[tuple[str, Any, Any]]:
    """Facts that list and file both state: key, what the list says, what the file says."""
    if result.output_sha256 is not None:
        yield "output_sha256", result.output_sha256, digest_of(path)
    if result.output_bytes is not None:
        yield "output_bytes", result.output_bytes, path.stat().st_size
    if path.suffix != ".npz":
        return
    try:
        with open_npz(path) as archive:
            if "engine" in archive and result.engine is not None:
                yield "engine", result.engine, str(archive.array("engine"))
            if "losses" in archive and result.epochs is not None:
                losses = archive.array("losses")
                yield "epochs", result.epochs, len(losses)
                if len(losses) and result.last_loss is not None:
                    same = math.isclose(result.last_loss, losses[-1], rel_tol=1e-9)
                    yield "last_loss", result.last_loss, result.last_loss if same else float(losses[-1])
            if "image_numbers" in archive and result.images is not None:
                yield "images", result.images, len(archive.array("image_numbers"))
            if "origin_yx_px" in archive and result.origin_yx_px is not None:
                yield "origin_yx_px", result.origin_yx_px, tuple(archive.array("origin_yx_px").tolist())
    except InputError:
        return  # the file's own judgement says so


def _of_log(place: ReconstructStep) -> Iterator[Finding]:
    path, title = place.files.log, place.name
    try:
        text = read_log(path)
    except OSError as error:
        yield Finding("missing", f"{path}: {error.strerror}; {MADE_BY} writes it")
        return
    first = text.partition("\n")[0]
    if first != f"job: {title}":
        yield Finding("changed", f"{path}:1: says {first!r}; expected 'job: {title}'; {_AGAIN}")
    codes = _RETURN_CODE.findall(text.partition("\n--- STDOUT")[0])
    if codes != ["0"]:
        said = ", ".join(codes) or "nothing"
        yield Finding("changed", f"{path}: return code: says {said}; expected 0; {_AGAIN}")


def _shared(places: Sequence[ReconstructStep]) -> Iterator[Finding]:
    """One split's reconstruction never serves another."""
    first: dict[str, ReconstructStep] = {}
    for place in places:
        if not place.files.reconstruction.is_file():
            continue
        digest = digest_of(place.files.reconstruction)
        if digest in first:
            text = f"is byte by byte that of {first[digest].split}; {MADE_BY} makes the split's own"
            yield Finding("input", f"{place.files.reconstruction}: {text}")
        first.setdefault(digest, place)
