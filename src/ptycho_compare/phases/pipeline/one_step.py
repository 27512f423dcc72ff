"""One step of a study by its id, as a batch system's job asks for it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import product
from pathlib import Path

from ptycho_compare.errors import StudyError, did_you_mean
from ptycho_compare.hub import Hub
from ptycho_compare.phases.pipeline.reports_step import ReportsStep
from ptycho_compare.phases.pipeline.step import Step
from ptycho_compare.phases.pipeline.study_plan import plan_of
from ptycho_compare.study import Study


def find_step(
    hub: Hub,
    study: Study,
    study_file: Path,
    step_id: str,
    *,
    splits: tuple[str, ...] = (),
    given: frozenset[str] = frozenset(),
    allow_commands: bool = False,
) -> Step:
    """Find a step of phases C to F, a comparison of any tier, or the reports over a plan.

    Parameters
    ----------
    splits : tuple of str
        Those that are reconstructed and compared; empty for all of the study.
    given : frozenset of str
        Phases whose files come from elsewhere.
    allow_commands : bool
        Whether somebody has read the study's commands.

    Raises
    ------
    StudyError
        The study has none of this id.
    """
    known = []
    for step in _steps_of(hub, study, study_file, splits or tuple(study.splits), given, allow_commands):
        if step.id == step_id:
            return step
        known.append(step.id)
    near = did_you_mean(step_id, known) or f"; known: {', '.join(known)}"
    raise StudyError(f"{study_file}: the study has no step or comparison {step_id}{near}")


def comparison_steps(hub: Hub, study: Study, study_file: Path, ids: Collection[str]) -> list[Step]:
    """Find comparisons of a study as steps, of whatever tier, in the study's order."""
    whole = plan_of(hub, study, study_file)
    return [step for tier in study.tiers for step in whole.comparing(tier) if step.id in ids]


def _steps_of(
    hub: Hub,
    study: Study,
    study_file: Path,
    splits: tuple[str, ...],
    given: frozenset[str],
    allow_commands: bool,
) -> Iterator[Step]:
    whole = plan_of(hub, study, study_file, splits=splits, given=given)
    yield from whole.making
    for tier in study.tiers:
        yield from whole.comparing(tier)
    for dose, view in product((*study.doses, None), (*study.views, None)):
        plan = plan_of(hub, study, study_file, dose=dose, view=view, splits=splits, given=given)
        yield ReportsStep(plan, allow_commands)
