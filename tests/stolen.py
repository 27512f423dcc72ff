"""A place that another machine's process takes over while one works in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TypeVar

from ptycho_compare.hub import JobFiles
from ptycho_compare.jobs.identity import ProcessIdentity
from ptycho_compare.storage.files import write_json_atomic

Result = TypeVar("Result")


def steal(files: JobFiles) -> None:
    """Take the place of a job, as is done once its holder was stopped for a lease."""
    holder = replace(ProcessIdentity.mine(), host="elsewhere/pid:[1]", boot="theirs")
    write_json_atomic(files.claim, {"holder": asdict(holder), "token": "theirs", "lease_s": 60.0})


def stealing(files: JobFiles, function: Callable[..., Result]) -> Callable[..., Result]:
    """Return a function during which the place is lost."""

    def called(*values: object, **more: object) -> Result:
        steal(files)
        return function(*values, **more)

    return called


def made_below(folder: Path) -> list[str]:
    """Name the files in a hub but the records of jobs."""
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and "jobs" not in path.relative_to(folder).parts
    )
