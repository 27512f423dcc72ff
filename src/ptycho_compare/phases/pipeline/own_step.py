"""A step of the user's own: a command with its inputs and outputs, made before what rests on it."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ptycho_compare.checks.blocker import Scope
from ptycho_compare.errors import StudyError
from ptycho_compare.hub import Hub, cell_text, in_cell
from ptycho_compare.phases.pipeline.step import PhaseStep
from ptycho_compare.study import NAME, Comparison
from ptycho_compare.study.steps import MAKING, CompareStep


@dataclass(frozen=True)
class OwnStep:
    """A command that makes files, for a dose, view and split.

    Attributes
    ----------
    name : str
        Part of its id and its log, e.g. "polish": lower case.
    command : sequence of str
        Argument list.
    inputs, outputs : sequence of path
        Files that it reads, and that must be there when it has ended; below the hub unless absolute.
    """

    name: str
    command: Sequence[str]
    inputs: Sequence[str | os.PathLike[str]] = ()
    outputs: Sequence[str | os.PathLike[str]] = ()


def own_step(hub: Hub, place: Comparison, step: object) -> PhaseStep:
    """Turn what a hook returned into a step that the pipeline can run: a job, with a log and a record.

    Raises
    ------
    StudyError
        It is no `OwnStep`, or has no command, no outputs, or the name of a step of the study.
    """
    if not isinstance(step, OwnStep):
        raise StudyError(f"pytest_ptycho_steps returned {step!r:.80}; needed: a ptycho_compare.OwnStep")
    taken = {CompareStep.command, *(each.command for each in MAKING)}
    if not re.fullmatch(NAME, step.name) or step.name in taken:
        names = ", ".join(sorted(taken))
        raise StudyError(f"step {step.name!r}: needed: a name in lower case that is none of {names}")
    if isinstance(step.command, str) or not step.command or not step.outputs:
        raise StudyError(f"step {step.name!r}: needed: a command as a list of words, and what it leaves")
    return PhaseStep(
        hub,
        id=in_cell(f"dose_{place.dose}-{step.name}-{place.view}-{place.split}", place.cell),
        title=f"Own step: {step.name} {place.view} {in_cell(place.split, place.cell)}",
        command=tuple(map(str, step.command)),
        log_name=in_cell(f"own_{step.name}_{place.view}_{place.split}_dose{place.dose}", place.cell),
        inputs=_in_hub(hub, step.inputs),
        outputs=_in_hub(hub, step.outputs),
        settings={"command": list(map(str, step.command))},
        computed_by="",
        check=list,
        libraries=(),
        foreign=True,
        kind=step.name,
        scope=Scope(place.dose, place.view, place.split, cell=cell_text(place.cell)),
    )


def _in_hub(hub: Hub, paths: Sequence[str | os.PathLike[str]]) -> tuple[Path, ...]:
    return tuple(hub.root / path for path in paths)
