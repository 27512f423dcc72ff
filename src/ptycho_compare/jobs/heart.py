"""A holder's heart, as this machine sees it: how long its claim has not changed.

The one clock that counts is the observer's own monotonic one. A claim changes with every beat, and whoever
looks notes since when it looks as it does now, for whoever looks next on the same machine: a supervisor
that starts, a session with a short window. What clocks say elsewhere, and in the file, has no part in it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

from ptycho_compare.clock import name_of_clock
from ptycho_compare.untrusted.regular import read_json

_MAX_BYTES = 4096


@dataclass(frozen=True)
class _Seen:
    look: str
    since: float


_SEEN: dict[Path, _Seen] = {}


def look_of(found: os.stat_result, token: str) -> str:
    """Return what is another after every beat, and for every other holder."""
    return f"{found.st_ino} {found.st_mtime_ns} {found.st_ctime_ns} {token}"


def silent_s(claim: Path, look: str) -> float:
    """Seconds since this machine first saw the claim as it looks now; 0 at the first look."""
    now = time.monotonic()
    seen = _SEEN.get(claim)
    if seen is None or seen.look != look:
        seen = _noted(claim)
        if seen is None or seen.look != look or seen.since > now:
            seen = _Seen(look, now)
            _note(claim, seen)
        _SEEN[claim] = seen
    return now - seen.since


def forget(claim: Path) -> None:
    """Remove what was noted of a holder that is none any more."""
    for path in claim.parent.glob(f".{claim.name}.seen-*"):
        with contextlib.suppress(OSError):
            path.unlink()


def place_of_note(claim: Path) -> Path:
    """Where this machine notes how a claim looks, and since when."""
    name = hashlib.sha256(name_of_clock().encode()).hexdigest()[:8]
    return claim.with_name(f".{claim.name}.seen-{name}")


def _noted(claim: Path) -> _Seen | None:
    try:
        match read_json(place_of_note(claim), max_bytes=_MAX_BYTES):
            case {"look": str(look), "since": int() | float() as since}:
                return _Seen(look, float(since))
    except (OSError, ValueError):  # none, or another process writes it at this moment
        pass
    return None


def _note(claim: Path, seen: _Seen) -> None:
    with contextlib.suppress(OSError):  # in a folder that may only be read each process watches for itself
        place_of_note(claim).write_text(json.dumps({"look": seen.look, "since": seen.since}))
