"""Durations as text."""

from __future__ import annotations

import re

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_NUMBER = r"\d+(?:\.\d+)?"
_TERM = re.compile(rf"({_NUMBER})\s*([smhd])\s*")
_LONGEST_S = 10 * 365 * 86400


def parse_duration(text: str) -> float:
    """Read seconds from ``540``, ``9m`` or ``1h 30m``.

    Raises
    ------
    ValueError
        It is none of these, not above zero, or more than ten years. A number without a unit is
        seconds only where it stands alone: in ``1h30`` it would be anybody's guess.
    """
    words = text.strip().lower()
    if re.fullmatch(_NUMBER, words):
        seconds = float(words)
    elif re.fullmatch(rf"(?:{_TERM.pattern})+", words):
        seconds = sum(float(number) * _UNITS[unit] for number, unit in _TERM.findall(words))
    else:
        seconds = 0.0
    if not 0 < seconds <= _LONGEST_S:
        raise ValueError(f"{text!r} is no duration; write 540, 9m or 1h30m")
    return seconds


def duration_text(seconds: float) -> str:
    """Write seconds for people: ``8 s``, ``9 min``, ``2.5 h``."""
    if seconds < 99.5:
        return f"{max(seconds, 0.0):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5970 else f"{seconds / 3600:.1f} h"
