"""The lists of phase E: which networks were trained, how that ended, which could not be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from ptycho_compare.hub import Hub
from ptycho_compare.records.reading import read_json

MADE_BY = "phase E"


class TrainingResult(BaseModel):
    """How a training ended; what another program does not state is None."""

    model_config = ConfigDict(frozen=True)
    status: str
    final_loss: float | None = None
    epochs_completed: int | None = None
    kept_epoch: int | None = None
    kept_val_loss: float | None = None
    bundle_path: str | None = None
    bundle_sha256: str | None = None
    bundle_size_bytes: int | None = None


class TrainingEntry(BaseModel):
    """One network."""

    model_config = ConfigDict(frozen=True)
    dose: int
    view: str
    gridsize: int
    train_data_path: str
    test_data_path: str
    log_path: str
    artifact_dir: str
    result: TrainingResult


class SkippedViews(BaseModel):
    """``skip_summary.json``, and what ``training_manifest.json`` repeats of it."""

    model_config = ConfigDict(frozen=True)
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
