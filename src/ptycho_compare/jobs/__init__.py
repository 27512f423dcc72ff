"""Any long command as a supervised child process: launched, watched, stopped, collected.

A job is a folder of records (`ptycho_compare.hub.JobFiles`), so any later process can find it
again. Knows no ptychography.
"""

from ptycho_compare.jobs.allocation import gained_nothing_again, refuse_detaching
from ptycho_compare.jobs.claim import Claim, living_claim, read_claim
from ptycho_compare.jobs.context import JobContext, job_context
from ptycho_compare.jobs.executors.local import LocalExecutor
from ptycho_compare.jobs.executors.protocol import Running
from ptycho_compare.jobs.pace import Pace, measured_pace
from ptycho_compare.jobs.progress import (
    ATTEMPTS_WITHOUT_PROGRESS,
    JobProgress,
    attempts_so_far,
    read_progress,
)
from ptycho_compare.jobs.record import (
    ASKED_BY_LAUNCHER,
    DoneRecord,
    JobSpec,
    LaunchRecord,
    read_done,
    read_launch,
    was_stopped,
)
from ptycho_compare.jobs.rounds import begins_again_nothing
from ptycho_compare.jobs.run_or_join import Ended, run_or_join
from ptycho_compare.sigterm import EXIT_STOPPED, Stopped

__all__ = [
    "ASKED_BY_LAUNCHER",
    "ATTEMPTS_WITHOUT_PROGRESS",
    "EXIT_REFUSED",
    "EXIT_STOPPED",
    "Claim",
    "DoneRecord",
    "Ended",
    "JobContext",
    "JobProgress",
    "JobSpec",
    "LaunchRecord",
    "LocalExecutor",
    "Pace",
    "Running",
    "Stopped",
    "attempts_so_far",
    "begins_again_nothing",
    "gained_nothing_again",
    "job_context",
    "living_claim",
    "measured_pace",
    "read_claim",
    "read_done",
    "read_launch",
    "read_progress",
    "refuse_detaching",
    "run_or_join",
    "was_stopped",
]
