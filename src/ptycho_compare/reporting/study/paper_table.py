"""A table that a paper prints, as CSV, Markdown and LaTeX: labels, then texts, the best of them marked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from ptycho_compare.records.deciding import digits
from ptycho_compare.records.tables.csv_cells import table_text
from ptycho_compare.records.trials import Spread
from ptycho_compare.reporting.study.markdown import cell as markdown_cell
from ptycho_compare.reporting.study.markdown import table

_MOST_DECIMALS = 6
Mark = Literal["best", "not told apart", ""]

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
class MarkedText:
    """A number as text, and how it stands to the others."""

    text: str
    mark: Mark = ""


@dataclass(frozen=True)
class PaperTable:
    """Texts of a table.

    Attributes
    ----------
    labels : tuple of str
        Headings of what a row is about.
    columns : tuple of (str, str)
        Headings of its numbers; "higher", "lower" or "" for which of them are better.
    rows : tuple
        Labels, and a text for each column.
    note : str
        What the marks mean: ``{bold}`` and ``{dagger}`` stand for them.
    source : str
        File that holds the numbers.
    """

    labels: tuple[str, ...]
    columns: tuple[tuple[str, str], ...]
    rows: tuple[tuple[tuple[str, ...], tuple[MarkedText, ...]], ...]
    note: str
    source: str


def mean_text(spread: Spread) -> str:
    """Return a mean over trials with their standard deviation, or the only number."""
    mean, sd = spread.mean, spread.sd
    if not sd:
        return digits(mean) if sd is None else f"{digits(mean)} ± 0"
    # two digits of the deviation, as many decimals of the mean, and no more than the tables have
    decimals = min(max(1 - math.floor(math.log10(sd)), 0), _MOST_DECIMALS)
    return f"{mean:z.{decimals}f} ± {sd:.{decimals}f}"


def table_csv(found: PaperTable) -> str:
    """Return the table as CSV; behind each number stands its mark."""
    heads = [part for name, _ in found.columns for part in (name, f"{name}: mark")]
    return table_text(
        (*found.labels, *heads),
        [
            (*labels, *(part for each in texts for part in (each.text, each.mark)))
            for labels, texts in found.rows
        ],
    )


def table_markdown(found: PaperTable) -> list[str]:
    """Return the lines of the table in Markdown."""
    shapes = {"best": "**{}**", "not told apart": "{}†", "": "{}"}
    return [
        found.note.format(bold="**Bold**", dagger="†"),
        "",
        *table(
            (*map(markdown_cell, found.labels), *(_head(*column) for column in found.columns)),
            [
                (*map(markdown_cell, labels), *(shapes[each.mark].format(each.text or "-") for each in texts))
                for labels, texts in found.rows
            ],
        ),
    ]


def _head(name: str, better: str) -> str:
    return f"{markdown_cell(name)} ({better} is better)" if better else markdown_cell(name)


def table_latex(found: PaperTable, *, title: str) -> str:
    """Return the table as LaTeX, without packages; what an arm is called is escaped."""
    shapes = {"best": r"\textbf{%s}", "not told apart": r"%s$^\dagger$", "": "%s"}
    heads = [*map(escaped, found.labels), *(escaped(name) for name, _ in found.columns)]
    lines = [
        f"% written by ptycho-hub study; numbers are those of {found.source}",
        r"\begin{table}",
        rf"\caption{{{escaped(title)}. {_caption(found.note)}}}",
        rf"\begin{{tabular}}{{{'l' * len(found.labels)}{'r' * len(found.columns)}}}",
        r"\hline",
        " & ".join(heads) + r" \\",
        r"\hline",
    ]
    for labels, texts in found.rows:
        cells = [shapes[each.mark] % escaped(each.text or "-") for each in texts]
        lines.append(" & ".join([*map(escaped, labels), *cells]) + r" \\")
    return "\n".join([*lines, r"\hline", r"\end{tabular}", r"\end{table}", ""])


def _caption(note: str) -> str:
    return escaped(note.format(bold="Bold", dagger="DAGGER")).replace("DAGGER", r"$^\dagger$")


def escaped(text: str) -> str:
    """Return a text that LaTeX prints as it is."""
    return " ".join(text.split()).translate(_LATEX)
