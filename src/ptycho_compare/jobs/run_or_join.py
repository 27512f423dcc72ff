"""See a job through: launch it or join whoever works at it, until it ends or there is no time left."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from ptycho_compare.errors import InputError
from ptycho_compare.jobs.claim import read_claim
from ptycho_compare.jobs.executors.protocol import Attempt, Busy, Executor
from ptycho_compare.jobs.record import DoneRecord, JobSpec, LaunchRecord, read_done, read_launch

_POLL_S = 0.05


@dataclass(frozen=True)
class Running:
    """It runs on, and not under us.

    Attributes
    ----------
    host, pid : str, int
        Its supervisor.
    launch : LaunchRecord or None
        When we detached it.
    """

    host: str
    pid: int
    launch: LaunchRecord | None = None


def run_or_join(
    spec: JobSpec,
    executor: Executor,
    *,
    is_done: Callable[[], bool],
    out_of_time: Callable[[], bool],
) -> DoneRecord | Running | None:
    """Bring a job to its end, or as far as time allows.

    Parameters
    ----------
    spec : JobSpec
    executor : Executor
        Where an attempt is started when nobody works at the job.
    is_done : callable
        Whether its result is there; asked again under the claim, before anything is started.
    out_of_time : callable
        Asked several times a second. An attempt of ours is then stopped; one of somebody else
        runs on.

    Returns
    -------
    DoneRecord
        Of the attempt that ended; `stopped` when there is more to do.
    Running
        Somebody else's attempt, or the one that we detached.
    None
        Its result was there.

    Raises
    ------
    JobError
        It cannot be started, or an attempt ended without a completion record.
    StorageError
        Its records cannot be written.
    BaseException
        Whatever interrupts the wait (Ctrl-C) passes on after our attempt was stopped.
    """
    while True:
        found = executor.start(spec, is_done=is_done)
        if found is None:
            return None
        if isinstance(found, Busy):
            if spec.detached:
                return Running(found.host, found.pid)
            ended = _joined(spec, found, out_of_time)
            if isinstance(ended, Running):
                return ended
            if ended is None or ended.stopped:
                continue  # whoever it was gave up: now it is ours
            return ended
        if spec.detached:
            found.leave()
            return Running(found.launch.host, found.launch.pid, found.launch)
        return _watched(found, out_of_time)


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


def _joined(spec: JobSpec, holder: Busy, out_of_time: Callable[[], bool]) -> DoneRecord | Running | None:
    """Wait for somebody else's attempt; None when it died, or came to nothing."""
    them = (holder.host, holder.pid)
    while (claim := read_claim(spec.files.claim)) is not None and claim.alive:
        if (claim.holder.host_name, claim.holder.pid) != them:
            break  # another one came after it
        if out_of_time():
            return Running(holder.host, holder.pid)
        time.sleep(10 * _POLL_S)
    launch = read_launch(spec.files)  # an older one, when it found nothing to do and launched none
    return read_done(spec.files) if launch is not None and (launch.host, launch.pid) == them else None
