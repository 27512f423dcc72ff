"""What is wrong with a toml, as one line: the file, the line, the key and what was perhaps meant."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ptycho_compare.errors import and_more, did_you_mean


def first_problem(label: Path | str, text: str, error: ValidationError, whole: type[BaseModel]) -> str:
    """Tell one mistake, all keys that are missing as one, and how many there are besides.

    A key that is unknown comes first: what it was meant for is missing because of it.

    Parameters
    ----------
    label : Path or str
        The file.
    text : str
        What it holds; empty where values come from elsewhere, which have no lines.
    whole : type
        The model that it was read as.
    """
    problems = sorted(error.errors(), key=lambda problem: problem["type"] != "extra_forbidden")
    first = problems[0]
    if first["type"] == "missing":
        keys = [".".join(map(str, each["loc"])) for each in problems if each["type"] == "missing"]
        others = [each for each in problems if each["type"] != "missing"]
        return f"{label}: {', '.join(map(repr, keys))}: {first['msg']}{and_more([first, *others])}"
    keys = [str(part) for part in first["loc"]]
    where = f"line {_line_of(text, keys)}: " if keys and text else ""
    name = f"'{'.'.join(keys)}': " if keys else ""
    # what is wrong between sections is said by the message alone
    found = f", found {first['input']!r:.200}{_nearest(first, whole)}" if keys else ""
    return f"{label}: {where}{name}{first['msg']}{found}{and_more(problems)}"


def _nearest(problem: ErrorDetails, whole: type[BaseModel]) -> str:
    """Ask for the word that was perhaps meant: another key of the section, or another of the values."""
    if problem["type"] == "extra_forbidden":
        *section, key = problem["loc"]
        return did_you_mean(str(key), _keys_of(section, whole))
    if problem["type"] == "literal_error" and isinstance(problem["input"], str):
        return did_you_mean(problem["input"], re.findall(r"'([^']+)'", problem["ctx"]["expected"]))
    return ""


def _keys_of(section: Sequence[int | str], whole: type[BaseModel]) -> tuple[str, ...]:
    """Return the keys that a section of the file may hold."""
    kind: Any = whole
    for part in section:
        kind = get_args(kind)[1] if get_origin(kind) is dict else kind.model_fields[part].annotation
    return tuple(kind.model_fields)


def _line_of(text: str, keys: list[str]) -> int:
    """Line on which the deepest key that stands in the file is written, from 1."""
    section: list[str] = []
    best, depth = 1, 0
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.split("#", 1)[0].strip()
        if stripped.startswith("[") and stripped.endswith("]"):
            section = [part.strip() for part in stripped.strip("[]").split(".")]
            here = section
        elif "=" in stripped:
            here = [*section, stripped.split("=", 1)[0].strip().strip("\"'")]
        else:
            continue
        if here == keys[: len(here)] and len(here) > depth:
            best, depth = number, len(here)
    return best
