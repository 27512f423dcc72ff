"""The records of a job: its specification, how its newest attempt was launched, and how that ended."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from signal import SIGTERM
from types import UnionType
from typing import TYPE_CHECKING, Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from ptycho_compare.clock import Moment
from ptycho_compare.errors import JobError
from ptycho_compare.hub import JobFiles
from ptycho_compare.sigterm import EXIT_STOPPED
from ptycho_compare.storage.files import write_json_atomic
from ptycho_compare.untrusted.regular import read_json, why_unreadable

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

EXIT_REFUSED = 2
"""Exit status of a command that computed nothing, for bad input."""

ASKED_BY_LAUNCHER = "asked by its launcher"
"""The reason of a stop whose own reason the launcher knows."""


@dataclass(frozen=True)
class JobSpec:
    """A long command and how it may run.

    Attributes
    ----------
    folder : Path
        Where its records stand; one job, one folder.
    command : tuple of str
        Argument list; no shell is involved. It must end with status 75 when SIGTERM made it
        stop with its work saved.
    log : Path
        Receives its output; attempts follow one another.
    environment : mapping
        Added to this process's.
    detached : bool
        True where it outlives whoever launched it.
    deadline_s, grace_s : float or None, float
        Seconds after which it stops by itself, and between asking it to stop and killing it.
    slots : int or None
        How many jobs may run at a time on this machine, counted in `slots_folder`.
    kind : str
        Of work, where a job can be done in several ways; stands in its records.
    fenced : bool
        True where the command is a foreign one, which does not ask for its claim; see `jobs.fence`.
    rests_on : str
        Digest of all that its results depend on; empty where the command says so itself.
    """

    folder: Path
    command: tuple[str, ...]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    detached: bool = False
    deadline_s: float | None = None
    grace_s: float = 10.0
    slots: int | None = None
    slots_folder: Path | None = None
    kind: str = ""
    fenced: bool = False
    rests_on: str = ""

    @property
    def files(self) -> JobFiles:
        """Names of its records."""
        return JobFiles(self.folder)

    def to_json(self) -> str:
        """Write all of it, for the supervisor."""
        return json.dumps(asdict(self), default=str)

    @classmethod
    def from_json(cls, text: str) -> JobSpec:
        """Read what `to_json` wrote."""
        values = json.loads(text)
        for key in ("folder", "log", "slots_folder"):
            values[key] = None if values[key] is None else Path(values[key])
        return cls(**{**values, "command": tuple(values["command"])})


@dataclass(frozen=True)
class LaunchRecord:
    """How the newest attempt was started; written before the command is.

    Attributes
    ----------
    attempt : int
        From 1, over the life of the folder.
    kind : str
        As in the specification; empty in records of versions that had none.
    host, pid : str, int
        The supervisor, which watches the command; end it with SIGTERM.
    deadline : str or None
        UTC time at which the attempt stops by itself.
    done : str
        The file that will say how it ended. If the process is gone and that file tells of an
        earlier attempt, this one died.
    place : str
        As in the claim of the attempt: its token is known to be ours only there.
    moment : dict
        When it was started, by the clock that nobody sets too; empty in records of versions that had none.
    rests_on : str
        As in the specification; empty in records of versions that had none.
    """

    attempt: int
    command: list[str]
    folder: str
    log: str
    done: str
    host: str
    pid: int
    token: str
    started: str
    detached: bool
    deadline: str | None
    kind: str = ""
    place: str = ""
    moment: dict[str, Any] = field(default_factory=dict)
    rests_on: str = ""


@dataclass(frozen=True)
class DoneRecord:
    """How an attempt ended; its existence is the completion signal.

    Attributes
    ----------
    returncode : int
        Of the command; negative when a signal ended it.
    reason : str
        Why it was stopped; empty when it ended by itself.
    seconds, cpu_s : float
        Wall time of the command; processor time of the command and all it waited for.
    peak_bytes : int
        Largest resident memory of the whole tree.
    tail : list of str
        The last lines of its output, for when the log could not be written.
    """

    attempt: int
    command: list[str]
    returncode: int
    reason: str
    started: str
    ended: str
    seconds: float
    cpu_s: float
    peak_bytes: int
    host: str
    log: str
    tail: list[str]
    kind: str = ""

    @property
    def stopped(self) -> bool:
        """True when it was made to stop; the next attempt goes on from what was saved."""
        return was_stopped(self.returncode, self.reason)

    @property
    def last_line(self) -> str:
        """Its last line of output, for people; it may have had no time to write any."""
        return self.tail[-1] if self.tail else "no output"


def was_stopped(returncode: int, reason: str) -> bool:
    """True when a command that ended so was made to stop, by a reason or by a signal that it took itself."""
    # before a command listens, and when it is killed after the grace, a signal ends it
    return returncode in (EXIT_STOPPED, -SIGTERM) or (bool(reason) and returncode < 0)


MAX_RECORD_BYTES = 4 << 20
_UNIONS = (Union, UnionType)
Record = TypeVar("Record")


def write_record(path: Path, record: DataclassInstance) -> None:
    """Write a record, a dataclass, whole or not at all."""
    write_json_atomic(path, asdict(record))


def read_launch(files: JobFiles) -> LaunchRecord | None:
    """Read how the newest attempt was started; None when there never was one."""
    return read_record(files.launch, LaunchRecord)


def moment_of(launch: LaunchRecord) -> Moment:
    """Return when a launch was; one of an earlier version knows the wall clock alone.

    Raises ValueError or TypeError where the record holds no time.
    """
    utc_s = datetime.fromisoformat(launch.started).timestamp()
    return Moment.from_json(launch.moment) or Moment("", 0.0, utc_s)


def ended_well_on(files: JobFiles, rests_on: str) -> bool:
    """Say if the newest attempt has ended well, and its results depend on just this."""
    done, launch = read_done(files), read_launch(files)
    return done is not None and launch is not None and done.returncode == 0 and launch.rests_on == rests_on


def read_done(files: JobFiles) -> DoneRecord | None:
    """Read how the newest attempt ended; None while it runs, and when it died."""
    done, launch = read_record(files.done, DoneRecord), read_launch(files)
    return done if done is not None and launch is not None and done.attempt == launch.attempt else None


def read_record(path: Path, kind: type[Record]) -> Record | None:
    """Read a record of a job, which is a dataclass; None where there is none.

    Raises
    ------
    JobError
        It is no such record.
    """
    try:
        return _typed(kind, read_json(path, max_bytes=MAX_RECORD_BYTES))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        why = why_unreadable(error) if not isinstance(error, TypeError) else error
        raise JobError(f"{path}: is no {kind.__name__} ({why}); move it away") from None


def _typed(kind: type[Record], values: Any) -> Record:
    """Make a record of JSON values that are of its types; TypeError where one is not."""
    record = kind(**values)
    for name, wanted in _types_of(cast("Hashable", kind)).items():
        found, parts = getattr(record, name), get_args(wanted)
        outer = get_origin(wanted) or wanted
        allowed: tuple[type, ...] = parts if outer in _UNIONS else (outer,)
        if float in allowed:
            allowed = (*allowed, int)
        if not isinstance(found, allowed) or (isinstance(found, bool) and bool not in allowed):
            raise TypeError(f"{name} is {found!r:.40}")
        if isinstance(found, list) and not all(isinstance(each, parts) for each in found):
            raise TypeError(f"{name} holds other things than {parts[0].__name__}")
    return record


@cache
def _types_of(kind: Any) -> Mapping[str, Any]:
    """Types of a record's fields, worked out once: a gate reads hundreds of records of few kinds."""
    return get_type_hints(kind)
