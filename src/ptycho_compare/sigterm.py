"""A request to stop this process, heard from its first line on: SIGTERM, and Ctrl-C where a block takes it.

Blocks say what becomes of a request, the innermost first. One that came before a block began is told to it
as it begins: what is raised while C code calls back into Python may not arrive. Loads nothing, so that
commands hear before they load what they need.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

EXIT_STOPPED = 75
"""Exit status of a command that saved its work and can go on: EX_TEMPFAIL, which Slurm can requeue."""


class Stopped(BaseException):
    """The command was asked to stop; what it had computed is saved.

    No `Exception`, so that nothing that contains failures takes it for one.
    """

    def __init__(self, by: str) -> None:
        # Python's codecs rewrite the text of what is raised in them, but for classes that build it themselves
        super().__init__(by)


class _Heard:
    """What this process was asked, while any block hears."""

    blocks = 0
    first = ""


@contextmanager
def heard(take: Callable[[str], None], *numbers: signal.Signals) -> Iterator[None]:
    """Hear requests to stop in this block; outside the main thread, which alone can, do nothing.

    Parameters
    ----------
    take : callable
        Takes the name of a signal, at any moment of the block; it may raise `Stopped`.
    numbers : signal.Signals
        Which signals are meant.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def note(number: int, _frame: object) -> None:
        _Heard.first = _Heard.first or signal.Signals(number).name
        take(signal.Signals(number).name)

    before = {number: signal.signal(number, note) for number in numbers}
    _Heard.blocks += 1
    try:
        if _Heard.first:
            take(_Heard.first)
        yield
    except Exception as error:
        if (stopped := _behind(error)) is not None:
            raise Stopped(str(stopped)) from None
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _Heard.blocks -= 1
        if not _Heard.blocks:
            _Heard.first = ""


def _behind(error: BaseException) -> Stopped | None:
    """Find the request that an error stands for: Python 3.11 wraps what `__set_name__` raises in another."""
    cause = error.__cause__
    while cause is not None and not isinstance(cause, Stopped):
        cause = cause.__cause__
    return cause


def leave(by: str) -> None:
    """Stop here, at the first request: always raises `Stopped`."""
    raise Stopped(by)


@contextmanager
def kept_waiting(number: signal.Signals) -> Iterator[None]:
    """Have a signal wait in processes that this thread starts in this block, until they unblock it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {number})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
