"""Run a module as ``python -m`` does, and signal this very process once a part has so many rows done.

``python stopper.py PART ROW SIGNAL MODULE ARGUMENTS...``: where a signal has to come between two
given batches, no clock is good enough.
"""

import os
import runpy
import sys
from pathlib import Path

from ptycho_compare.jobs.context import JobContext

part_meant, row_meant, number = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
original = JobContext.working


def working(self: JobContext, part: str, done: int, seconds: float, *, now: bool = False) -> None:
    original(self, part, done, seconds, now=now)
    if part == part_meant and done >= row_meant:
        os.kill(os.getpid(), number)


JobContext.working = working  # type: ignore[method-assign]
sys.argv = sys.argv[4:]
sys.path[0] = str(Path.cwd())
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
