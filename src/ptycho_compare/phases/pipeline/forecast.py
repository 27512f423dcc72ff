"""How long the steps of a plan will still take, by what steps of their kind took before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from statistics import fmean

from ptycho_compare.duration import duration_text
from ptycho_compare.errors import JobError
from ptycho_compare.hub import Artifacts
from ptycho_compare.jobs.record import read_done
from ptycho_compare.phases.pipeline.step import PhaseStep, Step


class Forecast:
    """Times of steps by their kind, read once from the records of a plan's steps, and added to."""

    def __init__(self, steps: Iterable[Step], *, at_a_time: int) -> None:
        self._at_a_time = at_a_time
        held = list(steps)
        self._left = {step.id: step for step in held if not _was_done(step)}
        self._took: dict[str, list[float]] = defaultdict(list)
        for step in held:
            try:
                done = read_done(step.files.job)
            except JobError:
                continue  # which whoever runs it says
            if done is not None and done.returncode == 0:
                self._took[step.kind].append(done.seconds)

    def ended(self, step: Step, seconds: float | None) -> None:
        """Note that a step is done; `seconds` is what its command took, None where none ran."""
        self._left.pop(step.id, None)
        if seconds is not None:
            self._took[step.kind].append(seconds)

    @property
    def seconds(self) -> float:
        """Until the steps that are left have ended, as far as steps of their kind were measured."""
        kinds = [step.kind for step in self._left.values() if self._took[step.kind]]
        each = [fmean(self._took[kind]) for kind in kinds]
        return max([sum(each) / self._at_a_time, *each], default=0.0)

    @property
    def unknown(self) -> int:
        """How many steps are left of which nothing of their kind was measured."""
        return sum(not self._took[step.kind] for step in self._left.values())

    def __str__(self) -> str:
        left = len(self._left)
        if not left:
            return "no steps left to run"
        steps = f"{left} step{'' if left == 1 else 's'} left to run"
        if self.unknown == left:
            return f"{steps}; how long they take is not known yet"
        more = f", and {self.unknown} of a kind that was not measured yet" if self.unknown else ""
        return f"{steps}, about {duration_text(self.seconds)}{more}"


def _was_done(step: Step) -> bool:
    """True where a record tells of an end; whether it still holds is looked at when the step's turn comes."""
    if isinstance(step, PhaseStep) and step.always:
        return False
    files = step.files
    return step.given or files.record.is_file() or Artifacts(files.folder).manifest.is_file()
