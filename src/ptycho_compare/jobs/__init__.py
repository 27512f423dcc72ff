"""Any long command as a supervised child process: launched, watched, stopped, collected.

A job is a folder of records (`ptycho_compare.hub.JobFiles`), so any later process can find it
again. Knows no ptychography.
"""

from ptycho_compare.jobs.claim import read_claim
from ptycho_compare.jobs.context import Shift, Stopped, shift
from ptycho_compare.jobs.executors.local import LocalExecutor
from ptycho_compare.jobs.pace import Pace, measured_pace
from ptycho_compare.jobs.progress import Course, attempts_so_far, read_course
from ptycho_compare.jobs.record import (
    ASKED_BY_LAUNCHER,
    EXIT_STOPPED,
    DoneRecord,
    JobSpec,
    LaunchRecord,
    read_done,
    read_launch,
)
from ptycho_compare.jobs.run_or_join import Running, attend

__all__ = [
    "ASKED_BY_LAUNCHER",
    "EXIT_STOPPED",
    "Course",
    "DoneRecord",
    "JobSpec",
    "LaunchRecord",
    "LocalExecutor",
    "Pace",
    "Running",
    "Shift",
    "Stopped",
    "attempts_so_far",
    "attend",
    "measured_pace",
    "read_claim",
    "read_course",
    "read_done",
    "read_launch",
    "shift",
]
