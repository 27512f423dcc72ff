"""A claim: one file that says which process works here. One job once, over any number of processes.

Taken and taken over under a file lock that is held for moments only. A holder that is gone
loses it at once; one on another machine when its heartbeat has been still for a minute.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from filelock import Timeout

from ptycho_compare.errors import JobError
from ptycho_compare.hub import JobFiles
from ptycho_compare.jobs import tree
from ptycho_compare.jobs.identity import ProcessIdentity
from ptycho_compare.jobs.states import append_state
from ptycho_compare.storage.files import locked, write_json_atomic
from ptycho_compare.untrusted.regular import read_json

MAX_CLAIM_BYTES = 1 << 20
HEARTBEAT_S = 2.0
LEASE_S = 60.0
"""A holder elsewhere that is silent for longer counts as gone."""
_LOCK_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Claim:
    """The claim of one process on a place: a job, or a slot of this machine.

    Attributes
    ----------
    token : str
        Of this claim alone. Every process of the holder's tree carries it in its environment.
    silent_s : float
        Seconds since the last heartbeat, by the file system's clock; 0 when just taken.
    """

    path: Path
    holder: ProcessIdentity
    token: str
    silent_s: float = 0.0

    @property
    def alive(self) -> bool:
        """True when the holder still works, as far as this process can see."""
        state = self.holder.state()
        return state == "alive" or (state == "elsewhere" and self.silent_s < LEASE_S)

    def beat(self) -> bool:
        """Show that the holder is alive.

        False when the place is not the holder's any more: it had been silent for too long.
        """
        if not self._holds():
            return False
        os.utime(self.path)
        return True

    def release(self) -> None:
        """Give the place back, if it is still the holder's."""
        with _locked(self.path):
            if self._holds():
                self.path.unlink()

    def _holds(self) -> bool:
        now = _read(self.path)
        return now is not None and now.token == self.token


def read_claim(path: Path) -> Claim | None:
    """Read the claim on a place; None where there is none."""
    claim = _read(path)
    try:
        return claim and replace(claim, silent_s=max(0.0, _now_there(path.parent) - path.stat().st_mtime))
    except FileNotFoundError:
        return None  # given back meanwhile


def living_claim(path: Path) -> Claim | None:
    """Read the claim of a holder that is alive; None where there is none."""
    claim = read_claim(path)
    return claim if claim is not None and claim.alive else None


def take_claim(path: Path) -> tuple[Claim, Claim | None]:
    """Take a place for this process.

    The first claim is this process's, or that of the living one that holds the place: ask `is_mine`. The
    second is the dead holder's that was replaced, if any.

    Raises
    ------
    JobError
        The lock was not to be had.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path):
        before = read_claim(path)
        if before is not None and before.alive:
            return before, None
        claim = Claim(path, ProcessIdentity.mine(), secrets.token_hex(8))
        write_json_atomic(path, {"holder": asdict(claim.holder), "token": claim.token})
        return claim, before


def end_what_is_left(files: JobFiles, dead: Claim, *, grace_s: float) -> None:
    """End the processes that the dead holder of a job left behind, and note its death."""
    left = tree.end(dead.token, grace_s=grace_s)
    append_state(files.states, "died", host=dead.holder.host_name, pid=dead.holder.pid, left_behind=left)


def is_mine(claim: Claim) -> bool:
    """True when this very process holds the claim."""
    return claim.holder == ProcessIdentity.mine()


def _read(path: Path) -> Claim | None:
    try:
        values = read_json(path, max_bytes=MAX_CLAIM_BYTES)
        return Claim(path, ProcessIdentity.from_json(values["holder"]), str(values["token"]))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise JobError(
            f"{path}: is no claim ({error.strerror}); remove it if no process works there"
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise JobError(f"{path}: is no claim ({error}); remove it if no process works there") from None


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    lock = path.with_name(f".{path.name}.lock")
    try:
        with locked(lock, timeout_s=_LOCK_TIMEOUT_S):
            yield
    except Timeout:
        raise JobError(
            f"{lock}: another process has held this lock for {_LOCK_TIMEOUT_S:g} s; is it stopped?"
        ) from None


def _now_there(folder: Path) -> float:
    """Time by the clock that stamps the files: a file server's may differ from this machine's."""
    probe = folder / f".clock-{os.getpid()}-{secrets.token_hex(4)}.tmp"
    try:
        probe.touch()
        return probe.stat().st_mtime
    except OSError:
        return time.time()  # a folder that may only be read
    finally:
        with contextlib.suppress(OSError):  # on a read-only disk even what is not there cannot be removed
            probe.unlink()
