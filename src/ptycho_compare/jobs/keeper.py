"""The keeper: the process between whoever launched a job and the command itself.

``python -m ptycho_compare.jobs.keeper SPEC`` takes the job's claim, runs the command, copies its
output to the log as it comes, and writes the completion record last. It asks the command to
stop when it is told to, when its launcher is gone (unless detached) or at the deadline; then it
leaves nobody of the tree behind.

Its launcher reads one JSON line per event from its standard output and writes ``go`` to its
standard input once the claim is held. The end of that input means that the launcher is gone.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import selectors
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

import psutil

from ptycho_compare.errors import InputError
from ptycho_compare.jobs import tree
from ptycho_compare.jobs.claim import HEARTBEAT_S, Claim, is_mine, read_claim, take_claim
from ptycho_compare.jobs.identity import ProcessIdentity
from ptycho_compare.jobs.record import (
    EXIT_STOPPED,
    DoneRecord,
    JobSpec,
    LaunchRecord,
    read_launch,
    utc_now,
    write_record,
)
from ptycho_compare.jobs.states import append_state

_TICK_S = 0.1
_SAMPLE_S = 2.0
_TAIL_LINES = 20
_END_OF_INPUT = b""


class Orders:
    """What the keeper is told from outside: signals, the launcher's pipe, the stop file, the clock."""

    def __init__(self, spec: JobSpec) -> None:
        self._spec = spec
        self._signal = ""
        self._launcher = os.getppid()
        self._line = b""
        self._began = time.monotonic()
        self.words: deque[str] = deque()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._take)
        os.set_blocking(sys.stdin.fileno(), False)

    def _take(self, number: int, _frame: object) -> None:
        self._signal = signal.Signals(number).name

    def stop_reason(self) -> str:
        """Why the job has to stop now; empty when it has not."""
        self._listen()
        if self._signal:
            return self._signal
        if "stop" in self.words:
            return "asked by its launcher"
        if self._spec.files.stop.exists():
            return "asked by a stop file"
        if self._spec.deadline_s is not None and time.monotonic() - self._began >= self._spec.deadline_s:
            return f"its own deadline of {self._spec.deadline_s:g} s"
        if not self._spec.detached and self.launcher_gone():
            return "its launcher is gone"
        return ""

    def launcher_gone(self) -> bool:
        """Whether nobody reads what we tell."""
        return self._launcher == 0 or os.getppid() != self._launcher

    def _listen(self) -> None:
        """Read what the launcher wrote; its end of the pipe closes with its life."""
        if self._launcher == 0:
            return
        try:
            heard = os.read(sys.stdin.fileno(), 4096)
        except BlockingIOError:
            return
        if heard == _END_OF_INPUT:
            self._launcher = 0
        *lines, self._line = (self._line + heard).split(b"\n")
        self.words.extend(line.decode() for line in lines)


def main() -> int:
    """Keep the job of the command line; the exit status says whether the records are whole."""
    spec = JobSpec.from_json(sys.argv[1])
    orders = Orders(spec)
    try:
        claim, before = take_claim(spec.files.claim)
    except (InputError, OSError) as error:
        _tell("refused", reason=str(error))
        return 1
    if not is_mine(claim):
        _tell("busy", host=claim.holder.host_name, pid=claim.holder.pid)
        return 0
    try:
        return _hold(spec, orders, claim, before)
    except OSError as error:  # a full or read-only disk: nothing that could be written says so
        _tell("refused", reason=f"{error.filename or spec.folder}: {error.strerror}")
        return 1
    finally:
        with contextlib.suppress(OSError):  # on a read-only disk the claim dies with this process
            claim.release()


def _hold(spec: JobSpec, orders: Orders, claim: Claim, before: Claim | None) -> int:
    if before is not None:
        left = tree.end(before.token, grace_s=spec.grace_s)
        append_state(
            spec.files.states,
            "died",
            host=before.holder.host_name,
            pid=before.holder.pid,
            left_behind=left,
        )
    _tell("held")
    while not orders.words:
        if orders.stop_reason() or orders.launcher_gone():
            return 0
        time.sleep(_TICK_S / 10)
    if orders.words.popleft() != "go":
        return 0
    spec.files.stop.unlink(missing_ok=True)
    launch = _launched(spec, claim)
    _tell("launched", **asdict(launch))
    if spec.detached:
        _let_go()
    with _slot(spec, orders, claim) as free:
        done = _run(spec, orders, claim, launch) if free else _not_run(launch, orders)
    _tell("ended", **asdict(done))
    append_state(spec.files.states, "ended", **_facts(done))
    write_record(spec.files.done, done)
    return 0


def _launched(spec: JobSpec, claim: Claim) -> LaunchRecord:
    earlier = read_launch(spec.files)
    end = None if spec.deadline_s is None else datetime.now(UTC) + timedelta(seconds=spec.deadline_s)
    launch = LaunchRecord(
        attempt=1 if earlier is None else earlier.attempt + 1,
        command=list(spec.command),
        folder=str(spec.folder),
        log=str(spec.log),
        done=str(spec.files.done),
        host=claim.holder.host_name,
        pid=claim.holder.pid,
        token=claim.token,
        started=utc_now(),
        detached=spec.detached,
        deadline=None if end is None else end.isoformat(timespec="milliseconds"),
    )
    write_record(spec.files.launch, launch)
    append_state(
        spec.files.states,
        "launched",
        attempt=launch.attempt,
        host=launch.host,
        pid=launch.pid,
        detached=launch.detached,
    )
    return launch


def _let_go() -> None:
    """Give up the pipes to the launcher, so that it can end without us and we without it."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (sys.stdin, sys.stdout):
        os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


@contextlib.contextmanager
def _slot(spec: JobSpec, orders: Orders, claim: Claim) -> Iterator[bool]:
    """Hold one of the places in which jobs of this machine may run; False when told to stop first."""
    if spec.slots is None or spec.slots_folder is None:
        yield True
        return
    folder = spec.slots_folder / ProcessIdentity.mine().host_name
    held = _free_slot(folder, spec.slots)
    if held is None:
        append_state(spec.files.states, "waiting", reason=f"{spec.slots} of {spec.slots} slots are taken")
    while held is None:
        if orders.stop_reason():
            yield False
            return
        claim.beat()
        time.sleep(5 * _TICK_S)
        held = _free_slot(folder, spec.slots)
    try:
        yield True
    finally:
        held.release()


def _free_slot(folder: Path, count: int) -> Claim | None:
    # others may allow more at a time than we do: what runs counts, whatever its number
    claims = (read_claim(path) for path in folder.glob("slot-*.json"))
    if sum(claim is not None and claim.alive for claim in claims) >= count:
        return None
    for number in range(1, count + 1):
        claim, _ = take_claim(folder / f"slot-{number}.json")
        if is_mine(claim):
            return claim
    return None


def _run(spec: JobSpec, orders: Orders, claim: Claim, launch: LaunchRecord) -> DoneRecord:
    spec.log.parent.mkdir(parents=True, exist_ok=True)
    with spec.log.open("ab", buffering=0) as log:
        log.write(f"--- attempt {launch.attempt}, {launch.started}, {launch.host}\n".encode())
        child = subprocess.Popen(
            list(spec.command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **spec.environment, tree.TOKEN_VARIABLE: claim.token},
            preexec_fn=_die_with_keeper,
        )
        watch = _Watch(spec, orders, claim, child, log)
        try:
            watch.until_the_end()
        finally:  # who is left now has outlived the command, or left its session
            left = tree.end(claim.token, root=child.pid, grace_s=min(spec.grace_s, 1.0))
    if left:
        _note(spec, "left_behind", processes=left)
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return DoneRecord(
        attempt=launch.attempt,
        command=launch.command,
        returncode=child.returncode,
        reason=watch.reason,
        started=launch.started,
        ended=utc_now(),
        seconds=watch.seconds,
        cpu_s=usage.ru_utime + usage.ru_stime,
        peak_bytes=watch.peak_bytes,
        host=launch.host,
        log=launch.log,
        tail=list(watch.tail),
    )


def _not_run(launch: LaunchRecord, orders: Orders) -> DoneRecord:
    return DoneRecord(
        attempt=launch.attempt,
        command=launch.command,
        returncode=EXIT_STOPPED,
        reason=f"{orders.stop_reason()}, while it waited for a slot",
        started=launch.started,
        ended=utc_now(),
        seconds=0.0,
        cpu_s=0.0,
        peak_bytes=0,
        host=launch.host,
        log=launch.log,
        tail=[],
    )


class _Watch:
    """The command while it runs."""

    def __init__(
        self, spec: JobSpec, orders: Orders, claim: Claim, child: subprocess.Popen[bytes], log: BinaryIO
    ) -> None:
        self._spec, self._orders, self._claim, self._child, self._log = spec, orders, claim, child, log
        self.reason, self.seconds, self.peak_bytes = "", 0.0, 0
        self.tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self._part = b""
        self._lost = ""

    def until_the_end(self) -> None:
        began = time.monotonic()
        _note(self._spec, "running", pid=self._child.pid)
        beat = sampled = kill_at = 0.0
        output = self._child.stdout
        assert output is not None  # noqa: S101 (asked for with PIPE)
        os.set_blocking(output.fileno(), False)
        with selectors.DefaultSelector() as selector:
            selector.register(output, selectors.EVENT_READ)
            while self._child.poll() is None:
                if selector.select(_TICK_S) and not self._copy(output.fileno()):
                    selector.unregister(output)  # closed by the command, which runs on
                now = time.monotonic()
                if now - beat >= HEARTBEAT_S:
                    with contextlib.suppress(OSError):  # a disk that became read-only
                        self._claim.beat()
                    beat = now
                if now - sampled >= _SAMPLE_S:
                    self._sample()
                    sampled = now
                if not kill_at and (reason := self._orders.stop_reason()):
                    self._ask(reason)
                    kill_at = now + self._spec.grace_s
                elif kill_at and now >= kill_at:
                    tree.end(self._claim.token, root=self._child.pid, grace_s=0.5)
        self.seconds = time.monotonic() - began
        while self._copy(output.fileno()):
            continue
        self.tail.extend(text for text in (self._part.decode(errors="replace"), self._lost) if text)
        if sys.platform == "linux":  # what came and went between two looks
            largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
            self.peak_bytes = max(self.peak_bytes, largest)

    def _ask(self, reason: str) -> None:
        self.reason = reason
        _note(self._spec, "stopping", reason=reason)
        self._child.terminate()

    def _copy(self, source: int) -> bool:
        """Copy what there is to the log; whether there may be more."""
        try:
            data = os.read(source, 65536)
        except BlockingIOError:
            return False
        try:
            self._log.write(data)
        except OSError as error:  # a full disk must not end the run: the command will say what it lost
            self._lost = f"{self._spec.log}: {error.strerror}; the last lines are in the completion record"
        *lines, self._part = (self._part + data).split(b"\n")
        self.tail.extend(line.decode(errors="replace") for line in lines)
        return bool(data)

    def _sample(self) -> None:
        total = 0
        for process in tree.descendants(self._child.pid):
            with contextlib.suppress(psutil.Error):
                total += process.memory_info().rss
        self.peak_bytes = max(self.peak_bytes, total)


def _die_with_keeper() -> None:
    """Have the kernel kill the command when the keeper is killed (Linux)."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG


def _note(spec: JobSpec, state: str, **facts: Any) -> None:
    """Append to the state log if that can be done: a full disk must not end the run."""
    with contextlib.suppress(OSError):
        append_state(spec.files.states, state, **facts)


def _facts(done: DoneRecord) -> dict[str, Any]:
    names = ("attempt", "returncode", "reason", "seconds", "cpu_s", "peak_bytes")
    return {name: getattr(done, name) for name in names}


def _tell(event: str, **facts: Any) -> None:
    with contextlib.suppress(OSError):  # a launcher that is gone hears nothing
        print(json.dumps({"event": event, **facts}), flush=True)


if __name__ == "__main__":
    sys.exit(main())
