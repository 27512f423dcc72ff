"""Transfer as a matrix: a row per network and its training data, a column per data set it was tested on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ptycho_compare.records.deciding import Deciding
from ptycho_compare.records.study_transfer import Transfer, matrix_score
from ptycho_compare.reporting.study.paper_table import MarkedText, PaperTable, mean_text

NOTE = (
    "{score}, {way} is better: a network that was trained on one data set, tested on another. Columns of the "
    "train split of its own dose and view hold the images that it was trained on. Nothing is marked: rows "
    "are scored on the pixels of their own comparisons. Of several networks mean ± standard deviation."
)


@dataclass(frozen=True)
class TransferMatrix:
    """The score of most pairs of data; None where a pair has none."""

    score: Deciding
    trained: tuple[str, ...]
    tested: tuple[str, ...]
    held: tuple[tuple[Transfer | None, ...], ...]


def transfer_matrix(found: Sequence[Transfer]) -> TransferMatrix | None:
    """Lay out the matrix; None where no network saw data of another place."""
    score = matrix_score(found)
    if score is None:
        return None
    kept = {(each.trained_text, each.tested_text): each for each in found if each.score == score}
    rows, columns = (tuple(dict.fromkeys(pair[at] for pair in kept)) for at in (0, 1))
    held = tuple(tuple(kept.get((row, column)) for column in columns) for row in rows)
    return TransferMatrix(score, rows, columns, held)


def transfer_table(found: Sequence[Transfer]) -> PaperTable | None:
    """Make the table; None where no network saw data of another place."""
    matrix = transfer_matrix(found)
    if matrix is None:
        return None
    way = "higher" if matrix.score.higher_is_better else "lower"
    rows = tuple(
        ((name,), tuple(MarkedText("" if each is None else mean_text(each.over_trials)) for each in held))
        for name, held in zip(matrix.trained, matrix.held, strict=True)
    )
    columns = tuple((name, "") for name in matrix.tested)
    note = NOTE.format(score=matrix.score.name, way=way)
    return PaperTable(("trained on",), columns, rows, note, "study_transfer.csv")
