"""The hub before a run: empty, gone on with, or archived whole."""

from __future__ import annotations

from pathlib import Path

from ptycho_compare.errors import HubError
from ptycho_compare.hub import Hub, JobFiles
from ptycho_compare.jobs import read_claim

_PHASES = "CDEF"
_DERIVED = ("analysis", "cli", "jobs")


def clobber(hub: Hub, archive: Path, *, given: frozenset[str]) -> list[Path]:
    """Move all that a run makes into an archive, together, so that the run begins from nothing.

    Parameters
    ----------
    hub : Hub
    archive : Path
        A folder that does not exist yet; what is moved keeps its path below the hub.
    given : frozenset of str
        Phases whose files come from elsewhere; they stay.

    Returns
    -------
    list of Path
        What was moved. Nothing is deleted: ``green/``, ``red/`` and all else in the hub stay.

    Raises
    ------
    HubError
        A job is at work in the hub.
    """
    for files in hub.jobs():
        _require_idle(files)
    phases = [hub.root / "data" / f"phase_{phase.lower()}" for phase in _PHASES if phase not in given]
    there = [path for path in (*phases, *(hub.root / name for name in _DERIVED)) if path.exists()]
    for path in there:
        place = archive / hub.relative(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        path.rename(place)
    return there


def _require_idle(files: JobFiles) -> None:
    claim = read_claim(files.claim)
    if claim is not None and claim.alive:
        raise HubError(
            f"{files.folder}: a process on {claim.holder.host_name} (pid {claim.holder.pid}) works at it; "
            "stop it (ptycho-hub stop) before --clobber"
        )
