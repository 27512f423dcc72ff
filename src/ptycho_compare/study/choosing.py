"""Which study a hub is judged by: one that was named, its own, or one that lies where people work."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from ptycho_compare.errors import StudyError
from ptycho_compare.hub import STUDY_FILE, Hub
from ptycho_compare.names import SUITE
from ptycho_compare.study.study import Study, load_study

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


def study_of(hub: Hub, named: Path | None, *, new: bool = False) -> tuple[Study, Path]:
    """Read the study of a hub, and say which file it is, where commands are typed and hubs are opened.

    Parameters
    ----------
    named : Path or None
        The file that the user named.
    new : bool
        Whether the hub may be one that does not hold anything of the study yet.

    Raises
    ------
    StudyError
        There is no study, or it is about another hub.
    """
    file = _chosen(hub, named)
    study = load_study(file)
    if not _was_meant(hub, named, study, file):
        missing = (
            f"{hub.study()}: there is no such file; name the study that holds here by --study FILE, "
            "or have ptycho-hub init write it"
        )
        raise StudyError(f"{missing} ({file} {doses_of(hub, study)})")
    if not new:
        require_about(hub, study, file)
    return study, file


def study_if_any(hub: Hub, named: Path | None) -> tuple[Study | None, Path]:
    """Read the study of a hub as `study_of` does; None where none was named and none is about the hub."""
    file = _chosen(hub, named)
    study = load_study(file)
    if not _was_meant(hub, named, study, file):
        return None, file
    require_about(hub, study, file)
    return study, file


def _chosen(hub: Hub, named: Path | None) -> Path:
    """Choose the study file as pytest does, whose last one lies beside the acceptance suite."""
    if named is not None and not named.is_file():
        raise StudyError(f"--study {named}: cannot be read: there is no such file")
    shipped = Path(str(files(SUITE) / STUDY_FILE))
    return choose_study(hub, named, (*WORKPLACE, shipped)).resolve()


def _was_meant(hub: Hub, named: Path | None, study: Study, file: Path) -> bool:
    """Say if a study was named, is the hub's own, or is about data that lie there."""
    return named is not None or file == hub.study() or bool(set(study.doses) & set(hub.doses()))


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
