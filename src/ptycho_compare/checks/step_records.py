"""The records of steps: against what the steps left, the study, and the records of their jobs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from ptycho_compare.checks.job_records import judge_step_job
from ptycho_compare.errors import JobError
from ptycho_compare.finding import Finding
from ptycho_compare.hub import Hub, StepFiles
from ptycho_compare.hub.moments import UTC_SECONDS
from ptycho_compare.jobs.record import read_done
from ptycho_compare.records.step_record import StepRecord, read_step_record
from ptycho_compare.storage.files import digest_of, plain_json
from ptycho_compare.storage.fingerprint import Fingerprint
from ptycho_compare.study import Study
from ptycho_compare.study.step import MakingStep

_AGAIN = "run the pipeline again"


def judge_step(step: MakingStep, study: Study | None) -> Iterator[Finding]:
    """Compare a step's record with its files and the study; nothing is said where it left none.

    Of files that were brought from elsewhere, nobody here knows what they rest on.
    """
    record = read_step_record(step.records.record)
    if record is None:
        return  # whether it is damaged, is said of all steps alike
    yield from _of_outputs(step, record)
    if study is not None and record.status == "made":
        yield from _of_study(step, study, record)


def judge_step_records(hub: Hub) -> Iterator[Finding]:
    """Judge the records of all steps: each can be read, is of its step, and of what its job tells of."""
    for folder in sorted(hub.step("").folder.glob("*")):
        files = StepFiles(folder)
        if not (files.record.exists() or files.record.is_symlink()):
            continue
        record = read_step_record(files.record)
        if record is None:
            yield Finding("changed", f"{files.record}: is no record of a finished step; {_AGAIN}")
            continue
        if record.id != folder.name:
            yield Finding("changed", f"{files.record}: is the record of {record.id}; {_AGAIN}")
        if not re.match(UTC_SECONDS, record.ended):
            yield Finding(
                "changed", f"{files.record}: ended is {record.ended!r:.40}, which is no UTC time; {_AGAIN}"
            )
        yield from judge_step_job(files.job, files.record, record.attempts)
        yield from _of_cost(files, record)


def made_here(step: MakingStep) -> bool:
    """True when a command of ours made what a step left, and so has listed it too."""
    record = read_step_record(step.records.record)
    return record is not None and record.by_our_command


def _of_outputs(step: MakingStep, record: StepRecord) -> Iterator[Finding]:
    hub, path = step.hub, step.records.record
    for name, (sha256, size) in record.outputs.items():
        file = hub.root / name
        if not file.is_file():
            text = f"is not there, and {hub.relative(path)} lists it; make it again"
            yield Finding("missing", f"{file}: {text}")
        elif (found := digest_of(file)) != sha256 or file.stat().st_size != size:
            yield Finding(
                "changed",
                f"{file}: is {file.stat().st_size} bytes {found[:9]}, and {hub.relative(path)} says "
                f"{size} bytes {sha256[:9]}; make it again",
            )


def _of_study(step: MakingStep, study: Study, record: StepRecord) -> Iterator[Finding]:
    """The step rests on the study's settings, and on the inputs that are there."""
    path, hub, held = step.records.record, step.hub, record.fingerprint.as_one()
    own = getattr(study.commands, f"phase_{step.phase.lower()}") is not None
    settings = {name: value for name, value in held.settings.items() if name != "command"}
    wanted = json.loads(json.dumps({**step.settings(study), "given": False}, default=plain_json))
    inputs = {}
    for file in step.inputs(study):
        name = hub.relative(file)
        # what is not there is said where it belongs
        inputs[name] = digest_of(file) if file.is_file() else held.inputs.get(name, "")
    was = Fingerprint(held.inputs, settings, "", {})
    for difference in was.differences(Fingerprint(inputs, wanted, "", {})):
        yield Finding("stale", f"{path}: {difference}; {_AGAIN}")
    if own != ("command" in held.settings):
        whose = "a command of the study" if own else "our own command"
        yield Finding("stale", f"{path}: the step is {whose}, and another made it; {_AGAIN}")


def _of_cost(files: StepFiles, record: StepRecord) -> Iterator[Finding]:
    """What a step took is what its job says, where no attempt came after it."""
    try:
        done = read_done(files.job)
    except JobError:
        return  # said already
    last = record.attempts[-1].get("attempt") if record.attempts else None
    if done is None or done.attempt != last:
        return
    told = {"seconds": round(done.seconds, 3), "cpu_s": round(done.cpu_s, 3), "peak_bytes": done.peak_bytes}
    for name, expected in told.items():
        if (found := getattr(record, name)) != expected:
            text = f"{name} is {found}, and {files.job.done.name} says {expected}"
            yield Finding("changed", f"{files.record}: {text}; {_AGAIN}")
