"""The identity of a process: a pid alone is not one, since pids come back.

A process is known by host, boot, pid and start time. Of one of another boot, in another pid namespace, or
hidden from this user nothing can be said from here, and its heartbeat decides.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import psutil

from ptycho_compare.clock import boot, host_of_processes

MAX_PID = 1 << 22
"""The largest number that Linux gives a process."""
ProcessState = Literal["alive", "gone", "unseen"]
_PROC = Path("/proc")


@dataclass(frozen=True)
class ProcessIdentity:
    """One process, whatever comes after it.

    Attributes
    ----------
    host : str
        Name of the machine, and the pid namespace, which containers have of their own.
    boot : str
        Id of the boot, which no other machine has and none before or after.
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
        state, started = _look_at(pid)
        if state != "alive":
            raise psutil.NoSuchProcess(pid)
        return cls(host_of_processes(), boot(), pid, started)

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

    @property
    def of_this_machine(self) -> bool:
        """True when it was started in this boot and pid namespace, whatever the machine is called."""
        return self.boot == boot() and self.host.partition("/")[2] == host_of_processes().partition("/")[2]

    def state(self) -> ProcessState:
        """Say whether the process still runs, as far as this one can see."""
        if not self.of_this_machine:
            return "unseen"
        state, started = _look_at(self.pid)
        if state == "alive" and started != self.started:
            return "gone"  # its number came back
        return state


def sees_processes() -> bool:
    """Say if numbers in /proc are those of this process's namespace: a container may see the outer ones."""
    own = _PROC / "self"
    return not own.exists() or str(own.readlink()) == str(os.getpid())


def _look_at(pid: int) -> tuple[ProcessState, str]:
    """Say how a process of this machine is, and when it started."""
    try:
        os.kill(pid, 0)  # answers truly also where /proc hides other users' processes
    except ProcessLookupError:
        return "gone", ""
    except PermissionError:
        pass
    if not _PROC.joinpath("self").exists():  # macOS
        try:
            process = psutil.Process(pid)
            zombie, started = process.status() == psutil.STATUS_ZOMBIE, f"{process.create_time():.2f}"
        except psutil.NoSuchProcess:
            return "gone", ""
        return ("gone" if zombie else "alive"), started
    if pid != os.getpid() and not sees_processes():
        return "unseen", ""
    try:
        text = (_PROC / ("self" if pid == os.getpid() else str(pid)) / "stat").read_bytes()
    except OSError:  # hidden, or it ended this moment
        return "unseen", ""
    # the command's name stands in parentheses and may hold spaces, parentheses and any byte
    fields = text.rpartition(b")")[2].split()
    # start time in clock ticks since boot; wall-clock time would move when the clock is set
    return ("gone" if fields[0] in b"ZXx" else "alive"), fields[19].decode()
