"""What a whole study says, as files in ``report/``: each with what renders it.

Equal evidence gives equal bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ptycho_compare.hub import AnswerFiles, Hub
from ptycho_compare.records.study_answers import StudyAnswers
from ptycho_compare.records.tables.answers_csv import answers_csv, costs_csv, curves_csv
from ptycho_compare.records.tables.losses_csv import losses_csv
from ptycho_compare.records.tables.spreads_csv import spreads_csv
from ptycho_compare.records.tables.stitched_csv import stitched_csv
from ptycho_compare.records.tables.study_csv import study_csv
from ptycho_compare.records.tables.transfer_csv import transfer_csv
from ptycho_compare.reporting.study.losses_table import losses_table
from ptycho_compare.reporting.study.paper_table import PaperTable, table_csv, table_latex
from ptycho_compare.reporting.study.patches_table import patches_table
from ptycho_compare.reporting.study.stitched_table import stitched_table
from ptycho_compare.reporting.study.study_table import study_table
from ptycho_compare.reporting.study.study_text import study_markdown
from ptycho_compare.reporting.study.transfer_table import transfer_table
from ptycho_compare.storage.files import write_text_atomic

MADE_BY = "ptycho-hub study"


@dataclass(frozen=True)
class StudyText:
    """A text that is rendered from the evidence of all comparisons.

    Attributes
    ----------
    file : callable
        Chooses it among the files of a study's answers.
    render : callable
        Returns its text; an empty one where the study has nothing of the kind, and there is no such file.
    """

    file: Callable[[AnswerFiles], Path]
    render: Callable[[StudyAnswers], str]


def _latex(found: PaperTable | None, answers: StudyAnswers) -> str:
    return "" if found is None else table_latex(found, title=answers.study.name)


STUDY_TEXTS = (
    StudyText(lambda names: names.scores, lambda answers: study_csv(answers.compared)),
    StudyText(lambda names: names.curves, curves_csv),
    StudyText(lambda names: names.answers, answers_csv),
    StudyText(lambda names: names.costs, costs_csv),
    StudyText(lambda names: names.table, lambda answers: table_csv(study_table(answers))),
    StudyText(
        lambda names: names.latex,
        lambda answers: table_latex(study_table(answers), title=answers.study.name),
    ),
    StudyText(lambda names: names.losses, lambda answers: losses_csv(answers.losses)),
    StudyText(
        lambda names: names.losses_latex,
        lambda answers: _latex(losses_table(answers.losses, level=answers.level), answers),
    ),
    StudyText(lambda names: names.patches, lambda answers: spreads_csv(answers.patches)),
    StudyText(
        lambda names: names.patches_latex,
        lambda answers: _latex(patches_table(answers.patches, factors=answers.factors), answers),
    ),
    StudyText(lambda names: names.stitched, lambda answers: stitched_csv(answers.stitched)),
    StudyText(
        lambda names: names.stitched_latex,
        lambda answers: _latex(stitched_table(answers.stitched, level=answers.level), answers),
    ),
    StudyText(lambda names: names.transfer, lambda answers: transfer_csv(answers.transfers)),
    StudyText(
        lambda names: names.transfer_latex, lambda answers: _latex(transfer_table(answers.transfers), answers)
    ),
    StudyText(lambda names: names.text, study_markdown),
)
"""All of them, in the order in which they are written."""


def write_study(hub: Hub, answers: StudyAnswers) -> list[Path]:
    """Write what the comparisons of a study come to; returns where.

    A study without a factor of two levels has no curves to draw; figures of an earlier one are removed.
    """
    # scoring, which it knows, is slow to load
    from ptycho_compare.reporting.figures.study_costs import plot_costs
    from ptycho_compare.reporting.figures.study_curves import plot_responses
    from ptycho_compare.reporting.figures.study_losses import plot_losses
    from ptycho_compare.reporting.figures.study_transfer import plot_transfer

    names = hub.answers()
    names.folder.mkdir(parents=True, exist_ok=True)
    written = []
    for text in STUDY_TEXTS:
        path, said = text.file(names), text.render(answers)
        if said:
            write_text_atomic(path, said)
            written.append(path)
        else:
            path.unlink(missing_ok=True)
    drawn = [
        *plot_responses(names.figure, names.figure_pdf, answers),
        *plot_costs(names.cost_figure, names.cost_figure_pdf, answers),
        *plot_losses(names.losses_figure, names.losses_figure_pdf, answers),
        *plot_transfer(names.transfer_figure, names.transfer_figure_pdf, answers),
    ]
    kept = {names.stitched_figure, names.stitched_figure_pdf} if answers.stitched else set()
    for path in {each for each in names if each.suffix in (".png", ".pdf")} - {*drawn} - kept:
        path.unlink(missing_ok=True)
    return [*written, *drawn]
