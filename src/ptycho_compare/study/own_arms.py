"""Arms that a hook of the user's own added to a study: ``arms.toml`` of the hub; every command reads it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from ptycho_compare.errors import StudyError
from ptycho_compare.hub import Hub
from ptycho_compare.storage.files import write_text_atomic
from ptycho_compare.study.collisions import first_collision
from ptycho_compare.study.comparing import ArmName, ArmOfStudy, Section
from ptycho_compare.study.study import Study
from ptycho_compare.study.toml_problems import first_problem
from ptycho_compare.untrusted.regular import load_toml, read_text

_MAX_BYTES = 1 << 20
_HEAD = (
    "# Arms that the hook pytest_ptycho_arms added to the study's; remove a section to be rid of its arm.\n"
)


class OwnArms(Section):
    """Contents of ``arms.toml``."""

    arms: dict[ArmName, ArmOfStudy] = Field(default={})


def arms_of(hub: Hub, study: Study) -> dict[str, ArmOfStudy]:
    """Return the arms of a study, then those that were added in this hub.

    Raises
    ------
    StudyError
        ``arms.toml`` holds no arms, or one whose name or files are another's.
    """
    path = hub.own_arms()
    return {**study.arms, **_parsed(_text(path), path, study)} if path.is_file() else dict(study.arms)


def write_own_arms(hub: Hub, study: Study, added: Sequence[object]) -> None:
    """Add arms to ``arms.toml``, or replace those of the same names.

    Parameters
    ----------
    added : sequence of mapping
        What each hook returned: by name, what ``[arms.NAME]`` would say.

    Raises
    ------
    StudyError
        As `arms_of` does, or a hook returned something else.
    """
    path = hub.own_arms()
    text = _text(path) if path.is_file() else ""
    held = {name: arm.model_dump(exclude_defaults=True) for name, arm in _parsed(text, path, study).items()}
    for arms in added:
        held |= {str(name): _named(name, how) for name, how in _items(arms)}
    sections = (_section(name, how) for name, how in held.items())
    wanted = "\n".join([_HEAD, *sections])
    _parsed(wanted, path, study)
    if wanted != text:
        write_text_atomic(path, wanted)


def _items(arms: object) -> Iterable[tuple[object, object]]:
    """Take what a hook returned, whatever that is."""
    if not isinstance(arms, Mapping):
        raise StudyError(f"pytest_ptycho_arms returned {arms!r:.80}; needed: a mapping, by the arms' names")
    return arms.items()


def _named(name: object, how: object) -> dict[str, Any]:
    if not isinstance(how, Mapping):
        raise StudyError(f"arm {name}: is {how!r:.80}; needed: what [arms.{name}] would say, as a mapping")
    return {str(key): value for key, value in how.items()}


def _section(name: str, how: Mapping[str, Any]) -> str:
    lines = (f"{json.dumps(key)} = {json.dumps(value, default=str)}" for key, value in how.items())
    return "\n".join([f"[arms.{json.dumps(name)}]", *lines, ""])


def _text(path: Path) -> str:
    try:
        return read_text(path, max_bytes=_MAX_BYTES)
    except (OSError, ValueError) as error:
        raise StudyError(f"{path}: cannot be read ({error})") from None


def _parsed(text: str, path: Path, study: Study) -> dict[str, ArmOfStudy]:
    try:
        own = OwnArms.model_validate(load_toml(text)).arms
    except ValidationError as error:
        raise StudyError(first_problem(path, text, error, OwnArms)) from None
    except ValueError as error:
        raise StudyError(f"{path}: {error}") from None
    if twice := own.keys() & study.arms.keys():
        raise StudyError(f"{path}: {min(twice)} is an arm of the study already; call one otherwise")
    if why := first_collision(study.views, study.splits, study.tiers, {**study.arms, **own}, study.factors):
        raise StudyError(f"{path}: {why}")
    return own
