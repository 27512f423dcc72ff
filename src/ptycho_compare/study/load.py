"""Read a study file; a mistake in it is one line that names file, line, key and what was found."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import ValidationError

from ptycho_compare.errors import StudyError
from ptycho_compare.study.study import Study


def load_study(path: Path) -> Study:
    """Read and check a study file.

    Raises
    ------
    StudyError
        Missing, no TOML, or a key is unknown, missing or out of range; the one line names
        the file, the line, the key and what was found.
    """
    try:
        text = path.read_text(encoding="utf-8")
        return Study.model_validate(tomllib.loads(text))
    except OSError as error:
        raise StudyError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise StudyError(f"{path}: is not UTF-8 text (byte {error.start})") from None
    except tomllib.TOMLDecodeError as error:
        raise StudyError(f"{path}: is not TOML: {error}") from None
    except ValidationError as error:
        raise StudyError(_first_problem(path, text, error)) from None


def _first_problem(path: Path, text: str, error: ValidationError) -> str:
    problems = error.errors()
    first = problems[0]
    keys = [str(part) for part in first["loc"]]
    found = "" if first["type"] == "missing" else f", found {first['input']!r}"
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    where = f"line {_line_of(text, keys)}: " if keys else ""
    name = f"'{'.'.join(keys)}': " if keys else ""
    return f"{path}: {where}{name}{first['msg']}{found}{more}"


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
