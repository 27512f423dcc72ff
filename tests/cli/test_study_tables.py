"""Losses in one plot and transfer as a matrix: `ptycho-hub study` on what trainings and phase F left."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st

from answered import judged
from forged import edit_manifest
from ptycho_compare.cli.ptycho_hub import main
from ptycho_compare.hub import Hub
from ptycho_compare.records.study_answers import read_answers
from ptycho_compare.records.study_losses import NEARLY, LossCurve, LossPoint
from ptycho_compare.records.tables.metrics_csv import read_metrics_csv
from ptycho_compare.reporting.page.responses import part_of
from ptycho_compare.study import load_study
from ptycho_compare.study.steps import ReconstructStep, TrainStep
from trained_study import DOSES, EPOCHS, LOW, trained_study


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Hub:
    hub, _ = trained_study(tmp_path_factory, tmp_path_factory.mktemp("tables") / "hub")
    assert main(["study", "--hub", str(hub.root)]) == 0
    return hub


@pytest.fixture
def hub(made: Hub, tmp_path: Path) -> Hub:
    return Hub(Path(shutil.copytree(made.root, tmp_path / "hub")))


def test_losses_stand_epoch_by_epoch_with_their_seconds(made: Hub) -> None:
    table = pandas.read_csv(made.answers().losses)
    assert table.groupby(["arm", "step"]).ngroups == 8
    pinn = table.query("arm == 'PtychoPINN' and dose == 100")
    assert [*pinn["seconds"]] == pytest.approx([0.5, 1.5, 3.0, 5.0, 7.5])
    assert [*pinn["loss"]] == pytest.approx([-3.0 + 1.0 / n**2 for n in range(1, EPOCHS + 1)], rel=1e-8)
    assert [*pinn["held_out_loss"]] == pytest.approx([1.0 / n for n in range(1, EPOCHS + 1)], rel=1e-8)
    assert {*table.query("arm == 'Baseline'")["view"].isna()} == {True}
    theirs = table.query("arm == 'PtyChi' and dose == 100 and split == 'test'")
    assert [*theirs["seconds"]] == pytest.approx([0.5 * n for n in range(1, 9)])
    assert theirs["remaining"].iloc[0] == 1
    assert theirs["remaining"].iloc[-1] == 0
    assert made.answers().losses_figure.is_file()
    assert made.answers().losses_figure_pdf.is_file()


def test_their_table_says_how_soon_they_come_down(made: Hub) -> None:
    """100 * 0.5^n: below a tenth of the decrease after the fifth epoch, 2.5 s of 4 s."""
    lines = made.answers().text.read_text().splitlines()
    (row,) = (line for line in lines if line.startswith("| PtyChi | 100 | dense | test | 8 |"))
    assert row.endswith("| 8 | 4 | 100 | 0.7812 | 5 | 2.5 |")
    latex = made.answers().losses_latex.read_text()
    assert r"PtyChi & 100 & dense & test & 8 & 4 & 100 & 0.7812 & 5 & 2.5 \\" in latex


def test_transfer_puts_scores_by_training_and_test_data(made: Hub) -> None:
    """Which data a network was trained on follows from its digest, whatever the arm is called."""
    table = pandas.read_csv(made.answers().transfer).query("metric == 'fienup'")
    assert len(table) == 2 * 4 + 2
    (away,) = table.query(
        "trained_dose == 100 and tested_dose == 6400 and tested_split == 'test'"
    ).itertuples()
    assert (away.network, away.differs, away.networks) == ("PtychoPINN", "dose split", 1)
    place = next(
        each for each in load_study(made.study()).comparisons() if (each.dose, each.split) == (6400, "test")
    )
    rows = read_metrics_csv(place.folder(made) / "comparison_metrics.csv")
    (number,) = (row.value for row in rows if (row.model, row.metric) == ("pinn_low", "fienup"))
    assert away.mean == pytest.approx(number, abs=1e-6)
    own = table.query("trained_dose == tested_dose and tested_split == 'train'")
    assert {*own["differs"]} == {"nothing"}


def test_the_matrix_is_in_the_text_in_latex_as_a_figure_and_on_the_page(made: Hub) -> None:
    said = made.answers().text.read_text()
    assert "## Transfer" in said
    assert "| PtychoPINN, dose 100, dense |" in said
    assert r"PtychoPINN, dose 100, dense &" in made.answers().transfer_latex.read_text()
    assert made.answers().transfer_figure.is_file()
    assert made.answers().transfer_figure_pdf.is_file()
    part = part_of(made, read_answers(made, load_study(made.study())), page=made.verdict().page)
    assert part is not None
    assert [each.title for each in part.tables] == ["Losses", "Transfer"]
    assert len(part.losses) == 2 * len(DOSES)


@pytest.mark.parametrize(
    "name", ["study_losses.csv", "study_losses.tex", "study_transfer.csv", "study_transfer.tex"]
)
def test_a_forged_table_is_found(hub: Hub, name: str) -> None:
    path = hub.answers().folder / name
    path.write_text(path.read_text().replace("100", "200"))
    (finding,) = judged(hub)
    assert f"{name}:" in finding
    assert "run ptycho-hub study again" in finding


def test_another_history_than_the_one_that_was_told_is_found(hub: Hub) -> None:
    path = TrainStep(hub, LOW, "dense").files.history
    path.write_text(path.read_text().replace(",-2,", ",-1,"))
    assert any("study_losses.csv:" in finding for finding in judged(hub))


@pytest.mark.usefixtures("unplotted")
@pytest.mark.parametrize("damage", [b"", b"epoch,loss,val_loss\n1,x,2\n"])
def test_without_its_losses_a_training_has_no_curve_and_all_else_stands(hub: Hub, damage: bytes) -> None:
    TrainStep(hub, LOW, "dense").files.history.write_bytes(damage)
    ReconstructStep(hub, LOW, "dense", "test").files.reconstruction.write_bytes(damage)
    assert main(["study", "--hub", str(hub.root)]) == 0
    assert pandas.read_csv(hub.answers().losses).groupby("step").ngroups == 6
    assert judged(hub) == []


@pytest.mark.usefixtures("unplotted")
def test_files_that_have_nothing_to_say_go(hub: Hub) -> None:
    shutil.rmtree(hub.root / "data")
    (hub.root / "data").mkdir()
    assert any("the evidence has nothing of the kind" in finding for finding in judged(hub))
    assert main(["study", "--hub", str(hub.root)]) == 0
    left = {path.name for path in hub.answers().folder.iterdir()}
    assert not any(name.startswith(("study_losses", "study_transfer")) for name in left)
    assert judged(hub) == []


@pytest.mark.usefixtures("unplotted")
def test_networks_that_saw_only_data_of_their_place_make_no_matrix(hub: Hub) -> None:
    for each in load_study(hub.study()).comparisons():
        edit_manifest(each.folder(hub), lambda manifest: manifest["inputs"].pop("pinn_low"))
    assert main(["study", "--hub", str(hub.root)]) == 0
    assert not hub.answers().transfer.exists()
    assert not hub.answers().transfer_figure.exists()


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20), st.floats(0.1, 10), st.floats(-100, 100))
def test_what_is_still_to_come_knows_no_unit(losses: list[float], scale: float, shift: float) -> None:
    """Losses of another unit and another zero have the same course: 1 at first, 0 at the lowest."""

    def curve(numbers: list[float]) -> LossCurve:
        points = tuple(LossPoint(at, None, number) for at, number in enumerate(numbers, start=1))
        return LossCurve("A", "a", {"dose": 1}, points)

    mine = curve(losses)
    left = [number for number in mine.remaining if number is not None]
    if losses[0] == min(losses):
        assert left == []
        assert mine.nearly is None
        return
    assert left[0] == 1
    assert min(left) == 0
    assert mine.nearly is not None
    assert left[mine.nearly.epoch - 1] <= NEARLY
    if losses[0] - min(losses) > 1e-3:
        other = [
            number
            for number in curve([scale * each + shift for each in losses]).remaining
            if number is not None
        ]
        assert other == pytest.approx(left, abs=1e-4, rel=1e-4)
