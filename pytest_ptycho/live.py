"""A line below pytest's own that tells how far the jobs are, while they run.

It is read from the hub, so it knows the jobs of all workers. Shown on a terminal only, and
not in CI.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from pytest_ptycho.options import OPTIONS

if TYPE_CHECKING:
    from ptycho_compare.hub import Hub

_EVERY_S = 1.0


@contextlib.contextmanager
def showing(config: pytest.Config) -> Iterator[None]:
    """Show the line during this block, where somebody can see it."""
    hub = config.stash[OPTIONS].hub
    if hub is None or hasattr(config, "workerinput") or not _seen(config):
        yield
        return
    # pytest exchanges file descriptor 1 while a test runs; this one stays the terminal
    terminal = os.dup(sys.stdout.fileno())
    over = threading.Event()
    thread = threading.Thread(
        target=_show, args=(hub, config, terminal, over), daemon=True, name="ptycho-live"
    )
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        os.close(terminal)


def _seen(config: pytest.Config) -> bool:
    return config.getoption("verbose") >= 0 and sys.stdout.isatty() and not os.environ.get("CI")


def _show(hub: Hub, config: pytest.Config, terminal: int, over: threading.Event) -> None:
    from ptycho_compare.jobs.overview import running_line

    writer, shown = config.get_terminal_writer(), False
    while True:
        ended = over.wait(_EVERY_S)
        text = "" if ended else running_line(hub.jobs())
        if text or shown:
            _write_below(terminal, text[: writer.fullwidth - 1], column=writer.width_of_current_line + 1)
        shown = bool(text)
        if ended:
            return


def _write_below(terminal: int, text: str, *, column: int) -> None:
    """Write a line under the current one and come back to where the cursor was."""
    os.write(terminal, f"\n\x1b[K{text}\x1b[A\x1b[{column}G".encode())
