"""Locks between processes and threads: one at a time, free when a holder dies, refused where none are."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from others_locks import held, is_free
from ptycho_compare.errors import StorageError
from ptycho_compare.storage.locks import LockTakenError, locked, require_working_locks

_ADD = """
import sys
from pathlib import Path
from ptycho_compare.storage.locks import locked
count = Path(sys.argv[1])
for _ in range(50):
    with locked(count.with_suffix(".lock")):
        count.write_text(str(int(count.read_text()) + 1))
"""


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "locks" / "x.lock"


def test_of_many_processes_one_at_a_time_is_inside(tmp_path: Path) -> None:
    count = tmp_path / "count"
    count.write_text("0")
    adding = [subprocess.Popen([sys.executable, "-c", _ADD, count]) for _ in range(4)]
    assert [process.wait() for process in adding] == [0] * 4
    assert count.read_text() == "200"


def test_of_many_threads_one_at_a_time_is_inside(lock: Path) -> None:
    """A process never keeps itself out of a lock, and loses it with any descriptor that it closes."""
    inside, most = 0, 0

    def enter(number: int) -> None:
        nonlocal inside, most
        with locked(lock):
            inside += 1
            most = max(most, inside)
            assert number % 8 or not is_free(lock)
            time.sleep(0.001)
            inside -= 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(enter, range(40)))
    assert most == 1
    assert is_free(lock)


def test_two_names_of_one_file_are_one_lock_among_threads(lock: Path) -> None:
    with locked(lock):
        other = lock.parent / ".." / "locks" / lock.name
        with ThreadPoolExecutor(1) as pool, pytest.raises(LockTakenError):
            pool.submit(_enter, other).result()
        assert not is_free(lock)


def _enter(lock: Path) -> None:
    with locked(lock, timeout_s=0.05):
        pytest.fail("was entered")


def test_what_another_process_holds_is_waited_for_and_given_up(lock: Path) -> None:
    lock.parent.mkdir()
    with held(lock) as holder:
        with pytest.raises(LockTakenError, match=str(lock)), locked(lock, timeout_s=0.1):
            pytest.fail("was entered")
        threading.Timer(0.2, holder.kill).start()
        with locked(lock, timeout_s=60):  # who is killed holds nothing
            assert holder.wait() != 0


def test_a_lock_is_no_childs(lock: Path) -> None:
    """Who is forked or started meanwhile neither holds it nor gives it back."""
    with locked(lock):
        assert os.waitpid(_forked(), 0)[1] == 0
        assert not is_free(lock)
        slept = subprocess.Popen(
            [sys.executable, "-ISc", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE
        )
    assert is_free(lock)
    slept.communicate()


def _forked() -> int:
    child = os.fork()
    if child == 0:
        os.closerange(3, 256)
        os._exit(0)
    return child


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_named(
    lock: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def lockf(_descriptor: int, _operation: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "lockf", lockf)
    said = rf"{lock}: this file system has no POSIX locks \({os.strerror(number)}"
    with pytest.raises(StorageError, match=said), locked(lock):
        pass
    entered = False
    with locked(lock, required=False):
        entered = True
    assert entered


def test_another_error_of_a_lock_is_told_as_it_is(lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lockf(_descriptor: int, _operation: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(fcntl, "lockf", lockf)
    with pytest.raises(OSError, match="Input/output"), locked(lock, required=False):
        pass


def test_an_error_inside_a_lock_is_not_taken_for_a_want_of_locks(lock: Path) -> None:
    with pytest.raises(OSError, match="inside"), locked(lock):
        raise OSError(errno.ENOSYS, "inside")


def test_locks_that_keep_nobody_out_are_refused(lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_working_locks(lock)
    assert is_free(lock)
    monkeypatch.setattr(fcntl, "lockf", lambda *_: None)
    with pytest.raises(StorageError, match="two processes were inside one lock") as refused:
        require_working_locks(lock)
    assert "\n" not in str(refused.value)
