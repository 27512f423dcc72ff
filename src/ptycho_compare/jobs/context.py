"""The command's side of a job: it holds the claim, reports its progress, and stops when asked.

A command that can stop and go on works in a `job_context`. Under a supervisor the claim is the
supervisor's; run by hand, the command takes it itself.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping

from ptycho_compare.errors import JobError, StorageError
from ptycho_compare.hub import JobFiles
from ptycho_compare.jobs import tree
from ptycho_compare.jobs.claim import (
    Claim,
    LostPlaceError,
    end_what_is_left,
    is_mine,
    place_of,
    take_claim,
    while_held,
    why_lost,
)
from ptycho_compare.jobs.progress import read_progress
from ptycho_compare.jobs.states import append_state
from ptycho_compare.sigterm import EXIT_STOPPED, Stopped, heard

_REPORT_S, _REPORT_SHARE = 0.2, 1 / 500


class JobContext:
    """One process at work on a job."""

    def __init__(self, files: JobFiles, token: str = "") -> None:
        self.files = files
        self._token = token
        self._asked = ""
        self._holding = False
        self._reported = 0.0
        self._began = time.monotonic()

    def planned(self, parts: Mapping[str, tuple[int, int]], *, unit: str = "patches") -> None:
        """Report the parts of the work: name to (units that earlier attempts did, units)."""
        counts = {name: list(pair) for name, pair in parts.items()}
        self._say("planned", parts=counts, unit=unit)

    def working(self, part: str, done: int, seconds: float, *, now: bool = False) -> None:
        """Report how many units of a part are done, and in how many seconds; not at every call."""
        moment = time.monotonic()
        # a long run reports less often, so that its log stays short
        if now or moment - self._reported >= max(_REPORT_S, _REPORT_SHARE * (moment - self._began)):
            self._say("working", part=part, done=done, seconds=round(seconds, 4))
            self._reported = moment

    def saved(self, part: str, done: int, seconds: float) -> None:
        """Report how many units are safe on disk, and what saving took."""
        self._say("checkpoint", part=part, done=done, seconds=round(seconds, 5))

    def noted(self, state: str, **facts: object) -> None:
        """Report anything else."""
        self._say(state, **facts)

    def step(self, name: str) -> None:
        """Report what is done next besides units, unless asked to stop."""
        self.raise_if_stopped()
        self._say("step", name=name)

    @contextlib.contextmanager
    def publishing(self) -> Iterator[None]:
        """Write in this block what others will read: nobody can take the job over before it ends.

        Raises
        ------
        Stopped
            Before the block is entered: asked to stop, or the job is another process's by now, which
            publishes itself.
        """
        self.raise_if_stopped()
        try:
            with while_held(self.files.claim, self._token):
                yield
        except LostPlaceError as error:
            raise Stopped(f"the loss of its place: {error}; nothing was published") from None

    def _say(self, state: str, **facts: object) -> None:
        """Append to the log of states, which is another's once the place is."""
        if self._lost():
            self._asked = self._asked or "the loss of its place"
            self.leave()  # also where stops are held: nothing is saved among what is another's
        append_state(self.files.states, state, **facts)

    @property
    def asked(self) -> bool:
        """True when the command was asked to stop."""
        return bool(self._asked)

    @contextlib.contextmanager
    def holding(self) -> Iterator[None]:
        """Let no request to stop interrupt this block: it looks at `asked`, saves, and calls `leave`."""
        self._holding = True
        try:
            yield
        finally:
            self._holding = False
        if self._asked:
            self.leave()

    @contextlib.contextmanager
    def sealing(self) -> Iterator[None]:
        """Say in this block that all is done: from its first moment on, a request to stop comes too late.

        Raises
        ------
        Stopped
            Before the block is entered, where it was asked before.
        """
        self._holding = True  # first: what is asked from here on is seen below, or comes too late
        if self._asked:
            self.leave()
        yield

    def leave(self) -> None:
        """Stop here: always raises `Stopped`."""
        raise Stopped(self._lost() or self._asked)

    def _lost(self) -> str:
        """Say why this process has no place here any more; empty while it has."""
        why = why_lost(self.files.claim, self._token)
        return why and f"the loss of its place: {why}"

    def raise_if_stopped(self) -> None:
        """Stop here if that was asked before, and what it raised did not arrive.

        A signal may come while C code calls back into Python: that takes what is raised for a failure
        of its own, or for none.
        """
        if self._asked and not self._holding:
            self.leave()

    def ask(self, by: str) -> None:
        """Take a signal: at once where nothing would be lost, else at the next safe place."""
        again = bool(self._asked)
        self._asked = by
        if not self._holding and not again:
            self.leave()


@contextlib.contextmanager
def job_context(files: JobFiles) -> Iterator[JobContext]:
    """Work on a job: hold it, and turn SIGTERM and Ctrl-C into a stop that loses nothing.

    Raises
    ------
    JobError
        Another process works at it.
    Stopped
        Asked to stop; what was computed is saved. A failure after that is taken for what came of it,
        but for one of the disk.
    """
    files.folder.mkdir(parents=True, exist_ok=True)
    with (
        _held(files) as token,
        # in another thread than the main one it is the caller who stops the work
        heard((context := JobContext(files, token)).ask, signal.SIGTERM, signal.SIGINT),
    ):
        try:
            yield context
        except (StorageError, OSError):
            raise
        except Exception:
            context.raise_if_stopped()
            raise


@contextlib.contextmanager
def _held(files: JobFiles) -> Iterator[str]:
    """Hold the job, or have one's supervisor hold it: the token of its claim."""
    token = os.environ.get(tree.TOKEN_VARIABLE, "")
    if os.environ.get(tree.PLACE_VARIABLE) == place_of(files.folder):
        if why := why_lost(files.claim, token):
            raise Stopped(f"the loss of its place: {why}; nothing was begun")
        yield token
        return
    claim, before = take_claim(files.claim)
    if not is_mine(claim):
        raise JobError(
            f"{files.folder.parent}: a process on {claim.holder.host_name} (pid {claim.holder.pid}) works on "
            "it; wait for it, or stop it"
        )
    try:
        with _attempt(files, claim, before):
            yield claim.token
    finally:
        with contextlib.suppress(OSError, JobError):  # on a read-only disk it dies with this process
            claim.release()


@contextlib.contextmanager
def _attempt(files: JobFiles, claim: Claim, before: Claim | None) -> Iterator[None]:
    """Do what a supervisor does before and after its command."""
    if before is not None:
        end_what_is_left(files, before, grace_s=5.0)
    for older in (files.done, files.stop):
        older.unlink(missing_ok=True)
    attempt = len(read_progress(files).attempts) + 1
    append_state(
        files.states,
        "launched",
        attempt=attempt,
        host=claim.holder.host_name,
        pid=claim.holder.pid,
        by_hand=True,
    )
    append_state(files.states, "running", pid=claim.holder.pid)
    returncode = 1
    try:
        with _beating(claim, files):
            yield
        returncode = 0
    except Stopped:
        returncode = EXIT_STOPPED
        raise
    finally:
        with contextlib.suppress(OSError, JobError):  # on a full disk the error under way says so
            if claim.beat():
                append_state(files.states, "ended", attempt=attempt, returncode=returncode)


@contextlib.contextmanager
def _beating(claim: Claim, files: JobFiles) -> Iterator[None]:
    """Do what a supervisor does for its command: show that it is alive, and look for requests to stop."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(claim.heartbeat_s):
            held = True
            with contextlib.suppress(OSError, JobError):  # a disk that became read-only
                held = claim.beat()
            if not held or files.stop.exists():
                os.kill(os.getpid(), signal.SIGTERM)
                return

    thread = threading.Thread(target=beat, daemon=True, name="heartbeat")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
