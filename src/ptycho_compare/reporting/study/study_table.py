"""The table that a paper prints: arms in every condition, scores beside each other, the best marked.

One table of texts; CSV, Markdown and LaTeX lay it out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ptycho_compare.records.deciding import Deciding, digits
from ptycho_compare.records.study_answers import StudyAnswers
from ptycho_compare.records.study_conditions import SHOWN, ConditionScore, StudyCondition
from ptycho_compare.records.tables.csv_cells import table_text
from ptycho_compare.reporting.study.markdown import cell as markdown_cell
from ptycho_compare.reporting.study.markdown import table

_MOST_DECIMALS = 6
Mark = Literal["best", "not told apart", ""]

EXPLAINED = (
    "{bold}: the best number of a condition, told apart from those without a mark; {dagger}: cannot be told "
    "apart from it. Nothing is marked where that is not known. Of several trials mean ± standard deviation."
)
_LATEX = str.maketrans(
    {
        **{sign: f"\\{sign}" for sign in "&%$#_{}"},
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "\\": r"\textbackslash{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        '"': r"\textquotedbl{}",
        "±": r"$\pm$",
    }
)


@dataclass(frozen=True)
class ScoreText:
    """A score as text: the mean over trials with their standard deviation, or the only number."""

    text: str
    mark: Mark = ""


@dataclass(frozen=True)
class StudyTable:
    """Texts of the table.

    Attributes
    ----------
    labels : tuple of str
        Headings of the factors and the arm.
    scores : tuple of Deciding
        Those that any arm has.
    rows : tuple
        Labels, and a text for each score.
    """

    labels: tuple[str, ...]
    scores: tuple[Deciding, ...]
    rows: tuple[tuple[tuple[str, ...], tuple[ScoreText, ...]], ...]


def study_table(answers: StudyAnswers) -> StudyTable:
    """Make the table of a study."""
    held = {id(condition): list(condition.scores()) for condition in answers.conditions}
    found = {each.score for scores in held.values() for each in scores}
    shown = tuple(score for score in SHOWN if score in found)
    rows = [
        row
        for condition in answers.conditions
        for row in _rows(condition, held[id(condition)], answers.factors, shown)
    ]
    return StudyTable((*answers.factors, "arm"), shown, tuple(rows))


def _rows(
    condition: StudyCondition,
    scores: Sequence[ConditionScore],
    factors: Sequence[str],
    shown: Sequence[Deciding],
) -> Iterator[tuple[tuple[str, ...], tuple[ScoreText, ...]]]:
    marks = {score: marks_of(condition, score) for score in shown}
    texts = {(each.arm, each.score): _text(each) for each in scores}
    levels = tuple(str(condition.levels.get(name, "")) for name in factors)
    for arm in dict.fromkeys(row.model for row in condition.rows):
        yield (
            (*levels, arm),
            tuple(ScoreText(texts.get((arm, score), ""), marks[score].get(arm, "")) for score in shown),
        )


def _text(each: ConditionScore) -> str:
    mean, sd = each.over_trials.mean, each.over_trials.sd
    if not sd:
        return digits(mean) if sd is None else f"{digits(mean)} ± 0"
    # two digits of the deviation, as many decimals of the mean, and no more than the tables have
    decimals = min(max(1 - math.floor(math.log10(sd)), 0), _MOST_DECIMALS)
    return f"{mean:.{decimals}f} ± {sd:.{decimals}f}"


def marks_of(condition: StudyCondition, score: Deciding) -> Mapping[str, Mark]:
    """Mark the best arm of a condition in a score, and those that are not told apart from it.

    Nothing is marked where one arm alone has the number, where the first one shows nothing, or where an
    interval that would tell is not known.
    """
    first, *others = condition.standings.ranking(score) or [""]
    told = {arm: condition.standings.margin(score, first, arm).told_apart for arm in others}
    if not others or first in condition.answer.flat or None in told.values():
        return {}
    alike: dict[str, Mark] = {arm: "not told apart" for arm, apart in told.items() if not apart}
    return {first: "best", **alike}


def table_csv(found: StudyTable) -> str:
    """Return the table as CSV; behind each score stands its mark."""
    heads = [part for score in found.scores for part in (score.name, f"{score.name}: mark")]
    return table_text(
        (*found.labels, *heads),
        [
            (*labels, *(part for each in texts for part in (each.text, each.mark)))
            for labels, texts in found.rows
        ],
    )


def table_markdown(found: StudyTable) -> list[str]:
    """Return the lines of the table in Markdown."""
    shapes = {"best": "**{}**", "not told apart": "{}†", "": "{}"}
    return [
        EXPLAINED.format(bold="**Bold**", dagger="†"),
        "",
        *table(
            (*map(markdown_cell, found.labels), *(_head(score) for score in found.scores)),
            [
                (*map(markdown_cell, labels), *(shapes[each.mark].format(each.text or "-") for each in texts))
                for labels, texts in found.rows
            ],
        ),
    ]


def _head(score: Deciding) -> str:
    return f"{score.name} ({'higher' if score.higher_is_better else 'lower'} is better)"


def table_latex(found: StudyTable, *, title: str) -> str:
    """Return the table as LaTeX, without packages; what an arm is called is escaped."""
    shapes = {"best": r"\textbf{%s}", "not told apart": r"%s$^\dagger$", "": "%s"}
    heads = [*map(escaped, found.labels), *(escaped(score.name) for score in found.scores)]
    lines = [
        "% written by ptycho-hub study; numbers are those of study_curves.csv",
        r"\begin{table}",
        rf"\caption{{{escaped(title)}. {_caption()}}}",
        rf"\begin{{tabular}}{{{'l' * len(found.labels)}{'r' * len(found.scores)}}}",
        r"\hline",
        " & ".join(heads) + r" \\",
        r"\hline",
    ]
    for labels, texts in found.rows:
        cells = [shapes[each.mark] % escaped(each.text or "-") for each in texts]
        lines.append(" & ".join([*map(escaped, labels), *cells]) + r" \\")
    return "\n".join([*lines, r"\hline", r"\end{tabular}", r"\end{table}", ""])


def _caption() -> str:
    return escaped(EXPLAINED.format(bold="Bold", dagger="DAGGER")).replace("DAGGER", r"$^\dagger$")


def escaped(text: str) -> str:
    """Return a text that LaTeX prints as it is."""
    return " ".join(text.split()).translate(_LATEX)
