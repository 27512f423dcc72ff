"""One log per test in the hub: `green/` when it passed, `red/` otherwise, and the blocker note."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from ptycho_compare.hub import Hub
from pytest_ptycho.fixtures import EVIDENCE, Evidence
from pytest_ptycho.options import OPTIONS


def record(item: pytest.Item, report: pytest.TestReport) -> dict[str, Any] | None:
    """Write the log of a test that judged the hub.

    Parameters
    ----------
    item : pytest.Item
    report : pytest.TestReport
        Of any phase; the call is logged, and a setup that failed.

    Returns
    -------
    dict or None
        What the terminal summary shows: JSON-able, so that it crosses to xdist's controller.
    """
    decided = report.when == "call" or (report.when == "setup" and not report.passed)
    hub = item.config.stash[OPTIONS].hub
    if not decided or report.skipped or "comparison" not in getattr(item, "fixturenames", ()):
        return None
    if hub is None or not hub.exists():
        return None
    from ptycho_compare.files import write_text_atomic

    moment = datetime.now(UTC)
    evidence = item.stash.get(EVIDENCE, None)
    name = re.sub(r"[^\w.-]+", "_", item.name).strip("_")
    path = hub.test_log(name, passed=report.passed, moment=moment)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text_atomic(path, "\n".join(_lines(item, report, evidence)) + "\n")
    note = _blocker(hub, evidence, moment) if evidence is not None and report.failed else None
    return {
        "id": evidence.comparison.id if evidence is not None else item.name,
        "outcome": report.outcome,
        "seconds": evidence.run.seconds if evidence is not None else report.duration,
        "findings": [str(finding) for finding in evidence.findings] if evidence is not None else [],
        "undecided": _undecided(evidence) if evidence is not None else [],
        "log": hub.relative(path),
        "note": note,
    }


def _lines(item: pytest.Item, report: pytest.TestReport, evidence: Evidence | None) -> Iterator[str]:
    yield f"test: {item.nodeid}"
    yield f"outcome: {report.outcome}"
    if evidence is None:
        yield report.longreprtext
        return
    yield f"comparison: {evidence.comparison.id}"
    yield f"command: {shlex.join(evidence.run.command)}"
    yield f"exit status: {evidence.run.returncode}"
    yield f"seconds: {evidence.run.seconds:.1f}"
    yield f"evidence: {evidence.folder}"
    yield from (f"finding: {finding}" for finding in evidence.findings)
    if report.failed:
        yield report.longreprtext
    yield "--- output of the command ---"
    yield evidence.run.log.read_text(encoding="utf-8", errors="replace")


def _undecided(evidence: Evidence) -> list[str]:
    """Which arms cannot be told apart, from the table that the comparison left."""
    from ptycho_compare.errors import InputError
    from ptycho_compare.hub import Artifacts
    from ptycho_compare.reporting.summary import undecided_lines
    from ptycho_compare.reporting.tables.pairs_csv import read_differences_csv

    # a run that did not come so far has left an earlier run's table where it was
    if any(finding.kind in ("input", "missing", "stale", "changed") for finding in evidence.findings):
        return []
    try:
        return list(undecided_lines(read_differences_csv(Artifacts(evidence.folder).differences)))
    except InputError:  # a comparison that stopped, which its findings say
        return []


def _blocker(hub: Hub, evidence: Evidence, moment: datetime) -> str | None:
    from ptycho_compare.checks.blocker import topic_of, write_blocker

    topic = topic_of(evidence.findings)
    if topic is None:
        return None
    note = write_blocker(
        hub,
        topic,
        evidence.findings,
        comparison_id=evidence.comparison.id,
        command=evidence.run.command,
        returncode=evidence.run.returncode,
        folder=evidence.folder,
        command_log=evidence.run.log,
        moment=moment,
    )
    return hub.relative(note)
