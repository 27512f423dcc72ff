"""What a study says as a whole against the tables of its comparisons: each text is made again."""

from __future__ import annotations

from collections.abc import Iterator

from ptycho_compare.checks.check import Validation
from ptycho_compare.checks.figure import judge_figure
from ptycho_compare.checks.remade import cannot_read, named, same_text
from ptycho_compare.errors import InputError
from ptycho_compare.finding import Finding
from ptycho_compare.hub import Hub
from ptycho_compare.records.reading import read_text
from ptycho_compare.records.stitched import MADE_BY as STITCHED_BY
from ptycho_compare.records.stitched import changed_parts
from ptycho_compare.records.study_answers import read_answers
from ptycho_compare.reporting.study.write_study import MADE_BY, STUDY_TEXTS
from ptycho_compare.study import Study

ANSWERS = "what the study says"


def has_answers(hub: Hub) -> bool:
    """Say if any of the files is there."""
    return any(path.is_file() for path in hub.answers())


def study_answers(hub: Hub, study: Study) -> Validation:
    """Judge what is there: texts say what the comparisons of the study say, and the figure is whole."""
    return named(hub, ANSWERS, hub.answers().folder, list(_of_texts(hub, study)))


def _of_texts(hub: Hub, study: Study) -> Iterator[Finding]:
    try:
        answers = read_answers(hub, study)
    except InputError as error:
        yield cannot_read(error)
        return
    for made in answers.stitched:
        for name in changed_parts(hub, made, study.comparisons()):
            text = f"{hub.answers().stitched_record}: rests on other evidence of {name}"
            yield Finding("stale", f"{text}; run {STITCHED_BY} again")
    for each in STUDY_TEXTS:
        path, expected = each.file(hub.answers()), each.render(answers)
        if not expected:
            if path.is_file():
                text = f"{path}: the evidence has nothing of the kind; {MADE_BY} removes it"
                yield Finding("changed", text)
            continue
        if not path.is_file():
            yield Finding("missing", f"{path}: not found; {MADE_BY} writes it")
            continue
        try:
            text = read_text(path, made_by=MADE_BY)
        except InputError as error:
            yield cannot_read(error)
        else:
            yield from same_text(path, text, expected, made_by=MADE_BY)
    for path in hub.answers():
        if path.suffix == ".png" and path.is_file():
            yield from judge_figure(path, MADE_BY)
