"""The lists of phase F: which splits were reconstructed, how that ended, which could not be.

A split's entries replace its own earlier ones and no others.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from ptycho_compare.hub import Cell, Hub, utc_text
from ptycho_compare.records.comparison_list import AtPlace
from ptycho_compare.records.in_cell import cell_entry, rank_of_cell
from ptycho_compare.records.reading import Record, read_json
from ptycho_compare.records.renewing import NUMBER, TEXT, Entry, SharedFile, entries_of, others
from ptycho_compare.storage.files import write_json_atomic
from ptycho_compare.study.steps import ReconstructStep

MADE_BY = "phase F"


class PlannedReconstruction(AtPlace):
    """What was to be done."""

    input_npz: str
    output_dir: str
    algorithm: str
    num_epochs: int


class ReconstructionResult(AtPlace):
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


class SkippedReconstruction(AtPlace):
    """What could not be done."""

    reason: str


class ReconstructionList(Record):
    """``reconstruction_manifest.json``."""

    total_jobs: int
    jobs: list[PlannedReconstruction]
    execution_results: list[ReconstructionResult]


class SkippedReconstructions(Record):
    """``skip_summary.json``."""

    skipped_count: int
    skipped_jobs: list[SkippedReconstruction]


Placed = TypeVar("Placed", bound=AtPlace)


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


def of_split(entries: list[Placed], dose: int, view: str, split: str, cell: Cell = ()) -> list[Placed]:
    """Pick what is said of one split, in one cell."""
    return [each for each in entries if each.place == (dose, view, split, cell)]


def list_reconstruction(
    step: ReconstructStep, plan: Mapping[str, Any], result: Mapping[str, Any]
) -> list[Path]:
    """Enter how a reconstruction ended; both lists were written then.

    `plan` is its entry under ``jobs``, `result` that under ``execution_results``.

    Raises
    ------
    HubError
        What is there is no such list.
    """
    hub, lock = step.hub, step.hub.lock("reconstruction_manifest")
    file = SharedFile(reconstruction_list(hub), lock, _KIND, {}, _lists)
    with file.renewing() as (jobs, results):  # splits may be reconstructed side by side
        jobs = _renewed(jobs, step, plan)
        content = {
            "timestamp": utc_text(),
            "artifact_root": hub.relative(hub.phase_f()),
            "total_jobs": len(jobs),
            "jobs": jobs,
            "execution_results": _renewed(results, step, result),
        }
        write_json_atomic(file.path, content)
    return [file.path, list_skipped(step, None)]


def list_skipped(step: ReconstructStep, reason: str | None) -> Path:
    """Enter why a reconstruction cannot be made, or that nothing is in its way."""
    hub = step.hub
    file = SharedFile(skipped_reconstructions(hub), hub.lock("skip_summary"), _KIND, {}, _skipped)
    with file.renewing() as skipped:
        skipped = _renewed(skipped, step, None if reason is None else {"reason": reason})
        content = {
            "timestamp": utc_text(),
            "skipped_count": len(skipped),
            "skipped_jobs": skipped,
            "missing_phase_d_count": sum(entry["view"] != "dense" for entry in skipped),
        }
        write_json_atomic(file.path, content)
    return file.path


_KIND = "record of phase F's jobs"
_PLACE = {"dose": NUMBER, "view": TEXT, "split": TEXT}


def _lists(content: Any) -> tuple[list[Entry], list[Entry]]:
    jobs, results = (content.get(key, []) for key in ("jobs", "execution_results"))
    return entries_of(jobs, _PLACE), entries_of(results, _PLACE)


def _skipped(content: Any) -> list[Entry]:
    return entries_of(content.get("skipped_jobs", []), _PLACE)


def _renewed(entries: list[Entry], step: ReconstructStep, facts: Mapping[str, Any] | None) -> list[Entry]:
    place = {"dose": step.dose, **step.place, **cell_entry(step.cell)}
    mine = [] if facts is None else [{**place, **facts}]
    return sorted([*others(entries, place), *mine], key=_rank)


def _rank(entry: Entry) -> tuple[Any, ...]:
    return (*(entry[key] for key in _PLACE), rank_of_cell(entry))
