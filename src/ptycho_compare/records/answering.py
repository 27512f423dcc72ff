"""Finds the answer of a comparison: one rule over its two tables, whoever asks.

The first score of `deciding.ORDER` of which every living arm has a number puts the arms in order. The
interval of a difference says whether two of them are told apart. Where a score of `deciding.CHECKS` tells the
same two apart the other way round, nobody wins.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from ptycho_compare.hub import Artifacts
from ptycho_compare.records.answer import Answer, Kind
from ptycho_compare.records.deciding import CHECKS, ORDER, RESIDUAL, Deciding, Margin, Standings
from ptycho_compare.records.tables.metrics_csv import MetricRow, read_metrics_csv, verdicts_in
from ptycho_compare.records.tables.pairs_csv import DifferenceRow, read_differences_csv

_ALIVE = ("ok", "")
"""Status of an arm that has scores; PtychoPINN's own tables have none."""
_SCORES = {score.metric for score in ORDER}
"""Metrics whose notes say why an arm has no scores; others say what was measured of it all the same."""
_FLAT = "flat: "
_RELATIONS: dict[bool | None, Kind] = {True: "best", False: "alike", None: "leads"}


def read_tables(names: Artifacts) -> tuple[list[MetricRow], list[DifferenceRow]]:
    """Read what an answer rests on; without a table of differences nobody is told apart.

    Raises
    ------
    InputError
        The table of scores is missing, or one of the two is damaged.
    """
    differences = read_differences_csv(names.differences) if names.differences.is_file() else []
    return read_metrics_csv(names.metrics), differences


def answer_of(rows: Sequence[MetricRow], differences: Iterable[DifferenceRow]) -> Answer:
    """Answer from the rows of both tables; the order of rows and of arms does not matter."""
    living = {row.model for row in rows if row.status in _ALIVE}
    standings = Standings.of([row for row in rows if row.model in living], differences)
    verdicts = sorted(each for each in verdicts_in(rows) if each[0] in living)
    flat = frozenset(arm for arm, verdict in verdicts if verdict.startswith(_FLAT))
    score = _deciding(standings)
    answer = Answer("none", None, {})
    if score is not None:
        answer = _Field(standings, score, standings.ranking(score)).answer(flat)
    said = (*(f"{arm}: {verdict}" for arm, verdict in verdicts), *_without_numbers(rows, answer))
    return replace(
        answer,
        remarks=(*answer.remarks, *said),
        flat=flat,
        failed=frozenset(row.model for row in rows if row.status == "failed"),
        reference=_reference(rows, score),
        mask_pixels=next((row.mask_pixels for row in rows if row.mask_pixels is not None), None),
    )


def _deciding(standings: Standings) -> Deciding | None:
    """Return the first score that all living arms have, else the first that most of them have."""
    most = max(len(held) for held in standings.numbers.values())
    return next((score for score in ORDER if most and len(standings.numbers[score]) == most), None)


def _reference(rows: Sequence[MetricRow], score: Deciding | None) -> str:
    if score == RESIDUAL:
        return "none"
    metrics = {each.metric for each in ORDER if each != RESIDUAL} if score is None else {score.metric}
    return next((row.reference for row in rows if row.metric in metrics), "none" if rows else "")


def _without_numbers(rows: Iterable[MetricRow], answer: Answer) -> list[str]:
    """Say who failed, and who has not the number that decides."""
    said: dict[str, str] = {}
    for row in rows:
        if row.status not in _ALIVE and (row.model not in said or row.metric in _SCORES):
            said[row.model] = f"{row.model}: {': '.join(filter(None, (row.status, row.note)))}"
        elif answer.score is not None and row.model not in answer.numbers:
            said.setdefault(row.model, f"{row.model} has no {answer.score.name}")
    return [said[arm] for arm in sorted(said)]


@dataclass(frozen=True)
class _Field:
    """The arms that have a number of the score that decides, best first."""

    standings: Standings
    score: Deciding
    arms: list[str]

    def answer(self, flat: Collection[str]) -> Answer:
        """Put the first arm beside every other one."""
        numbers = {arm: self.standings.numbers[self.score][arm] for arm in self.arms}
        first, *others = self.arms
        if not others:
            return Answer("one", self.score, numbers)
        if first in flat:
            return Answer("flat", self.score, numbers, margin=self._margin(first, others[0]))
        found: dict[Kind, list[str]] = {"disagree": [], "alike": [], "leads": [], "best": []}
        for arm in others:
            found[self._relation(first, arm)].append(arm)
        kind = next(kind for kind, arms in found.items() if arms)
        beside = found[kind] if kind != "best" else []
        apart = [arm for arm in others if all(self._is_ahead(each, arm) for each in [first, *beside])]
        return Answer(
            kind,
            self.score,
            numbers,
            tuple(beside),
            tuple(apart),
            self._margin(first, (beside or others)[0]),
            self._contradiction(first, beside[0]) if kind == "disagree" else None,
            tuple(self._remarks(kind, [first, *beside])),
        )

    def _margin(self, one: str, other: str) -> Margin:
        return self.standings.margin(self.score, one, other)

    def _checks(self, one: str, other: str) -> Iterator[Margin]:
        for score in CHECKS:
            if score != self.score and {one, other} <= self.standings.numbers[score].keys():
                yield self.standings.margin(score, one, other)

    def _relation(self, first: str, arm: str) -> Kind:
        if self._contradiction(first, arm) is not None:
            return "disagree"
        return _RELATIONS[self._margin(first, arm).told_apart]

    def _contradiction(self, first: str, arm: str) -> Margin | None:
        """The score that says the opposite as surely as the one that decides."""
        told = self._margin(first, arm).told_apart
        checks = (each for each in self._checks(first, arm) if each.by < 0)
        return None if told is False else next((each for each in checks if each.told_apart is told), None)

    def _is_ahead(self, one: str, other: str) -> bool:
        margin = self._margin(one, other)
        return margin.by > 0 and margin.told_apart is True

    def _remarks(self, kind: Kind, group: Collection[str]) -> Iterator[str]:
        """Say what the verdict does not: of other pairs, and what the other scores say of the first ones."""
        for one, other in combinations(self.arms, 2):
            told, together = self._margin(one, other).told_apart, {one, other} <= set(group)
            if told is False and not (kind == "alike" and together):
                yield f"{one} and {other} cannot be told apart"
            elif told is True and kind == "alike" and together:
                yield f"{one} is better than {other}"
            elif told is None and one == self.arms[0] and kind != "leads":
                yield f"nobody knows whether {one} and {other} can be told apart"
        if kind == "alike" and len(group) == 2:
            yield from (each.sentence for each in self._checks(*group) if each.told_apart)
