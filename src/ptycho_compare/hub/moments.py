"""Moments as the files of a hub state them: UTC, in text and in names."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

UTC_SECONDS = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$"
"""Pattern of `utc_text` to the second."""

_STAMP = "%Y%m%dT%H%M%SZ"


def utc_now() -> datetime:
    """Return the moment, with its zone."""
    return datetime.now(UTC)


def utc_text(
    moment: datetime | None = None, *, to: Literal["seconds", "milliseconds", "microseconds"] = "seconds"
) -> str:
    """Return a moment, or now, as ISO text with a trailing Z, e.g. ``2026-11-23T10:04:11Z``."""
    return (moment or utc_now()).astimezone(UTC).isoformat(timespec=to).replace("+00:00", "Z")


def stamp(moment: datetime) -> str:
    """Return a moment as file names carry it, e.g. ``20261123T100411Z``."""
    return moment.astimezone(UTC).strftime(_STAMP)


def moment_of(text: str) -> datetime | None:
    """Read what `stamp` wrote; None where the digits are no date."""
    try:
        return datetime.strptime(text, _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None
