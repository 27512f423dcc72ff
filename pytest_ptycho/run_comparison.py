"""Bring one comparison to its evidence, within the time there is, or say why that has to wait."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from ptycho_compare.clock import Deadline, length_for_s
from ptycho_compare.duration import duration_text
from ptycho_compare.errors import JobError, StorageError, first_of
from ptycho_compare.finding import Finding
from ptycho_compare.jobs.executors.local import LocalExecutor
from ptycho_compare.jobs.progress import ATTEMPTS_WITHOUT_PROGRESS
from ptycho_compare.jobs.record import ASKED_BY_LAUNCHER, DoneRecord, JobSpec
from ptycho_compare.jobs.run_or_join import Ended, run_or_join
from pytest_ptycho.by_queue import bring_by_queue
from pytest_ptycho.cases import comparison_of
from pytest_ptycho.options import OPTIONS, Options
from pytest_ptycho.other_work import Brought, OtherWork, brought_before
from pytest_ptycho.outcomes import Blocked, Deferred
from pytest_ptycho.own import own_findings, take_arms
from pytest_ptycho.own_steps import make_own_steps
from pytest_ptycho.room import without_room
from pytest_ptycho.stopping import STOPPING
from pytest_ptycho.window import deadline_of, told_for

if TYPE_CHECKING:
    from pathlib import Path

    from ptycho_compare.phases.comparison.job import ComparisonJob, JobState
    from ptycho_compare.study import Comparison

_SELECTED = pytest.StashKey["frozenset[Comparison]"]()
_ONE_THREAD = dict.fromkeys(("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"), "1")


@dataclass(frozen=True, repr=False)
class Evidence:
    """The evidence of one comparison, judged.

    Attributes
    ----------
    done : DoneRecord or None
        How the attempt ended that this test saw; None when the evidence was there.
    findings : list of Finding
        What does not hold; empty when the comparison can be trusted.
    death : str
        Of an earlier attempt; empty as a rule.
    """

    job: ComparisonJob
    done: DoneRecord | None = None
    findings: list[Finding] = field(default_factory=list)
    death: str = ""

    @property
    def is_of_an_earlier_run(self) -> bool:
        """True where a run did not come so far and left what an earlier one had written."""
        return any(finding.kind in ("input", "missing", "stalled", "changed") for finding in self.findings)

    def __repr__(self) -> str:
        """What pytest shows above a test that fails; the findings themselves stand below it."""
        return f"<evidence of {self.job.id}; findings: {len(self.findings)}>"


def run_comparison(item: pytest.Item, job: ComparisonJob) -> Evidence:
    """Bring a comparison to its evidence, with what the suite adds: arms, steps before it, checks of its own.

    Raises
    ------
    Deferred
        It is not finished, and goes on with a later run.
    Blocked
        It cannot begin.
    """
    if not item.config.stash[OPTIONS].verify:
        take_arms(item, job)
        make_own_steps(item, job)
    evidence = _brought(item, job)
    return evidence if evidence.findings else replace(evidence, findings=own_findings(item, job))


def _brought(item: pytest.Item, job: ComparisonJob) -> Evidence:
    options, deadline, stopping = item.config.stash[OPTIONS], deadline_of(item), item.config.stash[STOPPING]
    if options.verify:
        return _as_it_stands(job)
    if (brought := brought_before(item, job.comparison)) is not None:
        return _conclude(job, brought.ended, stopping.asked, deadline, brought.death)
    if not options.fresh and job.is_done():
        return Evidence(job)
    if missing := job.why_not_ready():
        raise Blocked(missing)
    adopted_from = _results_to_adopt(job, options.adopt)
    worked = adopted_from is None and options.tier_order and _bring_prerequisite(item, job)
    state = job.state()
    if stopping.asked:
        raise Deferred(f"not started: {stopping.asked}", state)

    def out_of_time() -> bool:
        return bool(stopping.asked) or deadline.working_s <= 0

    if options.on:
        with stopping.waiting():
            ended = bring_by_queue(item, job, out_of_time)
        return _conclude(job, ended, stopping.asked, deadline, _death(state))
    if not options.detach and not state.running and adopted_from is None:
        _require_room(job, state, deadline, worked=worked)

    def brought_too(other: ComparisonJob) -> Brought:
        spec, death = _spec(other, None, options, deadline), _death(other.state())
        return Brought(_run_or_join(spec, other.is_done, out_of_time, joins=False), death)

    # what is made anew in any case, or taken over, is each test's own
    alone = options.fresh or options.adopt is not None
    other_work = (lambda: False) if alone else OtherWork(item, job, deadline, brought_too)
    with stopping.waiting():
        spec = _spec(job, adopted_from, options, deadline)
        is_done = (lambda: False) if options.fresh else job.is_done
        ended = _run_or_join(spec, is_done, out_of_time, meanwhile=other_work)
    return _conclude(job, ended, stopping.asked, deadline, _death(state))


def _as_it_stands(job: ComparisonJob) -> Evidence:
    from ptycho_compare.gate import state_of

    state, findings = state_of(job, arrays=True)
    if state == "deferred":
        raise Deferred(findings[0].text, job.state())
    return Evidence(job, findings=list(findings))


def _results_to_adopt(job: ComparisonJob, source: Path | None) -> Path | None:
    if source is None:
        return None
    from ptycho_compare.phases.comparison.adopt import results_in

    return results_in(source, job)


def _bring_prerequisite(item: pytest.Item, job: ComparisonJob) -> bool:
    """See that the tier before is green; bring it there where this session or another process is at it.

    True where time was spent on that.
    """
    before = job.prerequisite()
    if before is None:
        return False
    reasons, worked = before.why_not_current(), False
    if not reasons:
        reasons = before.judge() or own_findings(item, before)
    elif before.comparison in _selected(item.session) or before.state().running:
        reasons, worked = run_comparison(item, before).findings, True
    if reasons:
        text = f"{before.id} is not green, and {job.id} comes after it: {first_of(reasons)}; "
        raise Blocked([Finding("prerequisite", f"{text}run pytest -m {before.comparison.tier} first")])
    return worked


def _selected(session: pytest.Session) -> frozenset[Comparison]:
    """The comparisons that this session runs; every xdist worker collects all of them."""
    if _SELECTED not in session.stash:
        found = map(comparison_of, session.items)
        session.stash[_SELECTED] = frozenset(comparison for comparison in found if comparison is not None)
    return session.stash[_SELECTED]


def _require_room(job: ComparisonJob, state: JobState, deadline: Deadline, *, worked: bool) -> None:
    """Start nothing that would end without having gained anything.

    A session's window may have been spent by other tests, and the next one is another; not for ever, though.
    A test's own time was spent on getting here, unless the test `worked` before: the next run would come no
    further.
    """
    least_s = state.least_s or 0.0
    if least_s <= deadline.working_s and deadline.working_s > 0:
        return
    need = f"an attempt needs about {duration_text(least_s)} to gain anything"
    if state.least_s is None:
        need = "what an attempt needs was never measured"
    left = f"{duration_text(max(0.0, deadline.working_s))} are left of {deadline.name}"
    spent = deadline.own and not worked
    if spent or least_s > deadline.whole_working_s():
        window = told_for(deadline, state.least_s) if spent else f"a window of {length_for_s(least_s):.0f} s"
        text = f"{need}, {window}; {deadline.name} is too short"
        raise Blocked([Finding("window", f"{job.id}: {text}{f': {left}' if spent else ''}")])
    raise without_room(job.hub, job.id, deadline, f"{need}, and {left}", state)


def _spec(job: ComparisonJob, adopted_from: Path | None, options: Options, deadline: Deadline) -> JobSpec:
    return job.spec(
        adopted_from=adopted_from,
        # workers share the cores: one thread each, or they slow each other down
        environment=_ONE_THREAD if "PYTEST_XDIST_WORKER" in os.environ else None,
        detached=options.detach,
        deadline_s=options.deadline_s if options.detach else None,
        grace_s=max(1.0, deadline.grace_s),
        slots=options.slots,
    )


def _run_or_join(
    spec: JobSpec, is_done: Callable[[], bool], out_of_time: Callable[[], bool], **more: Any
) -> Ended:
    try:
        return run_or_join(spec, LocalExecutor(), is_done=is_done, out_of_time=out_of_time, **more)
    except (JobError, StorageError) as error:
        return Ended("refused", (Finding("input", str(error)),))


def _conclude(job: ComparisonJob, ended: Ended, asked: str, deadline: Deadline, death: str) -> Evidence:
    """Turn how the wait ended into evidence or a deferred test; `asked` says who stopped the session."""
    ended = job.conclude(ended)
    record, running, state = ended.record, ended.running, job.state()
    if running is not None:
        how = "detached" if running.launch is not None else "runs elsewhere"
        raise Deferred(f"{how}: pid {running.pid} on {running.host}, log {job.log}", state, death)
    if ended.state == "not begun":
        raise without_room(job.hub, job.id, deadline, ended.findings[0].text, state)
    if ended.state != "stopped" or record is None:
        if any(finding.kind == "adoption" for finding in ended.findings):
            raise Blocked(list(ended.findings))
        return Evidence(job, record, list(ended.findings), death)
    by_this_session = record.reason.startswith(ASKED_BY_LAUNCHER)
    stalled = state.progress.stalled
    # an attempt that was stopped because the session was could have gone on
    if by_this_session and not asked and stalled >= ATTEMPTS_WITHOUT_PROGRESS:
        text = f"{stalled} attempts in a row were stopped and gained nothing (the last: {deadline.name})"
        return Evidence(job, record, [Finding("stalled", f"{text}; see {job.log}")], death)
    over = (asked or deadline.name) if by_this_session else record.reason or record.last_line
    raise Deferred(f"stopped ({over})", state, death)


def _death(state: JobState) -> str:
    """Tell of an attempt that died before this one, so that nobody takes silence for success."""
    if state.died is None:
        return ""
    launched = state.died.launched
    who = f"attempt {launched['attempt']} (pid {launched['pid']} on {launched['host']})"
    return f"{who} died without a completion record, at {state.saved} of {state.total} patches"
