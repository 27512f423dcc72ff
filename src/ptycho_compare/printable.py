"""Foreign texts made fit for a terminal: what would steer it is shown by its code instead."""

from __future__ import annotations

import re
import unicodedata

_SUSPECT = re.compile(r"[^\n\t -~\u00a1-\u00ac\u00ae-\u024f\u0370-\u03ff]")
"""All but the characters that are plainly letters, figures and signs; each of these is looked at."""
_STEERING = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def printable(text: str) -> str:
    r"""Return a text with the characters that steer a terminal as ``\x1b`` or ``\u202e``; line ends stay.

    These are control characters, those that turn the direction of writing or have no width, line and
    paragraph separators, halves of surrogate pairs, and what Unicode does not assign.
    """
    return _SUSPECT.sub(_shown, text)


def one_line(text: object) -> str:
    r"""Return a text as one printable line: a line end in it is shown as ``\n``."""
    return printable(str(text).replace("\n", "\\n"))


def _shown(found: re.Match[str]) -> str:
    character = found[0]
    if unicodedata.category(character) not in _STEERING:
        return character
    return character.encode("unicode_escape").decode("ascii")
