"""Processes of jobs that nobody keeps any more: they take memory and cores, and may still write."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import psutil

from ptycho_compare.clock import Moment
from ptycho_compare.errors import JobError
from ptycho_compare.finding import Finding
from ptycho_compare.hub import Hub, JobFiles
from ptycho_compare.jobs.claim import place_of, read_claim
from ptycho_compare.jobs.identity import ProcessIdentity
from ptycho_compare.jobs.record import LaunchRecord, moment_of, read_done, read_launch
from ptycho_compare.jobs.tree import TOKEN_VARIABLE
from ptycho_compare.untrusted.regular import MAX_TEXT_BYTES, open_regular

_KEEPER = "ptycho_compare.jobs.supervisor"
_CLOCK_S = 2.0
_PARTING_S = 0.5
"""A supervisor gives its claim back a moment before it ends."""


def orphans(hub: Hub) -> list[Finding]:
    """Find processes on this machine whose job is held by nobody, or by another attempt.

    A command and all that it started carry the token of their attempt, which no other process ever has; a
    supervisor is known by its pid, and by having started before its launch was recorded, which no later
    process with that pid has, after a boot or before.

    Findings are of kind "orphan", one per job, with the pids; "changed" for records that cannot be read.
    """
    found = list(_found(hub))
    if any(finding.kind == "orphan" for finding in found):
        time.sleep(_PARTING_S)
        found = list(_found(hub))
    return found


def _found(hub: Hub) -> Iterator[Finding]:
    by_token = _by_token()
    for files in hub.jobs():
        try:
            # in this order: what has ended since it was seen running holds no claim by now, and is gone
            finding = _of_job(hub, files, by_token)
        except JobError as error:
            finding = Finding("changed", str(error))
        except OSError as error:
            finding = Finding("changed", f"{error.filename or files.folder}: {error.strerror}")
        except (TypeError, ValueError) as error:  # it has all names, and its pid, token or time is none
            finding = Finding("changed", f"{files.launch}: is no LaunchRecord ({error}); move it away")
        if finding is not None:
            yield finding


def _of_job(hub: Hub, files: JobFiles, by_token: Mapping[str, Sequence[psutil.Process]]) -> Finding | None:
    launch, claim = read_launch(files), read_claim(files.claim)
    read_done(files)
    if files.states.exists() or files.states.is_symlink():
        open_regular(files.states, max_bytes=MAX_TEXT_BYTES).close()
    if launch is None or (claim is not None and claim.alive and claim.token == launch.token):
        return None
    if launch.place not in ("", place_of(files.folder)):
        return None  # of the hub that this one is a copy of, whose jobs are its own
    alive = sorted({process.pid for process in (*by_token.get(launch.token, ()), *_supervisor(launch))})
    if not alive:
        return None
    why = "nobody holds its claim" if claim is None or not claim.alive else "another attempt holds its claim"
    if read_done(files) is not None:
        why = "it has ended"
    pids = " ".join(map(str, alive))
    text = f"{hub.relative(files.folder)}: attempt {launch.attempt} still runs on {launch.host}, and {why}"
    return Finding("orphan", f"{text}; end what is left: kill {pids}")


def _supervisor(launch: LaunchRecord) -> Iterator[psutil.Process]:
    """Yield the supervisor of an attempt, if it still runs here."""
    if launch.host != ProcessIdentity.mine().host_name:
        return
    try:
        process = psutil.Process(launch.pid)
        if _KEEPER not in process.cmdline() or process.status() == psutil.STATUS_ZOMBIE:
            return
        # both as ages: when a clock is set, what it says of processes that run moves with it
        now = Moment.ago()
        age_s = now.utc_s - process.create_time()
        if age_s >= now.since(moment_of(launch)) - _CLOCK_S:
            yield process
    except psutil.Error:
        return  # gone, or another user's


def _by_token() -> dict[str, list[psutil.Process]]:
    """Sort this machine's processes by the attempt they belong to; one look at each."""
    found = defaultdict(list)
    for process in psutil.process_iter(["environ", "status"]):
        token = (process.info["environ"] or {}).get(TOKEN_VARIABLE)
        if token and process.info["status"] != psutil.STATUS_ZOMBIE:
            found[token].append(process)
    return dict(found)
