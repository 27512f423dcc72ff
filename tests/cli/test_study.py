"""`ptycho-hub study`: what all comparisons of a study say together, and a forged word of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas
import pytest

from answered import ARMS, DOSES, by_dose, make_study
from forged import edit_table
from ptycho_compare import open_hub
from ptycho_compare.checks.study_answers import has_answers, study_answers
from ptycho_compare.cli.ptycho_hub import main
from ptycho_compare.hub import Artifacts, Hub
from ptycho_compare.study import load_study


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> Hub:
    noises = {"PtychoPINN": by_dose(1.0), "PtyChi": by_dose(3.0)}
    hub, _ = make_study(tmp_path_factory.mktemp("answered") / "hub", noises)
    assert main(["study", "--hub", str(hub.root)]) == 0
    return hub


@pytest.fixture
def hub(answered: Hub, tmp_path: Path) -> Hub:
    return Hub(Path(shutil.copytree(answered.root, tmp_path / "hub")))


def judged(hub: Hub) -> list[str]:
    return [str(each) for each in study_answers(hub, load_study(hub.study())).findings]


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


def test_what_is_written_again_is_the_same(hub: Hub) -> None:
    before = {path: path.read_bytes() for path in hub.answers()}
    assert main(["study", "--hub", str(hub.root)]) == 0
    assert {path: path.read_bytes() for path in hub.answers()} == before
    assert judged(hub) == []


def test_a_forged_number_is_found_by_its_line(hub: Hub) -> None:
    path = hub.answers().scores
    lines = path.read_text().splitlines(keepends=True)
    lines[3] = lines[3].replace(",0.", ",1.", 1)
    path.write_text("".join(lines))
    (finding,) = judged(hub)
    assert "study.csv:4: mismatch" in finding
    assert "run ptycho-hub study again" in finding


def test_a_table_that_is_not_its_comparison_s_makes_no_study(
    hub: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    place = load_study(hub.study()).comparisons()[0]
    folder = hub.comparison_dir(place.dose, place.view, place.split, place.tier)
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


def test_a_part_of_the_study_makes_a_part_of_the_table(hub: Hub) -> None:
    place = load_study(hub.study()).comparisons()[0]
    Artifacts(hub.comparison_dir(place.dose, place.view, place.split, place.tier)).manifest.unlink()
    assert main(["study", "--hub", str(hub.root)]) == 0
    assert {*pandas.read_csv(hub.answers().scores)["dose"]} == {*DOSES[1:]}
