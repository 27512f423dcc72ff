"""Adopted evidence: its record is of just this evidence, and the job that took it over tells of it.

What is computed elsewhere may be of other code and libraries. That is allowed for what was verified here
and for nothing else, so a file of that name is not enough.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ptycho_compare.errors import InputError
from ptycho_compare.finding import Finding
from ptycho_compare.hub import Artifacts
from ptycho_compare.jobs.states import read_states
from ptycho_compare.records.adoption import read_adoption
from ptycho_compare.records.manifest import Manifest
from ptycho_compare.storage.files import digest_of

_AGAIN = "adopt the results again, or compute them here"
_MADE = ("command", "started", "finished", "attempts", "versions", "code")


def is_adopted(folder: Path, manifest: Manifest) -> bool:
    """True for evidence that was computed elsewhere and verified here."""
    return Artifacts(folder).adoption.exists() and not list(judge_adoption(folder, manifest))


def judge_adoption(folder: Path, manifest: Manifest) -> Iterator[Finding]:
    """Judge the record of an adoption, where there is one.

    It tells of this manifest, of windows that were computed again, and the job's log of states has its
    digest; in logs of versions that kept none, its source.
    """
    names = Artifacts(folder)
    path = names.adoption
    if not (path.exists() or path.is_symlink()):
        return
    try:
        record = read_adoption(path)
        told = [event for event in read_states(names.job.states) if event["state"] == "adopted"]
    except InputError as error:
        yield Finding("changed", f"{error}; {_AGAIN}")
        return
    for name in _MADE:
        if record.made.get(name) != getattr(manifest, name):
            yield Finding("changed", f"{path}: made.{name} is not that of {names.manifest.name}; {_AGAIN}")
    if not any(_is_of(event, path) for event in told):
        yield Finding("changed", f"{path}: {names.job.states} tells of no such adoption; {_AGAIN}")


def _is_of(event: dict[str, Any], path: Path) -> bool:
    if "record_sha256" not in event:
        return bool(event.get("source"))  # up to 0.1
    return bool(event["record_sha256"] == digest_of(path))
