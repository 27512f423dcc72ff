"""``analysis/comparison_manifest.json``: which comparisons were run and how they ended, one list per hub.

A comparison's entry replaces its own earlier one and no other: runs split by split add up.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ptycho_compare.errors import HubError
from ptycho_compare.finding import Finding
from ptycho_compare.hub import Hub
from ptycho_compare.phases.comparison.job import ComparisonJob
from ptycho_compare.storage.files import locked, write_json_atomic, write_text_atomic


def is_listed(job: ComparisonJob) -> bool:
    """Whether the list says that this comparison was run and is green."""
    results = _read(job.hub)["execution_results"]
    return any(entry["id"] == job.id and entry["returncode"] == 0 for entry in results)


def list_comparison(job: ComparisonJob, *, returncode: int, findings: Sequence[Finding]) -> None:
    """Enter a comparison.

    Parameters
    ----------
    job : ComparisonJob
    returncode : int
        Of its command; 0 for evidence that was there.
    findings : sequence of Finding
        What does not hold in its evidence: it then counts as failed, whatever its exit status.
    """
    hub, place = job.hub, job.comparison
    hub.analysis().mkdir(parents=True, exist_ok=True)
    where = {"id": job.id, "dose": place.dose, "view": place.view, "split": place.split}
    entry = {**where, "output_dir": hub.relative(job.folder)}
    result = {
        **where,
        "returncode": returncode or (1 if findings else 0),
        "log_path": hub.relative(hub.step_log(f"phase_g_{place.view}_{place.split}")),
        "error": str(findings[0]) if findings else None,
    }
    # reports are read beside the list; the lock keeps two pipelines from losing each other's entries
    with locked(hub.lock("comparison_manifest")):
        listed = _read(hub)
        jobs = _merged(listed["jobs"], entry)
        results = _merged(listed["execution_results"], result)
        succeeded = sum(each["returncode"] == 0 for each in results)
        write_json_atomic(
            hub.comparison_manifest(),
            {
                "n_jobs": len(jobs),
                "n_success": succeeded,
                "n_failed": len(results) - succeeded,
                "jobs": jobs,
                "execution_results": results,
            },
        )
        write_text_atomic(hub.comparison_summary(), _summary(results))


def _merged(entries: Sequence[dict[str, Any]], entry: dict[str, Any]) -> list[dict[str, Any]]:
    """Return entries in the order of the study's matrix: dose, view, then train before test."""
    others = [each for each in entries if each["id"] != entry["id"]]
    return sorted([*others, entry], key=lambda each: (each["dose"], each["view"], each["split"] != "train"))


def _read(hub: Hub) -> dict[str, Any]:
    path = hub.comparison_manifest()
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if all("id" in each for key in ("jobs", "execution_results") for each in content[key]):
            return dict(content)
        found = "entries without 'id'"
    except FileNotFoundError:
        return {"jobs": [], "execution_results": []}
    except (ValueError, KeyError, TypeError) as error:
        found = f"{type(error).__name__}: {error}"
    raise HubError(f"{path}: is no list of comparisons of ours ({found}); move it away")


def _summary(results: Sequence[dict[str, Any]]) -> str:
    lines = [
        f"{each['id']}: {'ok' if each['returncode'] == 0 else each['error'] or 'failed'}" for each in results
    ]
    return "\n".join([f"{len(lines)} comparisons", *lines, ""])
