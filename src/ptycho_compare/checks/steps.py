"""The rules for the files that a step has just left: one entry for each step that makes something."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ptycho_compare.checks.phase_c import judge_phase_c
from ptycho_compare.checks.phase_d import judge_phase_d
from ptycho_compare.errors import InputError
from ptycho_compare.finding import Finding
from ptycho_compare.models.bundle import inspect_model
from ptycho_compare.reconstruction.image_source import ImageSource
from ptycho_compare.reconstruction.ready_made import read_ready_made
from ptycho_compare.study import Study
from ptycho_compare.study.step import MakingStep
from ptycho_compare.study.steps import OverlapStep, ReconstructStep, SimulateStep, TrainStep


def judge_outputs(step: MakingStep, study: Study) -> list[Finding]:
    """Say what does not hold in the outputs of a step that has ended; empty when all of it does."""
    return CHECKS[type(step)](step, study)


def _simulated(step: SimulateStep, study: Study) -> list[Finding]:
    # a lab's own command has left no trace yet when it is judged; data that were brought leave none
    made = True if study.commands.phase_c is not None else None
    return judge_phase_c(step.hub, step.dose, study.splits, made=made)


def _overlapping(step: OverlapStep, study: Study) -> list[Finding]:
    return judge_phase_d(step.hub, study, step.dose, step.view)


def _trained(step: TrainStep, _study: Study) -> list[Finding]:
    return _readable(lambda: inspect_model(step.files.bundle))


def _reconstructed(step: ReconstructStep, _study: Study) -> list[Finding]:
    return _readable(lambda: read_ready_made(ImageSource(step.files.reconstruction)))


def _readable(read: Callable[[], object]) -> list[Finding]:
    """Say why a file cannot be used, where its reader refuses it."""
    try:
        read()
    except InputError as error:
        return [Finding("input", str(error))]
    return []


CHECKS: Mapping[type[MakingStep], Callable[[Any, Study], list[Finding]]] = {
    SimulateStep: _simulated,
    OverlapStep: _overlapping,
    TrainStep: _trained,
    ReconstructStep: _reconstructed,
}
