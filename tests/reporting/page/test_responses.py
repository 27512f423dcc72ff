"""The study as a whole on its page: its paragraph, its curves to scale, nothing where there is nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answered import by_dose, make_study
from ptycho_compare.records.study_answers import read_answers
from ptycho_compare.reporting.page import write_page
from ptycho_compare.reporting.page.drawn import ResponseAxes
from ptycho_compare.reporting.page.responses import part_of, study_part
from ptycho_compare.reporting.study.study_text import paragraph
from records.test_study_lines import compared
from reporting.study.test_study_text import falling, study_of

from .made import verdict_on


def test_the_page_tells_and_draws_the_study(tmp_path: Path) -> None:
    noises = {"PtychoPINN": by_dose(1.0), "PtyChi": by_dose(3.0)}
    hub, study = make_study(tmp_path / "hub", noises, doses=(400, 1600, 6400))
    text = write_page(hub, study, verdict_on(hub, study)).read_text()
    (section,) = re.findall(r'<section id="study".*?</section>', text, flags=re.DOTALL)
    assert "PtychoPINN was best in 3 of 3." in section
    assert "Along dose (photons per exposure): dense, test" in section
    assert len(re.findall(r"<polyline[^>]*data-arm=\"PtyChi\"", section)) == 5
    assert "ptycho-hub study writes tables and figures of it" in section
    part = part_of(hub, read_answers(hub, study), page=hub.verdict().page)
    assert part is not None
    (plots,) = (plots for _, plots in part.lines)
    heights = [y for curve in plots[0].curves if curve.arm == "PtychoPINN" for _, y, _ in curve.dots]
    assert heights[1] - heights[0] == pytest.approx(
        heights[2] - heights[1], abs=2.0
    )  # a power law is straight


def test_a_study_of_one_comparison_has_no_section(tmp_path: Path) -> None:
    hub, study = make_study(tmp_path / "hub", {"PtyChi": by_dose(1.0)}, doses=(400,))
    assert part_of(hub, read_answers(hub, study), page=hub.verdict().page) is None
    assert 'id="study"' not in write_page(hub, study, verdict_on(hub, study)).read_text()


def test_one_condition_of_several_seeds_has_its_means_and_intervals_over_them(tmp_path: Path) -> None:
    noises = {"PtychoPINN": by_dose(1.0), "PtyChi": by_dose(3.0)}
    more = "[factors]\nseed = [1, 2, 3]\n"
    hub, study = make_study(tmp_path / "hub", noises, doses=(400,), more=more)
    answers = read_answers(hub, study)
    part = part_of(hub, answers, page=hub.verdict().page)
    assert part is not None
    assert part.lines == ()
    assert [where for where, _, _ in part.conditions] == ["dose 400, dense, test"]
    table = next(each.table for each in part.tables if each.title == "Scores over trials")
    assert [labels for labels, _ in table.rows] == [
        ("400", "dense", "test", "PtychoPINN", "3"),
        ("400", "dense", "test", "PtyChi", "3"),
    ]
    (condition,) = answers.conditions
    for row, (arm, noise) in zip(table.rows, (("PtychoPINN", 0.05), ("PtyChi", 0.15)), strict=True):
        spread = next(each.over_trials for each in condition.scores() if each.arm == arm)
        numbers = [float(each) for each in re.findall(r"[0-9.]+", row[1][0].text)]
        assert numbers == pytest.approx([spread.mean, *(spread.interval or ())], abs=6e-5)
        assert numbers[1] < numbers[0] < numbers[2]
        assert numbers[0] == pytest.approx(noise * 2**0.5, rel=0.1)  # white noise in each part of |t| = 1
    assert table.rows[0][1][0].mark == "best"
    text = write_page(hub, study, verdict_on(hub, study)).read_text()
    (section,) = re.findall(r'<section id="study".*?</section>', text, flags=re.DOTALL)
    assert "Scores over trials (study_curves.csv)" in section
    assert "their 95 % intervals by Student" in section


def test_where_curves_show_the_trials_there_is_no_table_of_them() -> None:
    assert "Scores over trials" not in [each.title for each in study_part(falling(seeds=(1, 2, 3))).tables]


def test_evidence_that_is_damaged_is_said_and_stops_nothing(tmp_path: Path) -> None:
    hub, study = make_study(tmp_path / "hub", {"PtyChi": by_dose(1.0)}, doses=(400, 1600))
    place = study.comparisons()[0]
    table = hub.comparison_dir(place.dose, place.view, place.split, place.tier) / "comparison_metrics.csv"
    table.write_text(table.read_text() + "x")
    text = write_page(hub, study, verdict_on(hub, study)).read_text()
    assert "comparison_metrics.csv: is not the file of its manifest" in text


def test_trials_have_their_answers_and_their_bars() -> None:
    part = study_part(falling(seeds=(1, 2, 3)))
    assert part.sentences == tuple(paragraph(falling(seeds=(1, 2, 3))))
    assert next(where for where, _, _ in part.conditions) == "dose 100, dense, test"
    curve = part.lines[0][1][0].curves[0]
    assert len(curve.trials) == len(curve.pixels) == len(curve.dots) == 4
    assert study_part(falling()).conditions == ()


def test_lines_that_are_not_drawn_are_counted() -> None:
    found = [
        compared({"A": 0.1 * images / dose, "B": 0.2}, dose=dose, cell=(("images", images),))
        for dose in (10, 100, 1000, 10000)
        for images in (1, 2, 3, 4)
    ]
    part = study_part(study_of(found))
    assert len(part.lines) + part.left_out == 8
    assert part.left_out == 2


@given(st.floats(1e-6, 1e3), st.floats(1.01, 1e3), st.booleans(), st.floats(-10, 1e6))
def test_whatever_is_drawn_stays_inside(low: float, ratio: float, powers: bool, value: float) -> None:
    axes = ResponseAxes((100.0, 1e5), (low, low * ratio), logarithmic=True, powers=powers)
    assert axes.top <= axes.y(value) <= axes.bottom
    assert axes.y(low) >= axes.y(low * ratio)
    places = [y for y, _ in axes.ticks_y]
    assert len({text for _, text in axes.ticks_y}) == len(places) <= 40
    assert all(axes.top <= y <= axes.bottom for y in places)
