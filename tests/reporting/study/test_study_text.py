"""What a study says in words and tables: every number stands in its CSV files, and marks are earned."""

from __future__ import annotations

import csv
import io
import re
import time
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_compare.records.compared import Compared
from ptycho_compare.records.study_answers import StudyAnswers
from ptycho_compare.records.tables.answers_csv import answers_csv, curves_csv
from ptycho_compare.reporting.study.paper_table import escaped, table_csv, table_latex
from ptycho_compare.reporting.study.study_table import study_table
from ptycho_compare.reporting.study.study_text import in_short, number_of, paragraph, study_markdown
from ptycho_compare.reporting.study.write_study import STUDY_TEXTS
from ptycho_compare.study import Study
from records.test_study_lines import compared

DOSES = (100, 1000, 10000, 100000)
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e-?\d+)?")


def study_of(found: Sequence[Compared], name: str = "answered", **more: object) -> StudyAnswers:
    doses = sorted({each.comparison.dose for each in found})
    views = list(dict.fromkeys(each.comparison.view for each in found))
    study = Study.model_validate(
        {"name": name, "doses": doses, "views": views, "splits": ["test"], "tiers": {"full": {}}, **more}
    )
    return StudyAnswers(study, found)


def falling(
    *, seeds: Sequence[int] = (), views: Sequence[str] = ("dense",), half: float = 0.001
) -> StudyAnswers:
    """Errors of A fall with the dose, those of B stay, C is twice A; of every seed a little more."""
    found = []
    for view in views:
        for dose in DOSES:
            for seed in seeds or (0,):
                more = 1 + 0.01 * seed
                numbers = {"A": more * dose**-0.5, "B": more * 0.03, "C": more * 2 * dose**-0.5}
                cell = (("seed", seed),) if seeds else ()
                found.append(
                    compared(numbers, dose=dose, view=view, cell=cell, half=half, overlap=len(view) / 10)
                )
    return study_of(found)


def numbers_in(*tables: str) -> list[float]:
    cells = [text for table in tables for row in csv.reader(io.StringIO(table)) for text in row]
    return [float(text) for text in cells if _NUMBER.fullmatch(text)]


def untold(text: str, answers: StudyAnswers) -> list[str]:
    """Numbers of a text that are, as they are rounded, none of those of the tables."""
    held = numbers_in(curves_csv(answers), answers_csv(answers))
    for name in (answers.study.name, "Student's"):
        text = text.replace(name, "")
    lone = []
    for said in _NUMBER.findall(text):
        mantissa, _, power = said.partition("e")
        half = 0.5 * 10.0 ** (int(power or 0) - len(mantissa.partition(".")[2])) + 1e-6
        if not any(abs(abs(float(said)) - abs(number)) <= half for number in held):
            lone.append(said)
    return lone


@pytest.mark.parametrize(
    "answers",
    [falling(), falling(seeds=(1, 2, 3)), falling(views=("dense", "sparse")), falling(half=0.2)],
    ids=["one trial", "trials", "views", "nothing told"],
)
def test_every_number_of_the_text_stands_in_the_tables(answers: StudyAnswers) -> None:
    said = " ".join(paragraph(answers))
    assert len(_NUMBER.findall(said)) > 8
    assert untold(said, answers) == []
    assert untold(study_markdown(answers).split("## Scores")[0].replace("\\", ""), answers) == []
    assert untold(f"{said} 0.1234", answers) == ["0.1234"]


def test_the_words_of_a_study_that_is_told() -> None:
    said = " ".join(paragraph(falling()))
    for words in (
        "A, B and C were compared under 4 conditions (4 of 4 comparisons of the full tier).",
        "Scores compare with the true object",
        "A was best in 2 of 4 and B in 2.",
        "From 100 to 100000 photons per exposure (dense, test) the Fienup error went",
        "from 0.1000 to 0.0032 for A (exponent -0.500 [-0.500, -0.500])",
        "B is ahead below and A above: the curves cross near 1111 photons per exposure, and each",
        "is told apart as the better one at 1000 and at 10000.",
        "every 95 % interval of their difference that is known, over pixels (block bootstrap), leaves",
    ):
        assert words in said


def test_the_words_where_nothing_is_told() -> None:
    said = " ".join(paragraph(falling(half=0.5)))
    assert "In 4 of 4 no arm could be told to be the best." in said
    assert (
        "cross near 1111 photons per exposure, which the intervals of their differences do not tell" in said
    )


def test_trials_are_told_with_their_spread() -> None:
    answers = falling(seeds=(1, 2, 3))
    assert (
        "4 conditions, 3 trials of each (12 of 4 comparisons" in paragraph(answers)[0]
    )  # seeds: not this study's
    assert "over trials (Student's t) and, apart from it, over pixels" in paragraph(answers)[-1]
    rows = list(csv.DictReader(io.StringIO(table_csv(study_table(answers)))))
    assert rows[0]["Fienup error"] == "0.1020 ± 0.0010"


def test_a_terminal_has_the_answers_over_trials_of_as_many_conditions_as_it_has_room_for() -> None:
    said = in_short(falling(seeds=(1, 2), views=("dense", "sparse", "thin")))
    told = [line for line in said if "over its trials" in line]
    assert len(told) == 8
    assert told[0].startswith("dose 100, dense, test, over its trials: B is best (Fienup error 0.0304")
    assert "4 more conditions: study_answers.csv." in said
    assert not any("trials" in line for line in in_short(falling()))
    assert in_short(study_of([compared({"A": 0.1, "B": 0.2})])) == []


def test_marks_are_the_best_and_those_not_told_apart_from_it() -> None:
    found = compared({"A": 0.1, "B": 0.105, "C": 0.3}, ssim={"A": 0.9, "B": 0.8, "C": 0.7})
    rows = list(csv.DictReader(io.StringIO(table_csv(study_table(study_of([found]))))))
    assert [row["Fienup error: mark"] for row in rows] == ["best", "not told apart", ""]
    assert [row["SSIM of phase: mark"] for row in rows] == ["", "", ""]  # no interval says
    text = study_markdown(study_of([found]))
    assert "| **0.1000** | 0.9000 |" in text
    assert "| 0.1050† | 0.8000 |" in text


def test_an_arm_alone_is_not_the_best() -> None:
    (row,) = csv.DictReader(io.StringIO(table_csv(study_table(study_of([compared({"A": 0.1})])))))
    assert row["Fienup error: mark"] == ""


def test_a_table_for_a_paper_has_a_column_for_every_heading() -> None:
    answers = falling(seeds=(1, 2))
    text = table_latex(study_table(answers), title="50 % of {it} & more_")
    assert r"\caption{50 \% of \{it\} \& more\_." in text
    (columns,) = re.findall(r"\\begin\{tabular\}\{(\w+)\}", text)
    lines = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert len(lines) == 1 + len(DOSES) * 3
    assert {line.count(" & ") + 1 for line in lines} == {len(columns)}
    assert r"0.10150 $\pm$ 0.00071" in text


@given(st.text(max_size=30))
def test_whatever_is_escaped_holds_no_bare_special_character(text: str) -> None:
    known = r"\\(?:[&%$#_{}]|text\w+\{\})|\$\\pm\$"
    assert not set(re.sub(known, "", escaped(text))) & set('&%$#_{}~^\\<>|"')


@given(st.floats(1e-3, 1e6))
def test_places_are_written_without_exponents(place: float) -> None:
    text = number_of(place)
    assert "e" not in text
    assert float(text) == pytest.approx(place, rel=6e-3)


@pytest.mark.slow
def test_four_times_the_comparisons_take_about_four_times_as_long() -> None:
    """Processor time of all texts: no more than twice what is in proportion."""

    def taken(count: int) -> float:
        found = [
            compared({"A": 1.0 * (dose + 1) ** -0.5, "B": 0.03, "C": 0.2}, dose=dose + 1, view=view)
            for dose in range(count // 4)
            for view in ("a", "b", "c", "d")
        ]
        began = time.process_time()
        answers = study_of(found)
        assert (
            sum(bool(each.render(answers)) for each in STUDY_TEXTS) == 7
        )  # no losses, transfer, whole objects
        return time.process_time() - began

    taken(25)
    assert taken(1000) < 8 * taken(250)
