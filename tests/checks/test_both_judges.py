"""The gate and `verify` find the same damage: whatever file of a finished hub is cut, deleted or edited."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab_runs import DOSE, WHERE
from mutations import cut, first, flipped, forged, gone, in_json, in_npz, restored
from ptycho_compare.checks.listing import DEEP, checks_of
from ptycho_compare.cli.ptycho_hub import main
from ptycho_compare.hub import Hub
from ptycho_compare.phases.comparison import verified as computed_again
from ptycho_compare.records.acceptance import read_verdict
from ptycho_compare.storage.files import sha256_of
from ptycho_compare.study import load_study

PLACES = {
    "C": f"data/phase_c/dose_{DOSE}",
    "D": f"data/phase_d/dose_{DOSE}/dense",
    "E": f"data/phase_e/dose_{DOSE}",
    "F": f"data/phase_f/dose_{DOSE}/dense",
    "G": f"analysis/dose_{DOSE}/dense/test",
}
PHASES = """
    {C}/canonical.npz {C}/patched_test.npz
    {D}/dense_test.npz {D}/test_metrics.json
    {E}/dense/gs2/wts.h5.zip
    {F}/train/ptychi_reconstruction.npz
    {G}/manifest.json {G}/comparison_metrics.csv {G}/reconstructions.npz {G}/logs/logs/debug.log
"""
REPORTS = """
    comparison_manifest.json metrics_summary.json metrics_summary.md aggregate_report.md
    aggregate_highlights.txt metrics_digest.md metrics_delta_summary.json metrics_delta_highlights.txt
    metrics_delta_highlights_preview.txt ssim_grid_summary.md artifact_inventory.txt artifact_digests.tsv
"""
TRACES = "data/phase_c/run_manifest.json cli/run_phase_g_dense.log"
FILES = [
    *PHASES.format(**PLACES).split(),
    *(f"analysis/{name}" for name in REPORTS.split()),
    *TRACES.format(**PLACES).split(),
]
NAN = float("nan")
Harm = Callable[[Path], None]
HARMS: dict[Harm, str] = {cut: "cut", gone: "gone", flipped: "edited"}
# a harm for each file with every push, the two others in the slow suite
TRIED = [
    pytest.param(name, harm, id=f"{name}-{word}", marks=[] if place % 3 == kind else pytest.mark.slow)
    for place, name in enumerate(FILES)
    for kind, (harm, word) in enumerate(HARMS.items())
]
INVENTORY = ("analysis/artifact_inventory.txt", "analysis/artifact_digests.tsv")


@pytest.fixture(scope="module")
def hub(run_hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Hub:
    """A copy of the finished hub whose files are damaged and brought back."""
    return Hub(Path(shutil.copytree(run_hub.root, tmp_path_factory.mktemp("judged") / "hub")))


@pytest.fixture(autouse=True)
def same_places(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the same pieces of canvases after each change, so that most need not be computed again."""
    monkeypatch.setattr(computed_again, "seed_of", lambda *_: 1)


def gated(hub: Hub) -> tuple[int, list[str]]:
    """Exit status of the gate, and the names of what does not hold."""
    status = main(["gate", "--hub", str(hub.root)])
    verdict = read_verdict(hub.verdict().record)
    wrong = [each.id for each in verdict.comparisons if each.state != "accepted"]
    return status, [*wrong, *(each.description for each in verdict.checks if each.findings)]


def verified(hub: Hub) -> tuple[int, list[str]]:
    """Exit status of `verify`, and the rows that are invalid."""
    status = main(["verify", "--hub", str(hub.root), *WHERE])
    rows = json.loads(hub.reports().verification.read_text())["validations"]
    return status, [each["description"] for each in rows if not each["valid"]]


def light(rows: Collection[str]) -> list[str]:
    return [row for row in rows if not row.startswith(DEEP)]


def test_a_finished_hub_holds_for_both(hub: Hub) -> None:
    assert gated(hub) == (0, [])
    assert verified(hub) == (0, [])


@contextmanager
def damaged(hub: Hub, name: str, harm: Harm, backup: Path) -> Iterator[None]:
    with restored([hub.root / each for each in dict.fromkeys([name, *INVENTORY])], backup):
        harm(hub.root / name)
        yield


@pytest.mark.usefixtures("unmeasured_here")
@pytest.mark.parametrize(("name", "harm"), TRIED)
def test_a_damaged_file_is_found_by_both(hub: Hub, tmp_path: Path, name: str, harm: Harm) -> None:
    with damaged(hub, name, harm, tmp_path):
        status, found = gated(hub)
        assert status in (1, 3)
        assert found != []
        status, rows = verified(hub)
        assert status == 1
        assert light(rows) != []


def other_digests(record: Path) -> None:
    outputs = {
        name: ["0" * 64, size] for name, (_, size) in json.loads(record.read_text())["outputs"].items()
    }
    in_json("outputs", outputs)(record)


@pytest.mark.usefixtures("unmeasured_here")
@pytest.mark.parametrize("harm", [cut, gone, other_digests], ids=["cut", "gone", "edited"])
def test_a_damaged_record_of_a_step_is_found_by_both(hub: Hub, tmp_path: Path, harm: Harm) -> None:
    """No digest is kept of a record; when a step ended is not asked for, what it left is."""
    with damaged(hub, hub.relative(hub.step(f"dose_{DOSE}-overlap-dense").record), harm, tmp_path):
        assert gated(hub)[0] in (1, 3)
        status, rows = verified(hub)
        assert status == 1
        assert light(rows) != []


@pytest.mark.slow
@pytest.mark.parametrize("harm", HARMS, ids=list(HARMS.values()))
@pytest.mark.parametrize("name", FILES)
def test_with_digests_that_agree_again_both_say_the_same(
    hub: Hub, tmp_path: Path, name: str, harm: Harm
) -> None:
    with damaged(hub, name, harm, tmp_path):
        assert main(["inventory", "--hub", str(hub.root)]) == 0
        assert (gated(hub)[0] == 0) == (light(verified(hub)[1]) == [])


@pytest.mark.usefixtures("unmeasured_here")
@pytest.mark.parametrize("folder", ["data/phase_d", "{C}", "{E}", "{F}", "{G}"])
def test_a_folder_that_is_gone_is_found_by_both(hub: Hub, tmp_path: Path, folder: str) -> None:
    """Also where the inventory lists it no more."""
    path = hub.root / folder.format(**PLACES)
    with restored([hub.root / name for name in INVENTORY], tmp_path):
        shutil.move(path, tmp_path / "away")
        try:
            assert main(["inventory", "--hub", str(hub.root)]) == 0
            assert gated(hub)[0] == 3
            assert verified(hub)[0] == 1
        finally:
            shutil.move(tmp_path / "away", path)


def test_at_most_three_checks_are_deep_and_the_gate_leaves_only_those_out(hub: Hub) -> None:
    study = load_study(hub.study())
    checks = list(checks_of(hub, study.doses, study.views, study.splits, study))
    deep = {check.look().description.split()[0] for check in checks if check.depth == "deep"}
    assert deep == {name.split()[0] for name in DEEP}
    assert len(DEEP) <= 3


def test_what_only_a_deep_check_finds_is_found_by_verify(hub: Hub, tmp_path: Path) -> None:
    """A canvas that was changed with its manifest, and an overlap with its record: all digests agree."""
    canvases, manifest = (hub.root / PLACES["G"] / name for name in ("reconstructions.npz", "manifest.json"))
    metrics = hub.overlap_metrics(DOSE, "dense", "test")
    record = hub.step(f"dose_{DOSE}-overlap-dense").record
    states = hub.root / PLACES["G"] / "job" / "states.jsonl"
    changed = [canvases, manifest, states, metrics, record, *(hub.root / name for name in INVENTORY)]
    with restored(changed, tmp_path):
        forged(in_npz("baseline_complex", first(NAN)))(canvases, manifest)
        in_json("n_groups_actual", 63)(metrics)
        files = json.loads(record.read_text())["outputs"]
        files[hub.relative(metrics)] = [sha256_of(metrics), metrics.stat().st_size]
        in_json("outputs", files)(record)
        assert main(["inventory", "--hub", str(hub.root)]) == 0
        assert gated(hub) == (0, [])
        assert verified(hub) == (1, ["Phase D overlap view", "canvases test"])


def test_a_hub_is_not_asked_for_what_it_never_had(hub: Hub, tmp_path: Path) -> None:
    """One whose data and networks were brought, and whose comparisons alone were run."""
    bare = Hub(Path(shutil.copytree(hub.root, tmp_path / "bare")))
    for folder in ("jobs", "cli", "data/phase_d"):
        shutil.rmtree(bare.root / folder)
    for path in [*bare.analysis().glob("*.*"), *bare.phase_c(DOSE).glob("[!p]*")]:
        path.unlink()
    assert gated(bare) == (0, [])
