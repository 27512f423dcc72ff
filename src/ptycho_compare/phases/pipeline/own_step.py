"""A step of the user's own: a command with its inputs and outputs, made before what rests on it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

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
    command: Sequence[str | os.PathLike[str]]
    inputs: Sequence[str | os.PathLike[str]] = ()
    outputs: Sequence[str | os.PathLike[str]] = ()


def own_step(hub: Hub, place: Comparison, step: object) -> PhaseStep:
    """Turn what a hook returned into a step that the pipeline can run: a job, with a log and a record.

    Raises
    ------
    StudyError
        It is no `OwnStep`, has no command or no outputs, what is no list, or the name of a step of the study.
    """
    if not isinstance(step, OwnStep):
        raise StudyError(f"pytest_ptycho_steps returned {step!r:.80}; needed: a ptycho_compare.OwnStep")
    taken = {CompareStep.command, *(each.command for each in MAKING)}
    if not isinstance(step.name, str) or not re.fullmatch(NAME, step.name) or step.name in taken:
        names = ", ".join(sorted(taken))
        raise StudyError(f"step {step.name!r}: needed: a name in lower case that is none of {names}")
    command = _listed(step, "command", "a list of words")
    inputs, outputs = (_listed(step, key, "a list of paths") for key in ("inputs", "outputs"))
    if not command or not outputs:
        raise StudyError(f"step {step.name!r}: needed: a command as a list of words, and what it leaves")
    return PhaseStep(
        hub,
        id=in_cell(f"dose_{place.dose}-{step.name}-{place.view}-{place.split}", place.cell),
        title=f"Own step: {step.name} {place.view} {in_cell(place.split, place.cell)}",
        command=command,
        log_name=in_cell(f"own_{step.name}_{place.view}_{place.split}_dose{place.dose}", place.cell),
        inputs=tuple(hub.root / path for path in inputs),
        outputs=tuple(hub.root / path for path in outputs),
        settings={"command": list(command)},
        computed_by="",
        check=list,
        libraries=(),
        foreign=True,
        kind=step.name,
        scope=Scope(place.dose, place.view, place.split, cell=cell_text(place.cell)),
    )


def _listed(step: OwnStep, key: str, needed: str) -> tuple[str, ...]:
    """Take what a step says as a list; a single text would be read letter by letter."""
    held = getattr(step, key)
    known = (str, os.PathLike, int, float) if key == "command" else (str, os.PathLike)
    listed = isinstance(held, Iterable) and not isinstance(held, str | bytes | os.PathLike)
    words = tuple(held) if listed else ()
    if not listed or not all(isinstance(word, known) for word in words):
        raise StudyError(f"step {step.name!r}: {key} is {held!r:.80}; needed: {needed}")
    return tuple(map(str, words))
