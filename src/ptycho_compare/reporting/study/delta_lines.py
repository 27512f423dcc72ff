"""The delta lines of ``metrics_delta_highlights.txt`` and of its preview: written, and read back.

One serializer and one parser, so that whoever checks a text compares numbers, line by line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ptycho_compare.records.arm_names import COMPARED_WITH
from ptycho_compare.records.measures import MEASURES, MISSING, PARTS, Measure, Part
from ptycho_compare.records.metrics_deltas import Deltas
from ptycho_compare.study import PTYCHOPINN

_LABEL_WIDTH = 35
"""Of the label before the colon, so that the colons stand below one another."""

PREVIEW_PARTS: tuple[Part, ...] = ("phase",)
"""PREVIEW-PHASE-001: the preview tells the phase only."""


@dataclass(frozen=True)
class DeltaLine:
    """What one line tells: PtychoPINN minus `arm`, by one measure."""

    arm: str
    measure: Measure

    @property
    def label(self) -> str:
        """How the line begins."""
        return f"{self.measure.title} Δ ({PTYCHOPINN} - {self.arm})"

    def texts(self, deltas: Deltas) -> dict[Part, str]:
        """Return the numbers as they are to be told."""
        return {part: self.measure.delta_text(deltas.value(self.arm, self.measure, part)) for part in PARTS}


DELTA_LINES = tuple(DeltaLine(arm, measure) for measure in MEASURES for arm in COMPARED_WITH)
"""All lines, in their order."""


@dataclass(frozen=True)
class ReadLine:
    """A line of a text.

    Attributes
    ----------
    line : DeltaLine
        The one that belongs there.
    text : str
        What stands there; empty where the text has fewer lines.
    numbers : dict or None
        By part, as text; None when it is not the line that belongs there.
    """

    line: DeltaLine
    text: str
    numbers: Mapping[Part, str] | None


def delta_highlights(deltas: Deltas) -> str:
    """Return the text of ``metrics_delta_highlights.txt``: amplitude and phase, colons aligned."""
    lines = []
    for line in DELTA_LINES:
        numbers = "  ".join(f"{part} {text}" for part, text in line.texts(deltas).items())
        lines.append(f"{line.label:<{_LABEL_WIDTH}}: {numbers}")
    return "\n".join([*lines, ""])


def delta_preview(deltas: Deltas) -> str:
    """Return the text of ``metrics_delta_highlights_preview.txt``: phase only."""
    return "\n".join([*(f"{line.label}: {line.texts(deltas)['phase']}" for line in DELTA_LINES), ""])


def read_highlights(text: str) -> list[ReadLine]:
    """Read what `delta_highlights` wrote, or another hand changed."""
    return list(_read(text, "  ".join(rf"{part} (?P<{part}>{{number}})" for part in PARTS)))


def read_preview(text: str) -> list[ReadLine]:
    """Read what `delta_preview` wrote, or another hand changed."""
    return list(_read(text, r"(?P<phase>{number})"))


def _read(text: str, pattern: str) -> Iterator[ReadLine]:
    found = text.splitlines()
    for index, line in enumerate(DELTA_LINES):
        there = found[index] if index < len(found) else ""
        number = rf"[+-]\d+\.\d{{{line.measure.delta_decimals}}}|{MISSING}"
        match = re.fullmatch(rf"{re.escape(line.label)} *: {pattern.format(number=number)}", there)
        numbers = None if match is None else {part: match[part] for part in match.groupdict()}
        yield ReadLine(line, there, numbers)  # type: ignore[arg-type]


def surplus_lines(text: str) -> list[str]:
    """Return the lines behind those that belong there."""
    return text.splitlines()[len(DELTA_LINES) :]


def same_number(told: str, expected: str) -> bool:
    """Whether two texts tell one number; the sign of a zero is no difference."""
    if MISSING in (told, expected):
        return told == expected
    return float(told) == float(expected)
