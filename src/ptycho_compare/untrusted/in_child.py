"""Something dangerous done once in a child process under limits, before this process does it too.

Libraries that parse foreign bytes in C can be made to crash, to loop or to take all memory. A forked child
costs milliseconds, has everything loaded, and takes the harm.
"""

from __future__ import annotations

import faulthandler
import os
import resource
import select
import signal
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

CPU_S = 4
WALL_S = 30.0
MEMORY_BYTES = 512 << 20
"""What the child may take beyond what it begins with."""
_NO_MEMORY = 3
_COMPLAINTS = ("memory allocation failed", "no space available for allocation", "unable to allocate")


def why_not_survived(
    task: Callable[[], object],
    *,
    cpu_s: int | None = None,
    memory_bytes: int = MEMORY_BYTES,
    wall_s: float | None = None,
) -> str:
    """Run a task in a child; say in a few words how it harmed that child, or return "" where it did not.

    An exception that the task raises is no harm: the caller meets the same one. A MemoryError is.

    Parameters
    ----------
    cpu_s, wall_s : float or None
        Seconds of a processor, and of waiting, that the child may take; None: `CPU_S`, `WALL_S`.
    memory_bytes : int
        What it may take beyond what it begins with.
    """
    cpu_s = CPU_S if cpu_s is None else cpu_s
    wall_s = WALL_S if wall_s is None else wall_s
    # nothing is written: only the child holds the other end, so that its end is the end of the pipe
    watched, held = os.pipe()
    with warnings.catch_warnings():
        # from Python 3.12 on: about threads; the child calls nothing that they could hold, but h5py,
        # which takes its lock for the time of a fork
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        _run_and_exit(task, cpu_s, memory_bytes)
    os.close(held)
    status = _how_it_ended(child, watched, wall_s)
    return f"takes longer than {wall_s:g} s" if status is None else _in_words(status, cpu_s, memory_bytes)


def _how_it_ended(child: int, watched: int, wall_s: float) -> int | None:
    """Return a child's status, or None where it had to be ended."""
    ended, end = False, select.poll()
    end.register(watched)
    try:
        ended = bool(end.poll(1000 * wall_s))
    finally:
        os.close(watched)
        if not ended:  # also where a deadline's exception ends the wait
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    return status if ended else None


def _in_words(status: int, cpu_s: int, memory_bytes: int) -> str:
    if os.WIFSIGNALED(status):
        by = os.WTERMSIG(status)
        if by in (signal.SIGXCPU, signal.SIGKILL):
            return f"takes more than {cpu_s} s of computing"
        return f"crashes the library that reads it ({signal.Signals(by).name})"
    if os.WEXITSTATUS(status) == _NO_MEMORY:
        return f"asks for more than {memory_bytes >> 20} MiB"
    return ""


def _run_and_exit(task: Callable[[], object], cpu_s: int, memory_bytes: int) -> None:
    status = 0
    try:
        _limit_this_process(cpu_s, memory_bytes)
        task()
    except MemoryError:
        status = _NO_MEMORY
    except BaseException as error:
        status = _NO_MEMORY if any(each in str(error).lower() for each in _COMPLAINTS) else 0
    finally:
        os._exit(status)  # nothing of the parent's is flushed or closed twice


def _limit_this_process(cpu_s: int, memory_bytes: int) -> None:
    faulthandler.disable()  # it would tell of the crash in the parent's terminal
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 1))
    held = Path("/proc/self/statm")
    if held.exists():  # elsewhere only time is limited
        pages = int(held.read_text().split()[0])
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        wanted = pages * resource.getpagesize() + memory_bytes
        resource.setrlimit(resource.RLIMIT_AS, (wanted if most < 0 else min(wanted, most), most))
