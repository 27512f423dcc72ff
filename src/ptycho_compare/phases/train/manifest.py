"""``training_manifest.json`` and ``skip_summary.json``: which networks were trained and how that ended.

A network's entry replaces its own earlier one and no other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ptycho_compare.errors import HubError
from ptycho_compare.hub import Hub, utc_text
from ptycho_compare.phases.train.job import BASELINE_NETWORK, TEST_SPLIT, TRAIN_SPLIT, TrainingJob
from ptycho_compare.storage.files import locked, write_json_atomic

_MANIFEST, _SKIPPED = "training_manifest.json", "skip_summary.json"


def list_training(job: TrainingJob, result: Mapping[str, Any]) -> None:
    """Enter how a training ended.

    Parameters
    ----------
    job : TrainingJob
    result : mapping
        Fit for JSON; paths relative to the network's folder.

    Raises
    ------
    HubError
        What is there is no such list.
    """
    hub = job.hub
    hub.phase_e().mkdir(parents=True, exist_ok=True)
    with locked(hub.lock("training_manifest")):  # networks may be trained side by side
        listed = _read(hub)
        mine = {"dose": job.dose, "view": job.network, "gridsize": job.gridsize}
        skipped = [each for each in listed["skipped_views"] if _place(each)[:2] != _place(mine)[:2]]
        jobs = [each for each in listed["jobs"] if _place(each) != _place(mine)]
        moment = utc_text()
        summary = {"timestamp": moment, "skipped_views": skipped, "skipped_count": len(skipped)}
        write_json_atomic(hub.phase_e() / _SKIPPED, summary)
        write_json_atomic(
            hub.phase_e() / _MANIFEST,
            {
                "timestamp": moment,
                "phase_c_root": "data/phase_c",
                "phase_d_root": "data/phase_d",
                "artifact_root": hub.relative(hub.phase_e()),
                "filters": {"dose": None, "view": None, "gridsize": None},
                "dry_run": False,
                "jobs": sorted([*jobs, {**mine, **_files(job), "result": dict(result)}], key=_rank),
                "skipped_views": skipped,
                "skipped_count": len(skipped),
                "skip_summary_path": _SKIPPED,
            },
        )


def _files(job: TrainingJob) -> dict[str, Any]:
    relative = job.hub.relative
    return {
        "train_data_path": relative(job.data(TRAIN_SPLIT)),
        "test_data_path": relative(job.data(TEST_SPLIT)),
        "log_path": relative(job.files.log),
        "artifact_dir": relative(job.files.folder),
        "backend": "tensorflow",
    }


def _place(entry: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    return entry["dose"], entry["view"], entry.get("gridsize")


def _rank(entry: Mapping[str, Any]) -> tuple[Any, ...]:
    """In the order of the study's matrix: by dose, the Baseline first."""
    return entry["dose"], entry["view"] != BASELINE_NETWORK, entry["view"], entry["gridsize"]


def _read(hub: Hub) -> dict[str, Sequence[dict[str, Any]]]:
    path = hub.phase_e() / _MANIFEST
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        lists = {"jobs": content["jobs"], "skipped_views": content.get("skipped_views", [])}
        sorted(lists["jobs"], key=_rank)  # entries without dose or view are not ours to merge
        [_place(each) for each in lists["skipped_views"]]
    except FileNotFoundError:
        return {"jobs": [], "skipped_views": []}
    except (ValueError, KeyError, TypeError) as error:
        raise HubError(
            f"{path}: is no list of trainings ({type(error).__name__}: {error}); move it away"
        ) from None
    return lists
