"""Logs of tests in the hub: `green/` of those that passed, `red/` of the others, with the blocker notes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from pytest_ptycho.attempt import ReportedAttempt
from pytest_ptycho.cases import comparison_of
from pytest_ptycho.facts import board_of
from pytest_ptycho.fixtures import COMPARISON, EVIDENCE
from pytest_ptycho.marks import JUDGES_A_HUB
from pytest_ptycho.options import OPTIONS
from pytest_ptycho.outcomes import Blocked, Deferred
from pytest_ptycho.own import has_checks

if TYPE_CHECKING:
    from ptycho_compare.finding import Finding
    from ptycho_compare.hub import Hub
    from ptycho_compare.study import Comparison
    from pytest_ptycho.run_comparison import Evidence


def record(item: pytest.Item, attempt: ReportedAttempt) -> dict[str, Any] | None:
    """Write the log of an attempt at a test that judges the hub, once all of it is reported.

    The record returned is for the terminal summary: of JSON values, so that it crosses to xdist's controller.
    """
    evidence, hub = item.stash.get(EVIDENCE, None), item.config.stash[OPTIONS].hub
    if evidence is not None:  # a later attempt has its own
        del item.stash[EVIDENCE]
    if attempt.outcome == "deferred" and isinstance(attempt.error, Deferred):
        return _of_deferred(item, attempt.error)
    if attempt.outcome == "skipped" or hub is None or not hub.exists():
        return None
    return _of_judged(item, attempt, evidence, hub)


def judges_a_hub(item: pytest.Item) -> bool:
    """Say if what becomes of a test is kept in a hub."""
    if item.config.stash[OPTIONS].hub is None:
        return False
    return comparison_of(item) is not None or item.get_closest_marker(JUDGES_A_HUB) is not None


def _of_deferred(item: pytest.Item, error: Deferred) -> dict[str, Any]:
    state = error.state
    saved, total = (0, 0) if state is None else (state.saved, state.total)
    return {
        "id": _id(item),
        "test": _test(item),
        "outcome": "deferred",
        "done": f"{saved}/{total}",
        "reason": error.reason,
        "saved": saved,
        "total": total,
        "forecast_s": None if state is None else state.forecast_s,
        "death": error.death,
    }


def _of_judged(
    item: pytest.Item, attempt: ReportedAttempt, evidence: Evidence | None, hub: Hub
) -> dict[str, Any]:
    from ptycho_compare.hub import utc_now
    from ptycho_compare.storage.files import plain_values

    error, moment, note = attempt.error, utc_now(), None
    findings = error.findings if isinstance(error, Blocked) else evidence.findings if evidence else []
    waits = [error.reason] if isinstance(error, Deferred) else []
    try:
        log = _write_log(hub, item, attempt, evidence, moment)
        note = _blocker(hub, item.stash.get(COMPARISON, None), findings, evidence, moment)
        if evidence is not None and not attempt.failed and not evidence.findings:
            _close(hub, evidence, item)
    except OSError as problem:  # what was judged stays true where the hub cannot be written
        log = f"no log: {problem.filename}: {problem.strerror}"
    done = evidence.done if evidence is not None else None
    found: dict[str, Any] = plain_values(
        {
            "id": evidence.job.id if evidence is not None else _id(item),
            "test": _test(item),
            "outcome": attempt.outcome,
            "seconds": done.seconds if done is not None else attempt.body.duration,
            "findings": [*map(str, findings), *waits],
            "warnings": _warnings(evidence) if evidence is not None else [],
            "board": board_of(evidence) if evidence is not None else None,
            "place": list(item.location[:2]),
            "death": evidence.death if evidence is not None else "",
            "log": log,
            "note": note,
        }
    )
    return found


def _id(item: pytest.Item) -> str:
    comparison = item.stash.get(COMPARISON, None)
    return item.name if comparison is None else comparison.id


def _test(item: pytest.Item) -> str:
    """Return the test's node id without the comparison that it is a case of."""
    comparison = item.stash.get(COMPARISON, None)
    if comparison is None:
        return item.nodeid
    name = item.nodeid
    for case in (f"[{comparison.id}]", f"-{comparison.id}", f"{comparison.id}-"):
        name = name.replace(case, "")
    return name


def _write_log(
    hub: Hub, item: pytest.Item, attempt: ReportedAttempt, evidence: Evidence | None, moment: datetime
) -> str:
    from ptycho_compare.storage.files import reserve, write_text_atomic

    name = re.sub(r"[^\w.-]+", "_", item.name).strip("_")
    usual = hub.test_log(name, passed=not attempt.failed, moment=moment)
    usual.parent.mkdir(parents=True, exist_ok=True)
    path = reserve(usual)  # a test may be run again within the second
    write_text_atomic(path, "\n".join(_lines(item, attempt, evidence)) + "\n")
    return hub.relative(path)


def _lines(item: pytest.Item, attempt: ReportedAttempt, evidence: Evidence | None) -> Iterator[str]:
    said = [report.longreprtext for report in attempt.reports if report.failed]
    yield f"test: {item.nodeid}"
    yield f"outcome: {'failed' if attempt.failed else 'passed'}"
    if evidence is None:
        yield "\n".join(said)
        return
    yield f"comparison: {evidence.job.id}"
    yield f"command: {shlex.join(evidence.job.command)}"
    if evidence.done is None:
        yield "computed: earlier; inputs, settings, code and artifacts are as they were"
    else:
        yield f"exit status: {evidence.done.returncode}"
        yield f"seconds: {evidence.done.seconds:.1f}"
        yield f"cpu seconds: {evidence.done.cpu_s:.1f}"
        yield f"peak memory: {evidence.done.peak_bytes / 2**20:.0f} MiB"
    if evidence.death:
        yield f"before: {evidence.death}"
    yield f"evidence: {evidence.job.folder}"
    yield from (f"finding: {finding}" for finding in evidence.findings)
    yield from said
    yield "--- output of the command ---"
    output = evidence.job.log
    yield output.read_text(encoding="utf-8", errors="replace") if output.exists() else "(none)"


def _close(hub: Hub, evidence: Evidence, item: pytest.Item) -> None:
    """Close what the comparison was blocked by: it is green."""
    from ptycho_compare.checks.blocker import close_blockers
    from ptycho_compare.hub import Artifacts

    manifest = Artifacts(evidence.job.folder).manifest
    asked = has_checks(item)
    close_blockers(hub, evidence.job.id, closed_by=item.nodeid, evidence=[manifest], own_checks=asked)


def _warnings(evidence: Evidence) -> list[str]:
    """What the manifest warns of: integrity holds, and a person should know."""
    from pydantic import ValidationError

    from ptycho_compare.hub import Artifacts
    from ptycho_compare.records.manifest import read_manifest

    if evidence.is_of_an_earlier_run:
        return []
    try:
        manifest = read_manifest(Artifacts(evidence.job.folder).manifest)
    except (OSError, ValidationError):  # which its findings say
        return []
    return [f"warning: {text}" for text in manifest.warnings]


def _blocker(
    hub: Hub,
    comparison: Comparison | None,
    findings: Sequence[Finding],
    evidence: Evidence | None,
    moment: datetime,
) -> str | None:
    from ptycho_compare.checks.blocker import topic_of, write_blocker

    topic = topic_of(findings, started=evidence is not None)
    if topic is None or comparison is None:
        return None
    note = write_blocker(
        hub,
        topic,
        findings,
        comparison_id=comparison.id,
        command=evidence.job.command if evidence is not None else (),
        returncode=evidence.done.returncode if evidence is not None and evidence.done else None,
        folder=comparison.folder(hub),
        command_log=hub.command_log(comparison.id),
        moment=moment,
    )
    return hub.relative(note)
