"""The terminal section: one line per comparison, what stands in the way, and how it goes on."""

from __future__ import annotations

import contextlib
import os
import sys
import textwrap
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ptycho_compare.duration import duration_text
from ptycho_compare.printable import one_line
from pytest_ptycho.options import OPTIONS
from pytest_ptycho.outcomes import called

if TYPE_CHECKING:
    from ptycho_compare.hub import Hub

_EVERY_S = 1.0
_MOST_TABLES = 4
_MOST_BARS = 4
_GO_ON = "go on: "


def lines(records: Sequence[dict[str, Any]], *, command: str) -> Iterator[str]:
    """Yield the section's lines for the hub's tests; the hook prints them.

    The command is the one that goes on with deferred tests.
    """
    named = called(records)
    width = max(len(name) for name, _ in named)
    for name, record in named:
        yield f"{name:<{width}}  {record['outcome']:<8}  {_result(record)}"
    # of many tests, once
    yield from dict.fromkeys(f"{record['id']}: {text}" for _, record in named for text in _remarks(record))
    if any(record["outcome"] == "deferred" for record in records):
        yield f"{_GO_ON}{command}"


def boards(config: pytest.Config, records: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Yield who is best in each comparison, before anything else: a scoreboard, or a line with ``-q``.

    So many comparisons that their tables would fill the screen have their answers alone; ``-v`` shows all.
    """
    from ptycho_compare.reporting.scoreboard import board_from, rendered, width_within

    held = {str(record["id"]): record for record in records if record.get("board")}  # of many tests, once
    shown = [held[each] for each in sorted(held)]
    verbose, writer = config.getoption("verbose"), config.get_terminal_writer()
    for record in shown:
        board = board_from(record["board"])
        if verbose < 0:
            yield one_line(f"{record['id']}: {board.verdict}")
            continue
        if verbose == 0 and len(shown) > _MOST_TABLES:
            board = replace(board, lines=board.lines[:2], rows=())
        named = replace(board, lines=(f"{record['id']}: {board.verdict}", *board.lines[1:]))
        yield from rendered(named, width=width_within(writer.fullwidth), colour=writer.hasmarkup)
        yield ""


def study(config: pytest.Config, records: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Yield what the study says as a whole, where more than one comparison was scored.

    What is wrong with the evidence of one is told by its own test.
    """
    hub, file = config.stash[OPTIONS].hub, config.stash[OPTIONS].study
    if hub is None or len({str(record["id"]) for record in records if record.get("board")}) <= 1:
        return
    from ptycho_compare.errors import InputError
    from ptycho_compare.records.study_answers import read_answers
    from ptycho_compare.reporting.study.study_text import in_short
    from ptycho_compare.study import load_study

    with contextlib.suppress(InputError):
        found = in_short(read_answers(hub, load_study(file or hub.study())))
        yield from found
        if found:
            yield ""


def laid_out(line: str, config: pytest.Config) -> list[str]:
    """Break a line between words where a terminal would break it anywhere; paths and commands stay whole."""
    writer, text = config.get_terminal_writer(), one_line(line)
    if not sys.stdout.isatty() or len(text) <= writer.fullwidth or text.startswith(_GO_ON):
        return [text]
    return textwrap.wrap(
        text, writer.fullwidth, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )


def _result(record: dict[str, Any]) -> str:
    if record["outcome"] != "deferred":
        return f"{record['seconds']:7.1f} s  {record['log']}"
    forecast = record["forecast_s"]
    left = f", about {duration_text(forecast)} left" if forecast is not None else ""
    share = f" ({record['saved'] / record['total']:.0%})" if record["total"] else ""
    return f"{record['done']} patches{share}{left}"


def _remarks(record: dict[str, Any]) -> Iterator[str]:
    if record["death"]:
        yield record["death"]
    if record["outcome"] == "deferred":
        yield record["reason"]
        return
    yield from record["findings"]
    yield from record["warnings"]
    if record["note"]:
        yield f"blocked, see {record['note']}"


@contextlib.contextmanager
def showing(config: pytest.Config) -> Iterator[None]:
    """Show a bar for each job that runs during this block, on a terminal only."""
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
    shown = config.pluginmanager.hasplugin("terminalreporter") and config.getoption("verbose") >= 0
    return shown and sys.stdout.isatty() and not os.environ.get("CI")


def _show(hub: Hub, config: pytest.Config, terminal: int, over: threading.Event) -> None:
    from ptycho_compare.jobs.pace import bar_line, running

    writer, shown = config.get_terminal_writer(), 0
    while True:
        ended = over.wait(_EVERY_S)
        width = writer.fullwidth - 1
        found = [] if ended else list(running(hub.jobs()))
        bars = [bar_line(one_line(name), progress, width) for name, progress in found[:_MOST_BARS]]
        if bars or shown:
            wiped = [""] * (shown - len(bars))
            _write_below(terminal, [*bars, *wiped], column=writer.width_of_current_line + 1)
        shown = len(bars)
        if ended:
            return


def _write_below(terminal: int, lines: Sequence[str], *, column: int) -> None:
    """Write lines under the current one and come back to where the cursor was."""
    text = "".join(f"\n\x1b[K{one_line(line)}" for line in lines)
    os.write(terminal, f"{text}\x1b[{len(lines)}A\x1b[{column}G".encode())
