"""A batch system's allocation around this process: what its time limit and its requeues ask of us.

Inside one, exit status 75 has the queue begin the job again. Where the limit is too short for anything to be
saved that would go on for ever: restarts that gained nothing are counted in the hub, whoever asked to stop.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass

from ptycho_compare.errors import JobError
from ptycho_compare.hub import Hub, JobFiles
from ptycho_compare.jobs import tree
from ptycho_compare.jobs.progress import read_progress
from ptycho_compare.jobs.states import append_state, read_states
from ptycho_compare.storage.files import if_writable

JOB_VARIABLE, RESTARTS_VARIABLE = "SLURM_JOB_ID", "SLURM_RESTART_COUNT"
RESTARTS_WITHOUT_GAIN = 2
"""So many in a row end a batch job that would otherwise be queued for ever."""
_STATE = "given back"


@dataclass(frozen=True)
class Allocation:
    """The batch job that this process is part of, and how often it was begun again."""

    job: str
    restarts: int

    @classmethod
    def around(cls) -> Allocation | None:
        """Return the one around this process, if there is one."""
        job, restarts = os.environ.get(JOB_VARIABLE, ""), os.environ.get(RESTARTS_VARIABLE, "")
        return cls(job, int(restarts) if restarts.isdecimal() else 0) if job else None


def refuse_detaching() -> None:
    """Raise JobError inside an allocation, which ends whatever outlives its script."""
    if (found := Allocation.around()) is not None:
        raise JobError(
            f"no job is detached inside a Slurm allocation (job {found.job}), which ends it with the batch "
            "script; leave out --detach or --ptycho-detach: SIGTERM has the command save its work and end "
            "with 75, and the same one goes on (sbatch --requeue --signal=B:TERM@60, exec before the command)"
        )


def refuse_submitting() -> None:
    """Raise JobError inside an allocation: it is there to work, and jobs that submit jobs end nowhere."""
    if (found := Allocation.around()) is not None:
        raise JobError(
            f"nothing is submitted inside a Slurm allocation (job {found.job}); leave out --on or "
            "--ptycho-on to work here, or submit from a login node"
        )


def gained_nothing_again(hub: Hub, *, job: JobFiles | None = None) -> str:
    """Note that an allocation is given back before all is done; say why it must not be queued again.

    Empty where it may be: outside an allocation, and where something was saved or finished in one of the
    last restarts: by this `job`, where the allocation is for one alone, else by what the allocation itself
    launched. One that launched nothing waited for others: then what these gain in the hub counts.
    """
    found = Allocation.around()
    if found is None or tree.TOKEN_VARIABLE in os.environ or not hub.root.is_dir():
        return ""  # of a job's own command it is its launcher that gives the allocation back
    subject = "" if job is None else hub.relative(job.folder)
    by_restart = _work_before(hub, found, subject)
    work = _work_in(hub.jobs() if job is None else [job], found.job)
    with if_writable():
        hub.rounds().parent.mkdir(parents=True, exist_ok=True)
        facts = {"batch": found.job, "restarts": found.restarts, "subject": subject, **asdict(work)}
        append_state(hub.rounds(), _STATE, **facts)
    earlier = [count for count in by_restart if count <= found.restarts - RESTARTS_WITHOUT_GAIN]
    if not earlier or work.is_more_than(by_restart[max(earlier)]):
        return ""
    return (
        f"{hub.root}: {RESTARTS_WITHOUT_GAIN} restarts of batch job {found.job} in a row saved nothing new: "
        "its window is too short; submit it with a longer time limit (sbatch --time)"
    )


@dataclass(frozen=True)
class _Work:
    """Units that were made safe, and jobs whose newest attempt came to its end.

    Attributes
    ----------
    work : int
        By whoever works in the hub.
    own, launched : int
        By attempts that this batch job launched, and how many of these there are.
    """

    work: int
    own: int = 0
    launched: int = 0

    def is_more_than(self, before: _Work) -> bool:
        """Say if this batch job gained something; one that launched nothing since gains by what others do."""
        return self.own > before.own if self.launched > before.launched else self.work > before.work


def _work_before(hub: Hub, found: Allocation, subject: str) -> dict[int, _Work]:
    """What was safe as earlier rounds of this very job ended, by its restarts then."""
    by_restart: dict[int, _Work] = {}
    with suppress(JobError):
        for event in read_states(hub.rounds()):
            match event:
                case {"state": str(state), "batch": str(job), "restarts": int(restarts), "work": int(work)}:
                    if (state, job, event.get("subject", "")) == (_STATE, found.job, subject):
                        if restarts < max(by_restart, default=0):
                            by_restart = {}  # its number was given to another job
                        own, launched = (_count(event.get(name)) for name in ("own", "launched"))
                        by_restart[restarts] = _Work(work, own, launched)
    return by_restart


def _count(value: object) -> int:
    return value if isinstance(value, int) else 0


def _work_in(jobs: Iterable[JobFiles], batch: str) -> _Work:
    each = [_work_of(files, batch) for files in jobs]
    return _Work(*(sum(getattr(one, name) for one in each) for name in ("work", "own", "launched")))


def _work_of(files: JobFiles, batch: str) -> _Work:
    try:
        attempts = read_progress(files).attempts
    except JobError:  # which whoever judges the job says
        return _Work(0)
    ran = [attempt for attempt in attempts if attempt.ran]
    ours = [attempt for attempt in ran if attempt.launched.get("batch") == batch]
    gained, own = (sum(attempt.gained for attempt in some) for some in (ran, ours))
    finished = bool(ran) and ran[-1].ended is not None and ran[-1].ended.get("returncode") == 0
    return _Work(gained + finished, own + (finished and ran[-1] in ours), len(ours))
