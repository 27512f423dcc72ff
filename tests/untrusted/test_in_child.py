"""What a task does to the child that tries it is told, and does nothing to this process."""

import os
import signal
import time

import numpy as np
import psutil
import pytest

from ptycho_compare.untrusted import in_child
from ptycho_compare.untrusted.in_child import MEMORY_BYTES, why_not_survived


def test_a_task_that_ends_or_raises_does_no_harm():
    assert why_not_survived(lambda: None) == ""
    assert why_not_survived(lambda: [][1]) == ""


def test_a_crash_is_told_by_its_signal():
    assert "SIGSEGV" in why_not_survived(lambda: os.kill(os.getpid(), signal.SIGSEGV))


def test_a_want_of_memory_is_told():
    why = why_not_survived(lambda: np.ones(MEMORY_BYTES // 8 + (64 << 20)))
    assert why == "asks for more than 512 MiB"


def test_a_task_that_computes_without_end_is_ended(monkeypatch):
    monkeypatch.setattr(in_child, "CPU_S", 1)

    def endless():
        while True:
            pass

    assert why_not_survived(endless) == "takes more than 1 s of computing"


def test_a_task_that_takes_too_long_is_ended(monkeypatch):
    monkeypatch.setattr(in_child, "WALL_S", 0.2)
    assert why_not_survived(lambda: time.sleep(60)) == "takes longer than 0.2 s"


def test_a_stop_amid_the_wait_leaves_no_child_and_no_open_file():
    class StopError(Exception):
        pass

    def stop(_number, _frame):
        raise StopError

    process = psutil.Process()
    before = process.num_fds(), process.children()
    previous = signal.signal(signal.SIGALRM, stop)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(StopError):
            why_not_survived(lambda: time.sleep(60))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert (process.num_fds(), process.children()) == before
