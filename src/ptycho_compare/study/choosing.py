"""Which study a hub is judged by: one that was named, its own, or one that lies where people work."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ptycho_compare.errors import StudyError
from ptycho_compare.hub import STUDY_FILE, Hub
from ptycho_compare.study.study import Study

WORKPLACE = (Path("acceptance") / STUDY_FILE, Path(STUDY_FILE))
"""Where a study lies beside the tests, seen from the folder in which people start them."""


def choose_study(hub: Hub | None, named: Path | None, beside: Sequence[Path]) -> Path:
    """Choose the study file: the one named, the hub's own, or the first that lies at one of the places.

    Where there is none the last place is returned.
    """
    if named is not None:
        return named
    places = [*beside] if hub is None else [hub.study(), *beside]
    return next((place for place in places if place.is_file()), places[-1])


def require_about(hub: Hub, study: Study, file: Path) -> None:
    """See that a study is about a hub.

    Raises
    ------
    StudyError
        Data lie there, and none of them is of a dose of the study.
    """
    there = hub.doses()
    if there and not set(there) & set(study.doses):
        raise StudyError(
            f"{file}: the study {doses_of(hub, study)}, so {hub.root} is not judged by it; name its study, "
            f"or write {hub.study()}, as ptycho-hub init does"
        )


def require_commands_allowed(hub: Hub, study: Study, file: Path, *, allowed: bool) -> None:
    """See that commands which came with a hub run only where the user said so.

    A study outside the hub was named by the user, or lies where they work: its commands are theirs.

    Raises
    ------
    StudyError
        The study lies in the hub, has commands of its own, and nobody allowed them.
    """
    phases = [phase for phase, words in study.commands if words]
    if phases and not allowed and file.resolve().is_relative_to(hub.root.resolve()):
        raise StudyError(
            f"{file}: [commands] {', '.join(phases)}: is code that came with the hub; read it, then add "
            "--allow-commands, or name a study outside the hub by --study"
        )


def doses_of(hub: Hub, study: Study) -> str:
    """Say which doses a study asks for, and which lie in a hub."""
    asked, there = (", ".join(map(str, sorted(doses))) for doses in (study.doses, hub.doses()))
    return f"asks for dose {asked}, and the hub holds {f'dose {there}' if there else 'no data'}"
