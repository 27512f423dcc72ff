"""A claim: one file that says which process works here. One job once, over any number of processes.

Taken and taken over under a file lock that is held for moments only. A holder that is gone
loses it at once; one on another machine when its heartbeat has been still for a minute.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from filelock import Timeout

from ptycho_compare.errors import JobError
from ptycho_compare.jobs.identity import ProcessIdentity
from ptycho_compare.storage.files import locked, write_json_atomic

HEARTBEAT_S = 2.0
LEASE_S = 60.0
"""How long a holder elsewhere may be silent before it counts as gone."""
_LOCK_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Claim:
    """Who holds a place.

    Attributes
    ----------
    path : Path
    holder : ProcessIdentity
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
        """Whether the holder still works, as far as it can be told."""
        state = self.holder.state()
        return state == "alive" or (state == "elsewhere" and self.silent_s < LEASE_S)

    def beat(self) -> bool:
        """Show that the holder is alive.

        Returns
        -------
        bool
            False when the place is not the holder's any more: it had been silent for too long.
        """
        if not self._holds():
            return False
        os.utime(self.path)
        return True

    def release(self) -> None:
        """Give the place back, if it is still ours."""
        with _locked(self.path):
            if self._holds():
                self.path.unlink()

    def _holds(self) -> bool:
        now = _read(self.path)
        return now is not None and now.token == self.token


def read_claim(path: Path) -> Claim | None:
    """Read who holds a place; None when nobody ever did or it was given back."""
    claim = _read(path)
    try:
        return claim and replace(claim, silent_s=max(0.0, _now_there(path.parent) - path.stat().st_mtime))
    except FileNotFoundError:
        return None  # given back meanwhile


def take_claim(path: Path) -> tuple[Claim, Claim | None]:
    """Take a place for this process.

    Returns
    -------
    Claim
        Ours, or that of the living process that holds it: ask `is_mine`.
    Claim or None
        The dead holder's that was replaced.

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
        ours = Claim(path, ProcessIdentity.mine(), secrets.token_hex(8))
        write_json_atomic(path, {"holder": ours.holder.to_json(), "token": ours.token})
        return ours, before


def is_mine(claim: Claim) -> bool:
    """Whether this very process holds the claim."""
    return claim.holder == ProcessIdentity.mine()


def _read(path: Path) -> Claim | None:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return Claim(path, ProcessIdentity.from_json(values["holder"]), str(values["token"]))
    except FileNotFoundError:
        return None
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
    """Time by the clock that stamps the files: a file server's may differ from ours."""
    probe = folder / f".clock-{os.getpid()}-{secrets.token_hex(4)}.tmp"
    try:
        probe.touch()
        return probe.stat().st_mtime
    except OSError:
        return time.time()  # a folder that we may only read
    finally:
        with contextlib.suppress(OSError):  # on a read-only disk even what is not there cannot be removed
            probe.unlink()
