"""What a GitHub workflow shows of a session: a line for each test that failed, and a summary: who is best."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from ptycho_compare.printable import one_line
from pytest_ptycho.outcomes import called

_ACTIONS, _WORKSPACE, _SUMMARY = "GITHUB_ACTIONS", "GITHUB_WORKSPACE", "GITHUB_STEP_SUMMARY"
_BAD = ("failed", "blocked")


def publish(
    config: pytest.Config, reporter: pytest.TerminalReporter, records: Sequence[dict[str, Any]]
) -> None:
    """Annotate tests that failed, and append to the step's summary; nothing outside a workflow."""
    if os.environ.get(_ACTIONS) == "true":
        for line in error_lines(records, root=config.rootpath):
            reporter.write_line(line)
    if shown := os.environ.get(_SUMMARY):
        with Path(shown).open("a", encoding="utf-8", errors="replace") as stream:
            stream.write("\n".join(summary(records)) + "\n")


def error_lines(records: Sequence[dict[str, Any]], *, root: Path) -> Iterator[str]:
    """Yield a workflow command for each test that failed or is blocked [1]_.

    References
    ----------
    .. [1] docs.github.com, "Workflow commands for GitHub Actions", Setting an error message
    """
    workspace = Path(os.environ.get(_WORKSPACE) or root)
    for name, record in called(records):
        if record["outcome"] in _BAD and "place" in record:
            file, line = record["place"]
            path = root / file
            path = path.relative_to(workspace) if path.is_relative_to(workspace) else path
            said = "\n".join(record["findings"]) or f"see {record['log']}"
            place = f"file={_property(str(path))},line={(line or 0) + 1}"
            title = _property(f"{name} {record['outcome']}")
            yield f"::error {place},title={title}::{_message(said)}"


def _message(text: str) -> str:
    text = "\n".join(map(one_line, text.splitlines()))
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")


def summary(records: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Yield who is best in each comparison, and what failed, as Markdown."""
    from ptycho_compare.reporting.study.markdown import cell, table

    yield from ("## Comparisons", "")
    rows = []
    for name, record in called(records):
        facts = (record.get("board") or {}).get("facts", {})
        why = "; ".join(record.get("findings", ())) or record.get("reason") or facts.get("why", "")
        rows.append([cell(each) for each in (name, record["outcome"], facts.get("answer", ""), why)])
    yield from table(("Comparison", "Outcome", "Who is best", "Why"), rows)
