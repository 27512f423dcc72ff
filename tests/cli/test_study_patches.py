"""Patches before stitching over a study: how they spread in every condition, trials together."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas
import pytest

from answered import by_dose, judged, make_study
from forged import edit_table, record_again
from ptycho_compare.cli.ptycho_hub import main
from ptycho_compare.hub import Artifacts, Hub
from ptycho_compare.records.study_answers import read_answers
from ptycho_compare.records.tables.patches_csv import PATCH_NUMBERS, PatchRow, write_patches_csv
from ptycho_compare.reporting.page import write_page
from ptycho_compare.reporting.page.responses import part_of
from ptycho_compare.study import Comparison, load_study
from reporting.page.made import verdict_on

FACTORS = "[factors]\nseed = [1, 2]\n"
NETWORKS = ("PtychoPINN", "Baseline")
PATCHES = 9
FILES = ("study_patches.csv", "study_patches.tex")


def numbers_of(comparison: Comparison, arm: str) -> np.ndarray:
    """(patches, scores), the same whenever it is asked for."""
    seed = [*comparison.id.encode(), *arm.encode()]
    return np.random.default_rng(seed).random((PATCHES, len(PATCH_NUMBERS))).round(6)


def rows_of(comparison: Comparison, arm: str) -> Iterator[PatchRow]:
    for group, scores in enumerate(numbers_of(comparison, arm)):
        numbers: dict[str, float | None] = dict(zip(PATCH_NUMBERS, scores.tolist(), strict=True))
        if group == 0:  # at the border of what is scored
            numbers |= {name: None for name in numbers if "ssim" in name}
        yield PatchRow(arm, group, 3 * group, 1.5, 2.5, 144, numbers, "ptycho-compare-3")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Hub:
    """Two doses and two trials; of one comparison no patches were kept."""
    noises = {arm: by_dose(0.5) for arm in (*NETWORKS, "PtyChi")}
    root = tmp_path_factory.mktemp("patches") / "hub"
    hub, study = make_study(root, noises, doses=(100, 400), more=FACTORS)
    for each in study.comparisons()[:-1]:
        names = Artifacts(each.folder(hub))
        write_patches_csv(names.patch_scores, [row for arm in NETWORKS for row in rows_of(each, arm)])
        record_again(names.folder, names.patch_scores.name)
    assert main(["study", "--hub", str(root)]) == 0
    return hub


@pytest.fixture
def hub(made: Hub, tmp_path: Path) -> Hub:
    return Hub(Path(shutil.copytree(made.root, tmp_path / "hub")))


def test_a_line_holds_how_a_score_spreads_over_the_patches_of_all_trials(made: Hub) -> None:
    table = pandas.read_csv(made.answers().patches, keep_default_na=False)
    assert len(table) == 2 * len(NETWORKS) * (len(PATCH_NUMBERS) - 2)  # a gain is no score
    assert {*table["arm"]} == {*NETWORKS}
    for dose, trials in ((100, 2), (400, 1)):
        those = [each for each in load_study(made.study()).comparisons() if each.dose == dose][:trials]
        for column, place in (
            ("own_mae_phase", "metric == 'mae' and component == 'phase' and gauge == 'own'"),
            (
                "stitched_ssim_amplitude",
                "metric == 'ssim' and component == 'amplitude' and gauge == 'stitched'",
            ),
            ("fienup", "metric == 'fienup' and component == 'value' and gauge == ''"),
        ):
            first = int("ssim" in column)
            found = table.query(f"dose == {dose} and arm == 'Baseline' and {place}").iloc[0]
            numbers = np.concatenate(
                [numbers_of(each, "Baseline")[first:, PATCH_NUMBERS.index(column)] for each in those]
            )
            assert (found["trials"], found["patches"]) == (trials, len(numbers))
            expected = [numbers.mean(), numbers.std(ddof=1), *np.quantile(numbers, [0.25, 0.5, 0.75])]
            told = found[["mean", "sd", "lower_quartile", "median", "upper_quartile"]].astype(float)
            assert [*told] == pytest.approx(expected, abs=1e-6)
    scores = pandas.read_csv(made.answers().curves)
    whole = scores.query("dose == 100 and arm == 'Baseline' and metric == 'fienup'")["mean"].iloc[0]
    beside = table.query("dose == 100 and arm == 'Baseline' and metric == 'fienup'")["stitched_image"]
    assert float(beside.iloc[0]) == pytest.approx(whole, abs=2e-6)


def test_they_are_in_the_text_in_latex_and_on_the_page(made: Hub) -> None:
    text = made.answers().text.read_text()
    section = text.split("## Patches before stitching")[1].split("## ")[0]
    rows = [line for line in section.splitlines() if "| PtychoPINN |" in line or "| Baseline |" in line]
    assert [row.split(" | ")[:5] for row in rows[:3]] == [
        ["| 100", "dense", "test", "PtychoPINN", "own"],
        ["| 100", "dense", "test", "PtychoPINN", "of the image"],
        ["| 100", "dense", "test", "Baseline", "own"],
    ]
    assert len(rows) == 2 * 2 * len(NETWORKS)
    assert "PtyChi" not in section
    assert "mean absolute error of phase (lower is better)" in section
    table = pandas.read_csv(made.answers().patches, keep_default_na=False)
    for row in rows:
        *_, arm, gauge, fienup, amplitude, phase, first_ssim, _ = row.strip("| ").split(" | ")
        place = f"dose == {row.split()[1]} and arm == '{arm}'"
        name = {"own": "own", "of the image": "stitched"}[gauge]
        for text, where in (
            (fienup, "metric == 'fienup'"),
            (amplitude, f"metric == 'mae' and component == 'amplitude' and gauge == '{name}'"),
            (phase, f"metric == 'mae' and component == 'phase' and gauge == '{name}'"),
            (first_ssim, f"metric == 'ssim' and component == 'amplitude' and gauge == '{name}'"),
        ):
            told = table.query(f"{place} and {where}").iloc[0]
            assert [float(each) for each in text.split(" ± ")] == pytest.approx(
                [told["mean"], told["sd"]], abs=0.006
            )
    assert made.answers().patches_latex.read_text().count(r"\\") >= 5
    part = part_of(made, read_answers(made, load_study(made.study())), page=made.verdict().page)
    assert part is not None
    assert "Patches before stitching" in [each.title for each in part.tables]
    assert {*FILES} <= {name for name, _ in part.links}
    assert judged(made) == []


@pytest.mark.parametrize("name", FILES)
def test_a_forged_table_is_found(hub: Hub, name: str) -> None:
    path = hub.answers().folder / name
    path.write_text(path.read_text().replace("0.", "0.9", 1))
    assert any(name in text for text in judged(hub))


def test_patches_of_a_table_that_is_not_its_comparisons_are_refused(
    hub: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = load_study(hub.study()).comparisons()[0].folder(hub)
    edit_table(folder, lambda line: line.replace("Baseline", "Mine"), name="patch_scores.csv", recorded=False)
    assert main(["study", "--hub", str(hub.root)]) == 1
    assert "patch_scores.csv: is not the file of its manifest; ptycho-hub compare" in capsys.readouterr().err


@pytest.mark.usefixtures("unplotted")
def test_a_study_that_asks_for_none_has_no_such_files(tmp_path: Path) -> None:
    hub, study = make_study(tmp_path / "hub", {"PtychoPINN": by_dose(0.5)}, doses=(100, 400))
    for name in FILES:  # of an earlier one
        hub.answers().folder.mkdir(parents=True, exist_ok=True)
        (hub.answers().folder / name).write_text("old")
    assert main(["study", "--hub", str(hub.root)]) == 0
    assert not [name for name in FILES if (hub.answers().folder / name).exists()]
    assert "Patches before stitching" not in hub.answers().text.read_text()
    assert read_answers(hub, study).patches == []


def test_one_patch_alone_has_no_deviation_and_is_on_the_page(tmp_path: Path) -> None:
    hub, study = make_study(tmp_path / "hub", {"PtychoPINN": by_dose(0.5)}, doses=(100,))
    each = study.comparisons()[0]
    names = Artifacts(each.folder(hub))
    write_patches_csv(names.patch_scores, [*rows_of(each, "PtychoPINN")][1:2])
    record_again(names.folder, names.patch_scores.name)
    answers = read_answers(hub, study)
    part = part_of(hub, answers, page=hub.verdict().page)  # no table of the comparison's own shows them
    assert part is not None
    assert [each.title for each in part.tables] == ["Patches before stitching"]
    text = write_page(hub, study, verdict_on(hub, study)).read_text()
    assert f'href="../{hub.relative(names.patch_scores)}"' in text
    spread = answers.patches[0]
    assert (spread.patches, spread.sd, spread.quartiles) == (1, None, (spread.mean,) * 3)
