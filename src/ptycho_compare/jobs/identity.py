"""The identity of a process: a pid alone is not one, since pids come back.

A process is known by host, boot, pid and start time. Where one of the first two is
another's, nothing can be said from here, and the heartbeat decides.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import psutil

MAX_PID = 1 << 22
"""The largest number that Linux gives a process."""
ProcessState = Literal["alive", "gone", "elsewhere"]


@dataclass(frozen=True)
class ProcessIdentity:
    """One process, whatever comes after it.

    Attributes
    ----------
    host : str
        Name of the machine, and the pid namespace, which containers have of their own.
    boot : str
        Id of the boot: after another one all earlier processes are gone.
    started : str
        When it started, by the machine's own clock of that boot.
    """

    host: str
    boot: str
    pid: int
    started: str

    @classmethod
    def of(cls, pid: int) -> ProcessIdentity:
        """Identify a running process of this machine; raises `psutil.NoSuchProcess` where there is none."""
        return cls(_host(), _boot(), pid, _start_of(pid))

    @classmethod
    def mine(cls) -> ProcessIdentity:
        """Identify this very process."""
        return cls.of(os.getpid())

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> ProcessIdentity:
        """Read the attributes as JSON holds them."""
        pid = values["pid"]
        if type(pid) is not int or not 1 <= pid <= MAX_PID:
            raise ValueError(f"pid {pid!r:.40}; a process has a number from 1 to {MAX_PID}")
        return cls(str(values["host"]), str(values["boot"]), pid, str(values["started"]))

    @property
    def host_name(self) -> str:
        """The machine, as people call it."""
        return self.host.partition("/")[0]

    def state(self) -> ProcessState:
        """Say whether the process still runs, as far as this one can see."""
        if self.host != _host():
            return "elsewhere"
        if self.boot != _boot():
            return "gone"
        try:
            same = _start_of(self.pid) == self.started
            return "alive" if same and psutil.Process(self.pid).status() != psutil.STATUS_ZOMBIE else "gone"
        except psutil.NoSuchProcess:
            return "gone"


@cache
def _host() -> str:
    namespace = Path("/proc/self/ns/pid")
    return f"{socket.gethostname()}/{namespace.readlink()}" if namespace.exists() else socket.gethostname()


@cache
def _boot() -> str:
    boot_id = Path("/proc/sys/kernel/random/boot_id")
    return boot_id.read_text().strip() if boot_id.exists() else f"{psutil.boot_time():.0f}"


def _start_of(pid: int) -> str:
    """Start time in clock ticks since boot; wall-clock time would move when the clock is set."""
    try:
        text = Path(f"/proc/{pid}/stat").read_bytes()
    except FileNotFoundError:
        return f"{psutil.Process(pid).create_time():.2f}"  # no /proc (macOS), or no such process
    except ProcessLookupError:
        raise psutil.NoSuchProcess(pid) from None
    # the command's name stands in parentheses and may hold spaces, parentheses and any byte
    return text.rpartition(b")")[2].split()[19].decode()
