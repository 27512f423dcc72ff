"""A claim: one file that says which process works here. One job once, over any number of processes.

The rule of leases, for all jobs: a holder loses its place when it is seen to have ended (same boot, same pid
namespace), or when its heart has not beaten for its lease, by the clock of whoever looks
(`ptycho_compare.jobs.heart`). Nothing else counts: no name of a host, no boot, no time of a file. Whoever
publishes does so `while_held`: a holder that lost its place while it was stopped changes nothing.

Taken and taken over under a file lock that is held for moments, or while something is published.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ptycho_compare.duration import duration_text, parse_duration
from ptycho_compare.errors import JobError
from ptycho_compare.hub import JobFiles
from ptycho_compare.jobs import heart, tree
from ptycho_compare.jobs.allocation import Allocation
from ptycho_compare.jobs.identity import ProcessIdentity
from ptycho_compare.jobs.states import append_state
from ptycho_compare.storage.files import write_json_atomic
from ptycho_compare.storage.locks import LockTakenError, locked
from ptycho_compare.untrusted.regular import load_json, open_regular

MAX_CLAIM_BYTES = 1 << 20
LEASE_S = 60.0
"""A heart that was still for longer has stopped."""
ALLOCATION_LEASE_S = 300.0
"""The same for claims that are taken inside a batch system's allocation, where many machines write."""
LEASE_VARIABLE = "PTYCHO_LEASE"
"""Of the environment: another lease for claims that are taken here."""
_MIN_LEASE_S, _MAX_LEASE_S = 5.0, 600.0
_BEATS_IN_A_LEASE = 30
_SLOWEST_BEAT_S = 20.0
"""From `ALLOCATION_LEASE_S` on: a thousand jobs write to one file system."""
_LOCK_TIMEOUT_S = 30.0


class LostPlaceError(JobError):
    """The place is not this holder's any more."""


class BusyPlaceError(JobError):
    """Somebody works here."""


@dataclass(frozen=True)
class Claim:
    """The claim of one process on a place: a job, or a slot of this machine.

    Attributes
    ----------
    token : str
        Of this claim alone. Every process of the holder's tree carries it in its environment.
    place : str
        The folder in which it was made, as this machine knows it: a copy of a hub has another.
    lease_s : float
        How long the holder's heart may be still.
    silent_s : float
        How long it was, as far as this machine saw; 0 when just taken.
    """

    path: Path
    holder: ProcessIdentity
    token: str
    place: str = ""
    lease_s: float = LEASE_S
    silent_s: float = 0.0

    @property
    def alive(self) -> bool:
        """True when the holder still works, as far as this process can see."""
        return self.holder.state() != "gone" and self.silent_s < self.lease_s

    @property
    def heartbeat_s(self) -> float:
        """How often the heart beats."""
        return _SLOWEST_BEAT_S if self.lease_s >= ALLOCATION_LEASE_S else self.lease_s / _BEATS_IN_A_LEASE

    @property
    def made_here(self) -> bool:
        """True when this boot of this machine made it in this very folder: its token is known to be ours."""
        return self.holder.of_this_machine and self.place == place_of(self.path.parent)

    def beat(self) -> bool:
        """Show that the holder is alive.

        False when the place is not the holder's any more: it had been silent for too long.
        """
        if why_lost(self.path, self.token):
            return False
        os.utime(self.path)
        return True

    def release(self) -> None:
        """Give the place back, if it is still the holder's."""
        with contextlib.suppress(LostPlaceError), while_held(self.path, self.token):
            self.path.unlink()
            heart.forget(self.path)


def place_of(folder: Path) -> str:
    """Name a folder so that no copy of it has the same name, while both are there."""
    found = folder.stat()
    return f"{found.st_dev}:{found.st_ino}:{os.path.realpath(folder)}"


def read_claim(path: Path) -> Claim | None:
    """Read the claim on a place; None where there is none."""
    claim, look = _read(path)
    if claim is None or claim.holder == ProcessIdentity.mine():
        return claim
    return replace(claim, silent_s=heart.silent_s(path, look))


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
        The lock was not to be had, or the lease that the environment asks for is none.
    """
    lease_s = lease_asked_for()
    path.parent.mkdir(parents=True, exist_ok=True)
    if (now := living_claim(path)) is not None:
        return now, None  # without the lock, which whoever publishes may hold for long
    with _locked(path):
        before = read_claim(path)
        if before is not None and before.alive:
            return before, None
        place = place_of(path.parent)
        claim = Claim(path, ProcessIdentity.mine(), secrets.token_hex(8), place, lease_s)
        holder = {"holder": asdict(claim.holder), "token": claim.token}
        write_json_atomic(path, {**holder, "place": claim.place, "lease_s": claim.lease_s})
        heart.forget(path)
        return claim, before


@contextlib.contextmanager
def while_held(path: Path, token: str) -> Iterator[None]:
    """Let nobody take the place over before the block ends.

    Raises
    ------
    LostPlaceError
        It is not the holder's any more: the block is not entered.
    JobError
        The lock was not to be had.
    """
    if not path.parent.is_dir():  # a lock would make it anew
        raise LostPlaceError(why_lost(path, token))
    with _locked(path):
        if why := why_lost(path, token):
            raise LostPlaceError(why)
        yield


@contextlib.contextmanager
def while_free(path: Path) -> Iterator[None]:
    """Let nobody begin in a place before the block ends; where none ever did, there is none to keep out.

    Raises
    ------
    BusyPlaceError
        A process is at work there: the block is not entered.
    JobError
        The lock was not to be had.
    """
    if not path.parent.is_dir():  # a lock would make it
        yield
        return
    with _locked(path):
        if (now := living_claim(path)) is not None:
            who = f"pid {now.holder.pid} on {now.holder.host_name}"
            raise BusyPlaceError(f"{path.parent}: another process ({who}) works there by now")
        yield


def why_lost(path: Path, token: str) -> str:
    """Say why a place is not the holder's any more; empty while it is."""
    now, _ = _read(path)
    if now is not None:
        if now.token == token:
            return ""
        who = f"pid {now.holder.pid} on {now.holder.host_name}"
        return f"another process took its place ({who}) after its heart had stopped"
    folder = path.parent
    if folder.is_dir():
        return f"its claim {path} was removed, or another process took its place and has ended"
    return f"its folder {folder} was removed"


def end_what_is_left(files: JobFiles, dead: Claim, *, grace_s: float) -> None:
    """End the processes that the dead holder of a job left behind, and note its death.

    Only those whose token was made here: in a copy of a hub it is that of the original's job, which lives.
    """
    left = tree.end(dead.token, grace_s=grace_s) if dead.made_here else 0
    append_state(files.states, "died", host=dead.holder.host_name, pid=dead.holder.pid, left_behind=left)


def is_mine(claim: Claim) -> bool:
    """True when this very process holds the claim."""
    return claim.holder == ProcessIdentity.mine()


def _read(path: Path) -> tuple[Claim | None, str]:
    """Read a claim, and how it looks: after every beat otherwise."""
    try:
        with open_regular(path, max_bytes=MAX_CLAIM_BYTES) as stream:  # opened: no cache answers in its place
            found = os.fstat(stream.fileno())
            values = load_json(stream.read(MAX_CLAIM_BYTES).decode("utf-8"))
        holder, token = ProcessIdentity.from_json(values["holder"]), str(values["token"])
        claim = Claim(path, holder, token, str(values.get("place", "")), _lease(values))
    except FileNotFoundError:
        return None, ""
    except (OSError, ValueError, KeyError, TypeError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise JobError(f"{path}: is no claim ({why}); remove it if no process works there") from None
    return claim, heart.look_of(found, token)


def lease_asked_for() -> float:
    """Return the lease of claims that this process takes, s."""
    text = os.environ.get(LEASE_VARIABLE, "")
    if not text:
        return LEASE_S if Allocation.around() is None else ALLOCATION_LEASE_S
    with contextlib.suppress(ValueError):
        if _MIN_LEASE_S <= (lease_s := parse_duration(text)) <= _MAX_LEASE_S:
            return lease_s
    between = f"{duration_text(_MIN_LEASE_S)} to {duration_text(_MAX_LEASE_S)}"
    raise JobError(f"{LEASE_VARIABLE}={text!r:.40}: no lease; needed: {between}, written 20s or 2m")


def _lease(values: dict[str, Any]) -> float:
    lease = values.get("lease_s", LEASE_S)
    if type(lease) not in (int, float) or not 0 < lease <= _MAX_LEASE_S:
        raise ValueError(f"lease_s {lease!r:.40}; at most {_MAX_LEASE_S:g}")
    return float(lease)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    lock = path.with_name(f".{path.name}.lock")
    try:
        with locked(lock, timeout_s=_LOCK_TIMEOUT_S):
            yield
    except LockTakenError:
        raise JobError(
            f"{lock}: another process has held this lock for {_LOCK_TIMEOUT_S:g} s; is it stopped?"
        ) from None
