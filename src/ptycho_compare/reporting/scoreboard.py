"""The scoreboard: the answer of a comparison and the few scores behind it, as a terminal shows them.

One renderer for `compare_models`, `ptycho-hub compare` and pytest's summary. The full table stays in
``comparison_metrics.csv``.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

from ptycho_compare.hub import Artifacts
from ptycho_compare.printable import one_line
from ptycho_compare.records.answer import Answer
from ptycho_compare.records.answering import answer_of, read_tables
from ptycho_compare.records.deciding import CHECKS, Deciding, digits
from ptycho_compare.records.tables.csv_cells import as_read_back
from ptycho_compare.records.tables.metrics_csv import MetricRow, table_rows
from ptycho_compare.records.tables.pairs_csv import DifferenceRow, difference_rows

if TYPE_CHECKING:  # scoring loads scipy and scikit-image
    from ptycho_compare.scoring.scorecard import Scorecard

PLAIN_WIDTH, WIDEST, NARROWEST = 80, 120, 40
"""Columns: where no terminal says how many there are, and what is used of one at most and at least."""
_NONE = "-"
_GAP = 2


@dataclass(frozen=True)
class Board:
    """Texts of a scoreboard, before they are laid out.

    Attributes
    ----------
    lines : sequence of str
        The answer, its verdict first.
    columns : sequence of str
        Headings; first the arm, last its verdict.
    rows : sequence of sequence of str
        A row per arm, best first.
    facts : mapping of str to str
        The same for programs: ``answer``, ``winner``, ``why``, ``grounds``, and numbers by arm, metric and
        component, as ``PtyChi.fienup.value``.
    """

    lines: Sequence[str]
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        """Who wins, in a few words."""
        return self.lines[0]


def board_of(rows: Sequence[MetricRow], differences: Iterable[DifferenceRow]) -> Board:
    """Make the scoreboard of a comparison from the rows of its two tables."""
    answer = answer_of(rows, differences)
    scores = _shown(rows, answer)
    arms = dict.fromkeys([*answer.numbers, *sorted({row.model for row in rows})])
    return Board(
        answer.lines,
        ("arm", *(f"{score.name} (best: {score.best})" for score in scores), ""),
        [(arm, *(_cell(rows, arm, score) for score in scores), answer.standing(arm)) for arm in arms],
        dict(_facts(rows, answer, arms, scores)),
    )


def _facts(
    rows: Sequence[MetricRow], answer: Answer, arms: Iterable[str], scores: Iterable[Deciding]
) -> Iterator[tuple[str, str]]:
    yield from (("answer", answer.verdict), ("winner", answer.winner or ""))
    yield from (("why", answer.why), ("grounds", answer.grounds))
    for arm in arms:
        for score in scores:
            text = _cell(rows, arm, score, _all_digits)
            if text != _NONE:
                yield f"{arm}.{score.metric}.{score.component}", text


def _all_digits(number: float) -> str:
    return f"{number:z.6g}"


def board_of_scorecard(scorecard: Scorecard) -> Board:
    """Make the scoreboard of what was just scored, from the numbers that its tables hold."""
    differences = map(as_read_back, difference_rows(scorecard.differences))
    return board_of([*map(as_read_back, table_rows(scorecard))], differences)


def board_at(names: Artifacts) -> Board:
    """Make the scoreboard of a comparison from its files; an InputError where they are damaged."""
    return board_of(*read_tables(names))


def board_from(record: dict[str, Any]) -> Board:
    """Make a scoreboard from the dict that `dataclasses.asdict` made of one, wherever that travelled."""
    return Board(record["lines"], record["columns"], record["rows"], record["facts"])


def _shown(rows: Sequence[MetricRow], answer: Answer) -> list[Deciding]:
    """Return the score that decides, and those that may contradict it, as far as any arm has them."""
    wanted = dict.fromkeys([*([answer.score] if answer.score is not None else []), *CHECKS])
    return [score for score in wanted if any(score.number_in(row) is not None for row in rows)]


def _cell(rows: Sequence[MetricRow], arm: str, score: Deciding, text: Callable[[float], str] = digits) -> str:
    for row in rows:
        number = score.number_in(row) if row.model == arm else None
        if number is not None:
            low, high = (getattr(row, f"{score.component}_{end}") for end in ("low", "high"))
            ends = "" if low is None or high is None else f" [{text(low)}, {text(high)}]"
            return f"{text(number)}{ends}"
    return _NONE


def width_of(stream: IO[str]) -> int:
    """Return how many columns a stream has: a terminal's, within bounds; 80 where it is none."""
    try:
        columns = os.get_terminal_size(stream.fileno()).columns if stream.isatty() else PLAIN_WIDTH
    except (OSError, ValueError):  # no file behind it
        columns = PLAIN_WIDTH
    return width_within(columns or PLAIN_WIDTH)


def width_within(columns: int) -> int:
    """Return how many of so many columns are used."""
    return min(max(columns, NARROWEST), WIDEST)


def rendered(board: Board, *, width: int = PLAIN_WIDTH, colour: bool = False) -> list[str]:
    """Lay a scoreboard out in lines of at most so many columns; scores that find no room are left out."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    stream = io.StringIO()
    console = Console(
        file=stream,
        width=width,
        force_terminal=colour,
        color_system="standard" if colour else None,
        legacy_windows=False,
    )
    verdict, *others = map(one_line, board.lines)
    console.print(Text(verdict, style="bold"))
    for line in others:
        console.print(Text(line))
    columns = _fitting(board, width)
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="dim")
    for column in columns:
        table.add_column(Text(one_line(board.columns[column])), overflow="fold")
    for row in board.rows:
        table.add_row(*(Text(one_line(row[column])) for column in columns), style=_STYLES.get(row[-1], ""))
    if board.rows:
        console.print(table)
    return [line.rstrip() for line in stream.getvalue().splitlines()]


_STYLES = {"best": "green", "failed": "red", "flat": "yellow"}


def _fitting(board: Board, width: int) -> list[int]:
    """Return the columns that fit beside each other: the arm, the score that decides, the verdict, others."""
    widths = [max(map(len, each)) for each in zip(board.columns, *board.rows, strict=True)]
    kept = list(range(len(widths)))
    while len(kept) > 3 and sum(widths[each] + _GAP for each in kept) - _GAP > width:
        del kept[-2]
    return kept
