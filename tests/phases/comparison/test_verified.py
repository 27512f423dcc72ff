"""Evidence changed together with its digests is found by computing it again, by name."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bundles import write_bundle
from forged import edit_arrays, edit_canvas, edit_manifest, edit_plan, edit_table, log_again, record_again
from hubs import DOSE, SIDE
from ptycho_compare.hub import Artifacts, Hub
from ptycho_compare.phases.comparison import verified
from ptycho_compare.phases.comparison.log import LOGGER
from ptycho_compare.phases.comparison.verified import Recomputation, seed_of
from ptycho_compare.records.manifest import read_manifest
from ptycho_compare.storage.files import sha256_of
from ptycho_compare.study import Comparison, load_study

pytestmark = pytest.mark.usefixtures("built_once")

TRAIN = Comparison(DOSE, "dense", "train", "debug")
SLOW = pytest.mark.slow
Forge = Callable[[Path], object]


@pytest.fixture
def hub(compared_hub: Path, tmp_path: Path) -> Hub:
    return Hub(Path(shutil.copytree(compared_hub, tmp_path / "hub")))


def recomputation(hub: Hub, *, figures: bool = True) -> Recomputation:
    return Recomputation(hub, load_study(hub.study()), figures=figures)


def evidence(hub: Hub) -> Path:
    return hub.comparison_dir(DOSE, "dense", "train", "debug")


def cell(row: str, column: int, change: Callable[[str], str]) -> Callable[[str], str]:
    """Change a cell of the row that begins so."""

    def edit(line: str) -> str:
        cells = line.split(",")
        if line.startswith(f"{row},"):
            cells[column] = change(cells[column])
        return ",".join(cells)

    return edit


def table(name: str, edit: Callable[[str], str]) -> Forge:
    return lambda folder: edit_table(folder, edit, name=name)


def arrays(name: str, **changes: Callable[[Any], Any]) -> Forge:
    def edit(held: dict[str, Any]) -> None:
        held |= {key: change(held[key]) for key, change in changes.items()}

    return lambda folder: edit_arrays(folder, edit, name=name)


def in_manifest(edit: Callable[[dict[str, Any]], object]) -> Forge:
    return lambda folder: edit_manifest(folder, edit)


def noisy(values: Any) -> None:
    values *= 1 + 0.1 * np.random.default_rng(0).standard_normal(values.shape)


def the_truth(folder: Path) -> None:
    with np.load(folder / CANVASES) as held:
        truth = held["ground_truth_complex"]

    def edit(values: Any) -> None:
        values[...] = truth

    edit_canvas(folder, "ptychopinn", edit)


def of_another_arm(folder: Path) -> None:
    def edit(held: dict[str, Any]) -> None:
        held |= {f"baseline_{part}": held[f"ptychi_{part}"] for part in ("complex", "amplitude", "phase")}

    edit_arrays(folder, edit, name=ALIGNED)


def of_the_other_split(name: str) -> Forge:
    def forge(folder: Path) -> None:
        shutil.copyfile(folder.with_name(folder.name.replace("train", "test")) / name, folder / name)
        record_again(folder, name)

    return forge


def longer(folder: Path) -> None:
    with (folder / "comparison_plot.png").open("ab") as figure:
        figure.write(b"more")
    record_again(folder, "comparison_plot.png")


def a_column_more(folder: Path) -> None:
    edit_table(folder, lambda line: f"{line},{'extra' if line.startswith('model') else '1'}")


def an_array_more(folder: Path) -> None:
    edit_arrays(folder, lambda held: held.update(extra=np.zeros((3, 3))))


def other_normalization(folder: Path) -> None:
    edit_plan(folder, lambda held: held.update(normalization=held["normalization"] * 1.1))


def exchanged_groups(folder: Path) -> None:
    edit_plan(folder, lambda held: held.update(groups=held["groups"][::-1].copy()))


def another_image(held: dict[str, Any]) -> None:
    groups = held["groups"].copy()
    groups[0, 0] = next(image for image in groups.ravel() if image not in groups[0])
    held["groups"] = groups


def of_the_hub(input_name: str, change: Callable[[Path], object]) -> Forge:
    """Change an input, and what the manifest tells of it."""

    def forge(folder: Path) -> None:
        names = Artifacts(folder)
        recorded = Path(read_manifest(names.manifest).inputs[input_name].path)
        path = folder.parents[3] / "/".join(recorded.parts[recorded.parts.index("data") :])
        change(path)
        digest = {"sha256": sha256_of(path), "bytes": path.stat().st_size}
        edit_manifest(folder, lambda held: held["inputs"][input_name].update(digest))

    return forge


def with_arrays(path: Path, **changes: Callable[[Any], Any]) -> None:
    with np.load(path, allow_pickle=True) as stored:  # `_metadata` is text in an object array
        held = dict(stored)
    np.savez(path, **(held | {key: change(held[key]) for key, change in changes.items()}))


def results_of_the_other_split(folder: Path) -> None:
    """All of them, but for what the manifest says that they were made from."""
    own = read_manifest(Artifacts(folder).manifest).model_dump()
    other = folder.with_name(folder.name.replace("train", "test"))
    shutil.copytree(other, folder, ignore=shutil.ignore_patterns("job"), dirs_exist_ok=True)
    kept = {key: own[key] for key in ("inputs", "command", "attempts")}
    edit_manifest(folder, lambda held: held.update(kept))


def an_arm_renamed(folder: Path) -> None:
    def in_arrays(held: dict[str, Any]) -> None:
        for key in [each for each in held if each.startswith("ptychi_")]:
            held[key.replace("ptychi_", "tike_")] = held.pop(key)

    for name in ("comparison_metrics.csv", "comparison_differences.csv", "frc_cutoffs.csv"):
        edit_table(folder, lambda line: line.replace("PtyChi", "Tike"), name=name)
    for name in ("reconstructions.npz", "reconstructions_aligned.npz", "residuals.npz"):
        edit_arrays(folder, in_arrays, name=name)
    text = (folder / "manifest.json").read_text()
    (folder / "manifest.json").write_text(text.replace('"PtyChi"', '"Tike"'))
    log_again(folder)


METRICS, DIFFERENCES, CANVASES, ALIGNED = (
    "comparison_metrics.csv",
    "comparison_differences.csv",
    "reconstructions.npz",
    "reconstructions_aligned.npz",
)
FORGERIES: list[Any] = [
    # of cases/mutations.md: 1, 2
    ("a score", table(METRICS, cell("Baseline,mae", 2, lambda _: "0.001000")),
     f"{METRICS}: Baseline mae amplitude is 0.001000; the canvases give"),
    # 4
    ("a canvas that is the truth", the_truth, "PtychoPINN: computed again, the window at row"),
    # 5
    ("a noisy canvas", lambda folder: edit_canvas(folder, "baseline", noisy),
     "Baseline: computed again, the window at row"),
    # 7, 8
    ("an interval", table(METRICS, cell("PtychoPINN,mae", 12, lambda _: "0.9")),
     "PtychoPINN mae amplitude_low is 0.9; the canvases give"),
    ("a difference", table(DIFFERENCES, cell("PtychoPINN,Baseline,mae,phase", 4, lambda _: "0.5")),
     f"{DIFFERENCES}: PtychoPINN Baseline mae phase"),
    # 10, 11
    ("half of a cut-off", table("frc_cutoffs.csv", cell("PtyChi,amplitude", 5, lambda old: old and "0.01")),
     "frc_cutoffs.csv: PtyChi amplitude"),
    ("a curve of ones", table("pinn_frc_curves.csv", cell("PtychoPINN,2", 4, lambda _: "1.000000")),
     "pinn_frc_curves.csv: PtychoPINN"),
    # 13, 14, 125
    ("an aligned image of another arm", of_another_arm, f"{ALIGNED}: 'baseline_"),
    ("bytes behind a figure", longer, "comparison_plot.png: 4 bytes follow its end"),
    # 16, 17, 31
    ("groups in another order", exchanged_groups, "groups are others than those drawn here"),
    ("an image of a group", lambda folder: edit_plan(folder, another_image), "1 of 48 groups are others"),
    ("another normalisation", other_normalization, "normalisation"),
    # 25, 23
    ("a parameter of a network", in_manifest(
        lambda held: held["arms"]["Baseline"]["details"]["parameters"].update(nphotons=5)),
     "manifest.json: arms.Baseline.details.parameters.nphotons is 5; expected"),
    ("warnings", in_manifest(lambda held: held.update(warnings=["looks well"])), "manifest.json: warnings"),
    # 124, 127
    ("a column that nobody knows", a_column_more, "has 19 cells; from the canvases 18 follow"),
    ("an array that nobody knows", an_array_more, f"{CANVASES}: 'extra' does not follow"),
    # 128, 130, 131
    ("a mask moved", arrays(CANVASES, mask=lambda held: np.roll(held, 1, axis=0)),
     "'mask' is not where all arms reach"),
    ("an origin", arrays(CANVASES, origin=lambda held: held + 1), "this comparison's grid is"),
    ("another truth", arrays(CANVASES, ground_truth_complex=lambda held: held * np.complex64(1.1)),
     f"{CANVASES}: 'ground_truth_complex' is another"),
    ("a map of residuals", arrays("residuals.npz", baseline_map=lambda held: held * 2),
     "residuals.npz: 'baseline_map' is another"),
    # 158, 160, 212, 214, 215
    ("results of the other split", results_of_the_other_split, "plan.npz: "),
    ("an arm renamed", an_arm_renamed, "PtyChi"),
    ("another network", of_the_hub("Baseline", lambda path: write_bundle(
        path, gridsize=1, patch_px=SIDE, nphotons=DOSE, seed=9)),
     "Baseline: computed again, the window at row"),
    ("another true object in the data", of_the_hub(
        "test_data", lambda path: with_arrays(path, objectGuess=lambda held: held * np.complex64(1.1))),
     "'ground_truth_complex' is another"),
    ("images doubled", of_the_hub(
        "test_data", lambda path: with_arrays(path, diff3d=lambda held: held * 2)),
     "normalisation"),
    ("a time", in_manifest(lambda held: held["arms"]["Baseline"]["seconds"].update(computation_s=1e4)),
     "Baseline computation_time_s value is"),
]  # fmt: skip
WITH_EVERY_PUSH = ("a score", "groups in another order")


@pytest.mark.parametrize(
    ("forge", "said"),
    [
        pytest.param(forge, said, id=name.replace(" ", "-"), marks=() if name in WITH_EVERY_PUSH else SLOW)
        for name, forge, said in FORGERIES
    ],
)
def test_what_does_not_follow_is_named(hub: Hub, forge: Forge, said: str) -> None:
    forge(evidence(hub))
    # drawing takes half of the time
    texts = [finding.text for finding in recomputation(hub, figures="plot" in said).alone(TRAIN)]
    assert any(said in text for text in texts), texts
    assert all(text.startswith(f"{TRAIN.id}: ") for text in texts)


@pytest.mark.slow
def test_figures_are_drawn_again_only_for_who_asks_for_them(hub: Hub) -> None:
    """Who has asked without them does not take that answer for one with them."""
    of_the_other_split("comparison_plot.png")(evidence(hub))
    assert recomputation(hub, figures=False).alone(TRAIN) == []
    [finding] = recomputation(hub).alone(TRAIN)
    assert "comparison_plot.png: " in finding.text


@pytest.mark.slow
def test_true_evidence_holds_and_leaves_nothing_behind(hub: Hub, caplog: pytest.LogCaptureFixture) -> None:
    """Nor is anything said of it: a judge has words of its own."""
    caplog.set_level(logging.DEBUG, logger=LOGGER)
    before = sorted(hub.root.rglob("*"))
    assert recomputation(hub).alone(TRAIN) == []
    assert recomputation(hub).why_not(TRAIN) == ""
    assert sorted(hub.root.rglob("*")) == before
    assert caplog.messages == []


@pytest.mark.slow
def test_what_cannot_be_computed_again_is_said_each_time(hub: Hub) -> None:
    """A session asks more than once, and remembers what it found."""
    edit_arrays(evidence(hub), lambda held: held.pop("mask"), name=CANVASES)
    first = recomputation(hub).alone(TRAIN)
    assert any("mask" in finding.text for finding in first)
    assert recomputation(hub).alone(TRAIN) == first


def test_where_it_is_looked_follows_from_the_digests(hub: Hub) -> None:
    """The same hub, the same places; another manifest or inventory, others."""
    names = Artifacts(evidence(hub))
    first = seed_of(hub, names)
    assert seed_of(hub, names) == first
    edit_manifest(evidence(hub), lambda held: held.update(command=["another"]))
    second = seed_of(hub, names)
    hub.reports().digests.parent.mkdir(parents=True, exist_ok=True)
    hub.reports().digests.write_text("anything")
    assert len({first, second, seed_of(hub, names)}) == 3


@pytest.mark.slow
def test_scores_by_older_definitions_are_left_out_and_said_to_be(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plan and the canvases are looked into all the same."""
    monkeypatch.setattr(verified, "made_again", None)  # not called
    for edit in (
        lambda: edit_manifest(evidence(hub), lambda held: held.update(metric_version="ptycho-compare-2")),
        lambda: edit_table(evidence(hub), lambda line: line.replace("ptycho-compare-3", "ptycho-compare-2")),
    ):
        edit()
    assert recomputation(hub).alone(TRAIN) == []
    assert recomputation(hub).why_not(TRAIN) == "scores by ptycho-compare-2 (here: ptycho-compare-3)"
    edit_canvas(evidence(hub), "baseline", noisy)
    [finding] = recomputation(hub).alone(TRAIN)
    assert "Baseline: computed again, the window at row" in finding.text


def test_evidence_of_other_settings_than_the_studys_is_not_computed_again(hub: Hub) -> None:
    text = hub.study().read_text()
    hub.study().write_text(text.replace("draws = 100", "draws = 90"))
    [finding] = recomputation(hub).alone(TRAIN)
    assert finding.kind == "stale"
    assert "scoring.resampling.draws" in finding.text
