"""The clock that nobody sets: how long is left of a time, and what came before what.

Every length of time is measured by the monotonic clock, which all processes of a boot share. The wall clock
labels records for people, and decides only between moments of two machines, or of two boots.
"""

from __future__ import annotations

import math
import socket
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

_PROC = Path("/proc")
_GRACE_S = 10.0
_SHARE_FOR_STOPPING = 0.25


@cache
def host_of_processes() -> str:
    """Name this machine, and the pid namespace, which containers have of their own."""
    namespace = _PROC / "self/ns/pid"
    return f"{socket.gethostname()}/{namespace.readlink()}" if namespace.exists() else socket.gethostname()


@cache
def boot() -> str:
    """Name this boot: no other machine has the name, and none has it before or after."""
    boot_id = _PROC / "sys/kernel/random/boot_id"
    if boot_id.exists():
        return boot_id.read_text().strip()
    import psutil  # macOS alone needs it here

    return f"{psutil.boot_time():.0f}"


def name_of_clock() -> str:
    """Name those processes whose monotonic clock is this one's: of this boot and time namespace."""
    namespace = _PROC / "self/ns/time"
    return f"{boot()} {host_of_processes()} {namespace.readlink() if namespace.exists() else ''}"


@dataclass(frozen=True)
class Moment:
    """A moment that a record holds.

    Attributes
    ----------
    clock : str
        Name of the monotonic clock; empty where a record has none.
    clock_s, utc_s : float
        What it showed, and what the wall clock did.
    """

    clock: str
    clock_s: float
    utc_s: float

    @classmethod
    def ago(cls, seconds: float = 0.0) -> Moment:
        """Return the moment so many seconds before now."""
        return cls(name_of_clock(), time.monotonic() - seconds, time.time() - seconds)

    @classmethod
    def from_json(cls, values: Any) -> Moment | None:
        """Read what `to_json` wrote; None where it is anything else."""
        match values:
            case {"clock": str(clock), "clock_s": int() | float() as s, "utc_s": int() | float() as utc_s}:
                return cls(clock, float(s), float(utc_s))
        return None

    def to_json(self) -> dict[str, Any]:
        """State it for a record."""
        return asdict(self)

    @property
    def utc(self) -> datetime:
        """The moment by the wall clock, for people."""
        return datetime.fromtimestamp(self.utc_s, UTC)

    def since(self, other: Moment) -> float:
        """Seconds from another moment to this one."""
        if self.clock and self.clock == other.clock:
            return self.clock_s - other.clock_s
        return self.utc_s - other.utc_s


@dataclass(frozen=True)
class Deadline:
    """When something has to be over.

    Attributes
    ----------
    at : float
        By `time.monotonic`; infinity for never.
    length_s : float
        How long there was in all.
    name, own : str, bool
        Whose it is; True where it is a test's alone, and not a session's.
    """

    at: float = math.inf
    length_s: float = math.inf
    name: str = ""
    own: bool = False

    @classmethod
    def after(cls, length_s: float | None, name: str = "", *, own: bool = False) -> Deadline:
        """Begin a time of so many seconds; None for one that never ends."""
        return cls() if length_s is None else cls(time.monotonic() + length_s, length_s, name, own)

    @classmethod
    def from_json(cls, values: dict[str, Any], length_s: float, name: str) -> Deadline:
        """Read the end of a time that another process began, perhaps on another machine."""
        here = values["clock"] == name_of_clock()
        return cls(values["at"] if here else time.monotonic() + values["left_s"], length_s, name)

    def to_json(self) -> dict[str, Any]:
        """State its end for other processes."""
        return {"clock": name_of_clock(), "at": self.at, "left_s": self.left_s}

    @property
    def opened(self) -> Moment:
        """When it began, if it ends; what has no end began just now."""
        if math.isinf(self.length_s):
            return Moment.ago()
        # exactly the same one in all processes
        now, began = Moment.ago(), self.at - self.length_s
        return Moment(now.clock, began, now.utc_s - (now.clock_s - began))

    @property
    def left_s(self) -> float:
        """Seconds until then."""
        return self.at - time.monotonic()

    @property
    def is_over(self) -> bool:
        """True when nothing is left."""
        return self.left_s <= 0

    @property
    def spent_s(self) -> float:
        """Seconds that are gone of it; 0 where it never ends."""
        return 0.0 if math.isinf(self.length_s) else max(0.0, self.length_s - self.left_s)

    @property
    def grace_s(self) -> float:
        """Seconds kept for a job to save its work and end."""
        return min(_GRACE_S, _SHARE_FOR_STOPPING * self.length_s)

    @property
    def working_s(self) -> float:
        """Seconds left for a job to work."""
        return self.left_s - self.grace_s

    def whole_working_s(self) -> float:
        """Seconds that a job could work if all of the time were its own."""
        return self.length_s - self.grace_s


def length_for_s(working_s: float) -> float:
    """Whole seconds that a deadline must leave in all for a job to work so long."""
    return math.ceil(min(working_s + _GRACE_S, working_s / (1 - _SHARE_FOR_STOPPING)))
