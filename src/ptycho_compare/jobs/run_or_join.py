"""Run a job to its end, or join the process that works at it; how jobs end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from signal import Signals
from typing import Literal

from ptycho_compare.errors import InputError, NotBegunError
from ptycho_compare.finding import Finding
from ptycho_compare.jobs.allocation import refuse_detaching
from ptycho_compare.jobs.claim import living_claim
from ptycho_compare.jobs.executors.protocol import Attempt, Executor, Running
from ptycho_compare.jobs.record import (
    EXIT_REFUSED,
    DoneRecord,
    JobSpec,
    read_done,
    read_launch,
)

_POLL_S = 0.05


@dataclass(frozen=True)
class Ended:
    """How a job ended, or how it goes on.

    Attributes
    ----------
    state : str
        ``finished``: its result is there. ``failed``: its command did not end well. ``refused``: nothing
        was computed, since the command or its supervisor could not begin. ``stopped``: the next attempt
        goes on from what was saved. ``not begun``: time was over before anything ran. ``running``: see
        `running`.
    findings : tuple of Finding
        Why it failed, was refused or did not begin.
    record : DoneRecord or None
        Of the attempt that ended; None where none was needed, or none came so far.
    running : Running or None
        The attempt that runs on.
    """

    state: Literal["finished", "failed", "refused", "stopped", "not begun", "running"]
    findings: tuple[Finding, ...] = ()
    record: DoneRecord | None = None
    running: Running | None = None

    @classmethod
    def of(cls, record: DoneRecord) -> Ended:
        """Say what a completion record means."""
        code, last = record.returncode, record.last_line
        if record.stopped:
            return cls("stopped", record=record)
        if code == 0:
            return cls("finished", record=record)
        if code < 0:
            text = f"ended by {Signals(-code).name}; the next run goes on from the last checkpoint: {last}"
            return cls("failed", (Finding("failed", text),), record)
        text = f"exit status {code}: {last}"
        if code == EXIT_REFUSED:
            return cls("refused", (Finding("input", text),), record)
        return cls("failed", (Finding("failed", text),), record)


def run_or_join(
    spec: JobSpec,
    executor: Executor,
    *,
    is_done: Callable[[], bool],
    out_of_time: Callable[[], bool],
    joins: bool = True,
    meanwhile: Callable[[], bool] = lambda: False,
) -> Ended:
    """Bring a job to its end, or as far as time allows.

    Parameters
    ----------
    executor : Executor
        Where an attempt is started when nobody works at the job.
    is_done : callable
        True when its result is there; asked again under the claim, before anything is started.
    out_of_time : callable
        Asked several times a second. An attempt that was launched here is then stopped; one of
        somebody else runs on.
    joins : bool
        False where somebody else's attempt is not waited for: it is then ``running`` at once.
    meanwhile : callable
        Asked while somebody else's attempt is waited for: does other work and says True, or has none.

    Raises
    ------
    JobError
        It cannot be started, an attempt ended without a completion record, or it is detached inside a batch
        system's allocation.
    StorageError
        Its records cannot be written.
    BaseException
        Whatever interrupts the wait (Ctrl-C) passes on after the attempt launched here was stopped.
    """
    if spec.detached:
        refuse_detaching()
    while True:
        try:
            found = executor.start(spec, is_done=is_done, out_of_time=out_of_time)
        except NotBegunError as error:
            return Ended("not begun", (Finding("window", str(error)),))
        if found is None:
            return Ended("finished")
        if spec.detached:
            return _running(found if isinstance(found, Running) else found.leave())
        if isinstance(found, Running):
            if not joins:
                return _running(found)
            ended = _joined(spec, found, out_of_time, meanwhile)
            if ended is None or ended.state == "stopped":
                continue  # whoever it was gave up: the next attempt is launched here
            return ended
        return Ended.of(_watched(found, out_of_time))


def _watched(attempt: Attempt, out_of_time: Callable[[], bool]) -> DoneRecord:
    try:
        while (done := attempt.poll()) is None:
            if out_of_time():
                return attempt.stop()
            time.sleep(_POLL_S)
    except InputError:
        raise
    except BaseException:  # Ctrl-C, or a test's own deadline
        attempt.stop()
        raise
    return done


def _running(running: Running) -> Ended:
    return Ended("running", running=running)


def _joined(
    spec: JobSpec, running: Running, out_of_time: Callable[[], bool], meanwhile: Callable[[], bool]
) -> Ended | None:
    """Wait for somebody else's attempt; None when it died, or came to nothing."""
    while (claim := living_claim(spec.files.claim)) is not None:
        if claim.token != running.token:
            break  # another one came after it
        if out_of_time():
            return _running(running)
        if not meanwhile():
            time.sleep(10 * _POLL_S)
    launch = read_launch(spec.files)  # an older one, when it found nothing to do and launched none
    if launch is None or launch.token != running.token:
        return None
    record = read_done(spec.files)
    return None if record is None else Ended.of(record)
