"""What a study says in words, as a paper would: every number of it stands in the tables beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ptycho_compare.records.answer import listed
from ptycho_compare.records.compared import OVERLAP
from ptycho_compare.records.deciding import RESIDUAL, Deciding, digits
from ptycho_compare.records.measures import REFERENCES
from ptycho_compare.records.study_answers import StudyAnswers
from ptycho_compare.records.study_conditions import SHOWN, levels_text
from ptycho_compare.records.study_costs import costs_of
from ptycho_compare.records.study_lines import Crossing, Slope, StudyLine
from ptycho_compare.reporting.study.losses_table import losses_table
from ptycho_compare.reporting.study.markdown import cell as markdown_cell
from ptycho_compare.reporting.study.markdown import table
from ptycho_compare.reporting.study.paper_table import PaperTable, table_markdown
from ptycho_compare.reporting.study.patches_table import patches_table
from ptycho_compare.reporting.study.stitched_table import stitched_table
from ptycho_compare.reporting.study.study_table import study_table
from ptycho_compare.reporting.study.transfer_table import transfer_table

_MOST_LINES = 4
"""Lines of which the paragraph tells; of more it says that tables and figure hold them."""
_MOST_CONDITIONS = 8
"""Of which a terminal has room for the answers."""
_LARGE = 100


def paragraph(answers: StudyAnswers) -> list[str]:
    """Return the sentences of the paragraph."""
    shown = answers.lines[:_MOST_LINES]
    sentences = [*_setting(answers), *_winners(answers)]
    for line in shown:
        sentences += _course(answers, line)
    if len(answers.lines) > len(shown):
        sentences.append("The other curves are in the figure and its table.")
    return [*sentences, *_intervals(answers)]


def in_short(answers: StudyAnswers) -> list[str]:
    """Return the sentences that a terminal has room for; none of a study of one comparison or none."""
    if sum(len(condition.trials) for condition in answers.conditions) <= 1:
        return []
    crossings = [
        f"{each.score.name}{f', {levels_text(each.line.fixed)}' if each.line.fixed else ''}: "
        f"{crossing_sentence(each)}"
        for each in answers.crossings
        if each.ends is not None and each.score == deciding_score(each.line)
    ]
    left_out = len(crossings) - _MOST_LINES
    more = [f"{left_out} more crossings are told: study_answers.csv."] if left_out > 0 else []
    over_trials = [
        f"{where}, over its trials: {verdict} ({why})" if why else f"{where}, over its trials: {verdict}"
        for where, verdict, why in told_over_trials(answers)
    ]
    if (left_out := len(over_trials) - _MOST_CONDITIONS) > 0:
        over_trials[_MOST_CONDITIONS:] = [f"{_count(left_out, 'more condition')}: study_answers.csv."]
    return [next(_setting(answers)), *_winners(answers), *over_trials, *crossings[:_MOST_LINES], *more]


def told_over_trials(answers: StudyAnswers) -> list[tuple[str, str, str]]:
    """Return conditions, who is best in each, and why; none where each comparison says it itself."""
    if all(len(condition.trials) == 1 for condition in answers.conditions):
        return []
    return [
        (levels_text(condition.levels), condition.answer.verdict, condition.answer.why)
        for condition in answers.conditions
    ]


def _setting(answers: StudyAnswers) -> Iterator[str]:
    arms = list(dict.fromkeys(row.model for condition in answers.conditions for row in condition.rows))
    there = sum(len(condition.trials) for condition in answers.conditions)
    trials = {len(condition.trials) for condition in answers.conditions}
    of_each = ""
    if max(trials, default=1) > 1:
        count = listed([str(each) for each in sorted(trials)])
        of_each = f", {count} trials of each" if len(trials) == 1 else f", {count} trials of them"
    yield (
        f"{listed(arms)} {'were' if len(arms) > 1 else 'was'} compared under "
        f"{_count(len(answers.conditions), 'condition')}{of_each} "
        f"({there} of {_count(answers.asked, 'comparison')} of the {answers.tier} tier)."
    )
    kinds = {condition.answer.reference for condition in answers.conditions}
    against = [REFERENCES[kind] for kind in REFERENCES if kind in kinds]
    if against:
        yield f"Scores compare with {listed(against)}, in each condition on the pixels that every arm covers."


def _winners(answers: StudyAnswers) -> Iterator[str]:
    whole = len(answers.conditions)
    won = sorted((-count, arm) for arm, count in answers.wins.items() if arm)
    if won:
        (count, best), *others = won
        said = [f"{best} was best in {-count} of {whole}", *(f"{arm} in {-n}" for n, arm in others)]
        yield f"{listed(said)}."
    if undecided := answers.wins[""]:
        yield f"In {undecided} of {whole} no arm could be told to be the best."


def deciding_score(line: StudyLine) -> Deciding | None:
    """The first score that is shown of which most arms have numbers all along a line."""
    whole = {
        score: sum(
            all(arm in condition.standings.numbers[score] for _, condition in line.conditions)
            for arm in line.arms
        )
        for score in (*SHOWN[:1], RESIDUAL, *SHOWN[1:-1])
    }
    return max(whole, key=lambda score: whole[score]) if any(whole.values()) else None


def _course(answers: StudyAnswers, line: StudyLine) -> Iterator[str]:
    score = deciding_score(line)
    if score is None:
        return
    (low, first), (high, last) = line.conditions[0], line.conditions[-1]
    slopes = {each.arm: each for each in answers.slopes if each.line is line and each.score == score}
    said = []
    for arm in line.arms:
        numbers = [condition.standings.numbers[score].get(arm) for condition in (first, last)]
        if None not in numbers:
            start, end = (digits(number) for number in numbers if number is not None)
            text = f"from {start} to {end} for {arm}"
            if (slope := slopes.get(arm)) is not None:
                text += f" (exponent {_exponent(slope)})"
            said.append(text)
    fixed = f" ({levels_text(line.fixed)})" if line.fixed else ""
    yield (
        f"From {_place(line, low)} to {_place(line, high, unit=True)}{fixed} the {score.name} went "
        f"{listed(said)}."
    )
    for each in answers.crossings:
        if each.line is line and each.score == score:
            yield crossing_sentence(each)


def crossing_sentence(each: Crossing) -> str:
    """Say where two arms cross, and whether that can be told."""
    line = each.line
    at = "" if each.place is None else f" near {_place(line, each.place, unit=True)}"
    if each.ends is None:
        return (
            f"The curves of {each.below} and {each.above} cross{at}, which the intervals of their "
            "differences do not tell."
        )
    low, high = (_place(line, end) for end in each.ends)
    return (
        f"{each.below} is ahead below and {each.above} above: the curves cross{at}, and each is told apart "
        f"as the better one at {low} and at {high}."
    )


def _intervals(answers: StudyAnswers) -> Iterator[str]:
    kinds = "over pixels (block bootstrap)"
    if any(len(condition.trials) > 1 for condition in answers.conditions):
        kinds = "over trials (Student's t) and, apart from it, over pixels (block bootstrap)"
    yield (
        f"Two arms are told apart where every {100 * answers.level:g} % interval of their difference that is "
        f"known, {kinds}, leaves out zero."
    )


def number_of(place: float) -> str:
    """A place on an axis as text: whole where it is large, else three digits."""
    return f"{place:.0f}" if abs(place) >= _LARGE or place == int(place) else f"{place:.3g}"


def _place(line: StudyLine, place: float, *, unit: bool = False) -> str:
    text = number_of(place)
    if line.axis == OVERLAP:
        return f"an overlap of {text}"
    if line.axis == "dose":
        return f"{text} photons per exposure" if unit else text
    return f"{line.axis} {text}"


def _exponent(each: Slope) -> str:
    value, low, high = (f"{number:z.3f}" for number in (each.value, *each.ends))
    return f"{value} [{low}, {high}]"


def _count(number: int, one: str) -> str:
    return f"{number} {one}{'' if number == 1 else 's'}"


def study_markdown(answers: StudyAnswers) -> str:
    """Return the text of ``study.md``: the paragraph, who is best where, the table, crossings and slopes."""
    lines = [
        f"# {markdown_cell(answers.study.name)}: what the study says",
        "",
        _escaped(" ".join(paragraph(answers))),
        "",
        "## Who is best",
        "",
        *_answer_table(answers),
        "## Scores",
        "",
        *table_markdown(study_table(answers)),
        *_crossing_lines(answers),
        *_slope_table(answers),
        *_cost_table(answers),
        *_section("Losses", losses_table(answers.losses, level=answers.level)),
        *_section("Patches before stitching", patches_table(answers.patches, factors=answers.factors)),
        *_section("Both halves as one object", stitched_table(answers.stitched, level=answers.level)),
        *_section("Transfer", transfer_table(answers.transfers)),
    ]
    return "\n".join(lines)


def _section(title: str, found: PaperTable | None) -> list[str]:
    return [] if found is None else [f"## {title}", "", *table_markdown(found)]


def _escaped(text: str) -> str:
    """Escape a text of any length."""
    return " ".join(markdown_cell(word) for word in text.split())


def _answer_table(answers: StudyAnswers) -> list[str]:
    rows = []
    for each in answers.conditions:
        levels = [str(each.levels.get(name, "")) for name in answers.factors]
        rows.append(
            (*map(markdown_cell, levels), *map(markdown_cell, (each.answer.verdict, each.answer.why)))
        )
    return table((*map(markdown_cell, answers.factors), "answer", "why"), rows)


def _crossing_lines(answers: StudyAnswers) -> Iterator[str]:
    if answers.crossings:
        yield from ("## Crossings", "")
        for each in answers.crossings:
            where = f"{each.score.name}, {levels_text(each.line.fixed)}: " if each.line.fixed else ""
            yield f"- {_escaped(where + crossing_sentence(each))}"
        yield ""


def _slope_table(answers: StudyAnswers) -> Sequence[str]:
    rows = [
        (
            *map(markdown_cell, (each.line.axis, levels_text(each.line.fixed), each.arm, each.score.name)),
            _exponent(each),
        )
        for each in answers.slopes
    ]
    return ["## Exponents", "", *table(("along", "at", "arm", "score", "exponent"), rows)] if rows else []


def _cost_table(answers: StudyAnswers) -> list[str]:
    found = costs_of(answers)
    hosts = sorted({host for each in found for host in (*each.hosts, *each.training_hosts)})
    several = f" Times of different machines do not compare: {', '.join(hosts)}." if len(hosts) > 1 else ""
    rows = [
        (
            *(markdown_cell(str(each.condition.levels.get(name, ""))) for name in answers.factors),
            markdown_cell(each.arm),
            *map(cost_text, (each.seconds_per_image, each.training_s, each.training_cpu_s)),
            "-" if each.number is None else digits(each.number),
            {None: "not known", "": "nobody"}.get(each.beaten_by, markdown_cell(each.beaten_by or "")),
            markdown_cell(each.note) if each.note else "",
        )
        for each in found
    ]
    heads = ("arm", "s per image", "training, s", "training, CPU s", "score", "faster and better", "note")
    return [
        "## Cost and quality",
        "",
        _escaped(
            "Wall time of a reconstruction by the number of its images; the score is the one that decides."
            + several
        ),
        "",
        *table((*map(markdown_cell, answers.factors), *heads), rows),
    ]


def cost_text(number: float | None) -> str:
    """Three digits of a time; a dash where it is not known."""
    return "-" if number is None else f"{number:.3g}"
