"""The steps of one dose and view over all cells of a study's own factors: what cells share, once."""

from __future__ import annotations

from collections.abc import Sequence

from ptycho_compare.hub import FULL_TIER, Hub
from ptycho_compare.study.step import MakingStep, StudyStep
from ptycho_compare.study.steps import CompareStep, making_steps, steps_of
from ptycho_compare.study.study import Comparison, Study, in_cell_of, networks_of


def making_in_cells(
    hub: Hub, study: Study, dose: int, view: str, splits: Sequence[str]
) -> tuple[MakingStep, ...]:
    """Steps of phases C to F that the cells need, each once, in the order of their phases."""
    held: dict[str, MakingStep] = {}
    for cell in study.cells():
        here, how = in_cell_of(hub, study, cell)
        steps = making_steps(here, dose, view, splits, networks_of(how, here, dose, view))
        held |= {step.id: step for step in steps if step.id not in held}
    return tuple(sorted(held.values(), key=lambda step: step.phase))


def counted_steps(
    hub: Hub, study: Study | None, dose: int, view: str, splits: Sequence[str]
) -> tuple[StudyStep, ...]:
    """All steps that count, in an order in which they can be run; without a study those of both networks."""
    if study is None:
        return steps_of(hub, dose, view, splits)
    comparing = (
        CompareStep.of(hub, Comparison(dose, view, split, FULL_TIER, cell))
        for split in splits
        for cell in study.cells()
    )
    return (*making_in_cells(hub, study, dose, view, splits), *comparing)
