"""`ptycho-hub study`: what all comparisons of a study say together, and a forged word of it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pandas
import pytest

from answered import ARMS, DOSES, by_dose, judged, make_study
from forged import edit_table
from ptycho_compare import open_hub
from ptycho_compare.checks.study_answers import has_answers
from ptycho_compare.cli.ptycho_hub import main
from ptycho_compare.hub import Artifacts, Hub
from ptycho_compare.study import load_study
from scorecards import truth_image


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> Hub:
    noises = {"PtychoPINN": by_dose(1.0), "PtyChi": by_dose(3.0)}
    hub, _ = make_study(tmp_path_factory.mktemp("answered") / "hub", noises)
    assert main(["study", "--hub", str(hub.root)]) == 0
    return hub


@pytest.fixture
def hub(answered: Hub, tmp_path: Path) -> Hub:
    return Hub(Path(shutil.copytree(answered.root, tmp_path / "hub")))


def test_the_tidy_table_holds_every_number_of_every_comparison(answered: Hub) -> None:
    table = pandas.read_csv(answered.answers().scores)
    scores = open_hub(answered.root).scores
    assert list(table.columns)[:14] == [
        *("comparison", "dose", "view", "split", "tier", "arm", "metric", "component"),
        *("value", "low", "high", "unit", "reference", "mask"),
    ]
    assert len(table) == len(scores)
    assert table["value"].equals(scores["value"])
    assert {*table["dose"]} == {*DOSES}
    assert {*table["arm"]} == {*ARMS}


def test_truth_with_the_noise_of_photons_gives_the_analytic_curve(answered: Hub) -> None:
    """Complex noise of sd s in each part leaves a Fienup error of sqrt(2 s^2 / (mean |truth|^2 + 2 s^2))."""
    curves = pandas.read_csv(answered.answers().curves).query("metric == 'fienup' and arm == 'PtychoPINN'")
    power = 2.0 / curves["dose"]
    expected = (power / ((abs(truth_image()) ** 2).mean() + power)) ** 0.5
    assert curves["mean"].to_numpy() == pytest.approx(expected.to_numpy(), rel=0.03)
    slope = pandas.read_csv(answered.answers().answers).query("question == 'slope' and first == 'PtychoPINN'")
    (found,) = slope.query("metric == 'fienup'").itertuples()
    assert found.low <= -0.5 <= found.high
    assert found.high - found.low < 0.1
    assert (found.axis, found.view) == ("dose", "dense")


def test_ranks_say_who_is_told_apart(answered: Hub) -> None:
    table = pandas.read_csv(answered.answers().answers)
    ranks = table.query("question == 'rank'")
    assert [*ranks.query("value == 1")["first"]] == ["PtychoPINN"] * len(DOSES)
    assert {*ranks["told_apart"]} == {"yes"}
    assert table.query("question == 'conditions_won' and first == 'PtychoPINN'")["value"].item() == len(DOSES)


@pytest.mark.usefixtures("unplotted")
def test_the_command_says_the_study_in_short(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["study", "--hub", str(hub.root)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("PtychoPINN and PtyChi were compared under 4 conditions (4 of 4 comparisons")
    assert said[1] == "PtychoPINN was best in 4 of 4."
    assert {*said[2:]} == {f"wrote report/{path.name}" for path in hub.answers() if path.is_file()}


def test_what_is_written_again_is_the_same(hub: Hub) -> None:
    before = {path: path.read_bytes() for path in hub.answers() if path.is_file()}
    assert len(before) == 9  # no arm has a recorded time: there is no figure of costs
    assert main(["study", "--hub", str(hub.root)]) == 0
    assert {path: path.read_bytes() for path in hub.answers() if path.is_file()} == before
    assert judged(hub) == []


@pytest.mark.parametrize(
    "name",
    ["study.csv", "study_curves.csv", "study_answers.csv", "study.md", "study_table.tex", "study_costs.csv"],
)
def test_a_forged_number_is_found_by_its_line(hub: Hub, name: str) -> None:
    path = hub.answers().folder / name
    lines = path.read_text().splitlines(keepends=True)
    at = next(at for at, line in enumerate(lines) if at and re.search(r"\d", line))
    lines[at] = re.sub(r"\d", lambda found: str(9 - int(found.group())), lines[at], count=1)
    path.write_text("".join(lines))
    (finding,) = judged(hub)
    assert f"{name}:{at + 1}: mismatch" in finding
    assert "run ptycho-hub study again" in finding


def test_a_table_that_is_not_its_comparison_s_makes_no_study(
    hub: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    place = load_study(hub.study()).comparisons()[0]
    folder = place.folder(hub)
    edit_table(folder, lambda line: line.replace("ok", "okay"), recorded=False)
    assert main(["study", "--hub", str(hub.root)]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert f"ptycho-hub compare {place.id} writes it" in said
    assert len(judged(hub)) == 1


def test_a_hub_without_comparisons_is_told_so(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(hub.analysis())
    shutil.rmtree(hub.answers().folder)
    assert main(["study", "--hub", str(hub.root)]) == 1
    assert "no comparison of 'answered' is there yet" in capsys.readouterr().err
    assert not has_answers(hub)


@pytest.mark.usefixtures("unplotted")
def test_a_part_of_the_study_makes_a_part_of_the_table(hub: Hub) -> None:
    place = load_study(hub.study()).comparisons()[0]
    Artifacts(place.folder(hub)).manifest.unlink()
    assert main(["study", "--hub", str(hub.root)]) == 0
    assert {*pandas.read_csv(hub.answers().scores)["dose"]} == {*DOSES[1:]}


def test_half_a_figure_is_found(hub: Hub) -> None:
    path = hub.answers().figure
    path.write_bytes(path.read_bytes()[:-20])
    (finding,) = judged(hub)
    assert "study_curves.png" in finding


@pytest.mark.usefixtures("unplotted")
def test_seeds_of_a_study_are_trials_and_its_other_factors_conditions(tmp_path: Path) -> None:
    """Each seed has noise of its own: the spread over them is there beside the interval over pixels."""
    noises = {"PtychoPINN": by_dose(1.0), "PtyChi": by_dose(3.0)}
    more = "[factors]\nseed = [1, 2, 3]\ntraining_images = [64, 128]\n"
    hub, _ = make_study(tmp_path / "hub", noises, doses=(400, 6400), more=more)
    assert main(["study", "--hub", str(hub.root)]) == 0
    scores = pandas.read_csv(hub.answers().scores)
    assert {*scores["seed"]} == {1, 2, 3}
    assert scores["comparison"].nunique() == 12
    curves = pandas.read_csv(hub.answers().curves)
    assert {*curves["training_images"]} == {64, 128}
    assert "seed" not in curves
    assert {*curves["trials"]} == {3}
    fienup = curves.query("metric == 'fienup'")
    assert (fienup["sd"] > 0).all()
    assert ((fienup["trials_low"] < fienup["mean"]) & (fienup["mean"] < fienup["trials_high"])).all()
    averages = scores.query("metric == 'fienup'").groupby(["dose", "training_images", "arm"])["value"].mean()
    held = fienup.set_index(["dose", "training_images", "arm"])["mean"]
    assert held.sort_index().to_numpy() == pytest.approx(averages.sort_index().to_numpy(), abs=2e-6)
    assert "3 trials of each (12 of 12 comparisons of the full tier)" in hub.answers().text.read_text()
    assert judged(hub) == []
