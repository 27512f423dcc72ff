"""Logs of tests in the hub: `green/` of those that passed, `red/` of the others, with the blocker notes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from pytest_ptycho.cases import comparison_of
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


def record(
    item: pytest.Item, report: pytest.TestReport, error: BaseException | None
) -> dict[str, Any] | None:
    """Write the log of a test that judged the hub: of its call, or of a setup that did not pass.

    The error is what ended the phase. The record returned is for the terminal summary: of JSON values, so
    that it crosses to xdist's controller.
    """
    decided = report.when == "call" or (report.when == "setup" and not report.passed)
    hub = item.config.stash[OPTIONS].hub
    if hub is None or not decided or not _judges_a_hub(item):
        return None
    if isinstance(error, Deferred):
        return _of_deferred(item, error)
    if report.skipped or not hub.exists():
        return None
    evidence = item.stash.get(EVIDENCE, None)
    findings = error.findings if isinstance(error, Blocked) else evidence.findings if evidence else []
    from ptycho_compare.hub import utc_now
    from ptycho_compare.storage.files import plain_values

    moment = utc_now()
    note = None
    try:
        log = _write_log(hub, item, report, evidence, moment)
        note = _blocker(hub, item.stash.get(COMPARISON, None), findings, evidence, moment)
        if evidence is not None and report.passed and not evidence.findings:
            _close(hub, evidence, item)
    except OSError as problem:  # what was judged stays true where the hub cannot be written
        log = f"no log: {problem.filename}: {problem.strerror}"
    found: dict[str, Any] = plain_values(
        {
            "id": evidence.job.id if evidence is not None else _id(item),
            "outcome": "blocked" if isinstance(error, Blocked) else report.outcome,
            "seconds": evidence.done.seconds if evidence is not None and evidence.done else report.duration,
            "findings": [str(finding) for finding in findings],
            "warnings": _warnings(evidence) if evidence is not None else [],
            "board": _board(evidence) if evidence is not None else None,
            "place": list(item.location[:2]),
            "death": evidence.death if evidence is not None else "",
            "log": log,
            "note": note,
        }
    )
    return found


def _judges_a_hub(item: pytest.Item) -> bool:
    return comparison_of(item) is not None or item.get_closest_marker(JUDGES_A_HUB) is not None


def _of_deferred(item: pytest.Item, error: Deferred) -> dict[str, Any]:
    state = error.state
    saved, total = (0, 0) if state is None else (state.saved, state.total)
    facts = {"outcome": "deferred", "done": f"{saved}/{total}", "reason": error.reason}
    # on the item, before its teardown is reported: there junit looks for properties
    item.user_properties += [(f"ptycho.{name}", value) for name, value in facts.items()]
    return {
        "id": _id(item),
        **facts,
        "saved": saved,
        "total": total,
        "forecast_s": None if state is None else state.forecast_s,
        "death": error.death,
    }


def _id(item: pytest.Item) -> str:
    comparison = item.stash.get(COMPARISON, None)
    return item.name if comparison is None else comparison.id


def _write_log(
    hub: Hub, item: pytest.Item, report: pytest.TestReport, evidence: Evidence | None, moment: datetime
) -> str:
    from ptycho_compare.storage.files import reserve, write_text_atomic

    name = re.sub(r"[^\w.-]+", "_", item.name).strip("_")
    usual = hub.test_log(name, passed=report.passed, moment=moment)
    usual.parent.mkdir(parents=True, exist_ok=True)
    path = reserve(usual)  # a test may be run again within the second
    write_text_atomic(path, "\n".join(_lines(item, report, evidence)) + "\n")
    return hub.relative(path)


def _lines(item: pytest.Item, report: pytest.TestReport, evidence: Evidence | None) -> Iterator[str]:
    yield f"test: {item.nodeid}"
    yield f"outcome: {report.outcome}"
    if evidence is None:
        yield report.longreprtext
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
    if report.failed:
        yield report.longreprtext
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

    if _is_of_an_earlier_run(evidence):
        return []
    try:
        manifest = read_manifest(Artifacts(evidence.job.folder).manifest)
    except (OSError, ValidationError):  # which its findings say
        return []
    return [f"warning: {text}" for text in manifest.warnings]


def _is_of_an_earlier_run(evidence: Evidence) -> bool:
    """True where a run did not come so far and left what an earlier one had written."""
    return any(finding.kind in ("input", "missing", "stalled", "changed") for finding in evidence.findings)


def _board(evidence: Evidence) -> dict[str, Any] | None:
    """The scoreboard of what the comparison left; None where that is not what was judged."""
    from ptycho_compare.errors import InputError
    from ptycho_compare.hub import Artifacts
    from ptycho_compare.reporting.scoreboard import board_at

    if _is_of_an_earlier_run(evidence):
        return None
    try:
        return asdict(board_at(Artifacts(evidence.job.folder)))
    except InputError:  # a comparison that stopped, which its findings say
        return None


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
