"""A report beside the same report rendered again: where it differs first, and what writes it anew."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from ptycho_compare.checks.check import Validation
from ptycho_compare.errors import InputError, MissingReportError, ReportError
from ptycho_compare.finding import Finding
from ptycho_compare.hub import Hub
from ptycho_compare.records.reading import read_text
from ptycho_compare.reporting.study.write_reports import StudyReport


def rendered_again(hub: Hub, report: StudyReport) -> Iterator[Finding]:
    """Render a report again, and say where the one that is there differs first."""
    path = report.file(hub.reports())
    try:
        text = read_text(path, made_by=report.made_by)
        expected = report.render(hub)
    except ReportError as error:
        yield cannot_read(error)
        return
    yield from same_text(path, text, expected, made_by=report.made_by)


def same_text(path: Path, text: str, expected: str, *, made_by: str) -> Iterator[Finding]:
    """Say where a text differs first from what it is expected to be, by its line."""
    pairs = zip_longest(text.splitlines(), expected.splitlines())
    for number, (found, wanted) in enumerate(pairs, start=1):
        if found != wanted:
            said, expect = ("nothing" if line is None else repr(line.strip()) for line in (found, wanted))
            yield Finding(
                "changed",
                f"{path}:{number}: mismatch: says {said}, expected {expect}; run {made_by} again",
            )
            return
    if text != expected:
        yield Finding("changed", f"{path}: its line ends are others; run {made_by} again")


def first_difference(expected: Any, found: Any, name: str = "", *, relative: float = 1e-9) -> str | None:
    """Say where two JSON values differ first, by dotted name; None where they do not.

    Numbers may differ by a part of themselves: a sum in another order does.
    """
    if isinstance(expected, dict) and isinstance(found, dict):
        keys = dict.fromkeys([*expected, *found])
        pairs = [(key, expected.get(key), found.get(key)) for key in keys]
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        pairs = [(str(index), *pair) for index, pair in enumerate(zip(expected, found, strict=True))]
    else:
        return None if _equal(expected, found, relative) else f"{name} is {found!r}; expected {expected!r}"
    differences = (
        first_difference(one, other, f"{name}.{key}".lstrip("."), relative=relative)
        for key, one, other in pairs
    )
    return next((each for each in differences if each is not None), None)


def _equal(expected: Any, found: Any, relative: float) -> bool:
    if isinstance(expected, float) and isinstance(found, int | float):
        return math.isclose(expected, found, rel_tol=relative, abs_tol=relative / 1000)
    return bool(expected == found)


def cannot_read(error: InputError) -> Finding:
    """Say why something could not be read."""
    return Finding("missing" if isinstance(error, MissingReportError) else "changed", str(error))


def named(hub: Hub, description: str, path: Path, findings: Sequence[Finding], **details: Any) -> Validation:
    """Return the validation of a file of the hub."""
    return Validation(description, hub.relative(path), findings, details)
