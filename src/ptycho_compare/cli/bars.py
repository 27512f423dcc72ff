"""Bars of the jobs that run, while a command waits for them or works at one itself.

They are read from the jobs' folders, so it does not matter which process is at work. Without a terminal there
is none of this: commands say their steps in lines.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO, cast

from ptycho_compare.cli.output import beneath
from ptycho_compare.printable import one_line

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from ptycho_compare.hub import JobFiles
    from ptycho_compare.jobs.progress import JobProgress

_EVERY_S = 0.5


@contextmanager
def bars(jobs: Callable[[], Iterable[JobFiles]]) -> Iterator[None]:
    """Show how far the jobs are during this block, with rate and time left; what is printed stands above."""
    terminal = beneath(sys.stderr)
    if not terminal.isatty() or os.environ.get("TERM") == "dumb":
        yield
        return
    from rich.console import Console

    console = Console(file=terminal, highlight=False)
    over = threading.Event()
    before = sys.stdout, sys.stderr
    with _progress(console) as shown:
        thread = threading.Thread(target=_follow, args=(shown, jobs, over), daemon=True, name="bars")
        thread.start()
        sys.stdout, sys.stderr = (_above(stream, console) for stream in before)
        try:
            yield
        finally:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            sys.stdout, sys.stderr = before
            over.set()
            thread.join()


def _progress(console: Console) -> Progress:
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[far]}"))
    return Progress(
        *columns,
        console=console,
        transient=True,
        auto_refresh=False,
        redirect_stdout=False,
        redirect_stderr=False,
    )


def _follow(shown: Progress, jobs: Callable[[], Iterable[JobFiles]], over: threading.Event) -> None:
    from rich.markup import escape

    from ptycho_compare.jobs.pace import running

    tasks: dict[str, Any] = {}
    while True:
        ended = over.wait(_EVERY_S)
        found = {} if ended else dict(running(jobs()))
        for name in tasks.keys() - found.keys():
            shown.remove_task(tasks.pop(name))
        for name, progress in found.items():
            if name not in tasks:
                tasks[name] = shown.add_task(escape(one_line(name)), total=None, far="")
            counted = progress.total if progress.done and not progress.step else None
            shown.update(
                tasks[name], total=counted, completed=progress.done, far=escape(one_line(_far(progress)))
            )
        shown.refresh()
        if ended:
            return


def _far(progress: JobProgress) -> str:
    """How far a job is: units, rate and time left, or the name of its step."""
    from ptycho_compare.jobs.pace import progress_text, rate_text

    counts, _, left = progress_text(progress).partition(", ")
    rate = "" if progress.step else rate_text(progress)
    return ", ".join(filter(None, (counts, rate, left)))


class _Above:
    """A stream of a terminal at whose foot bars stand: whole lines are written above them."""

    def __init__(self, stream: TextIO, console: Console) -> None:
        self._stream, self._console, self._line = stream, console, ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write the lines that are whole; the rest waits for its end."""
        *lines, self._line = (self._line + text).split("\n")
        if lines:
            self._print("\n".join(lines))
        return len(text)

    def flush(self) -> None:
        """Write what has no end yet."""
        if self._line:
            self._print(self._line)
            self._line = ""

    def _print(self, text: str) -> None:
        from rich.text import Text

        from ptycho_compare.printable import printable

        self._console.print(Text(printable(text)), soft_wrap=True)


def _above(stream: TextIO, console: Console) -> TextIO:
    return cast("TextIO", _Above(stream, console)) if stream.isatty() else stream
