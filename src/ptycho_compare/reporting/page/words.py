"""Numbers, times and file texts as the page shows them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from markupsafe import Markup

from ptycho_compare.untrusted.regular import read_log

NOT_AVAILABLE = "N/A"
_MOST_CHARACTERS = 20_000
_MOST_DECIMALS = 8
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[-_.])")


def number_text(value: float | None) -> str:
    """Four digits of a number; ``N/A`` where there is none, or none that is finite."""
    if value is None or not math.isfinite(value):
        return NOT_AVAILABLE
    return f"{value:z.4g}"


def decimals_of(values: Sequence[float | None]) -> int | None:
    """Decimals with which numbers of one row are written below each other; None: each by itself.

    The largest has four digits. Where the smallest would keep less than two, they are too far apart.
    """
    sizes = [abs(value) for value in values if value is not None and math.isfinite(value) and value]
    if not sizes:
        return None
    decimals = 3 - math.floor(math.log10(max(sizes)))
    if not 0 <= decimals <= _MOST_DECIMALS or min(sizes) < 10 ** (1 - decimals):
        return None
    return decimals


def aligned_text(value: float | None, decimals: int | None) -> str:
    """Return a number with the decimals of its row; ``N/A`` where there is none, or none that is finite."""
    if decimals is None or value is None or not math.isfinite(value):
        return number_text(value)
    return f"{value:z.{decimals}f}"


def interval_text(low: float | None, high: float | None, decimals: int | None) -> str:
    """Both ends of an interval, e.g. ``[0.91, 0.95]``; empty where there is none."""
    ends = aligned_text(low, decimals), aligned_text(high, decimals)
    return "" if NOT_AVAILABLE in ends else f"[{', '.join(ends)}]"


def breakable(name: str) -> Markup:
    """Return a name that may go on in the next line where a word of it ends: ``Ptycho|PINN``."""
    return Markup("<wbr>").join(_WORDS.split(readable(name)))  # join escapes what it joins


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
