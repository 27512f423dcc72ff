"""The lists of phase E: which networks were trained, how that ended, which could not be.

A network's entry replaces its own earlier one and no other.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ptycho_compare.hub import Hub, utc_text
from ptycho_compare.records.in_cell import InCell, cell_entry, rank_of_cell
from ptycho_compare.records.reading import Record, read_json
from ptycho_compare.records.renewing import NUMBER, TEXT, Entry, SharedFile, entries_of, others
from ptycho_compare.storage.files import write_json_atomic
from ptycho_compare.study.steps import BASELINE_NETWORK, TEST_SPLIT, TRAIN_SPLIT, TrainStep

MADE_BY = "phase E"


class TrainingResult(Record):
    """How a training ended; what another program does not state is None."""

    status: str
    final_loss: float | None = None
    epochs_completed: int | None = None
    kept_epoch: int | None = None
    kept_val_loss: float | None = None
    bundle_path: str | None = None
    bundle_sha256: str | None = None
    bundle_size_bytes: int | None = None


class TrainingEntry(InCell):
    """One network."""

    dose: int
    view: str
    gridsize: int
    train_data_path: str
    test_data_path: str
    log_path: str
    artifact_dir: str
    result: TrainingResult


class SkippedViews(Record):
    """``skip_summary.json``, and what ``training_manifest.json`` repeats of it."""

    skipped_views: list[dict[str, Any]]
    skipped_count: int


class TrainingList(SkippedViews):
    """``training_manifest.json``."""

    dry_run: bool = False
    jobs: list[TrainingEntry]


def training_list(hub: Hub) -> Path:
    """Where the networks are listed."""
    return hub.phase_e() / "training_manifest.json"


def skipped_views(hub: Hub) -> Path:
    """Where those are listed that could not be trained."""
    return hub.phase_e() / "skip_summary.json"


def read_training_list(hub: Hub) -> TrainingList:
    """Read it; ReportError when it is missing or no such list."""
    return read_json(training_list(hub), TrainingList, made_by=MADE_BY)


def read_skipped_views(hub: Hub) -> SkippedViews:
    """Read it; ReportError when it is missing or no such list."""
    return read_json(skipped_views(hub), SkippedViews, made_by=MADE_BY)


def list_training(step: TrainStep, result: Mapping[str, Any]) -> None:
    """Enter how a training ended; `result` is fit for JSON, with paths relative to the network's folder.

    Raises
    ------
    HubError
        What is there is no such list.
    """
    hub, lock = step.hub, step.hub.lock("training_manifest")
    file = SharedFile(training_list(hub), lock, "list of trainings", {"jobs": []}, _lists)
    with file.renewing() as (listed, skipped):  # networks may be trained side by side
        place = {"dose": step.dose, "view": step.network, **cell_entry(step.cell)}
        skipped = others(skipped, place)
        place["gridsize"] = step.gridsize
        jobs = [*others(listed, place), {**place, **_files(step), "result": dict(result)}]
        moment, count = utc_text(), len(skipped)
        summary = {"timestamp": moment, "skipped_views": skipped, "skipped_count": count}
        write_json_atomic(skipped_views(hub), summary)
        write_json_atomic(
            file.path,
            {
                "timestamp": moment,
                "phase_c_root": "data/phase_c",
                "phase_d_root": "data/phase_d",
                "artifact_root": hub.relative(hub.phase_e()),
                "filters": {"dose": None, "view": None, "gridsize": None},
                "dry_run": False,
                "jobs": sorted(jobs, key=_rank),
                "skipped_views": skipped,
                "skipped_count": count,
                "skip_summary_path": skipped_views(hub).name,
            },
        )


def _files(step: TrainStep) -> Entry:
    relative = step.hub.relative
    return {
        "train_data_path": relative(step.data(TRAIN_SPLIT)),
        "test_data_path": relative(step.data(TEST_SPLIT)),
        "log_path": relative(step.files.log),
        "artifact_dir": relative(step.files.folder),
        "backend": "tensorflow",
    }


def _rank(entry: Entry) -> tuple[Any, ...]:
    """In the order of the study's matrix: by dose, the Baseline first."""
    cell = rank_of_cell(entry)
    return entry["dose"], entry["view"] != BASELINE_NETWORK, entry["view"], entry["gridsize"], cell


def _lists(content: Any) -> tuple[list[Entry], list[Entry]]:
    jobs = entries_of(content["jobs"], {"dose": NUMBER, "view": TEXT, "gridsize": NUMBER})
    return jobs, entries_of(content.get("skipped_views", []), {"dose": NUMBER, "view": TEXT})
