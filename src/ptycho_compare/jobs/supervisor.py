"""The supervisor: the process between whoever launched a job and the command itself.

``python -m ptycho_compare.jobs.supervisor SPEC`` takes the job's claim, runs the command, copies its
output to the log as it comes, and writes the completion record last. It asks the command to
stop when it is asked itself, when its launcher is gone (unless detached) or at the deadline; then
it leaves nobody of the tree behind.

Its launcher reads one JSON line per event from its standard output and writes ``go`` to its
standard input once the claim is held. The end of that input means that the launcher is gone.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

from ptycho_compare.clock import Deadline, Moment
from ptycho_compare.errors import InputError, JobError
from ptycho_compare.hub import utc_now, utc_text
from ptycho_compare.jobs import tree
from ptycho_compare.jobs.allocation import Allocation
from ptycho_compare.jobs.claim import (
    Claim,
    LostPlaceError,
    end_what_is_left,
    is_mine,
    living_claim,
    take_claim,
    while_held,
)
from ptycho_compare.jobs.fence import BEATS_TO_NOTICE, fenced
from ptycho_compare.jobs.identity import ProcessIdentity
from ptycho_compare.jobs.progress import read_progress
from ptycho_compare.jobs.record import (
    DoneRecord,
    JobSpec,
    LaunchRecord,
    write_record,
)
from ptycho_compare.jobs.states import append_if_possible, append_state
from ptycho_compare.jobs.stop_requests import StopRequests
from ptycho_compare.jobs.watch import Watch
from ptycho_compare.sigterm import EXIT_STOPPED

_TICK_S = 0.01
_LOOK_S = 0.5


def main() -> int:
    """Supervise the job of the command line; the exit status says whether the records are whole."""
    spec = JobSpec.from_json(sys.argv[1])
    requests = StopRequests(spec)
    try:
        claim, before = take_claim(spec.files.claim)
        if not is_mine(claim):
            _report("busy", host=claim.holder.host_name, pid=claim.holder.pid, token=claim.token)
            return 0
        requests.claim = claim
        try:
            _hold(spec, requests, claim, before)
        finally:
            with contextlib.suppress(OSError, JobError):  # on a read-only disk it dies with this process
                claim.release()
    except (OSError, InputError) as error:
        _report("refused", reason=_reason(error, spec), storage=isinstance(error, OSError))
        return 1
    return 0


def _hold(spec: JobSpec, requests: StopRequests, claim: Claim, before: Claim | None) -> None:
    if before is not None:
        end_what_is_left(spec.files, before, grace_s=spec.grace_s)
    spec.files.stop.unlink(missing_ok=True)  # an attempt before this one was meant
    _report("held")
    while "go" not in requests.messages:
        if reason := requests.stop_reason():
            raise JobError(f"{spec.folder}: not started: {reason}")
        if requests.launcher_gone():
            return
        time.sleep(_TICK_S)
    launch = _launched(spec, claim)
    _report("launched", **asdict(launch))
    if spec.detached:
        _close_pipes()
    try:
        with slot(spec, requests) as free:
            if free and _is_alone(spec, requests, before):
                done = _run(spec, requests, claim, launch)
            else:
                what = "another machine's command to end" if free else "a slot"
                done = _not_run(launch, f"{requests.stop_reason()}, while it waited for {what}")
    except (OSError, InputError) as error:
        append_if_possible(spec.files.states, "refused", reason=_reason(error, spec))
        raise
    _report("ended", **asdict(done))
    with contextlib.suppress(LostPlaceError), while_held(claim.path, claim.token):  # else they are another's
        append_state(spec.files.states, "ended", **_facts(done))
        write_record(spec.files.done, done)


def _launched(spec: JobSpec, claim: Claim) -> LaunchRecord:
    end = None if spec.deadline_s is None else utc_now() + timedelta(seconds=spec.deadline_s)
    launch = LaunchRecord(
        attempt=len(read_progress(spec.files).attempts) + 1,
        command=list(spec.command),
        folder=str(spec.folder),
        log=str(spec.log),
        done=str(spec.files.done),
        host=claim.holder.host_name,
        pid=claim.holder.pid,
        token=claim.token,
        place=claim.place,
        started=utc_text(to="milliseconds"),
        detached=spec.detached,
        deadline=None if end is None else utc_text(end, to="milliseconds"),
        kind=spec.kind,
        moment=Moment.ago().to_json(),
        rests_on=spec.rests_on,
    )
    spec.files.done.unlink(missing_ok=True)  # it is of an attempt before this one
    write_record(spec.files.launch, launch)
    append_state(
        spec.files.states,
        "launched",
        attempt=launch.attempt,
        host=launch.host,
        pid=launch.pid,
        detached=launch.detached,
        **({} if (found := Allocation.around()) is None else {"batch": found.job}),
    )
    return launch


def _is_alone(spec: JobSpec, requests: StopRequests, before: Claim | None) -> bool:
    """Wait until the fence of a foreign command has ended it elsewhere; False when asked to stop first."""
    if not spec.fenced or before is None or before.made_here:
        return True
    patience = Deadline.after(BEATS_TO_NOTICE * before.heartbeat_s)
    while not patience.is_over:
        if requests.stop_reason():
            return False
        time.sleep(_TICK_S)
    return True


def _close_pipes() -> None:
    """Give up the pipes to the launcher, so that either can end without the other."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (sys.stdin, sys.stdout):
        os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _run(spec: JobSpec, requests: StopRequests, claim: Claim, launch: LaunchRecord) -> DoneRecord:
    spec.log.parent.mkdir(parents=True, exist_ok=True)
    with spec.log.open("ab", buffering=0) as log:
        watch = Watch(spec, requests, claim, _started(spec, claim), log)
        try:
            watch.until_the_end(f"--- attempt {launch.attempt}, {launch.started}, {launch.host}")
        finally:  # who is left now has outlived the command, or left its session
            left = tree.end(claim.token, root=os.getpid(), grace_s=min(spec.grace_s, 1.0))
        watch.read_the_rest()
    if left:
        append_if_possible(spec.files.states, "left_behind", processes=left)
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return _done(
        launch,
        returncode=watch.child.returncode,
        reason=watch.reason,
        seconds=watch.seconds,
        cpu_s=usage.ru_utime + usage.ru_stime,
        peak_bytes=watch.peak_bytes,
        tail=list(watch.tail),
    )


def _started(spec: JobSpec, claim: Claim) -> subprocess.Popen[bytes]:
    tree.adopt_orphans()
    try:
        return subprocess.Popen(
            fenced(claim.path, spec.command) if spec.fenced else list(spec.command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={
                **os.environ,
                **spec.environment,
                tree.TOKEN_VARIABLE: claim.token,
                tree.PLACE_VARIABLE: claim.place,
            },
            preexec_fn=tree.die_with_parent,
        )
    except OSError as error:
        raise JobError(f"{spec.command[0]}: cannot be started: {error.strerror}") from None


def _not_run(launch: LaunchRecord, reason: str) -> DoneRecord:
    return _done(
        launch, returncode=EXIT_STOPPED, reason=reason, seconds=0.0, cpu_s=0.0, peak_bytes=0, tail=[]
    )


def _done(launch: LaunchRecord, **facts: Any) -> DoneRecord:
    names = ("attempt", "command", "started", "host", "log", "kind")
    return DoneRecord(
        **{name: getattr(launch, name) for name in names}, ended=utc_text(to="milliseconds"), **facts
    )


def _reason(error: OSError | InputError, spec: JobSpec) -> str:
    return f"{error.filename or spec.folder}: {error.strerror}" if isinstance(error, OSError) else str(error)


def _facts(done: DoneRecord) -> dict[str, Any]:
    names = ("attempt", "returncode", "reason", "seconds", "cpu_s", "peak_bytes")
    return {name: getattr(done, name) for name in names}


def _report(event: str, **facts: Any) -> None:
    with contextlib.suppress(OSError):  # a launcher that is gone reads nothing
        print(json.dumps({"event": event, **facts}), flush=True)


@contextlib.contextmanager
def slot(spec: JobSpec, requests: StopRequests) -> Iterator[bool]:
    """Hold one of the places in which jobs of this machine may run; False when asked to stop first."""
    if spec.slots is None or spec.slots_folder is None:
        yield True
        return
    folder = spec.slots_folder / ProcessIdentity.mine().host_name
    held = _free_slot(folder, spec.slots)
    if held is None:
        append_state(spec.files.states, "waiting", reason=f"{spec.slots} of {spec.slots} slots are taken")
    while held is None and not requests.stop_reason():
        time.sleep(_LOOK_S)
        held = _free_slot(folder, spec.slots)
    if held is None:
        yield False
        return
    requests.slot = held
    try:
        yield not requests.stop_reason()  # whoever held the slot may have been asked to stop too
    finally:
        held.release()


def _free_slot(folder: Path, count: int) -> Claim | None:
    # others may allow more at a time: what runs counts, whatever its number
    if sum(living_claim(path) is not None for path in folder.glob("slot-*.json")) >= count:
        return None
    for number in range(1, count + 1):
        claim, _ = take_claim(folder / f"slot-{number}.json")
        if is_mine(claim):
            return claim
    return None


if __name__ == "__main__":
    sys.exit(main())
