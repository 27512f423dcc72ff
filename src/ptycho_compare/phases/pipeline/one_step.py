"""One step of a study by its id, as a batch system's job asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ptycho_compare.errors import StudyError, did_you_mean
from ptycho_compare.hub import Hub
from ptycho_compare.phases.pipeline.pipeline import Pipeline
from ptycho_compare.phases.pipeline.step import Step
from ptycho_compare.study import Study


def find_step(
    hub: Hub, study: Study, study_file: Path, step_id: str, *, given: frozenset[str] = frozenset()
) -> Step:
    """Find a step of phases C to F, or a comparison of any tier.

    Parameters
    ----------
    given : frozenset of str
        Phases whose files come from elsewhere.

    Raises
    ------
    StudyError
        The study has none of this id.
    """
    known = []
    for step in _steps_of(hub, study, study_file, given):
        if step.id == step_id:
            return step
        known.append(step.id)
    near = did_you_mean(step_id, known) or f"; known: {', '.join(known)}"
    raise StudyError(f"{study_file}: the study has no step or comparison {step_id}{near}")


def _steps_of(hub: Hub, study: Study, study_file: Path, given: frozenset[str]) -> Iterator[Step]:
    for dose in study.doses:
        for view in study.views:
            plan = Pipeline(hub, study, study_file, dose, view, tuple(study.splits), given)
            yield from plan.making
            for tier in study.tiers:
                yield from plan.comparing(tier)
