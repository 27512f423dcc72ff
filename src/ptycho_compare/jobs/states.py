"""The state log of a job: a line per event, appended whole, so that many processes may write it.

A line of at most 4096 bytes in one write is not torn by another writer on a local file
system; what a power loss or a full disk tore is passed over by the reader.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator
from datetime import datetime
from math import isfinite
from pathlib import Path
from typing import Any

from ptycho_compare.errors import JobError
from ptycho_compare.hub import utc_text
from ptycho_compare.storage.files import naming
from ptycho_compare.untrusted.regular import load_json, read_log

MAX_BYTES = 4096
_TEXT_KEPT = (300, 100, 30, 10)  # characters, ever fewer until the line fits
_START = '{"time": '
_CLOCK = "clock_s"


def append_state(path: Path, state: str, /, **facts: Any) -> None:
    """Append one event, stamped with UTC time and the monotonic clock, to a log in a folder that exists.

    States are launched, running, working, checkpoint, stopping, ended ...; facts are JSON values, and long
    texts are cut so that the line fits.
    """
    stamp = {"time": utc_text(to="milliseconds"), "state": state, _CLOCK: round(time.monotonic(), 3)}
    line = json.dumps(stamp | facts)
    for kept in _TEXT_KEPT:
        if len(line) < MAX_BYTES:
            break
        line = json.dumps(stamp | {key: _short(value, kept) for key, value in facts.items()})
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        with naming(path):
            os.write(descriptor, f"{line}\n".encode())
    finally:
        os.close(descriptor)


def append_if_possible(path: Path, state: str, /, **facts: Any) -> None:
    """Append one event if the disk allows: one that is full must not end the run."""
    with contextlib.suppress(OSError):
        append_state(path, state, **facts)


def read_states(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the events in order; none when there is no log."""
    try:
        text = read_log(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise JobError(f"{path}: is no log of states ({error.strerror}); move it away") from None
    for line in text.splitlines():
        if (event := _event(line)) is not None:
            yield event


def seconds_between(first: dict[str, Any], second: dict[str, Any]) -> float:
    """Seconds from one event of an attempt to another, by the clock of its machine where both hold it."""
    match first.get(_CLOCK), second.get(_CLOCK):
        case (int() | float() as one_s, int() | float() as other_s) if isfinite(other_s - one_s):
            return float(other_s - one_s)
    one, other = (datetime.fromisoformat(event["time"]) for event in (first, second))
    return (other - one).total_seconds()


def _event(line: str) -> dict[str, Any] | None:
    for start in (0, line.rfind(_START)):  # a torn line has no end: the next event stands on it too
        try:
            event = load_json(line[start:])
        except ValueError:
            continue
        if isinstance(event, dict) and "state" in event and _is_time(event.get("time")):
            return event
    return None


def _is_time(value: Any) -> bool:
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except (TypeError, ValueError):
        return False


def _short(value: Any, kept: int) -> Any:
    text = value if isinstance(value, str) else json.dumps(value)
    return value if len(text) <= kept else f"{text[:kept]} ... ({len(text)} characters)"
