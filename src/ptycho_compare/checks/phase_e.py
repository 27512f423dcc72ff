"""Phase E of a hub: the rules for its trained networks, whoever trained them."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from ptycho_compare.checks.figure import judge_figure
from ptycho_compare.checks.history import judge_log
from ptycho_compare.checks.remade import cannot_read
from ptycho_compare.checks.step_records import judge_step, made_here
from ptycho_compare.errors import InputError, ReportError
from ptycho_compare.finding import Finding
from ptycho_compare.hub import MODEL_NAMES, Hub
from ptycho_compare.models.bundle import ModelFile, find_model, inspect_model
from ptycho_compare.records.training_history import Epoch, read_history
from ptycho_compare.records.training_list import (
    MADE_BY,
    TrainingEntry,
    TrainingList,
    read_skipped_views,
    read_training_list,
    skipped_views,
    training_list,
)
from ptycho_compare.study import NETWORKS, Study
from ptycho_compare.study.steps import TEST_SPLIT, TRAIN_SPLIT, TrainStep, train_steps

_AGAIN = f"run {MADE_BY} again"
_COMPLETE = ("complete", "success")


def judge_phase_e(
    hub: Hub, dose: int, view: str, arms: Collection[str] = NETWORKS, *, study: Study | None = None
) -> list[Finding]:
    """Collect what does not hold for the Baseline and the network of a view, as far as `arms` names them.

    Empty when their bundles are there, can be read and are of their place, when lists, tables and logs of
    their training agree with them, and when they are as their steps left them. Networks that were brought
    from elsewhere need no list and no table; what is there must agree.
    """
    networks = train_steps(hub, dose, view, arms)
    listed, findings = _list(hub, needed=any(made_here(network) for network in networks))
    for network in networks:
        findings += _judge(network, listed)
        findings += judge_step(network, study)
    return findings


def _list(hub: Hub, *, needed: bool) -> tuple[TrainingList | None, list[Finding]]:
    path = training_list(hub)
    if not needed and not path.exists():
        return None, []
    try:
        listed = read_training_list(hub)
        skipped = read_skipped_views(hub)
    except ReportError as error:
        return None, [cannot_read(error)]
    findings = [Finding("failed", f"{path}: is of a dry run; {_AGAIN}")] if listed.dry_run else []
    if len(listed.skipped_views) != listed.skipped_count:
        text = f"skipped_count is {listed.skipped_count}, and {len(listed.skipped_views)} are listed"
        findings.append(Finding("changed", f"{path}: {text}; {_AGAIN}"))
    if (skipped.skipped_views, skipped.skipped_count) != (listed.skipped_views, listed.skipped_count):
        found, expected = (f"{each.skipped_count} {each.skipped_views}" for each in (skipped, listed))
        text = f"says {found}, and {hub.relative(path)} says {expected}; {_AGAIN}"
        findings.append(Finding("changed", f"{skipped_views(hub)}: skipped_views: {text}"))
    return listed, findings


def _judge(network: TrainStep, listed: TrainingList | None) -> Iterator[Finding]:
    model: ModelFile | None = None
    try:
        model = inspect_model(find_model(network.files.folder))
    except InputError as error:
        there = any(path.name in MODEL_NAMES for path in network.files.folder.rglob("*"))
        yield Finding("input" if there else "missing", f"{error} ({network})")
    else:
        yield from _of_place(network, model)
    entry = None
    if listed is not None:
        path = training_list(network.hub)
        place = (network.dose, network.network, network.gridsize, network.cell)
        entries = [
            each for each in listed.jobs if (each.dose, each.view, each.gridsize, each.in_cell) == place
        ]
        if len(entries) == 1:
            entry = entries[0]
            yield from _of_entry(network, entry, model)
        elif entries or made_here(network):
            yield Finding("missing", f"{path}: lists {network} {len(entries)} times, not once; {_AGAIN}")
        skipped = [
            (each.get("dose"), each.get("view"), each.get("cell", {})) for each in listed.skipped_views
        ]
        if (network.dose, network.network, dict(network.cell)) in skipped:
            yield Finding("changed", f"{path}: says that {network} was skipped; {_AGAIN}")
    yield from _of_progress(network, entry)


def _of_place(network: TrainStep, model: ModelFile) -> Iterator[Finding]:
    """The network is the one that belongs into this folder."""
    size = network.gridsize**2
    if model.group_size != size:
        text = f"takes groups of {model.group_size}, and its place is that of {network}, groups of {size}"
        yield Finding("input", f"{model.path}: {text}; {_AGAIN}")
    elif model.kind == "supervised" and not network.single:
        yield Finding("input", f"{model.path}: is a supervised network, and its place is that of {network}")


def _of_entry(network: TrainStep, entry: TrainingEntry, model: ModelFile | None) -> Iterator[Finding]:
    hub, result = network.hub, entry.result
    path, folder = training_list(hub), network.files.folder
    expected: list[tuple[str, Any, Any]] = []
    if result.status not in _COMPLETE:
        expected.append(("result.status", result.status, _COMPLETE[0]))
    if result.final_loss is None or not math.isfinite(result.final_loss):
        expected.append(("result.final_loss", result.final_loss, "a finite number"))
    if entry.artifact_dir not in (hub.relative(folder), folder.relative_to(hub.phase_e()).as_posix()):
        expected.append(("artifact_dir", entry.artifact_dir, hub.relative(folder)))
    if model is not None:
        size, relative = model.path.stat().st_size, model.path.relative_to(folder).as_posix()
        expected += [
            ("result.bundle_path", result.bundle_path, relative),
            ("result.bundle_sha256", result.bundle_sha256, model.sha256),
            ("result.bundle_size_bytes", result.bundle_size_bytes, size),
            *_of_parameters(entry, model),
        ]
    if made_here(network):
        expected += [
            ("log_path", entry.log_path, hub.relative(network.files.log)),
            ("train_data_path", entry.train_data_path, hub.relative(network.data(TRAIN_SPLIT))),
            ("test_data_path", entry.test_data_path, hub.relative(network.data(TEST_SPLIT))),
        ]
    for key, found, wanted in expected:
        if found != wanted:
            yield Finding("changed", f"{path}: {network}: {key} is {found!r}; expected {wanted!r}; {_AGAIN}")


def _of_parameters(entry: TrainingEntry, model: ModelFile) -> Iterator[tuple[str, Any, Any]]:
    """Facts that bundle and list both state: key, what the list says, what the bundle says."""
    own = {
        "gridsize": entry.gridsize,
        "nphotons": float(entry.dose),
        "train_data_file_path": entry.train_data_path,
        "output_prefix": entry.artifact_dir,
    }
    for key, stated in own.items():
        found = model.parameters.get(key, stated)
        if isinstance(found, type(stated)):
            yield f"{key} (params of {model.path.name})", stated, found


def _of_progress(network: TrainStep, entry: TrainingEntry | None) -> Iterator[Finding]:
    """Table, log and figure of the training."""
    files = network.files
    if not (made_here(network) or files.history.exists()):
        return
    try:
        rows = read_history(files.history)
    except InputError as error:
        yield Finding("changed" if files.history.is_file() else "missing", f"{error}; {_AGAIN}")
        return
    if entry is not None:
        yield from _of_history(files.history, rows, entry)
    yield from judge_log(files.log, rows)
    yield from judge_figure(files.history_plot, MADE_BY)


def _of_history(path: Path, rows: list[Epoch], entry: TrainingEntry) -> Iterator[Finding]:
    result = entry.result
    kept = result.kept_epoch
    if result.epochs_completed not in (None, len(rows)):
        text = f"has {len(rows)} epochs, and the manifest says epochs_completed {result.epochs_completed}"
        yield Finding("changed", f"{path}: {text}; {_AGAIN}")
    if kept is not None and not 1 <= kept <= len(rows):
        yield Finding("changed", f"{path}: has no epoch {kept}, and the manifest kept that; {_AGAIN}")
        kept = None
    pairs = [("final_loss", rows[-1].loss, result.final_loss)]
    if kept is not None:
        pairs.append(("kept_val_loss", rows[kept - 1].val_loss, result.kept_val_loss))
    for name, found, stated in pairs:
        # the table has nine digits
        if stated is not None and not math.isclose(found, stated, rel_tol=1e-7):
            text = f"gives {name} {found:.9g}, and the manifest says {stated:.9g}"
            yield Finding("changed", f"{path}: {text}; {_AGAIN}")
