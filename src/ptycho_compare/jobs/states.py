"""The state log: a line per event, appended whole, so that many processes may write it.

A line of at most 4096 bytes in one write is not torn by another writer on a local file
system; a line that a power loss tore is passed over by the reader.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

MAX_BYTES = 4096
_TEXT_KEPT = 300


def append_state(path: Path, state: str, **facts: Any) -> None:
    """Append one event, stamped with UTC time.

    Parameters
    ----------
    path : Path
        The log, in a folder that exists.
    state : str
        What happened: launched, running, working, checkpoint, stopping, ended ...
    **facts
        JSON values; long texts are cut so that the line fits.
    """
    values = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "state": state, **facts}
    line = json.dumps(values)
    if len(line) >= MAX_BYTES:
        values = {key: _short(value) for key, value in values.items()}
        line = json.dumps(values)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        os.write(descriptor, f"{line}\n".encode())
    finally:
        os.close(descriptor)


def read_states(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the events in order; none when there is no log."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return
    for line in text.splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue  # torn by a power loss; the next line is whole again
        if isinstance(event, dict) and "state" in event and "time" in event:
            yield event


def seconds_between(first: dict[str, Any], second: dict[str, Any]) -> float:
    """Seconds from one event to another."""
    one, other = (datetime.fromisoformat(event["time"]) for event in (first, second))
    return (other - one).total_seconds()


def _short(value: Any) -> Any:
    text = value if isinstance(value, str) else json.dumps(value)
    return value if len(text) <= _TEXT_KEPT else f"{text[:_TEXT_KEPT]} ... ({len(text)} characters)"
