"""What a whole study says, as files in ``report/``: each with what renders it.

Equal evidence gives equal bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ptycho_compare.hub import AnswerFiles, Hub
from ptycho_compare.records.compared import Compared, read_compared
from ptycho_compare.records.tables.study_csv import study_csv
from ptycho_compare.storage.files import write_text_atomic
from ptycho_compare.study import Study

MADE_BY = "ptycho-hub study"


@dataclass(frozen=True)
class StudyText:
    """A text that is rendered from the evidence of all comparisons.

    Attributes
    ----------
    file : callable
        Chooses it among the files of a study's answers.
    render : callable
        Returns its text.
    """

    file: Callable[[AnswerFiles], Path]
    render: Callable[[Sequence[Compared]], str]


STUDY_TEXTS = (StudyText(lambda names: names.scores, study_csv),)
"""All of them, in the order in which they are written."""


def write_study(hub: Hub, study: Study) -> list[Path]:
    """Write what the comparisons of a study come to; returns where.

    Raises
    ------
    InputError
        The evidence of a comparison is damaged, or not what its manifest tells of.
    """
    compared = read_compared(hub, study.comparisons())
    names = hub.answers()
    names.folder.mkdir(parents=True, exist_ok=True)
    written = []
    for text in STUDY_TEXTS:
        path = text.file(names)
        write_text_atomic(path, text.render(compared))
        written.append(path)
    return written
