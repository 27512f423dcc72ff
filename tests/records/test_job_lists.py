"""Lists that several jobs write: each renews its own entries, and leaves what it does not know alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from ptycho_compare.errors import HubError, ReportError
from ptycho_compare.finding import Finding
from ptycho_compare.hub import CellOfHub, Hub
from ptycho_compare.records.comparison_list import is_listed, list_comparison, read_job_list
from ptycho_compare.records.dose_list import dose_entry, list_dose, read_dose
from ptycho_compare.records.reconstruction_list import (
    list_reconstruction,
    list_skipped,
    of_split,
    read_skipped_reconstructions,
    reconstruction_list,
    skipped_reconstructions,
)
from ptycho_compare.records.training_list import (
    list_training,
    read_skipped_views,
    read_training_list,
    training_list,
)
from ptycho_compare.study.steps import BASELINE_NETWORK, CompareStep, ReconstructStep, TrainStep

DOSE, VIEW = 1000, "dense"


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    return Hub(tmp_path)


def reconstruction(hub: Hub, split: str, dose: int = DOSE) -> ReconstructStep:
    return ReconstructStep(hub, dose, VIEW, split)


def comparison(hub: Hub, split: str, dose: int = DOSE) -> CompareStep:
    return CompareStep(hub, dose, VIEW, split)


WRITERS: dict[str, tuple[Callable[[Hub], Path], Callable[[Hub], object]]] = {
    "doses": (Hub.phase_c_manifest, lambda hub: list_dose(hub, DOSE, ["train"])),
    "trainings": (training_list, lambda hub: list_training(TrainStep(hub, DOSE, VIEW), {})),
    "reconstructions": (
        reconstruction_list,
        lambda hub: list_reconstruction(reconstruction(hub, "test"), {}, {}),
    ),
    "skipped": (skipped_reconstructions, lambda hub: list_skipped(reconstruction(hub, "test"), "no data")),
    "comparisons": (
        Hub.comparison_manifest,
        lambda hub: list_comparison(comparison(hub, "test"), returncode=0, findings=[]),
    ),
}


_WORDS = {"id": "a", "dose": "many", "view": "dense", "split": "train", "gridsize": 1, "returncode": 0}
DOSE_IN_WORDS = json.dumps(
    {"jobs": [_WORDS], "execution_results": [_WORDS], "skipped_jobs": [_WORDS], "dose_2": _WORDS}
)


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize(
    "content",
    [
        "[]",
        "{",
        "7",
        '{"jobs": [{"dose": 1}], "execution_results": [], "skipped_jobs": [{}], "dose_1": {}}',
        '{"jobs": 3, "execution_results": 3, "skipped_jobs": 3}',
        pytest.param(DOSE_IN_WORDS, id="what cannot be ordered"),
    ],
)
def test_what_is_no_such_list_is_left_alone(hub: Hub, writer: str, content: str) -> None:
    path, write = WRITERS[writer][0](hub), WRITERS[writer][1]
    path.parent.mkdir(parents=True)
    path.write_text(content)
    with pytest.raises(HubError, match=f"{path.name}: is no .*; move it away"):
        write(hub)
    assert path.read_text() == content


def test_reconstructions_of_other_splits_stay(hub: Hub) -> None:
    first, second = reconstruction(hub, "train"), reconstruction(hub, "test")
    list_skipped(second, "no data")
    assert [each.reason for each in read_skipped_reconstructions(hub).skipped_jobs] == ["no data"]
    list_reconstruction(first, {"algorithm": "LSQML"}, {"returncode": 1})
    list_reconstruction(first, {"algorithm": "LSQML"}, {"returncode": 0})
    list_reconstruction(second, {"algorithm": "DM"}, {"returncode": 0})
    manifest = json.loads(reconstruction_list(hub).read_text())
    assert [(job["split"], job["algorithm"]) for job in manifest["jobs"]] == [
        ("test", "DM"),
        ("train", "LSQML"),
    ]
    assert [result["returncode"] for result in manifest["execution_results"]] == [0, 0]
    skipped = read_skipped_reconstructions(hub)
    assert of_split(skipped.skipped_jobs, DOSE, VIEW, "test") == []


def test_networks_are_listed_by_dose_the_baseline_first_and_read_back(hub: Hub) -> None:
    for dose, network, status in (
        (2000, VIEW, "complete"),
        (DOSE, VIEW, "failed"),
        (DOSE, BASELINE_NETWORK, "complete"),
        (DOSE, VIEW, "complete"),
    ):
        list_training(TrainStep(hub, dose, network), {"status": status})
    listed = read_training_list(hub)
    assert [(each.dose, each.view, each.gridsize, each.result.status) for each in listed.jobs] == [
        (DOSE, "baseline", 1, "complete"),
        (DOSE, VIEW, 2, "complete"),
        (2000, VIEW, 2, "complete"),
    ]
    assert listed.jobs[0].train_data_path == "data/phase_c/dose_1000/patched_train.npz"


def test_a_network_that_is_trained_is_skipped_no_longer(hub: Hub) -> None:
    entries = [{"dose": DOSE, "view": view, "reason": "no data"} for view in (VIEW, "sparse")]
    training_list(hub).parent.mkdir(parents=True)
    training_list(hub).write_text(json.dumps({"jobs": [], "skipped_views": entries}))
    list_training(TrainStep(hub, DOSE, VIEW), {"status": "complete"})
    assert read_training_list(hub).skipped_views == read_skipped_views(hub).skipped_views == entries[1:]


def test_a_comparison_is_listed_when_it_is_green(hub: Hub) -> None:
    dead = Finding("dead", "zero: everywhere", "Baseline")
    list_comparison(comparison(hub, "test"), returncode=0, findings=[dead])
    list_comparison(comparison(hub, "train"), returncode=0, findings=[])
    assert [is_listed(comparison(hub, split)) for split in ("train", "test")] == [True, False]
    listed = read_job_list(hub.comparison_manifest())
    assert [job.split for job in listed.jobs] == ["train", "test"]
    assert list(listed.problems()) == [f"dense/test (dose=1000) failed: {dead}"]
    assert hub.comparison_summary().read_text() == (
        f"2 comparisons\ndose_1000-dense-train-full: ok\ndose_1000-dense-test-full: {dead}\n"
    )

    list_comparison(comparison(hub, "test"), returncode=0, findings=[])
    assert is_listed(comparison(hub, "test"))
    assert list(read_job_list(hub.comparison_manifest()).problems()) == []


def test_a_hub_without_a_list_has_no_comparison_in_it(hub: Hub) -> None:
    assert not is_listed(comparison(hub, "test"))


def test_a_dose_is_read_back_as_it_was_listed(hub: Hub) -> None:
    for dose in (2000, DOSE):
        list_dose(hub, dose, ["train", "test"])
    assert list(json.loads(hub.phase_c_manifest().read_text())) == ["dose_1000", "dose_2000"]
    assert read_dose(hub, DOSE, ["train"]) == dose_entry(hub, DOSE, ["train"])
    with pytest.raises(KeyError, match="val"):
        read_dose(hub, DOSE, ["val"])


def test_jobs_that_end_side_by_side_lose_no_entry(hub: Hub) -> None:
    doses = range(1, 25)
    with ThreadPoolExecutor(8) as pool:
        list(
            pool.map(
                lambda dose: list_comparison(comparison(hub, "test", dose), returncode=0, findings=[]), doses
            )
        )
    assert [job.dose for job in read_job_list(hub.comparison_manifest()).jobs] == [*doses]


SEEDS = ((("seed", 1),), (("seed", 2),))


def test_each_cell_has_entries_of_its_own_and_those_without_one_stay(hub: Hub) -> None:
    """A study may be given factors after its hub was begun: nothing that is listed is lost by that."""
    cells = ((), *reversed(SEEDS), SEEDS[0])
    for cell in cells:
        here = replace(hub, cell=CellOfHub(cell, pinn=cell, baseline=cell, ptychi=cell))
        list_training(TrainStep(here, DOSE, VIEW), {"status": "complete"})
        list_reconstruction(reconstruction(here, "train"), {"algorithm": "DM"}, {"returncode": len(cell)})
        list_comparison(CompareStep(here, DOSE, VIEW, "train"), returncode=0, findings=[])

    def listed(path: Path, key: str = "jobs") -> list[dict[str, int]]:
        return [each.get("cell") for each in json.loads(path.read_text())[key]]

    wanted = [None, {"seed": 1}, {"seed": 2}]
    assert listed(training_list(hub)) == listed(reconstruction_list(hub)) == wanted
    assert (
        listed(hub.comparison_manifest()) == listed(hub.comparison_manifest(), "execution_results") == wanted
    )
    folders = [job.folder(hub).name for job in read_job_list(hub.comparison_manifest()).jobs]
    assert folders == ["train", "train-seed_1", "train-seed_2"]
    assert [each.in_cell for each in read_training_list(hub).jobs] == [(), *SEEDS]


@pytest.mark.parametrize("cell", [{"../seed": 1}, {"seed": "../../x"}, {"seed": [1]}, "seed_1"])
def test_a_cell_that_is_none_is_refused(hub: Hub, cell: object) -> None:
    """Its levels become names of folders."""
    list_comparison(comparison(hub, "train"), returncode=0, findings=[])
    path = hub.comparison_manifest()
    content = json.loads(path.read_text())
    content["jobs"][0]["cell"] = cell
    path.write_text(json.dumps(content))
    with pytest.raises(ReportError, match="cell"):
        read_job_list(path)
