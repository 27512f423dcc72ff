"""A process and all it started, ended together.

Descendants are found by their parents and, since an orphan has lost its own, by the token
that every process of a job inherits in its environment.
"""

from __future__ import annotations

from collections.abc import Iterable

import psutil

TOKEN_VARIABLE = "PTYCHO_JOB_TOKEN"  # noqa: S105 (names a job, protects nothing)


def members(token: str, *, root: int | None = None) -> list[psutil.Process]:
    """Find every process of a job but this one.

    Parameters
    ----------
    token : str
        The job's.
    root : int or None
        A pid whose descendants belong to it whatever their environment.
    """
    found = {process.pid: process for process in descendants(root)}
    for process in psutil.process_iter():
        if process.pid not in found and _token_of(process) == token:
            found[process.pid] = process
    found.pop(psutil.Process().pid, None)
    return list(found.values())


def end(token: str, *, root: int | None = None, grace_s: float) -> int:
    """End every process of a job but this one: asked first, killed after a grace.

    Returns
    -------
    int
        How many there were.
    """
    first = members(token, root=root)
    _signal(first, kill=False)
    _, alive = psutil.wait_procs(first, timeout=grace_s)
    _signal(alive, kill=True)
    # some were started meanwhile, or had hidden behind a parent that was asked first
    late = members(token, root=root)
    _signal(late, kill=True)
    psutil.wait_procs([*alive, *late], timeout=grace_s)
    return len({process.pid for process in (*first, *late)})


def descendants(root: int | None) -> list[psutil.Process]:
    """A process and all that it started, as far as their parents live."""
    if root is None:
        return []
    try:
        process = psutil.Process(root)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _token_of(process: psutil.Process) -> str | None:
    try:
        return process.environ().get(TOKEN_VARIABLE)
    except (psutil.Error, OSError):
        return None  # another user's, or gone


def _signal(processes: Iterable[psutil.Process], *, kill: bool) -> None:
    for process in processes:
        try:
            process.kill() if kill else process.terminate()
        except psutil.NoSuchProcess:
            continue
