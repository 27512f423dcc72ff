"""Several doses and views of a study as one plan: what they share is made once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Protocol, TypeVar

from ptycho_compare.checks.blocker import Scope
from ptycho_compare.hub import FULL_TIER, Hub
from ptycho_compare.phases.pipeline.comparison_step import ComparisonStep
from ptycho_compare.phases.pipeline.pipeline import Pipeline
from ptycho_compare.phases.pipeline.step import PhaseStep, Step
from ptycho_compare.study import Study
from ptycho_compare.study.steps import WHOLE_STUDY

_Step = TypeVar("_Step", bound=Step)


class Reported(Protocol):
    """What reports over comparisons ask of a plan."""

    @property
    def hub(self) -> Hub:
        """Where they lie."""
        ...

    @property
    def study(self) -> Study:
        """What it says of reports."""
        ...

    @property
    def study_file(self) -> Path:
        """Part of their commands."""
        ...

    @property
    def doses(self) -> tuple[int, ...]:
        """Those of the plan."""
        ...

    @property
    def views(self) -> tuple[str, ...]:
        """Those of the plan."""
        ...

    @property
    def splits(self) -> tuple[str, ...]:
        """Those that are compared."""
        ...

    @property
    def given(self) -> frozenset[str]:
        """Phases whose files come from elsewhere."""
        ...

    @property
    def name(self) -> str:
        """Part of the names of its logs."""
        ...

    def comparing(self, tier: str) -> tuple[ComparisonStep, ...]:
        """Comparisons of one tier."""
        ...


@dataclass(frozen=True)
class StudyPlan:
    """Pipelines of one study in one hub as one.

    Attributes
    ----------
    parts : tuple of Pipeline
        One for each dose and view.
    """

    parts: tuple[Pipeline, ...]

    @property
    def hub(self) -> Hub:
        """Where all of it lies."""
        return self.parts[0].hub

    @property
    def study(self) -> Study:
        """What is compared."""
        return self.parts[0].study

    @property
    def study_file(self) -> Path:
        """Part of every command."""
        return self.parts[0].study_file

    @property
    def given(self) -> frozenset[str]:
        """Phases whose files come from elsewhere."""
        return self.parts[0].given

    @property
    def doses(self) -> tuple[int, ...]:
        """Those of the plan, ascending."""
        return tuple(sorted({part.dose for part in self.parts}))

    @property
    def views(self) -> tuple[str, ...]:
        """Those of the plan."""
        return tuple(dict.fromkeys(part.view for part in self.parts))

    @property
    def splits(self) -> tuple[str, ...]:
        """Those that are compared."""
        return self.parts[0].splits

    @property
    def name(self) -> str:
        """Part of the names of its logs."""
        return WHOLE_STUDY if len(self.views) > 1 else self.views[0]

    @property
    def making(self) -> tuple[PhaseStep, ...]:
        """Phases C to F, each step once."""
        return tuple(_once(chain.from_iterable(part.making for part in self.parts)))

    def comparing(self, tier: str) -> tuple[ComparisonStep, ...]:
        """Phase G of one tier."""
        return tuple(chain.from_iterable(part.comparing(tier) for part in self.parts))

    @property
    def steps(self) -> tuple[Step, ...]:
        """All that count, in an order in which they can be run one after another."""
        return (*self.making, *self.comparing(FULL_TIER))


def plan_of(
    hub: Hub,
    study: Study,
    study_file: Path,
    *,
    dose: int | None = None,
    view: str | None = None,
    splits: Iterable[str] = (),
    given: frozenset[str] = frozenset(),
) -> StudyPlan:
    """Lay out a plan; a dose or view that is not named means all of the study, no split all of them."""
    doses = sorted(study.doses) if dose is None else [dose]
    views = study.views if view is None else [view]
    kept = tuple(splits) or study.splits
    return StudyPlan(
        tuple(
            Pipeline(hub, study, study_file, each, other, kept, given, tuple(doses))
            for each in doses
            for other in views
        )
    )


def scope_of(plan: Reported) -> Scope:
    """Say which comparisons a report over a plan concerns."""
    if len(plan.doses) > 1:
        return Scope()
    return Scope(plan.doses[0], plan.views[0] if len(plan.views) == 1 else "", tiers=(FULL_TIER,))


def _once(steps: Iterable[_Step]) -> Iterator[_Step]:
    seen: set[str] = set()
    for step in steps:
        if step.id not in seen:
            seen.add(step.id)
            yield step
