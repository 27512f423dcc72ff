"""Durations as people write and read them."""

from __future__ import annotations

import re

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_TERM = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd]?)\s*")


def parse_duration(text: str) -> float:
    """Read seconds from ``540``, ``9m`` or ``1h 30m``.

    Raises
    ------
    ValueError
        It is none of these, or not above zero.
    """
    terms = _TERM.findall(text.strip().lower())
    seconds = sum(float(number) * _UNITS[unit] for number, unit in terms)
    if not terms or "".join(_TERM.split(text.strip().lower())[::3]) or seconds <= 0:
        raise ValueError(f"{text!r} is no duration; write 540, 9m or 1h30m")
    return seconds


def duration_text(seconds: float) -> str:
    """Write seconds for people: ``8 s``, ``9 min``, ``2.5 h``."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5970 else f"{seconds / 3600:.1f} h"
