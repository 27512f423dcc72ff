"""Numbers, times and file texts as the page shows them."""

from __future__ import annotations

import math
from datetime import datetime
from pathlib import Path

from ptycho_compare.untrusted.regular import read_log

NOT_AVAILABLE = "N/A"
_MOST_CHARACTERS = 20_000


def number_text(value: float | None) -> str:
    """Four digits of a number; ``N/A`` where there is none, or none that is finite."""
    if value is None or not math.isfinite(value):
        return NOT_AVAILABLE
    return f"{value:.4g}"


def interval_text(low: float | None, high: float | None) -> str:
    """Both ends of an interval, e.g. ``0.91 to 0.95``; empty where there is none."""
    ends = number_text(low), number_text(high)
    return "" if NOT_AVAILABLE in ends else " to ".join(ends)


def moment_text(moment: datetime) -> str:
    """UTC to the second, e.g. ``2026-11-25 00:32:39``."""
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def readable(text: str) -> str:
    """Leave out control characters, which have no place on a page, and the end of what is too long."""
    kept = "".join(each for each in text[:_MOST_CHARACTERS] if each in "\n\t" or each.isprintable())
    rest = len(text) - _MOST_CHARACTERS
    return kept if rest <= 0 else f"{kept}\n... and {rest} characters more"


def text_of(path: Path) -> str:
    """Read a text file for the page, or say why it cannot be read."""
    try:
        return readable(read_log(path))
    except OSError as error:
        return f"missing: cannot be read ({error.strerror})"
