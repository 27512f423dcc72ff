"""Arms that a hook of the user's own added to a study: ``arms.toml`` of the hub; every command reads it."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping, Sequence
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
from ptycho_compare.untrusted.regular import read_text

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


def write_own_arms(hub: Hub, study: Study, added: Sequence[Mapping[str, Mapping[str, Any]]]) -> None:
    """Add arms to ``arms.toml``, or replace those of the same names; raises as `arms_of` does."""
    path = hub.own_arms()
    text = _text(path) if path.is_file() else ""
    held = {name: arm.model_dump(exclude_defaults=True) for name, arm in _parsed(text, path, study).items()}
    for arms in added:
        held |= {name: dict(how) for name, how in arms.items()}
    sections = (_section(name, how) for name, how in held.items())
    wanted = "\n".join([_HEAD, *sections])
    _parsed(wanted, path, study)
    if wanted != text:
        write_text_atomic(path, wanted)


def _section(name: str, how: Mapping[str, Any]) -> str:
    lines = (
        f"{key} = {json.dumps(os.fspath(value) if isinstance(value, os.PathLike) else value)}"
        for key, value in how.items()
    )
    return "\n".join([f"[arms.{json.dumps(name)}]", *lines, ""])


def _text(path: Path) -> str:
    try:
        return read_text(path, max_bytes=_MAX_BYTES)
    except (OSError, ValueError) as error:
        raise StudyError(f"{path}: cannot be read ({error})") from None


def _parsed(text: str, path: Path, study: Study) -> dict[str, ArmOfStudy]:
    try:
        own = OwnArms.model_validate(tomllib.loads(text)).arms
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise StudyError(f"{path}: is not TOML: {error}") from None
    except ValidationError as error:
        raise StudyError(first_problem(path, text, error, OwnArms)) from None
    if twice := own.keys() & study.arms.keys():
        raise StudyError(f"{path}: {min(twice)} is an arm of the study already; call one otherwise")
    if why := first_collision(study.views, study.splits, study.tiers, {**study.arms, **own}):
        raise StudyError(f"{path}: {why}")
    return own
