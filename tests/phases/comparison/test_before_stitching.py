"""Patches scored before stitching: however their comparison came about, and what is forged of them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forged import edit_arrays, edit_manifest, edit_table, record_again
from hubs import DOSE, SIDE, command_of, make_split, request_on
from knowing import Oracle
from ptycho_compare.checks import judge_comparison
from ptycho_compare.cli.compare_models import main as compare_models
from ptycho_compare.errors import AdoptionError, InputError
from ptycho_compare.hub import Artifacts, Hub
from ptycho_compare.models.bundle import ModelFile
from ptycho_compare.phases.comparison import network, recompute
from ptycho_compare.phases.comparison.adopt import adopt
from ptycho_compare.phases.comparison.compare import compare
from ptycho_compare.phases.comparison.job import ComparisonJob
from ptycho_compare.phases.comparison.request import CompareRequest, request_of
from ptycho_compare.phases.comparison.rescore import Rescoring
from ptycho_compare.phases.comparison.shard import run_shard
from ptycho_compare.phases.comparison.sharing import Shard
from ptycho_compare.phases.comparison.verified import Recomputation
from ptycho_compare.records.manifest import read_manifest
from ptycho_compare.records.tables.patches_csv import PATCH_NUMBERS, PatchRow, read_patches_csv
from ptycho_compare.scan.read import open_scan
from ptycho_compare.sigterm import Stopped
from ptycho_compare.study import Comparison, load_study
from results import assert_same_results, results
from resume.runs import signalled_at
from scans import write_scan

pytestmark = pytest.mark.usefixtures("undrawn_throughout", "built_once")

TRAIN = Comparison(DOSE, "dense", "train", "debug")
PATCHES = 7
GROUPS = 48


def request_in(hub: Path) -> CompareRequest:
    return request_of(Hub(hub), load_study(hub / "study.toml"), TRAIN)


def run(request: CompareRequest, **how: Any) -> Path:
    assert (
        compare(request, command=["ptycho-hub", "compare", TRAIN.id], console_level=None, **how).failed == ()
    )
    return request.output_dir


def rows_in(folder: Path) -> list[PatchRow]:
    return read_patches_csv(Artifacts(folder).patch_scores)


def kept_in(folder: Path) -> dict[str, bytes]:
    names = Artifacts(folder)
    return {path.name: path.read_bytes() for path in (names.patch_scores, names.patches)}


@pytest.fixture(scope="module")
def asked(small_hub: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small hub, whose study asks for patches; nothing is computed in it."""
    hub = Path(shutil.copytree(small_hub, tmp_path_factory.mktemp("asked") / "hub"))
    with (hub / "study.toml").open("a") as study:
        study.write(f"\n[scoring]\npatches = {PATCHES}\n")
    return hub


@pytest.fixture(scope="module")
def finished(asked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with one comparison computed; no test may damage it."""
    hub = Path(shutil.copytree(asked, tmp_path_factory.mktemp("finished") / "hub"))
    run(request_in(hub))
    return hub


@pytest.fixture
def hub(finished: Path, tmp_path: Path) -> Hub:
    return Hub(Path(shutil.copytree(finished, tmp_path / "hub")))


def folder_in(hub: Path) -> Path:
    return TRAIN.folder(Hub(hub))


def test_every_network_has_the_same_groups_and_what_is_iterative_has_none(finished: Path) -> None:
    rows = rows_in(folder_in(finished))
    arms = {arm: [row for row in rows if row.arm == arm] for arm in ("PtychoPINN", "Baseline")}
    assert sum(map(len, arms.values())) == len(rows) == 2 * PATCHES
    drawn = [[(row.group, row.image) for row in held] for held in arms.values()]
    assert drawn[0] == drawn[1] == sorted(set(drawn[0]))
    manifest = read_manifest(Artifacts(folder_in(finished)).manifest)
    assert {"patch_scores.csv", "patches.npz"} <= set(manifest.artifacts)
    assert manifest.settings["patches"] == PATCHES
    with open_scan(Hub(finished).split_data(DOSE, "dense", "train")) as scan:
        for row in arms["Baseline"]:  # one image a row: the patch lies at its own position
            assert (row.x, row.y) == pytest.approx(tuple(scan.positions[row.image]), abs=1e-6)
    for row in rows:
        assert row.pixels > 0
        assert set(row.numbers) == set(PATCH_NUMBERS)
        assert all(row.numbers[name] is not None for name in ("fienup", "own_mae_phase", "gain"))
    assert judge_comparison(folder_in(finished), required=["PtychoPINN", "Baseline", "PtyChi"]) == []


def knowing(monkeypatch: pytest.MonkeyPatch, scan: Any, change: Callable[[Any, int], Any]) -> None:
    """Run a predictor that knows the object in the place of every network; `change` what it gives."""

    class Changed(Oracle):
        def predict(self, diffraction: np.ndarray, local_offsets: np.ndarray) -> np.ndarray:
            first = [self._number(images[..., 0]) for images in diffraction]
            patches = super().predict(diffraction, local_offsets)
            return np.stack([change(each, number) for each, number in zip(patches, first, strict=True)])

    def load(model: ModelFile, *, batch_rows: int, **_: Any) -> Oracle:
        return Changed(scan, model.group_size, batch_rows, scan.normalization, SIDE)

    monkeypatch.setattr(network, "load_predictor", load)


@pytest.fixture
def scan(small_hub: Path) -> Iterator[Any]:
    with open_scan(Hub(small_hub).split_data(DOSE, "dense", "train")) as opened:
        yield opened


def test_true_patches_are_perfect_but_for_how_they_are_moved(
    small_hub: Path, scan: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    knowing(monkeypatch, scan, lambda patch, _: patch)
    rows = rows_in(run(request_on(small_hub, tmp_path, groups=GROUPS, patches=20)))
    assert len(rows) == 40
    assert np.median([row.numbers["fienup"] for row in rows]) < 1e-3
    for row in rows:
        for name, number in row.numbers.items():
            assert number is None or "mae" not in name or number < 3e-3, (row, name)
            assert number is None or "ssim" not in name or number > 0.99, (row, name)
        assert row.numbers["gain"] == pytest.approx(1, abs=2e-3)


def test_a_phase_of_one_patch_alone_shows_in_the_gauge_of_the_image(
    small_hub: Path, scan: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = run(request_on(small_hub, tmp_path / "plain", groups=GROUPS, patches=1, ready_made=None))
    image = rows_in(plain)[0].image

    def turned(patch: Any, number: int) -> Any:
        return patch * np.complex64(np.exp(0.4j)) if number == image else patch

    knowing(monkeypatch, scan, turned)
    for row in rows_in(run(request_on(small_hub, tmp_path / "turned", groups=GROUPS, patches=1))):
        assert row.image == image
        assert row.numbers["own_mae_phase"] < 3e-3
        assert row.numbers["stitched_mae_phase"] == pytest.approx(0.4, abs=0.02)
        assert row.numbers["phase"] == pytest.approx(-0.4, abs=0.02)


def test_who_asks_for_none_has_the_evidence_and_the_fingerprint_of_before(
    small_hub: Path, compared_hub: Path, tmp_path: Path
) -> None:
    before, none, one = (
        request_on(small_hub, tmp_path, **how).settings() for how in ({}, {"patches": 0}, {"patches": 1})
    )
    assert before == none == {key: value for key, value in one.items() if key != "patches"}
    assert one["patches"] == 1
    study = load_study(compared_hub / "study.toml")
    assert not results(folder_in(compared_hub)).keys() & {"patch_scores.csv", "patches.npz"}
    manifest = read_manifest(Artifacts(folder_in(compared_hub)).manifest)
    assert "patches" not in manifest.settings
    job = ComparisonJob(Hub(compared_hub), study, compared_hub / "study.toml", TRAIN)
    assert job.why_not_current() == []


def test_patches_change_nothing_else(finished: Path, compared_hub: Path) -> None:
    found, before = results(folder_in(finished)), results(folder_in(compared_hub))
    assert {name: found[name] for name in before} == before
    assert sorted(found.keys() - before.keys()) == ["patch_scores.csv", "patches.npz"]


def test_shards_and_a_stop_give_the_same_bytes(asked: Path, finished: Path, tmp_path: Path) -> None:
    """Kept patches travel with the segments, and who adds up runs no network."""
    expected = results(folder_in(finished))
    sharded = request_in(Path(shutil.copytree(asked, tmp_path / "sharded")))
    for number in (2, 1):
        assert run_shard(sharded, Shard(number, 2), console_level=None) == {}
    assert_same_results(run(sharded, shards_only=True), expected)
    stopped = request_in(Path(shutil.copytree(asked, tmp_path / "stopped")))
    for part, row in (("PtychoPINN", 24), ("Baseline", 70)):
        with signalled_at(part, row), pytest.raises(Stopped):
            run(stopped)
    assert_same_results(run(stopped), expected)


def test_checkpoints_of_another_number_of_patches_are_not_gone_on_from(asked: Path, tmp_path: Path) -> None:
    hub = Path(shutil.copytree(asked, tmp_path / "hub"))
    with signalled_at("PtychoPINN", 24), pytest.raises(Stopped):
        run(request_in(hub))
    study = hub / "study.toml"
    study.write_text(study.read_text().replace(f"patches = {PATCHES}", "patches = 3"))
    folder = run(request_in(hub))
    assert len(rows_in(folder)) == 6
    assert list(Artifacts(folder).job.set_aside.iterdir())


def test_results_are_adopted_with_their_patches_and_refused_with_forged_ones(
    asked: Path, finished: Path, tmp_path: Path
) -> None:
    hub, theirs = (Path(shutil.copytree(each, tmp_path / each.parent.name)) for each in (asked, finished))
    job = ComparisonJob(Hub(hub), load_study(hub / "study.toml"), hub / "study.toml", TRAIN)
    forge_a_patch(folder_in(theirs))
    with pytest.raises(AdoptionError, match=r"Baseline: predicted again, the patch of image \d+ differs by"):
        adopt(job, folder_in(theirs))
    adopt(job, folder_in(finished))
    assert kept_in(folder_in(hub)) == kept_in(folder_in(finished))


def forge_a_patch(folder: Path) -> None:
    """Change a patch, and the table as it follows from it."""

    def edit(held: dict[str, Any]) -> None:
        held["baseline_patches"][3, 2, 5] *= 1.5

    edit_arrays(folder, edit, name="patches.npz")


def forge_a_row(folder: Path) -> None:
    def edit(line: str) -> str:
        cells = line.split(",")
        if cells[0] == "Baseline":
            cells[6] = "0.100000"
        return ",".join(cells)

    edit_table(folder, edit, name="patch_scores.csv")


def forge_a_place(folder: Path) -> None:
    edit_arrays(folder, lambda held: held["ptychopinn_centres"].__iadd__(1.0), name="patches.npz")


def leave_out_one(folder: Path) -> None:
    def edit(held: dict[str, Any]) -> None:
        held["baseline_patches"] = held["baseline_patches"][1:]

    edit_arrays(folder, edit, name="patches.npz")


def leave_out_the_arrays(folder: Path) -> None:
    (folder / "patches.npz").unlink()
    edit_manifest(folder, lambda held: held["artifacts"].pop("patches.npz"))


@pytest.mark.parametrize(
    ("forge", "said"),
    [
        (lambda _: None, ""),
        (forge_a_row, r"patch_scores\.csv: Baseline \d+ \d+ fienup is 0\.100000; the canvases give 0\."),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in [
                (forge_a_patch, r"Baseline: predicted again, the patch of image \d+ differs by"),
                (forge_a_place, r"PtychoPINN: the patch of image \d+ lies elsewhere than is stored"),
                (leave_out_one, r"Baseline is \(6, 12, 12\) at \(7, 2\); needed: 7 patches of 12 x 12 px"),
                (leave_out_the_arrays, r"patches\.npz: "),
            ]
        ),
    ],
)
def test_what_is_forged_is_found_by_predicting_again(hub: Hub, forge: Any, said: str) -> None:
    forge(folder_in(hub.root))
    found = [each.text for each in Recomputation(hub, load_study(hub.study()), figures=False).alone(TRAIN)]
    assert any(re.search(said, text) for text in found) if said else found == []


def test_they_are_scored_anew_without_a_network(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recompute, "load_predictor", None)  # not called
    rescoring = Rescoring(hub, load_study(hub.study()), "fewer", ["tolerances.coverage=0.5"])
    rescoring.score(TRAIN, command=["test"])
    anew, before = rows_in(rescoring.names(TRAIN).folder), rows_in(folder_in(hub.root))
    assert [(row.arm, row.group) for row in anew] == [(row.arm, row.group) for row in before]
    assert sum(row.pixels for row in anew) < sum(row.pixels for row in before)
    assert not rescoring.names(TRAIN).patches.exists()
    with pytest.raises(InputError, match=r"scoring\.patches=3: needed: KEY=VALUE; the keys are"):
        Rescoring(hub, load_study(hub.study()), "more", ["scoring.patches=3"]).score(TRAIN, command=[])


def line(edit: Callable[[list[str]], list[str]]) -> Callable[[Path], None]:
    """Change the cells of Baseline's first row, and seal the manifest over it."""

    def forge(folder: Path) -> None:
        path = folder / "patch_scores.csv"
        lines = path.read_text().splitlines()
        at = next(number for number, each in enumerate(lines) if each.startswith("Baseline"))
        lines[at] = ",".join(edit(lines[at].split(",")))
        path.write_text("".join(f"{each}\n" for each in lines if each))
        record_again(folder, "patch_scores.csv")

    return forge


def named_twice(folder: Path) -> None:
    lines = (folder / "patch_scores.csv").read_text().splitlines()
    first = next(each for each in lines if each.startswith("Baseline"))
    (folder / "patch_scores.csv").write_text("".join(f"{each}\n" for each in [*lines[:-1], first]))
    record_again(folder, "patch_scores.csv")


def of_other_settings(folder: Path) -> None:
    edit_manifest(folder, lambda held: held["settings"].update(patches="many"))


def not_listed(folder: Path) -> None:
    (folder / "patch_scores.csv").unlink()
    edit_manifest(folder, lambda held: held["artifacts"].pop("patch_scores.csv"))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda folder: (folder / "patch_scores.csv").unlink(), "the manifest lists it and it is not there"),
        (lambda folder: (folder / "patch_scores.csv").write_text("arm\n"), "differs from the digest"),
        (not_listed, "the settings ask for patches, and the manifest lists none"),
        (named_twice, "stands there 2 times"),
        (of_other_settings, "Baseline has 7 patches, and 0 were drawn"),
        (line(lambda cells: []), "Baseline has 6 patches, and 7 were drawn"),
        (line(lambda cells: [cells[0], "", *cells[2:]]), "group is empty"),
        (line(lambda cells: [*cells[:6], "many", *cells[7:]]), "fienup is 'many', which is no number"),
        (line(lambda cells: [*cells[:6], "1.5", *cells[7:]]), "fienup = 1.5 is outside [0, 1]"),
        (line(lambda cells: [*cells[:6], "nan", *cells[7:]]), "fienup = nan is outside [0, 1]"),
        (line(lambda cells: [*cells[:6], "", *cells[7:]]), "fienup is empty, and its note is ''"),
        (
            line(lambda cells: [*cells[:6], "0.0", *cells[7:-1], "odd"]),
            "fienup is 0.0, and its note is 'odd'",
        ),
        (line(lambda cells: [*cells[:-2], "mine-1", ""]), "metric_version is mine-1; the manifest says"),
        (line(lambda cells: ["PtyChi", *cells[1:]]), "PtyChi is no network of the manifest that is scored"),
        (line(lambda cells: [cells[0], "46", *cells[2:]]), "Baseline has patches of other groups than"),
    ],
)
def test_the_gate_names_what_is_damaged(hub: Hub, damage: Any, said: str) -> None:
    damage(folder_in(hub.root))
    found = judge_comparison(folder_in(hub.root), required=["Baseline"], arrays=False)
    assert any(said in each.text and "patch_scores.csv" in each.text for each in found), found


def test_patches_that_are_not_finite_are_found_in_the_arrays(hub: Hub) -> None:
    def edit(held: dict[str, Any]) -> None:
        held["baseline_patches"][0, 0, 0] = np.nan

    edit_arrays(folder_in(hub.root), edit, name="patches.npz")
    found = judge_comparison(folder_in(hub.root), required=["Baseline"])
    assert any("'baseline_patches' is not finite in 1 values" in each.text for each in found)


def test_without_a_true_object_there_are_none_and_it_is_said(small_hub: Path, tmp_path: Path) -> None:
    arrays = make_split(0)
    del arrays["objectGuess"]
    blind = write_scan(tmp_path / "blind.npz", arrays)
    folder = run(request_on(small_hub, tmp_path / "out", test_data=blind, groups=20, patches=5))
    assert not list(folder.glob("patch*"))
    said = f"{blind}: holds no true object, so no patch is scored before stitching"
    assert said in read_manifest(Artifacts(folder).manifest).warnings
    assert judge_comparison(folder, required=["Baseline"]) == []


def test_compare_models_scores_them_too_and_removes_what_it_does_not_write(
    small_hub: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = ("--quiet", "--n-test-groups", "20")
    assert compare_models(command_of(small_hub, "train", tmp_path, *few, "--patches", "3")) == 0
    assert len(rows_in(tmp_path)) == 6
    others = (*few, "--metrics", "ptychopinn", "--patches", "3")
    assert compare_models(command_of(small_hub, "train", tmp_path, *others)) == 0
    assert not list(tmp_path.glob("patch*"))
    said = "metrics 'ptychopinn' are of whole images, so no patch is scored by them"
    assert said in read_manifest(Artifacts(tmp_path).manifest).warnings
    assert judge_comparison(tmp_path, required=["Baseline"]) == []
    with pytest.raises(SystemExit):
        compare_models(command_of(small_hub, "train", tmp_path, "--patches", "-1"))
    assert "--patches" in capsys.readouterr().err
