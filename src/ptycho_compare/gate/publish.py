"""Writes the verdict where people and programs look for it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ptycho_compare.gate.junit import write_junit
from ptycho_compare.gate.text import verdict_markdown
from ptycho_compare.hub import Hub
from ptycho_compare.records.acceptance import Verdict
from ptycho_compare.storage.files import write_text_atomic

_STEP_SUMMARY = "GITHUB_STEP_SUMMARY"


def publish(hub: Hub, verdict: Verdict) -> str:
    """Write ``acceptance.json``, its text and its junit file into ``report/``.

    In a GitHub workflow the text is also appended to what the run's page shows. What was judged holds where
    the hub is full or may only be read: then nothing is written, and a line that says so is returned.
    """
    names, text = hub.verdict(), verdict_markdown(verdict)
    _show(text)
    try:
        names.record.parent.mkdir(parents=True, exist_ok=True)
        verdict.write(names.record)
        write_junit(names.junit, verdict)
        write_text_atomic(names.text, text)
    except OSError as error:
        return f"the verdict could not be written: {error.filename or names.record}: {error.strerror}"
    return ""


def _show(text: str) -> None:
    if shown := os.environ.get(_STEP_SUMMARY):
        with Path(shown).open("a", encoding="utf-8", errors="replace") as stream:
            stream.write(text)


def verdict_lines(verdict: Verdict) -> Iterator[str]:
    """Yield the verdict as lines for a terminal; the last says it all."""
    width = max(len(each.id) for each in verdict.comparisons)
    for each in verdict.comparisons:
        note = each.findings[0] if each.findings else each.origin
        asked = "" if each.required else "  (not asked for)"
        yield f"{each.id:<{width}}  {each.state:<8}  {note}{asked}"
    for each in verdict.comparisons:
        yield from (f"{each.id}: scientific: {line}" for line in each.low)
    for check in verdict.checks:
        yield from (f"{check.description}: {finding}" for finding in check.findings)
        yield from (f"{check.description}: warning: {text}" for text in check.warnings)
    yield from (f"open: {note}" for note in verdict.blockers)
    if verdict.compared_with:
        counts = {
            word: sum(each.judged == word for each in verdict.changes) for word in ("worse", "same", "better")
        }
        yield f"against {verdict.compared_with}: " + ", ".join(f"{n} {word}" for word, n in counts.items())
    yield f"{verdict.outcome.upper()}: {verdict.reason}"
