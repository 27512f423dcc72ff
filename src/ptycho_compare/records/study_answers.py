"""What a study says as a whole: its conditions, lines through them, who is best where."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from ptycho_compare.hub import FULL_TIER, Hub
from ptycho_compare.records.compared import Compared, read_compared
from ptycho_compare.records.stitched import StitchedObject, read_stitched
from ptycho_compare.records.study_conditions import StudyCondition, conditions_in
from ptycho_compare.records.study_lines import Crossing, Slope, StudyLine, crossings_of, lines_of, slopes_of
from ptycho_compare.records.study_losses import LossCurve, losses_behind
from ptycho_compare.records.study_patches import PatchSpread, patch_spreads
from ptycho_compare.records.study_transfer import Transfer, transfers_of
from ptycho_compare.study import Study


@dataclass(frozen=True)
class StudyAnswers:
    """What all comparisons say together.

    Attributes
    ----------
    study : Study
    compared : sequence of Compared
        All that have evidence, of all tiers.
    losses : sequence of LossCurve
        Of the trainings and iterative reconstructions behind them.
    stitched : sequence of StitchedObject
        Splits put together, where that was asked for.
    transfers : sequence of Transfer
        Scores of the tier that answers, by what networks were trained on.
    """

    study: Study
    compared: Sequence[Compared]
    losses: Sequence[LossCurve] = ()
    stitched: Sequence[StitchedObject] = ()
    transfers: Sequence[Transfer] = ()

    @property
    def level(self) -> float:
        """Of all intervals."""
        return self.study.uncertainty.level

    @cached_property
    def tier(self) -> str:
        """The tier that answers: the full one, or the last that was compared."""
        there = {each.comparison.tier for each in self.compared}
        return (
            FULL_TIER
            if FULL_TIER in there
            else next((tier for tier in reversed(self.study.tiers) if tier in there), "")
        )

    @cached_property
    def asked(self) -> int:
        """Comparisons that the study asks for in that tier."""
        return sum(each.tier == self.tier for each in self.study.comparisons())

    @cached_property
    def conditions(self) -> list[StudyCondition]:
        """Conditions of that tier, in the study's order."""
        return conditions_in(
            (each for each in self.compared if each.comparison.tier == self.tier), level=self.level
        )

    @cached_property
    def patches(self) -> list[PatchSpread]:
        """Scores of patches before they are stitched, in these conditions."""
        return patch_spreads(self.conditions)

    @cached_property
    def lines(self) -> list[StudyLine]:
        """All lines through these conditions."""
        return lines_of(self.conditions)

    @cached_property
    def crossings(self) -> list[Crossing]:
        """Where two arms cross along a line."""
        return [found for line in self.lines for found in crossings_of(line)]

    @cached_property
    def slopes(self) -> list[Slope]:
        """How steeply errors fall along a logarithmic axis."""
        return [found for line in self.lines for found in slopes_of(line, level=self.level)]

    @cached_property
    def wins(self) -> Counter[str]:
        """In how many conditions an arm is best; "" counts those without a winner."""
        return Counter(condition.answer.winner or "" for condition in self.conditions)

    @cached_property
    def factors(self) -> list[str]:
        """Factors that are no trials."""
        return list(dict.fromkeys(name for condition in self.conditions for name in condition.levels))


def read_answers(hub: Hub, study: Study) -> StudyAnswers:
    """Read the evidence of all comparisons; InputError as of `read_compared`."""
    answers = StudyAnswers(study, read_compared(hub, study.comparisons()))
    trials = [each for condition in answers.conditions for each in condition.trials]
    return replace(
        answers,
        losses=losses_behind(hub, trials),
        stitched=read_stitched(hub),
        transfers=transfers_of(hub, trials, level=answers.level),
    )
