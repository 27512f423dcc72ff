"""The lists of phase F: which splits were reconstructed, how that ended, which could not be."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict

from ptycho_compare.hub import Hub
from ptycho_compare.records.reading import read_json

MADE_BY = "phase F"


class _Placed(BaseModel):
    """Something said of one split."""

    model_config = ConfigDict(frozen=True)
    dose: int
    view: str
    split: str


class PlannedReconstruction(_Placed):
    """What was to be done."""

    input_npz: str
    output_dir: str
    algorithm: str
    num_epochs: int


class ReconstructionResult(_Placed):
    """How it ended; what another program does not state is None."""

    returncode: int
    log_path: str
    output_npz: str | None = None
    output_sha256: str | None = None
    output_bytes: int | None = None
    input_sha256: str | None = None
    engine: str | None = None
    epochs: int | None = None
    images: int | None = None
    seconds: float | None = None
    last_loss: float | None = None
    origin_yx_px: tuple[float, float] | None = None


class SkippedReconstruction(_Placed):
    """What could not be done."""

    reason: str


class ReconstructionList(BaseModel):
    """``reconstruction_manifest.json``."""

    model_config = ConfigDict(frozen=True)
    total_jobs: int
    jobs: list[PlannedReconstruction]
    execution_results: list[ReconstructionResult]


class SkippedReconstructions(BaseModel):
    """``skip_summary.json``."""

    model_config = ConfigDict(frozen=True)
    skipped_count: int
    skipped_jobs: list[SkippedReconstruction]


Placed = TypeVar("Placed", bound=_Placed)


def reconstruction_list(hub: Hub) -> Path:
    """Where the reconstructions are listed."""
    return hub.phase_f() / "reconstruction_manifest.json"


def skipped_reconstructions(hub: Hub) -> Path:
    """Where those are listed that could not be made."""
    return hub.phase_f() / "skip_summary.json"


def read_reconstruction_list(hub: Hub) -> ReconstructionList:
    """Read it; ReportError when it is missing or no such list."""
    return read_json(reconstruction_list(hub), ReconstructionList, made_by=MADE_BY)


def read_skipped_reconstructions(hub: Hub) -> SkippedReconstructions:
    """Read it; ReportError when it is missing or no such list."""
    return read_json(skipped_reconstructions(hub), SkippedReconstructions, made_by=MADE_BY)


def of_split(entries: list[Placed], dose: int, view: str, split: str) -> list[Placed]:
    """Pick what is said of one split."""
    return [each for each in entries if (each.dose, each.view, each.split) == (dose, view, split)]
