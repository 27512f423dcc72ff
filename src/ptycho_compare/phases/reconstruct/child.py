"""The engine's process, seen through: started, heard, and ended with whoever waits for it."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any

from ptycho_compare.errors import MissingProgramError
from ptycho_compare.phases.reconstruct import engine
from ptycho_compare.phases.reconstruct.exchange import Exchange
from ptycho_compare.storage.fingerprint import version_of

INSTALL = "pip install torch tqdm scikit-learn && pip install --no-deps 'ptychi>=2.2.0'"
"""Without ``--no-deps`` pip fetches torchvision, and with it another torch of several gigabytes."""

_NEEDED = ("torch", "ptychi", "sklearn", "tqdm")
_OLDEST = (2, 2)  # arrays go to the task itself since then
_ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")

Event = dict[str, Any]


@dataclass(frozen=True)
class Ending:
    """How the engine ended.

    Attributes
    ----------
    output : str
        Its standard output.
    complaints : str
        Its standard error.
    refusal : str
        What keeps it from beginning and somebody else has to mend, in its own words.
    failure : str
        Why it gave up, in its own words.
    """

    command: tuple[str, ...]
    returncode: int
    output: str
    complaints: str
    refusal: str = ""
    failure: str = ""

    @property
    def last_words(self) -> str:
        """Why it failed: in its own words, or the last line of its standard error."""
        *_, last = ["", *self.complaints.strip().splitlines()]
        return self.failure or last


def require_ptychi() -> None:
    """See that the engine can be started; nothing is imported.

    Raises MissingProgramError when pty-chi or something that it imports is not there, or it is too old.
    """
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingProgramError(
            f"phase F runs pty-chi, and {sys.executable} has no {', '.join(missing)}: {INSTALL}"
        )
    found = version_of("ptychi").split(".")[:2]
    numbers = tuple(int(part) for part in found if part.isdecimal())
    if len(numbers) == len(_OLDEST) and numbers < _OLDEST:
        raise MissingProgramError(
            f"phase F needs pty-chi 2.2 or later, found {version_of('ptychi')}: {INSTALL}"
        )


def run_engine(place: Exchange, hear: Callable[[Event], None]) -> Ending:
    """Run the engine on a folder that holds its task and input, to its end.

    `hear` gets each event as it comes. If it raises, or a signal's handler does, the engine is ended.
    """
    # -P: what lies in the current folder is nothing to import
    command = (sys.executable, "-P", "-m", engine.__name__, str(place.folder))
    lines: list[str] = []
    reasons: dict[str, str] = {}
    with place.complaints.open("w+b") as complaints:
        child = _started(command, complaints)
        try:
            for line in child.stdout or ():
                lines.append(line)
                event = json.loads(line)
                if "reason" in event:
                    reasons[event["event"]] = event["reason"]
                hear(event)
            returncode = child.wait()
        finally:
            _end(child)
        complaints.seek(0)
        words = complaints.read().decode(errors="replace")
    refusal, failure = (reasons.get(name, "") for name in ("refused", "failed"))
    return Ending(command, returncode, "".join(lines), words, refusal, failure)


def _started(command: tuple[str, ...], complaints: IO[bytes]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,  # its end, whatever the reason, ends the engine
        stdout=subprocess.PIPE,
        stderr=complaints,
        text=True,
        env={**os.environ, **dict.fromkeys(_ONE_THREAD, "1")},
        start_new_session=True,  # Ctrl-C is ours to hear
    )


def _end(child: subprocess.Popen[str]) -> None:
    if child.poll() is None:
        child.kill()  # nothing is lost: a checkpoint gets its name when it is whole
        child.wait()
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            pipe.close()
