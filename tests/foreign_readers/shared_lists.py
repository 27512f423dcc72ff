"""Lists of a hub that several processes write: whoever enters something reads more of one than who looks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from foreign_readers.reader import Reader, of_json
from ptycho_compare.errors import InputError
from ptycho_compare.hub import Hub
from ptycho_compare.records.comparison_list import is_listed, list_comparison
from ptycho_compare.records.dose_list import list_dose, read_dose
from ptycho_compare.records.reconstruction_list import (
    list_reconstruction,
    list_skipped,
    read_reconstruction_list,
    read_skipped_reconstructions,
)
from ptycho_compare.records.training_list import list_training, read_skipped_views, read_training_list
from ptycho_compare.study.steps import CompareStep, ReconstructStep, TrainStep

_SPLITS = ("train", "test")
_PLACE = {"dose": 1000, "view": "dense"}
_OF_SPLIT = {**_PLACE, "split": "test"}
_DOSES = {
    "dose_1000": {
        "dose": 1000, "train": "data/phase_c/dose_1000/patched_train.npz",
        "test": "data/phase_c/dose_1000/patched_test.npz", "intermediate_dir": "data/phase_c/dose_1000",
    },
    "dose_2000": {"dose": 2000},
}  # fmt: skip
_TRAININGS = {
    "jobs": [
        {
            **_PLACE, "gridsize": 2, "train_data_path": "a", "test_data_path": "b", "log_path": "c",
            "artifact_dir": "d", "result": {"status": "complete", "final_loss": 0.5, "kept_epoch": 3},
        },
    ],
    "skipped_views": [{**_PLACE, "reason": "r"}], "skipped_count": 1,
}  # fmt: skip
_RECONSTRUCTIONS = {
    "total_jobs": 1,
    "jobs": [
        {**_OF_SPLIT, "input_npz": "a", "output_dir": "b", "algorithm": "LSQML", "num_epochs": 3},
    ],
    "execution_results": [
        {**_OF_SPLIT, "returncode": 0, "log_path": "c", "engine": "LSQML", "epochs": 3, "last_loss": 0.5},
    ],
}  # fmt: skip
_COMPARED = {"id": "dose_1000-dense-test-full", **_OF_SPLIT}
_COMPARISONS = {
    "n_jobs": 1, "n_success": 1, "n_failed": 0, "jobs": [{**_COMPARED, "output_dir": "a"}],
    "execution_results": [{**_COMPARED, "returncode": 0, "log_path": "b", "error": None}],
}  # fmt: skip


def _of_hub(*reads: Callable[[Hub], object]) -> Callable[[Path], object]:
    """Have a file read by each, which enter into it last; each is to come to an end of its own."""

    def read(path: Path) -> None:
        hub = Hub(next(folder.parent for folder in path.parents if folder.name in ("data", "analysis")))
        content = path.read_bytes()
        errors = []
        for each in reads:
            path.write_bytes(content)
            try:
                each(hub)
            except InputError as error:
                errors.append(error)
        if errors:
            raise errors[0]

    return read


def _dose(hub: Hub) -> None:
    try:
        read_dose(hub, 1000, _SPLITS)
    except (ValueError, KeyError, TypeError) as error:  # which its check puts into words
        raise InputError(str(error)) from None


def _train(hub: Hub) -> None:
    list_training(TrainStep(hub, 1000, "baseline"), {"status": "complete"})


def _reconstruct(hub: Hub) -> None:
    list_reconstruction(ReconstructStep(hub, 1000, "dense", "train"), {}, {})


def _skip(hub: Hub) -> None:
    list_skipped(ReconstructStep(hub, 1000, "dense", "train"), "no data")


def _compare(hub: Hub) -> None:
    step = CompareStep(hub, 1000, "dense", "train")
    is_listed(step)
    list_comparison(step, returncode=0, findings=[])


def _listed(file: str, content: Mapping[str, Any], *reads: Callable[[Hub], object]) -> Reader:
    return Reader(file, _of_hub(*reads), of_json(content))


SHARED_LISTS: Mapping[str, Reader] = {
    "doses": _listed(
        "data/phase_c/run_manifest.json", _DOSES, _dose, lambda hub: list_dose(hub, 1000, _SPLITS)
    ),
    "trainings": _listed("data/phase_e/training_manifest.json", _TRAININGS, read_training_list, _train),
    "skipped views": _listed(
        "data/phase_e/skip_summary.json",
        {key: _TRAININGS[key] for key in ("skipped_views", "skipped_count")},
        read_skipped_views,
    ),
    "reconstructions": _listed(
        "data/phase_f/reconstruction_manifest.json", _RECONSTRUCTIONS, read_reconstruction_list, _reconstruct
    ),
    "skipped reconstructions": _listed(
        "data/phase_f/skip_summary.json",
        {"skipped_count": 1, "skipped_jobs": [{**_OF_SPLIT, "reason": "r"}]},
        read_skipped_reconstructions,
        _skip,
    ),
    "comparisons entered": _listed("analysis/comparison_manifest.json", _COMPARISONS, _compare),
}
