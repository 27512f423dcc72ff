"""Locks between processes, of one host or of several: POSIX record locks on files that are left there.

`fcntl.lockf`, and not `flock`: several file systems that hosts share keep the latter to one host. Such a
lock is its process's, whichever thread took it, and the process loses it when it closes any descriptor of
the file. So threads keep apart by a lock of their own, taken before the file is opened, and nobody but
`locked` opens a lock file.
"""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ptycho_compare.errors import StorageError

_TAKEN = frozenset((errno.EACCES, errno.EAGAIN))
_NO_LOCKS = frozenset((errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP))
_LOOK_S = 0.02
_INSIDE, _OUTSIDE = 0, 3
_TRY = f"""
import fcntl, sys
with open(sys.argv[1], "r+b") as lock:
    try:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        sys.exit({_OUTSIDE})
"""


class LockTakenError(Exception):
    """Another process or thread held the lock for all of the time there was."""


class _Threads:
    """A lock for the threads of this process by the file that they would open: one cannot keep them apart."""

    guard = threading.Lock()
    locks: dict[str, threading.Lock] = {}  # noqa: RUF012 (the process's, like the locks of files)

    @classmethod
    def lock_of(cls, path: Path) -> threading.Lock:
        with cls.guard:
            return cls.locks.setdefault(os.path.realpath(path), threading.Lock())


@contextmanager
def locked(lock: Path, *, timeout_s: float = -1.0, required: bool = True) -> Iterator[None]:
    """Keep other processes and threads out of whatever they enter with the same `lock`, for moments only.

    Parameters
    ----------
    lock : Path
        Made with its folder, and left there: whoever removed it could let two in.
    timeout_s : float
        How long to wait for others; below 0, for ever.
    required : bool
        False where it is better to go in without a lock than not at all.

    Raises
    ------
    LockTakenError
        It was not to be had.
    StorageError
        The file system has no locks, and one is required.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    over_at = None if timeout_s < 0 else time.monotonic() + timeout_s
    among_threads = _Threads.lock_of(lock)
    if not among_threads.acquire(timeout=timeout_s if timeout_s >= 0 else -1):
        raise LockTakenError(str(lock))
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            _take(descriptor, lock, over_at, required=required)
            yield
        finally:
            os.close(descriptor)  # and with it the lock goes
    finally:
        among_threads.release()


def _take(descriptor: int, lock: Path, over_at: float | None, *, required: bool) -> None:
    while True:
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _TAKEN:
                if over_at is not None and time.monotonic() >= over_at:
                    raise LockTakenError(str(lock)) from None
                time.sleep(_LOOK_S)
                continue
            if error.errno not in _NO_LOCKS:
                raise
            if required:
                raise StorageError(
                    f"{lock}: this file system has no POSIX locks ({error.strerror}), and processes keep "
                    "apart by them; put what is written here on one that has (a local disk, NFS 4)"
                ) from None
        return


def require_working_locks(lock: Path) -> None:
    """See that a lock which this process holds keeps another one out.

    Raises
    ------
    StorageError
        It does not, or the file system has no locks. What only fails between two machines is not seen.
    """
    with locked(lock):
        status = subprocess.run(
            [sys.executable, "-ISc", _TRY, lock], capture_output=True, check=False
        ).returncode
    if status == _INSIDE:
        raise StorageError(
            f"{lock}: two processes were inside one lock (fcntl.lockf), and jobs on several nodes keep apart "
            "by them; put the hub where locks work: ptycho-hub probe HUB"
        )
