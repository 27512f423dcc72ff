"""One run over a plan's steps: its transcript, its stop, and the note of what blocks it."""

from __future__ import annotations

import shlex
import signal
import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TextIO

from ptycho_compare.checks.blocker import close_blockers, topic_of, write_blocker
from ptycho_compare.errors import HubError
from ptycho_compare.hub import Artifacts, Hub, JobFiles, stamp, utc_now
from ptycho_compare.jobs.claim import living_claim
from ptycho_compare.phases.pipeline.forecast import Forecast
from ptycho_compare.phases.pipeline.run import Runner, StepOutcome
from ptycho_compare.phases.pipeline.step import Step
from ptycho_compare.sigterm import heard
from ptycho_compare.storage.files import write_text_atomic

FAILED_STEP = "failed_step"
ALL_DONE = "SUCCESS: All phases completed"
_PHASES = "CDEF"
_DERIVED = ("analysis", "cli", "jobs")


def execute(
    hub: Hub,
    name: str,
    steps: Sequence[Step],
    *,
    at_a_time: int = 1,
    out_of_time: Callable[[], bool] = lambda: False,
    asked: Callable[[], bool] = lambda: False,
    grace_s: float = 10.0,
    success: str = ALL_DONE,
    closing: Callable[[Hub], Iterable[str]] = lambda _: (),
    listen: bool = True,
    noted: bool = True,
    forecast: bool = False,
) -> list[StepOutcome]:
    """Run steps and say how they went, on standard output and in ``cli/NAME.log``.

    Parameters
    ----------
    out_of_time : callable
        Whether a window is over, and the steps that run must save their work now.
    asked : callable
        Whether somebody has asked for that.
    grace_s : float
        Between asking a step to stop and killing it.
    success : str
        Said last, and only when every step is good.
    closing : callable
        What is said before that.
    listen : bool
        Whether SIGTERM and Ctrl-C stop the run; else `out_of_time` has to.
    noted : bool
        Whether notes in ``red/`` are written and closed; a command that does so itself needs none.
    forecast : bool
        Whether it says how long the steps will take.

    Returns
    -------
    list of StepOutcome
        One per step. After a failure ``analysis/blocker.log`` and a note in ``red/`` say what and why.
    """
    moment = utc_now()
    with Transcript(hub.step_log(name), moment) as transcript:
        times = Forecast(steps, at_a_time=at_a_time) if forecast else None
        if times is not None:
            transcript.say(f"forecast: {times}")
        runner = Runner(transcript.say, hub.archive(moment), at_a_time, out_of_time, asked, grace_s, times)
        numbers = (signal.SIGTERM, signal.SIGINT) if listen else ()
        with heard(lambda _: runner.stop(), *numbers):
            outcomes = runner.run(steps)
        transcript.say("\n".join(["", *(f"  {outcome}" for outcome in outcomes), ""]))
        failed = [outcome for outcome in outcomes if outcome.state == "failed"]
        for outcome in failed if noted else ():
            _note(hub, outcome, moment, transcript)
        for outcome in outcomes if noted else ():
            if outcome.good:
                _close(hub, outcome.step, name, transcript)
        if all(outcome.good for outcome in outcomes):
            hub.blocker_log().unlink(missing_ok=True)
            transcript.say("\n".join([*closing(hub), success]))
        elif not failed:
            transcript.say("stopped with the work saved; the same command goes on")
    return outcomes


class Transcript:
    """Standard output of the runs of one name, kept in the hub."""

    def __init__(self, path: Path, moment: datetime) -> None:
        self.path = path
        self._moment = moment
        self._lock = threading.Lock()
        self._file: TextIO | None = None

    def __enter__(self) -> Transcript:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self.path.open("a", encoding="utf-8", errors="replace")
        self._file.write(f"--- run of {stamp(self._moment)}\n")
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def say(self, text: str) -> None:
        """Write lines to both."""
        with self._lock:
            print(text, flush=True)
            if self._file is not None:
                print(text, file=self._file, flush=True)


def _note(hub: Hub, outcome: StepOutcome, moment: datetime, transcript: Transcript) -> None:
    """Say why the run is blocked: on standard output, in ``analysis/blocker.log`` and in ``red/``."""
    spec = outcome.step.spec(grace_s=0)
    findings = [str(finding) for finding in outcome.findings]
    code = None if outcome.done is None else outcome.done.returncode
    if outcome.step.label and not code:
        place = [f"Blocked during {outcome.step.label}"]
    else:
        place = [
            f"Blocked at: {shlex.join(spec.command)}",
            f"Return code: {'not started' if code is None else code}",
        ]
    lines = [*place, *findings, f"Full log: {hub.relative(spec.log)}"]
    hub.blocker_log().parent.mkdir(parents=True, exist_ok=True)
    write_text_atomic(hub.blocker_log(), "\n".join([*lines, ""]))
    note = write_blocker(
        hub,
        topic_of(outcome.findings, started=outcome.done is not None) or FAILED_STEP,
        outcome.findings,
        comparison_id=outcome.step.id,
        command=spec.command,
        returncode=code,
        folder=outcome.step.files.folder,
        command_log=spec.log,
        moment=moment,
        scope=outcome.step.scope,
    )
    transcript.say("\n".join([*lines, f"Note: {hub.relative(note)}"]))


def _close(hub: Hub, step: Step, name: str, transcript: Transcript) -> None:
    """Close the blockers of a step that is good now, by its record or a comparison's manifest."""
    evidence = [step.files.record, Artifacts(step.files.folder).manifest]
    for record in close_blockers(hub, step.id, closed_by=f"ptycho-hub {name}", evidence=evidence):
        transcript.say(f"closed: {hub.relative(record)}")


def clobber(hub: Hub, archive: Path, *, given: frozenset[str]) -> list[Path]:
    """Move all that a run makes into an archive, together, so that the run begins from nothing.

    Parameters
    ----------
    archive : Path
        A folder that does not exist yet; what is moved keeps its path below the hub.
    given : frozenset of str
        Phases whose files come from elsewhere; they stay.

    Returns
    -------
    list of Path
        What was moved. Nothing is deleted: ``green/``, ``red/`` and all else in the hub stay.

    Raises
    ------
    HubError
        A job is at work in the hub.
    """
    for files in hub.jobs():
        _require_idle(files)
    phases = [hub.root / "data" / f"phase_{phase.lower()}" for phase in _PHASES if phase not in given]
    there = [path for path in (*phases, *(hub.root / name for name in _DERIVED)) if path.exists()]
    for path in there:
        place = archive / hub.relative(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        path.rename(place)
    return there


def _require_idle(files: JobFiles) -> None:
    claim = living_claim(files.claim)
    if claim is not None:
        raise HubError(
            f"{files.folder}: a process on {claim.holder.host_name} (pid {claim.holder.pid}) works at it; "
            "stop it (ptycho-hub stop) before --clobber"
        )
