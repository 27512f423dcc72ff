"""Whether what a step of the pipeline left is still as its record says."""

from __future__ import annotations

from collections.abc import Iterator

from ptycho_compare.checks.finding import Finding
from ptycho_compare.files import digest_of
from ptycho_compare.hub import Hub
from ptycho_compare.reporting.step_record import read_step_record


def judge_step(hub: Hub, step_id: str) -> Iterator[Finding]:
    """Compare the files of a step with its record; nothing is said where it left none."""
    path = hub.step(step_id).record
    record = read_step_record(path)
    if record is None:
        if path.is_file():
            yield Finding("changed", f"{path}: is no record of a finished step; run the pipeline again")
        return
    if record.id != step_id:
        yield Finding("changed", f"{path}: is the record of {record.id}; run the pipeline again")
    for name, (sha256, size) in record.outputs.items():
        file = hub.root / name
        if not file.is_file():
            yield Finding(
                "missing", f"{file}: is not there, and {hub.relative(path)} lists it; make it again"
            )
        elif (found := digest_of(file)) != sha256 or file.stat().st_size != size:
            yield Finding(
                "changed",
                f"{file}: is {file.stat().st_size} bytes {found[:9]}, and {hub.relative(path)} says "
                f"{size} bytes {sha256[:9]}; make it again",
            )


def made_here(hub: Hub, step_id: str) -> bool:
    """Whether a command of ours made what a step left, and so has listed it too."""
    record = read_step_record(hub.step(step_id).record)
    return record is not None and record.by_our_command
