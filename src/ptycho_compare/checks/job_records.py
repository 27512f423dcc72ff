"""The records of a job against each other and against what it left: launch, completion, log of states."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

from ptycho_compare.errors import JobError
from ptycho_compare.finding import Finding
from ptycho_compare.hub import Artifacts, JobFiles
from ptycho_compare.jobs.progress import JobProgress, progress_of, told_of_attempts
from ptycho_compare.jobs.record import DoneRecord, LaunchRecord, read_done, read_launch
from ptycho_compare.jobs.states import read_states
from ptycho_compare.records.manifest import LOGGED_SINCE, MANIFEST_DIGEST, Manifest
from ptycho_compare.sigterm import EXIT_STOPPED
from ptycho_compare.storage.files import digest_of

_AGAIN = "move the records of the job away, and make it again"
_SAME_IN_LAUNCH = ("attempt", "host", "pid")
_SAME_IN_DONE = ("attempt", "returncode", "seconds", "cpu_s", "peak_bytes")
_SAME_IN_BOTH = ("command", "started", "host", "log", "kind")


@dataclass(frozen=True)
class _Told:
    """What the records of a job say; `at_rest` once whoever worked at it gave its claim back."""

    files: JobFiles
    at_rest: bool
    launch: LaunchRecord | None
    done: DoneRecord | None
    events: Sequence[dict[str, Any]]

    @classmethod
    def of(cls, files: JobFiles) -> _Told:
        """Read them in this order: what is at rest is complete."""
        at_rest = not (files.claim.exists() or files.claim.is_symlink())
        launch, done = read_launch(files), read_done(files)
        return cls(files, at_rest, launch, done, list(read_states(files.states)))

    @property
    def progress(self) -> JobProgress:
        return progress_of(self.events)


def judge_job_of(folder: Path, manifest: Manifest) -> Iterator[Finding]:
    """Judge the records of the job that left a comparison's evidence.

    The manifest is the one that was logged last, its attempts are those of the log, and launch, completion
    and log tell of the same end. Evidence of before `LOGGED_SINCE` is asked for none of it, unless its log
    has a manifest's digest.
    """
    names = Artifacts(folder)
    try:
        told = _Told.of(names.job)
        logged = [event for event in told.events if MANIFEST_DIGEST in event]
        if manifest.schema_version < LOGGED_SINCE and not logged:
            return
        yield from _of_manifest(names, logged)
        if manifest.schema_version >= LOGGED_SINCE:
            yield from _agree(told)
            if logged and "source" not in logged[-1]:  # what is adopted was attempted elsewhere
                yield from judge_attempts(names.manifest, manifest.attempts, told.progress)
                yield from _of_end(names, manifest, told.events)
    except JobError as error:
        yield Finding("changed", str(error))


def judge_step_job(files: JobFiles, record: Path, attempts: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """Judge the records of the job that a step's record tells of; nothing is said where it left none."""
    try:
        told = _Told.of(files)
        if told.launch is not None or told.events or attempts:
            yield from _agree(told)
            yield from judge_attempts(record, attempts, told.progress)
    except JobError as error:
        yield Finding("changed", str(error))


def judge_attempts(
    path: Path, attempts: Sequence[Mapping[str, Any]], progress: JobProgress
) -> Iterator[Finding]:
    """Compare the attempts that a record tells of with those of the log, which may have had more since."""
    found = told_of_attempts(progress)[: len(attempts)]
    if list(attempts) != found:
        said = next((each for each in attempts if each not in found), len(attempts))
        yield Finding("changed", f"{path}: attempts: the job's log of states tells of no {said}; {_AGAIN}")


def _of_manifest(names: Artifacts, logged: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    if not logged:
        text = f"{names.job.states} tells of no manifest that was written; run the comparison again"
        yield Finding("missing" if not names.job.states.exists() else "changed", f"{names.manifest}: {text}")
    elif logged[-1][MANIFEST_DIGEST] != (found := digest_of(names.manifest)):
        expected = str(logged[-1][MANIFEST_DIGEST])
        said = f"is {found[:9]}, and {names.job.states.name} says that {expected[:9]} was written"
        yield Finding("changed", f"{names.manifest}: {said}; run the comparison again")


def _of_end(names: Artifacts, manifest: Manifest, events: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """The attempt that wrote the manifest ended as its arms did; one that was killed then says nothing."""
    last = max(place for place, event in enumerate(events) if MANIFEST_DIGEST in event)
    after = takewhile(lambda event: event["state"] != "launched", events[last:])
    ended = next((event for event in after if event["state"] == "ended"), {})
    code, whole = ended.get("returncode", 0), all(arm.status == "ok" for arm in manifest.arms.values())
    if code in (0, EXIT_STOPPED) or not isinstance(code, int) or code < 0 or (code == 1 and not whole):
        return
    text = (
        f"tells of exit status {code} of the attempt that wrote {names.manifest.name}, whose arms are all ok"
    )
    yield Finding("failed", f"{names.job.states}: {text}; run the comparison again")


def _agree(told: _Told) -> Iterator[Finding]:
    files, attempts = told.files, told.progress.attempts
    numbers = [each.launched["attempt"] for each in attempts]
    if not numbers or numbers != list(range(1, len(numbers) + 1)):
        text = f"tells of attempts {', '.join(map(str, numbers)) or 'none'}, not of all from 1 on"
        yield Finding("changed", f"{files.states}: {text}; {_AGAIN}")
    elif told.at_rest:  # of a job at work, or one that was killed, some are of the attempt before
        supervised = [each for each in attempts if "by_hand" not in each.launched]
        launched = supervised[-1].launched if supervised else None
        yield from _pair(files.launch, told.launch, launched, _SAME_IN_LAUNCH, files.states)
        ended = attempts[-1].ended if supervised[-1:] == attempts[-1:] else None
        yield from _pair(files.done, told.done, ended, _SAME_IN_DONE, files.states)
        if told.done is not None and told.launch is not None:
            yield from _pair(files.done, told.done, vars(told.launch), _SAME_IN_BOTH, files.launch)


def _pair(
    path: Path,
    record: LaunchRecord | DoneRecord | None,
    told: Mapping[str, Any] | None,
    keys: Sequence[str],
    by: Path,
) -> Iterator[Finding]:
    """Compare a record with what another tells of the same attempt."""
    if record is not None and told is not None:
        for key in keys:
            if getattr(record, key) != told.get(key):
                text = f"{key} is {getattr(record, key)!r:.80}, and {by.name} says {told.get(key)!r:.80}"
                yield Finding("changed", f"{path}: {text}; {_AGAIN}")
    elif record is not None or told is not None or path.exists():
        said = "tells of an attempt" if told is None else f"is not of attempt {told.get('attempt')}"
        other = f"{by.name} does not" if told is None else f"{by.name} tells of its end"
        what = f"{said}, and {other}" if path.exists() else f"is not there, and {by.name} tells of an attempt"
        yield Finding("changed" if path.exists() else "missing", f"{path}: {what}; {_AGAIN}")
