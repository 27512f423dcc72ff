"""Records of a hub: JSON written whole, and read back; one line says what is missing or damaged."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from ptycho_compare.errors import MissingReportError, ReportError
from ptycho_compare.storage.files import json_text, plain_values, write_text_atomic
from ptycho_compare.untrusted import regular

Model = TypeVar("Model", bound=BaseModel)


class Record(BaseModel):
    """Base of what stands in a JSON file of a hub."""

    model_config = ConfigDict(frozen=True)

    def write(self, path: Path) -> None:
        """Write it as JSON; equal records give equal bytes, and names that are no text stand with marks."""
        write_text_atomic(path, self.text())

    def text(self) -> str:
        """Return what `write` writes."""
        return json_text(plain_values(self.model_dump(mode="json")))


def read_text(path: Path, *, made_by: str) -> str:
    """Read a text; `made_by` is the command that writes it, for the message.

    Raises
    ------
    MissingReportError
        There is no such file.
    ReportError
        It is no regular file of bounded size, or no UTF-8.
    """
    try:
        return regular.read_text(path)
    except FileNotFoundError:
        raise MissingReportError(f"{path}: not found; {made_by} writes it") from None
    except (OSError, ValueError) as error:
        why = regular.why_unreadable(error)
        raise ReportError(f"{path}: cannot be read ({why}); {made_by} writes it anew") from None


def unknown_key(held: Any, record: Any, place: str = "") -> str | None:
    """Return the first key of JSON that is not in what its record says again; None where all are."""
    pairs: Iterable[tuple[Any, Any, Any]] = ()
    if isinstance(held, dict) and isinstance(record, dict):
        unknown = next((key for key in held if key not in record), None)
        if unknown is not None:
            return f"{place}{unknown or repr(unknown)}"  # JSON may name a key by nothing
        pairs = ((key, held[key], record[key]) for key in held)
    elif isinstance(held, list) and isinstance(record, list):
        pairs = ((number, *pair) for number, pair in enumerate(zip(held, record, strict=False)))
    return next(filter(None, (unknown_key(one, other, f"{place}{key}.") for key, one, other in pairs)), None)


def read_json(path: Path, kind: type[Model], *, made_by: str) -> Model:
    """Read JSON of one kind; the arguments are those of `read_text`.

    Raises
    ------
    MissingReportError
        There is no such file.
    ReportError
        No JSON, or not of this kind; the message names the first key that does not fit.
    """
    try:
        return kind.model_validate_json(read_text(path, made_by=made_by))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "content"
        raise ReportError(f"{path}: {key}: {first['msg']}; {made_by} writes it anew") from None
