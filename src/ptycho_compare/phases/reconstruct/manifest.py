"""The phase's manifest and its list of jobs that could not run: one entry per job, each renewed by itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from ptycho_compare.errors import HubError
from ptycho_compare.hub import Hub, utc_text
from ptycho_compare.storage.files import locked, write_json_atomic

Entry = dict[str, Any]

_LISTS = ("jobs", "execution_results", "skipped_jobs")


@dataclass(frozen=True, order=True)
class Job:
    """Which reconstruction."""

    dose: int
    view: str
    split: str

    @property
    def title(self) -> str:
        """Its name, e.g. ``dose_1000-dense-train``."""
        return f"dose_{self.dose}-{self.view}-{self.split}"


def record_result(hub: Hub, job: Job, plan: Mapping[str, Any], result: Mapping[str, Any]) -> list[Path]:
    """Enter how a job ended; what is known of other jobs stays.

    Parameters
    ----------
    hub : Hub
    job : Job
    plan : mapping
        What was to be done: its entry under ``jobs``.
    result : mapping
        What came of it: its entry under ``execution_results``.
    """
    path = _manifest(hub)
    with locked(hub.lock("reconstruction_manifest")):  # splits may be reconstructed side by side
        held = _read(path)
        jobs = _renewed(held.get("jobs", []), job, plan)
        results = _renewed(held.get("execution_results", []), job, result)
        content = {
            "timestamp": utc_text(),
            "artifact_root": hub.relative(hub.phase_f()),
            "total_jobs": len(jobs),
            "jobs": jobs,
            "execution_results": results,
        }
        write_json_atomic(path, content)
    return [path, record_skip(hub, job, None)]


def record_skip(hub: Hub, job: Job, reason: str | None) -> Path:
    """Enter why a job cannot run, or that nothing is in its way."""
    path = hub.phase_f() / "skip_summary.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    with locked(hub.lock("skip_summary")):
        skipped = _read(path).get("skipped_jobs", [])
        skipped = _renewed(skipped, job, None if reason is None else {"reason": reason})
        content = {
            "timestamp": utc_text(),
            "skipped_count": len(skipped),
            "skipped_jobs": skipped,
            "missing_phase_d_count": sum(entry["view"] != "dense" for entry in skipped),
        }
        write_json_atomic(path, content)
    return path


def _manifest(hub: Hub) -> Path:
    path = hub.phase_f() / "reconstruction_manifest.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _renewed(entries: list[Entry], job: Job, facts: Mapping[str, Any] | None) -> list[Entry]:
    by_job = {Job(entry["dose"], entry["view"], entry["split"]): entry for entry in entries}
    by_job.pop(job, None)
    if facts is not None:
        by_job[job] = {**asdict(job), **facts}
    return [by_job[each] for each in sorted(by_job)]


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise HubError(f"{path}: is no JSON ({error}); move it away") from None
    lists = [content.get(key, []) for key in _LISTS] if isinstance(content, dict) else [None]
    if not all(isinstance(entries, list) and all(map(_names_a_job, entries)) for entries in lists):
        raise HubError(f"{path}: is no record of phase F's jobs; move it away")
    return dict(content)


def _names_a_job(entry: object) -> bool:
    return isinstance(entry, dict) and all(field.name in entry for field in fields(Job))
