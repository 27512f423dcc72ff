"""Results made elsewhere: true ones are taken over, forged ones are refused, and nothing is changed."""

from __future__ import annotations

import getpass
import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bundles import write_bundle, write_ptychi
from forged import (
    edit_arrays,
    edit_canvas,
    edit_column,
    edit_manifest,
    edit_plan,
    edit_table,
    record_again,
)
from hubs import CROP, DOSE, SIDE, SPLITS, make_split
from processes import PTYCHO_HUB, environment, nobody_left, until
from ptycho_compare.checks import judge_comparison
from ptycho_compare.cli.place_arguments import find_comparison
from ptycho_compare.cli.ptycho_hub import main
from ptycho_compare.errors import AdoptionError, HubError
from ptycho_compare.hub import Artifacts, Hub
from ptycho_compare.jobs.states import read_states
from ptycho_compare.phases.comparison.adopt import PIECES, adopt, results_in
from ptycho_compare.phases.comparison.compare import open_setting
from ptycho_compare.phases.comparison.inputs import inspect_inputs
from ptycho_compare.phases.comparison.job import ComparisonJob
from ptycho_compare.phases.comparison.made_again import made_again
from ptycho_compare.phases.comparison.publish import told_of, write_artifacts
from ptycho_compare.phases.comparison.recompute import VALUE_TOLERANCE, WINDOW_PX
from ptycho_compare.records.manifest import read_manifest, record_artifacts
from ptycho_compare.study import load_study
from scans import write_scan

pytestmark = pytest.mark.usefixtures("undrawn", "built_once")

TRAIN = f"dose_{DOSE}-dense-train-debug"
ALL = 10_000
"""More windows than there are: each patch's own is computed again."""


def job_of(hub: Path, name: str = TRAIN) -> ComparisonJob:
    place = Hub.open(hub)
    study = load_study(place.study())
    return ComparisonJob(place, study, place.study(), find_comparison(study, name))


def contents(hub: Path) -> dict[str, bytes]:
    """Every file of a hub but the records of attempts, of which there may be more than before."""
    paths = [path for path in hub.rglob("*") if path.is_file() and "job" not in path.relative_to(hub).parts]
    return {str(path.relative_to(hub)): path.read_bytes() for path in paths}


def evidence(folder: Path) -> dict[str, bytes]:
    """What a comparison left, and neither its attempts nor who took it over."""
    return {name: data for name, data in contents(folder).items() if name != "adoption.json"}


def computed(small_hub: Path, root: Path, change: Callable[[Path], object]) -> Path:
    """Results of the train split, in a hub that was changed before."""
    hub = Path(shutil.copytree(small_hub, root / "hub"))
    change(hub)
    assert main(["compare", TRAIN, "--hub", str(hub)]) == 0
    return job_of(hub).folder


@pytest.fixture(scope="module")
def receiving(compared_hub: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hub with evidence of its own, which no refusal may touch."""
    return Path(shutil.copytree(compared_hub, tmp_path_factory.mktemp("receiving") / "hub"))


@pytest.fixture(scope="module")
def train(compared_hub: Path) -> Path:
    return job_of(compared_hub).folder


@pytest.fixture(scope="module")
def other_split(compared_hub: Path) -> Path:
    return job_of(compared_hub, TRAIN.replace("train", "test")).folder


@pytest.fixture(scope="module")
def other_baseline(small_hub: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of another bundle: as alive as the right one, with other weights."""

    def change(hub: Path) -> None:
        bundle = Hub(hub).baseline_dir(DOSE) / "wts.h5.zip"
        write_bundle(bundle, gridsize=1, patch_px=SIDE, nphotons=DOSE, seed=77)

    return computed(small_hub, tmp_path_factory.mktemp("other"), change)


@pytest.fixture(scope="module")
def other_reconstruction(small_hub: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results in which PtyChi comes from another file."""

    def change(hub: Path) -> None:
        write_ptychi(Hub(hub).ptychi(DOSE, "dense", "train"), make_split(), noise=0.04)

    return computed(small_hub, tmp_path_factory.mktemp("other"), change)


def nothing(_folder: Path) -> None:
    """Leave it as it is: it is another's."""


@dataclass(frozen=True)
class Forgery:
    """One way in which results are not what they are said to be.

    Attributes
    ----------
    name : str
    forge : callable
        Given a copy of the results.
    reason : str
        What the refusal must say, as a pattern.
    base : str
        The results that are forged: a fixture.
    claims : bool
        Whether their manifest says that they are of the right command, inputs and settings.
    """

    name: str
    forge: Callable[[Path], object]
    reason: str
    base: str = field(default="train", kw_only=True)
    claims: bool = field(default=False, kw_only=True)


METRICS, DIFFERENCES, CANVASES, PLAN = (
    "comparison_metrics.csv",
    "comparison_differences.csv",
    "reconstructions.npz",
    "plan.npz",
)
NOT_A_PLACE = r"'origin' of \S+ \(\S*\) is not what belongs there"
NOT_FROM_CANVASES = "scores do not follow from the canvases: "


def cell(row: str, column: int, value: str) -> Callable[[str], str]:
    """Set a cell of the row that begins so."""

    def edit(line: str) -> str:
        cells = line.split(",")
        return (
            ",".join([*cells[:column], value, *cells[column + 1 :]]) if line.startswith(f"{row},") else line
        )

    return edit


def table(edit: Callable[[str], str], **how: Any) -> Callable[[Path], None]:
    return lambda folder: edit_table(folder, edit, **how)


def arrays(edit: Callable[[dict[str, Any]], object], name: str = CANVASES) -> Callable[[Path], None]:
    return lambda folder: edit_arrays(folder, edit, name=name)


def canvas(arm: str, edit: Callable[[Any], object]) -> Callable[[Path], None]:
    return lambda folder: edit_canvas(folder, arm, edit)


def plan(edit: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    return lambda folder: edit_plan(folder, edit)


def manifest(edit: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    return lambda folder: edit_manifest(folder, edit)


def truncated(name: str, *, recorded: bool) -> Callable[[Path], None]:
    def forge(folder: Path) -> None:
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[: len(data) // 2])
        if recorded:
            record_again(folder, name)

    return forge


def listed(path: str, key: str | None = None, *, target: str | None = None) -> Callable[[Path], None]:
    """List one more file, or a link; with a digest that is right."""

    def forge(folder: Path) -> None:
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if target is not None:
            (folder.parent / "secret.txt").write_text("secret")
            place.symlink_to(folder / target)
        elif not place.exists():
            place.write_text("anything")
        record_again(folder, path)
        edit_manifest(
            folder, lambda found: found["artifacts"].update({key or path: found["artifacts"].pop(path)})
        )

    return forge


def listed_twice(folder: Path) -> None:
    """Under another name: whoever moves it there the second time finds it gone."""
    edit_manifest(folder, lambda found: found["artifacts"].update(again=found["artifacts"][PLAN]))


def log_is_a_link(folder: Path) -> None:
    """It would bring a file of the receiving machine into evidence that is passed on."""
    (folder.parent / "secret.txt").write_text("secret")
    Artifacts(folder).log.unlink()
    Artifacts(folder).log.symlink_to(folder.parent / "secret.txt")


def without_an_arm(folder: Path) -> None:
    """PtyChi is not required in this tier; its file is there all the same, and so it has to be scored."""
    edit_table(folder, lambda line: "" if "PtyChi" in line else line)
    edit_table(folder, lambda line: "" if "PtyChi" in line else line, name=DIFFERENCES)
    edit_arrays(folder, lambda held: [held.pop(f"ptychi_{part}") for part in ("complex", "weight")])
    edit_manifest(folder, lambda found: found["arms"].pop("PtyChi"))


def an_extra_arm(folder: Path) -> None:
    """One that nobody asked for, with scores as good as another's."""

    def twice(held: dict[str, Any]) -> None:
        held |= {f"extra_{part}": held[f"ptychi_{part}"] for part in ("complex", "weight")}

    edit_arrays(folder, twice)
    edit_table(
        folder,
        lambda line: f"{line}\n{line.replace('PtyChi', 'Extra')}" if line.startswith("PtyChi") else line,
    )
    edit_manifest(folder, lambda found: found["arms"].update(Extra=found["arms"]["PtyChi"]))


def a_region(values: Any) -> None:
    values[30:45, 30:50] *= 0.5


def brighter(values: Any) -> None:
    """Which no score shows: a factor is removed before scoring. A window differs by that or more."""
    values *= 1.01


def spot(values: Any) -> None:
    values[38:42, 38:42] = 1.0


def hole(value: complex) -> Callable[[Any], None]:
    def edit(values: Any) -> None:
        values[:, 36:] = value

    return edit


def a_pixel_less(held: dict[str, Any]) -> None:
    held["mask"].flat[np.flatnonzero(held["mask"])[0]] = False


def another_mask(folder: Path) -> None:
    """Its pixels are counted everywhere where they are told."""
    edit_arrays(folder, a_pixel_less)
    with np.load(folder / CANVASES) as held:
        pixels = int(held["mask"].sum())
    edit_manifest(folder, lambda found: found.update(mask_pixels=pixels))
    edit_column(folder, "mask_pixels", pixels)


def a_smaller_plan(folder: Path) -> None:
    edit_plan(folder, lambda held: held.update(groups=held["groups"][1:]))
    edit_column(folder, "groups", 47)
    Artifacts(folder).log.unlink()  # it tells of the predictions of 48, and may be left out


def swapped_groups(held: dict[str, Any]) -> None:
    held["groups"][[3, 4]] = held["groups"][[4, 3]]


FORGERIES = [
    # a table
    Forgery("a cell", table(cell("Baseline,ssim", 2, "0.9"), recorded=False),
            rf"{METRICS}: differs from the digest in the manifest"),
    Forgery("a cell, recorded", table(cell("Baseline,ssim", 2, "0.9")),
            rf"{NOT_FROM_CANVASES}{METRICS}: Baseline ssim amplitude is 0\.9; the canvases give"),
    Forgery("an interval", table(cell("PtychoPINN,mae", 12, "0.3")),
            rf"{NOT_FROM_CANVASES}{METRICS}: PtychoPINN mae amplitude_low is 0\.3; the canvases give"),
    Forgery("a note", table(cell("PtychoPINN,mae", 10, "checked by hand")),
            "PtychoPINN mae note is checked by hand; the canvases give nothing"),
    Forgery("a row less", table(lambda line: "" if line.startswith("PtyChi,phase_rmse") else line),
            rf"{METRICS} has \d+ rows to compare, and from its canvases \d+ follow"),
    Forgery("a cell more", table(lambda line: f"{line},1" if line.startswith("PtyChi,mae") else line),
            rf"{METRICS}:\d+: has more than 18 cells"),
    Forgery("a NaN where a score must be", table(cell("PtychoPINN,mse", 3, "nan")),
            r"blank: arm PtychoPINN: .*mse phase = nan is outside"),
    Forgery("a NaN where one may be left out", table(cell("PtychoPINN,frc50", 2, "nan")),
            rf"{METRICS}: PtychoPINN frc50 amplitude is nan"),
    Forgery("a NaN for a time", table(cell("PtychoPINN,computation_time_s", 4, "NaN")),
            rf"{METRICS}:\d+: value is 'NaN', which is no number"),
    Forgery("a verdict", table(cell("PtychoPINN,Baseline,mae,value", 7, "yes"), name=DIFFERENCES),
            rf"{DIFFERENCES}: PtychoPINN Baseline mae value told_apart is yes; the canvases give no"),
    Forgery("a verdict, not recorded",
            table(cell("PtychoPINN,Baseline,mae,value", 7, "yes"), name=DIFFERENCES, recorded=False),
            rf"{DIFFERENCES}: differs from the digest"),
    Forgery("no verdicts", manifest(lambda found: found["artifacts"].pop(DIFFERENCES)),
            rf"manifest\.json: lists no {DIFFERENCES}"),
    Forgery("a table in another code", lambda folder: (
                (folder / METRICS).write_bytes(b"\xff\xfe\x00"), record_again(folder, METRICS)),
            rf"{METRICS}: not a readable table"),
    # canvases
    Forgery("a region", canvas("baseline", a_region),
            rf"Baseline: computed again, the window|{NOT_FROM_CANVASES}"),
    Forgery("a brighter canvas", canvas("ptychopinn", brighter),
            r"PtychoPINN: computed again, the window at row \d+, column \d+ differs by 0\.0[1-9]\d*"),
    Forgery("another coverage", arrays(lambda held: held.update(baseline_weight=held["baseline_weight"] + 1)),
            r"Baseline: in the window at row \d+, column \d+ other patches lie than were stored"),
    Forgery("half a canvas of zeros", canvas("baseline", hole(0)), "dead: arm Baseline: (zero|mostly_empty)"),
    Forgery("half a canvas of NaN", canvas("baseline", hole(complex("nan"))),
            "dead: arm Baseline: non_finite"),
    Forgery("a canvas gone", arrays(lambda held: held.pop("baseline_complex")),
            "key 'baseline_complex' is missing"),
    Forgery("another place", arrays(lambda held: held.update(origin=held["origin"] + 1)),
            r"PtychoPINN is \(72, 80\) at \(1, 1\); this comparison's grid is \(72, 80\) at \(0, 0\)"),
    Forgery("no place", arrays(lambda held: held.update(origin=np.int64(0))), NOT_A_PLACE),
    Forgery("a place in words", arrays(lambda held: held.update(origin=np.array(["a", "b"]))),
            NOT_A_PLACE),
    Forgery("a coverage in words",
            arrays(lambda held: held.update(baseline_weight=held["baseline_weight"].astype("U9"))),
            "'baseline_weight' of <U9"),
    Forgery("a canvas in words",
            arrays(lambda held: held.update(baseline_complex=np.full((72, 80), "x"))),
            r"reconstructions\.npz: 'baseline_complex' of <U1"),
    Forgery("a smaller mask", arrays(lambda held: held.update(mask=held["mask"][1:])),
            r"'mask' of bool \(71, 80\) are no canvas"),
    Forgery("another mask", another_mask, rf"{NOT_FROM_CANVASES}'mask' is not"),
    Forgery("another mask, not counted", arrays(a_pixel_less),
            r"'mask' holds (\d+) pixels, and the manifest says mask_pixels (?!\1)\d+"),
    Forgery("a truncated NPZ", truncated(CANVASES, recorded=False), rf"{CANVASES}: differs from the digest"),
    Forgery("a truncated NPZ, recorded", truncated(CANVASES, recorded=True),
            rf"changed: .*{CANVASES}: not a readable zip archive"),
    Forgery("a ready-made arm from another file", nothing, "input PtyChi was", base="other_reconstruction"),
    Forgery("the same, said to be ours", nothing, r"PtyChi: the stored canvas is not what .*phase_f.* holds",
            base="other_reconstruction", claims=True),
    # the plan
    Forgery("another plan", plan(swapped_groups),
            rf"{PLAN}: 2 of 48 groups are others than those drawn here"),
    Forgery("a smaller plan", a_smaller_plan, "47 groups of 4, here 48 of 4"),
    Forgery("no groups", arrays(lambda held: held.update(groups=np.int64(3)), PLAN),
            rf"{PLAN}: 'groups' is int64 \(\); needed: \(B, C\) integers"),
    Forgery("another normalisation",
            plan(lambda held: held.update(normalization=held["normalization"] * 1.1)),
            r"normalisation \S+, here"),
    Forgery("two normalisations", arrays(lambda held: held.update(normalization=np.ones(2)), PLAN),
            rf"{PLAN}: 'normalization' is float64 \(2,\); needed: one number"),
    Forgery("a truncated plan, recorded", truncated(PLAN, recorded=True), rf"{PLAN}: .*readable zip archive"),
    # other results
    Forgery("another split", nothing, f"which is not {TRAIN}", base="other_split"),
    Forgery("another split, its command forged",
            manifest(lambda found: found.update(command=["ptycho-hub", "compare", TRAIN])),
            "not of the inputs and settings that are here: input test_data was", base="other_split"),
    Forgery("another split, said to be ours", nothing, rf"{PLAN}: .*(groups are others|normalisation)",
            base="other_split", claims=True),
    Forgery("another bundle", nothing, r"input Baseline was \w{9}, is \w{9}", base="other_baseline"),
    Forgery("another bundle, said to be ours", nothing,
            rf"Baseline: computed again, the window at row .* \(limit {VALUE_TOLERANCE:g}\); it is another",
            base="other_baseline", claims=True),
    Forgery("older definitions", manifest(lambda found: found.update(metric_version="ptycho-compare-2")),
            "scored by ptycho-compare-2, and a run here scores by ptycho-compare-3; compare again"),
    Forgery("other settings", manifest(lambda found: found["settings"].update(crop_px=CROP + 2)),
            f"setting crop_px was {CROP + 2}, is {CROP}"),
    Forgery("another program", manifest(lambda found: found.update(command=["/bin/vi", TRAIN])),
            "made by vi; needed: ptycho-hub or compare_models"),
    # arms
    Forgery("a required arm gone", manifest(lambda found: found["arms"].pop("Baseline")),
            r"missing: arm Baseline: .*it is required"),
    Forgery("a dead arm", manifest(lambda found: found["arms"]["Baseline"].update(
                status="failed", reason="zero: |object| = 0 in 9 of 9 pixels")),
            r"dead: arm Baseline: zero: \|object\| = 0"),
    Forgery("an arm less", without_an_arm, "key 'ptychi_complex' is missing"),
    Forgery("an arm more", an_extra_arm, rf"{NOT_FROM_CANVASES}{METRICS} has"),
    # the manifest
    Forgery("no manifest", lambda folder: (folder / "manifest.json").unlink(),
            r"manifest\.json: No such file or directory: these results are not complete"),
    Forgery("no JSON", lambda folder: (folder / "manifest.json").write_text("{"),
            r"manifest\.json: is no manifest \(1 problems?\)"),
    Forgery("other JSON", lambda folder: (folder / "manifest.json").write_text("{}"),
            r"manifest\.json: is no manifest \(\d+ problems?\)"),
    Forgery("no text", lambda folder: (folder / "manifest.json").write_bytes(b"\xff{}"),
            r"manifest\.json: is no manifest"),
    Forgery("a file that is not there", lambda folder: (folder / "residuals.npz").unlink(),
            r"residuals\.npz: the manifest lists it and it is not there"),
    Forgery("no plan listed", manifest(lambda found: found["artifacts"].pop(PLAN)), f"lists no {PLAN}"),
    Forgery("a file above", listed("../secret.txt"), "lists '../secret.txt', which is no artifact"),
    Forgery("a file above, under a good name", listed("../secret.txt", "frc_plot.png"),
            "lists '../secret.txt', which is no artifact"),
    Forgery("a file by its whole path",
            manifest(lambda found: found["artifacts"][PLAN].update(path="/etc/hostname")),
            "lists '/etc/hostname', which is no artifact"),
    Forgery("a link to a file above", listed("extra.csv", target="../secret.txt"), r"extra\.csv: is a link"),
    Forgery("a link to a file beside", listed("extra.csv", target=PLAN), r"extra\.csv: is a link"),
    Forgery("a log that is a link", log_is_a_link, r"debug\.log: is a link"),
    Forgery("the claim of a job", listed("job/claim.json"), "lists 'job/claim.json', which is no artifact"),
    Forgery("a record of adoption", listed("adoption.json"), "lists 'adoption.json', which is no artifact"),
    Forgery("a file under two names", listed_twice, f"lists '{PLAN}', which is no artifact"),
    Forgery("another file for the table", listed("x.csv", METRICS), "lists 'x.csv', which is no artifact"),
]  # fmt: skip


def claim_to_be(folder: Path, honest: Path) -> None:
    """Have a manifest say what that of the right results says."""
    right = json.loads((honest / "manifest.json").read_text())
    edit_manifest(folder, lambda found: found.update({key: right[key] for key in ("command", "inputs")}))


@pytest.mark.parametrize("forgery", FORGERIES, ids=lambda forgery: forgery.name.replace(" ", "-"))
def test_what_does_not_hold_is_refused(
    forgery: Forgery, receiving: Path, train: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    theirs = Path(shutil.copytree(request.getfixturevalue(forgery.base), tmp_path / "theirs"))
    if forgery.claims:
        claim_to_be(theirs, train)
    forgery.forge(theirs)
    before, job = contents(receiving), job_of(receiving)
    with pytest.raises(AdoptionError, match=forgery.reason) as refused:
        adopt(job, theirs)
    assert "\n" not in str(refused.value)
    assert "adopting" not in str(refused.value), "names a file that is gone when somebody looks for it"
    assert contents(receiving) == before
    assert sorted(path.name for path in job.files.folder.iterdir() if path.name[0] != ".") == ["states.jsonl"]


def test_results_are_taken_over_and_count(train: Path, own_hub: Path) -> None:
    job = job_of(own_hub)
    assert [finding.kind for finding in job.why_not_done()] == ["missing"]
    record = adopt(job, train)
    assert evidence(job.folder) == evidence(train)
    assert job.why_not_done() == []
    told = json.loads(Artifacts(job.folder).adoption.read_text())
    assert told == record.model_dump(mode="json")
    assert (told["by"], told["host"]) == (getpass.getuser(), os.uname().nodename)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", told["adopted"])
    assert told["source"] == str(train)
    assert told["tables"] == [METRICS, DIFFERENCES]
    made, found = told["made"], read_manifest(Artifacts(train).manifest)
    assert made["command"] == found.command
    assert made["code"] == found.code
    assert [attempt["attempt"] for attempt in made["attempts"]] == [1]
    assert [piece["arm"] for piece in told["pieces"]] == ["PtychoPINN"] * PIECES + ["Baseline"] * PIECES
    assert all(piece["deviation"] <= VALUE_TOLERANCE and piece["patches"] > 0 for piece in told["pieces"])
    assert len({(piece["arm"], piece["row"], piece["column"]) for piece in told["pieces"]}) == 2 * PIECES
    states = [event["state"] for event in read_states(job.files.states)]
    assert states[-2:] == ["adopted", "ended"]


def test_which_windows_are_computed_again_cannot_be_foreseen(train: Path, own_hub: Path) -> None:
    first, second = (adopt(job_of(own_hub), train) for _ in range(2))
    assert first.seed != second.seed
    assert first.pieces != second.pieces


def test_what_was_there_before_is_replaced_whole(train: Path, receiving: Path, tmp_path: Path) -> None:
    """What an earlier comparison left, and these results do not have, would be taken for theirs."""
    hub = Path(shutil.copytree(receiving, tmp_path / "hub"))
    folder = job_of(hub).folder
    for name in ("extra_frc_curves.csv", "arm_agreement.csv"):
        (folder / name).write_text("of an earlier one")
    (folder / "notes.txt").write_text("the user's own")
    adopt(job_of(hub), train)
    assert (folder / "notes.txt").exists()
    (folder / "notes.txt").unlink()
    assert evidence(folder) == evidence(train)


def test_results_of_other_code_and_libraries_count(train: Path, own_hub: Path, tmp_path: Path) -> None:
    """They were verified with the code that is here, and stay good when it changes."""
    theirs = Path(shutil.copytree(train, tmp_path / "theirs"))
    edit_manifest(theirs, lambda found: (found.update(code="0" * 64), found["versions"].update(numpy="1.26")))
    record = adopt(job_of(own_hub), theirs)
    assert record.made["code"] == "0" * 64
    assert record.made["versions"]["numpy"] == "1.26"
    assert job_of(own_hub).is_done()


def test_results_of_the_other_command_count(train: Path, own_hub: Path, tmp_path: Path) -> None:
    """`compare_models` names no comparison: its inputs and settings say which it is."""
    theirs = Path(shutil.copytree(train, tmp_path / "theirs"))
    edit_manifest(theirs, lambda found: found.update(command=["/usr/bin/compare_models", "--quiet"]))
    assert adopt(job_of(own_hub), theirs).made["command"][0] == "/usr/bin/compare_models"


def test_a_comparison_of_other_settings_here(train: Path, own_hub: Path, tmp_path: Path) -> None:
    """The study has another seed: what says so is refused by name, what does not, by its plan."""
    study = own_hub / "study.toml"
    study.write_text(study.read_text() + "\n[grouping]\nseed = 5\n")
    with pytest.raises(AdoptionError, match="setting seed was 123, is 5"):
        adopt(job_of(own_hub), train)
    theirs = Path(shutil.copytree(train, tmp_path / "theirs"))
    edit_manifest(theirs, lambda found: found["settings"].update(seed=5))
    with pytest.raises(AdoptionError, match=r"settings\.seed is 5, and plan\.npz was drawn with 123"):
        adopt(job_of(own_hub), theirs)
    edit_plan(theirs, lambda held: held.update(seed=np.int64(5)))
    with pytest.raises(AdoptionError, match=r"\d+ of 48 groups are others than those drawn here"):
        adopt(job_of(own_hub), theirs)
    assert not Artifacts(job_of(own_hub).folder).manifest.exists()


def test_results_without_a_truth_count(small_hub: Path, own_hub: Path, tmp_path: Path) -> None:
    """Networks reconstruct halves of the data then, of which no artifact holds the canvases."""

    def without_truth(hub: Path) -> None:
        split = make_split()
        del split["objectGuess"]
        write_scan(Hub(hub).split_data(DOSE, "dense", "train"), split)

    theirs = computed(small_hub, tmp_path / "other", without_truth)
    assert "half_frc" in (theirs / METRICS).read_text()
    without_truth(own_hub)
    adopt(job_of(own_hub), theirs)
    assert job_of(own_hub).is_done()

    edit_table(theirs, cell("Baseline,r_factor", 4, "0.1"))
    with pytest.raises(AdoptionError, match=r"Baseline r_factor value is 0\.1; the canvases give"):
        adopt(job_of(own_hub), theirs)


def test_an_arm_of_a_users_own_code_is_not_adopted(train: Path, own_hub: Path) -> None:
    """It can be neither computed in pieces nor told by a digest, and nothing is believed."""
    study = own_hub / "study.toml"
    study.write_text(study.read_text() + '\n[arms.Mine]\nreconstructor = "mine"\n')
    with pytest.raises(AdoptionError, match="Mine is made by a user's own code, which cannot be verified"):
        adopt(job_of(own_hub), train)


def test_a_hub_that_lacks_an_input_adopts_nothing(train: Path, own_hub: Path) -> None:
    Hub(own_hub).split_data(DOSE, "dense", "train").unlink()
    with pytest.raises(HubError, match=rf"patched_train\.npz: No such file.*{TRAIN} needs it"):
        adopt(job_of(own_hub), train)


def make_scores_follow(folder: Path, job: ComparisonJob) -> None:
    """Make all that follows from forged canvases as it would be made here: a forger has this package, too."""
    found, names = inspect_inputs(job.request), Artifacts(folder)
    manifest = read_manifest(names.manifest)
    with open_setting(job.request, found, spool_folder=folder) as (setting, warnings):
        result = made_again(found, names, manifest, setting, warnings)
        again = write_artifacts(names, result)
    told = {**told_of(result), "artifacts": record_artifacts(folder, again)}
    manifest.model_copy(update=told).write(names.manifest)


def test_a_forged_spot_with_scores_that_follow_is_found_by_computing_it_again(
    train: Path, own_hub: Path, tmp_path: Path
) -> None:
    """For certain when every window is computed again, else by chance; without any, by nothing."""
    theirs = Path(shutil.copytree(train, tmp_path / "theirs"))
    edit_canvas(theirs, "baseline", spot)
    make_scores_follow(theirs, job_of(own_hub))
    assert judge_comparison(theirs, required=["PtychoPINN", "Baseline", "PtyChi"]) == []
    with pytest.raises(AdoptionError, match="Baseline: computed again, the window at row") as refused:
        adopt(job_of(own_hub), theirs, pieces=ALL)
    row, column = map(int, re.findall(r"row (\d+), column (\d+)", str(refused.value))[0])
    assert max(abs(row + WINDOW_PX / 2 - 40), abs(column + WINDOW_PX / 2 - 40)) < WINDOW_PX / 2 + 2
    assert adopt(job_of(own_hub), theirs, pieces=0).pieces == []


def test_whoever_has_no_name_on_this_machine_is_named_by_number(
    train: Path, own_hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container may run under any number."""

    def unknown() -> str:
        raise KeyError("getpwuid(): uid not found: 12345")

    monkeypatch.setattr(getpass, "getuser", unknown)
    assert adopt(job_of(own_hub), train).by == f"uid {os.getuid()}"


def test_a_folder_of_one_comparison_is_no_hub(compared_hub: Path, own_hub: Path, train: Path) -> None:
    for split in SPLITS:
        job = job_of(own_hub, TRAIN.replace("train", split))
        assert results_in(compared_hub, job) == job_of(compared_hub, job.id).folder
        assert results_in(train, job) is None
    assert results_in(compared_hub, job_of(own_hub, TRAIN.replace("debug", "full"))) is None


def test_a_kill_amid_adoption_leaves_the_hub_as_it_was(
    compared_hub: Path, train: Path, tmp_path: Path
) -> None:
    hub = Path(shutil.copytree(compared_hub, tmp_path / "hub"))
    before, job = contents(hub), job_of(hub)
    command = [*PTYCHO_HUB, "adopt", str(compared_hub), TRAIN, "--hub", str(hub)]

    def recomputes() -> bool:
        return any(event.get("name") == "recomputing pieces" for event in read_states(job.files.states))

    with nobody_left(hub):
        process = subprocess.Popen(
            command, env=environment(hub), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until(recomputes)
        process.kill()
        assert process.wait() == -signal.SIGKILL
    assert contents(hub) == before
    assert (job.files.folder / "adopting").is_dir(), "it was killed before it had begun, or when it was over"

    adopt(job_of(hub), train)
    assert not (job.files.folder / "adopting").exists()
    assert evidence(job.folder) == evidence(train)
    assert Artifacts(job.folder).adoption.exists()
    assert [event["state"] for event in read_states(job.files.states)].count("died") == 1
