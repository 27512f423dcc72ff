"""What a file system offers to processes that share a hub, found out by two of them, on one machine or two.

The asking process and the answering one speak by files in a folder of the probed place alone: ``ask-N.json``
and ``answer-N.json``. Whoever made the folder removes it in the end, which ends the other one too.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ptycho_compare.clock import Deadline, Moment
from ptycho_compare.errors import StorageError
from ptycho_compare.storage.files import atomic_path, write_json_atomic
from ptycho_compare.storage.locks import LockTakenError, locked
from ptycho_compare.untrusted.regular import read_json

PATIENCE_S = 30.0
"""How long a file of the other process may stay out of sight."""
ANSWERED_BY = "answered-by.json"
_LOOK_S = 0.01
_REPLACED, _PIECE = 50, 64 * 1024
_CLOCKS_APART_S = 5.0


class UnansweredError(StorageError):
    """The other process ended, or its files are not seen."""


@dataclass(frozen=True)
class Probed:
    """One thing that was tried."""

    name: str
    works: bool
    text: str

    def __str__(self) -> str:
        return f"{self.name}: {'ok' if self.works else 'FAILS'}, {self.text}"


@dataclass
class Probe:
    """The asking process; `folder` is there and empty, and another process answers in it.

    Attributes
    ----------
    patience_s : float
        How long each answer may take.
    """

    folder: Path
    patience_s: float = PATIENCE_S
    _asked: int = field(default=0, init=False)

    def results(self) -> Iterator[Probed]:
        """Try one thing after another; ends early where the other process does not answer."""
        tried: tuple[tuple[str, Callable[[], tuple[bool, str]]], ...] = (
            ("new files", self._new_files),
            ("locks", self._locks),
            ("renames", self._renames),
            ("flushes", self._flushes),
            ("heartbeats", self._heartbeats),
            ("clocks", self._clocks),
        )
        for name, look in tried:
            try:
                works, text = look()
            except UnansweredError as error:
                yield Probed(name, False, str(error))
                break
            except (OSError, StorageError) as error:
                works, text = False, str(error)
            yield Probed(name, works, text)

    def _new_files(self) -> tuple[bool, str]:
        began = time.monotonic()
        self._ask("look")
        return True, f"seen by another process and answered after {time.monotonic() - began:.2f} s"

    def _locks(self) -> tuple[bool, str]:
        lock = self.folder / "probe.lock"
        with locked(lock):
            entered = self._ask("lock")["entered"]
        if entered:
            return False, "two processes were inside one lock (fcntl.lockf); put the hub where locks work"
        if not self._ask("lock")["entered"]:
            return False, "a lock that was given back stayed taken"
        return True, "one process at a time was inside"

    def _renames(self) -> tuple[bool, str]:
        path = self.folder / "replaced"
        self._replace(path, 0)
        number = self._ask("read", wait=False)
        for turn in range(_REPLACED):
            self._replace(path, turn)
        (self.folder / "replaced-all").write_bytes(b"")
        answer = self._answer(number)
        torn, gone, reads = (answer[name] for name in ("torn", "gone", "reads"))
        if torn or gone:
            return False, f"of {reads} reads while it was replaced a file was torn in {torn}, gone in {gone}"
        return True, f"in {reads} reads while it was replaced a file was always whole"

    @staticmethod
    def _replace(path: Path, turn: int) -> None:
        with atomic_path(path) as temporary:
            temporary.write_bytes(bytes([turn % 256]) * _PIECE)

    def _flushes(self) -> tuple[bool, str]:
        descriptors = (os.open(path, os.O_RDONLY) for path in (self.folder / "replaced", self.folder))
        began = time.monotonic()
        for descriptor in descriptors:
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        return True, f"fsync of a file and its folder took {time.monotonic() - began:.3f} s"

    def _heartbeats(self) -> tuple[bool, str]:
        beat = self.folder / "beat"
        beat.write_bytes(b"")
        before = beat.stat().st_mtime_ns
        number = self._ask("beat", before=before, wait=False)
        time.sleep(10 * _LOOK_S)
        os.utime(beat)
        began = time.monotonic()
        if not self._answer(number)["seen"]:
            return False, "another process does not see that a file's time changes"
        return True, f"a file's new time was seen after {time.monotonic() - began:.2f} s"

    def _clocks(self) -> tuple[bool, str]:
        told = self.folder / "told"
        told.write_bytes(b"")
        here_s = told.stat().st_mtime - Moment.ago().utc_s
        there_s = self._ask("clock")["offset_s"]
        text = f"the file system's is {here_s:+.1f} s from this machine's, {there_s:+.1f} s from the other's"
        return max(abs(here_s), abs(there_s)) <= _CLOCKS_APART_S, f"{text} (no result rests on them)"

    def _ask(self, what: str, *, wait: bool = True, **facts: Any) -> Any:
        self._asked += 1
        write_json_atomic(self.folder / f"ask-{self._asked}.json", {"what": what, **facts})
        return self._answer(self._asked) if wait else self._asked

    def _answer(self, number: int) -> dict[str, Any]:
        path = self.folder / f"answer-{number}.json"
        return dict(_awaited(path, self.patience_s))


def _awaited(path: Path, patience_s: float) -> Any:
    patience = Deadline.after(patience_s)
    while not path.exists():
        if not path.parent.is_dir():
            raise UnansweredError(f"{path.parent}: is gone, and the other process with it")
        if patience.is_over:
            raise UnansweredError(f"{path} of the other process was not seen for {patience_s:g} s")
        time.sleep(_LOOK_S)
    return read_json(path)


def answer(folder: Path, *, patience_s: float = PATIENCE_S) -> None:
    """Be the other process, until the asking one has removed the folder."""
    write_json_atomic(folder / ANSWERED_BY, {"pid": os.getpid()})
    number = 0
    while True:
        number += 1
        try:
            asked = _awaited(folder / f"ask-{number}.json", patience_s)
        except UnansweredError:
            if folder.is_dir():
                raise
            return
        found = _ANSWERS[asked["what"]](folder, asked, patience_s)
        write_json_atomic(folder / f"answer-{number}.json", found)


def _lock(folder: Path, _asked: dict[str, Any], _patience_s: float) -> dict[str, Any]:
    try:
        with locked(folder / "probe.lock", timeout_s=0.2):
            return {"entered": True}
    except LockTakenError:
        return {"entered": False}


def _read(folder: Path, _asked: dict[str, Any], patience_s: float) -> dict[str, Any]:
    counts = {"reads": 0, "torn": 0, "gone": 0}
    patience = Deadline.after(patience_s)
    while not patience.is_over:
        over = (folder / "replaced-all").exists()
        counts["reads"] += 1
        try:
            held = (folder / "replaced").read_bytes()
            counts["torn"] += len(held) != _PIECE or len({*held}) != 1
        except FileNotFoundError:
            counts["gone"] += 1
        if over:
            break
    return counts


def _beat(folder: Path, asked: dict[str, Any], patience_s: float) -> dict[str, Any]:
    patience = Deadline.after(patience_s / 2)
    while not patience.is_over:
        with (folder / "beat").open("rb") as beat:  # opened: no cache answers in its place
            if os.fstat(beat.fileno()).st_mtime_ns != asked["before"]:
                return {"seen": True}
        time.sleep(_LOOK_S)
    return {"seen": False}


def _clock(folder: Path, _asked: dict[str, Any], _patience_s: float) -> dict[str, Any]:
    told = folder / "told-back"
    told.write_bytes(b"")
    return {"offset_s": told.stat().st_mtime - Moment.ago().utc_s}


_ANSWERS: dict[str, Callable[[Path, dict[str, Any], float], dict[str, Any]]] = {
    "look": lambda *_: {},
    "lock": _lock,
    "read": _read,
    "beat": _beat,
    "clock": _clock,
}


if __name__ == "__main__":
    answer(Path(sys.argv[1]))
