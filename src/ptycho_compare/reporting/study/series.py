"""Curves of a study as points to draw: a score of every arm along a line, with both intervals."""

from __future__ import annotations

from dataclasses import dataclass

from ptycho_compare.records.compared import OVERLAP
from ptycho_compare.records.deciding import Deciding
from ptycho_compare.records.study_answers import StudyAnswers
from ptycho_compare.records.study_conditions import SHOWN, levels_text
from ptycho_compare.records.study_lines import StudyLine
from ptycho_compare.records.trials import Ends


@dataclass(frozen=True)
class SeriesPoint:
    """A mean over trials at a place of the axis; its intervals, where there are any."""

    place: float
    mean: float
    trials: Ends | None
    pixels: Ends | None

    @property
    def reach(self) -> Ends:
        """Lowest and highest number that is drawn."""
        ends = [end for pair in (self.trials, self.pixels) if pair is not None for end in pair]
        return min([self.mean, *ends]), max([self.mean, *ends])


@dataclass(frozen=True)
class Series:
    """One arm's points, rising along the axis; `number` is that of the arm in the whole study, from 0."""

    arm: str
    number: int
    points: tuple[SeriesPoint, ...]


@dataclass(frozen=True)
class ResponsePanel:
    """All arms in one score along one line.

    Attributes
    ----------
    powers : bool
        Whether the score, too, is laid out by its logarithm: of errors along a logarithmic axis.
    """

    line: StudyLine
    score: Deciding
    series: tuple[Series, ...]
    powers: bool

    @property
    def axis_name(self) -> str:
        """What lies along the axis, with its unit."""
        names = {"dose": "dose (photons per exposure)", OVERLAP: "measured overlap"}
        return names.get(self.line.axis, self.line.axis.replace("_", " "))

    @property
    def fixed(self) -> str:
        """Where the line runs."""
        return levels_text(self.line.fixed)

    @property
    def places(self) -> list[float]:
        """Levels of the axis."""
        return [place for place, _ in self.line.conditions]

    @property
    def range(self) -> Ends:
        """Lowest and highest number that is drawn; of powers the lowest that has a logarithm."""
        reach = [point.reach for each in self.series for point in each.points]
        low, high = min(low for low, _ in reach), max(high for _, high in reach)
        if self.powers:
            low = min(
                end for each in self.series for p in each.points for end in (*p.reach, p.mean) if end > 0
            )
        return low, high


def arms_of_study(answers: StudyAnswers) -> list[str]:
    """All arms, in the order in which tables first name them: their colours follow."""
    return list(dict.fromkeys(row.model for condition in answers.conditions for row in condition.rows))


def panels_of(answers: StudyAnswers, line: StudyLine) -> list[ResponsePanel]:
    """Return the panels of a line: those scores of which an arm has two points or more."""
    arms = arms_of_study(answers)
    held = [
        (place, {(each.arm, each.score): each for each in condition.scores()})
        for place, condition in line.conditions
    ]
    panels = []
    for score in SHOWN:
        series = []
        for number, arm in enumerate(arms):
            points = tuple(
                SeriesPoint(place, found.over_trials.mean, found.over_trials.interval, found.over_pixels)
                for place, scores in held
                if (found := scores.get((arm, score))) is not None
            )
            if points:
                series.append(Series(arm, number, points))
        if any(len(each.points) > 1 for each in series):
            positive = all(point.mean > 0 for each in series for point in each.points)
            powers = line.logarithmic and not score.higher_is_better and positive
            panels.append(ResponsePanel(line, score, tuple(series), powers))
    return panels
