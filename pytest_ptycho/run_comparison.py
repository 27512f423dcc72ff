"""Bring one comparison to its evidence, within the time there is, or say why that has to wait."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from ptycho_compare.errors import first_of
from pytest_ptycho.options import OPTIONS, Options
from pytest_ptycho.outcomes import Blocked, Deferred, Progress
from pytest_ptycho.stopping import STOPPING
from pytest_ptycho.window import Deadline, deadline_of, length_for_s

if TYPE_CHECKING:
    from pathlib import Path

    from ptycho_compare.errors import InputError
    from ptycho_compare.finding import Finding
    from ptycho_compare.jobs import DoneRecord, JobSpec, Running
    from ptycho_compare.phases.comparison.job import ComparisonJob, JobState
    from ptycho_compare.study import Comparison

ATTEMPTS_WITHOUT_PROGRESS = 2
"""How many in a row make a deferred test red."""
ADOPTION_REFUSED = 1
"""Exit status of `ptycho-hub adopt` when results do not hold."""
_ONE_THREAD = dict.fromkeys(("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"), "1")


@dataclass(frozen=True)
class Evidence:
    """What one comparison left behind, judged.

    Attributes
    ----------
    comparison : Comparison
    folder : Path
        Its artifacts.
    command : tuple of str
        What computes it.
    log : Path
        Output of the command, attempt after attempt.
    done : DoneRecord or None
        How the attempt ended that this test saw; None when the evidence was there.
    findings : list of Finding
        What does not hold; empty when the comparison can be trusted.
    death : str
        Of an earlier attempt; empty as a rule.
    """

    comparison: Comparison
    folder: Path
    command: tuple[str, ...]
    log: Path
    done: DoneRecord | None
    findings: list[Finding]
    death: str = ""


def run_comparison(item: pytest.Item, job: ComparisonJob) -> Evidence:
    """Bring a comparison to its evidence.

    Raises
    ------
    Deferred
        It is not finished, and goes on with a later run.
    Blocked
        It cannot begin.
    """
    options, deadline, stopping = item.config.stash[OPTIONS], deadline_of(item), item.config.stash[STOPPING]
    if options.verify:
        return _as_it_stands(job)
    if not options.fresh and job.is_done():
        return _evidence(job)
    if missing := job.why_not_ready():
        raise Blocked(missing)
    command = job.command if options.adopt is None else _adoption(job, options.adopt)
    gated = command == job.command and options.gate and _pass_gate(item, job)
    state = job.state()
    if stopping.asked:
        raise Deferred(f"not started: {stopping.asked}", _progress(state))
    if not options.detach and not state.running and command == job.command:
        _require_room(job, state, deadline, worked=gated)
    with stopping.waiting():
        spec = _spec(job, command, options, deadline)
        is_done = (lambda: False) if options.fresh else job.is_done
        found = _run_or_join(spec, is_done, lambda: bool(stopping.asked) or deadline.working_s <= 0)
    return _conclude(job, found, stopping.asked, deadline, _death(state))


def _as_it_stands(job: ComparisonJob) -> Evidence:
    from ptycho_compare.gate import state_of

    state, findings = state_of(job, arrays=True)
    if state == "deferred":
        raise Deferred(findings[0].text, _progress(job.state()))
    return _evidence(job, findings=findings)


def _adoption(job: ComparisonJob, source: Path) -> tuple[str, ...]:
    """The command that takes results made elsewhere; without any, the one that computes them."""
    from ptycho_compare.phases.comparison.adopt import results_in

    folder = results_in(source, job)
    return job.command if folder is None else job.adopting(folder)


def _pass_gate(item: pytest.Item, job: ComparisonJob) -> bool:
    """See that the tier before is green; bring it there where this session or another process is at it.

    Returns
    -------
    bool
        Whether time was spent on that.
    """
    from ptycho_compare.finding import Finding

    before = job.gate()
    if before is None:
        return False
    reasons, worked = before.why_not_current(), False
    if not reasons:
        reasons = before.judge()
    elif before.comparison in _selected(item.session) or before.state().running:
        reasons, worked = run_comparison(item, before).findings, True
    if reasons:
        text = f"{before.id} is not green, and {job.id} comes after it: {first_of(reasons)}; "
        raise Blocked([Finding("gate", f"{text}run pytest -m {before.comparison.tier} first")])
    return worked


def _selected(session: pytest.Session) -> list[Comparison]:
    """List the comparisons that this session runs; every xdist worker collects all of them."""
    cases = (getattr(item, "callspec", None) for item in session.items)
    return [case.params["comparison"] for case in cases if case is not None and "comparison" in case.params]


def _require_room(job: ComparisonJob, state: JobState, deadline: Deadline, *, worked: bool) -> None:
    """Start nothing that would end without having gained anything.

    A session's window may have been spent by other tests, and the next one is another. A test's own time
    was spent on getting here, unless the test `worked` before: the next run would come no further.
    """
    from ptycho_compare.finding import Finding
    from ptycho_compare.jobs.duration import duration_text

    least_s = state.least_s or 0.0
    if least_s <= deadline.working_s and deadline.working_s > 0:
        return
    need = f"an attempt needs about {duration_text(least_s)} to gain anything"
    if state.least_s is None:
        need = "what an attempt needs was never measured"
    left = f"{duration_text(max(0.0, deadline.working_s))} are left of {deadline.name}"
    spent_s = deadline.length_s - deadline.left_s if deadline.own and not worked else 0.0
    if spent_s or least_s > deadline.whole_working_s():
        text = f"{need}, a window of {length_for_s(least_s + spent_s):.0f} s; {deadline.name} is too short"
        raise Blocked([Finding("window", f"{job.id}: {text}{f': {left}' if spent_s else ''}")])
    raise Deferred(f"not started: {need}, and {left}", _progress(state))


def _spec(job: ComparisonJob, command: tuple[str, ...], options: Options, deadline: Deadline) -> JobSpec:
    return job.spec(
        command=command,
        # workers share the cores: one thread each, or they slow each other down
        environment=_ONE_THREAD if "PYTEST_XDIST_WORKER" in os.environ else None,
        detached=options.detach,
        deadline_s=options.deadline_s if options.detach else None,
        grace_s=max(1.0, deadline.grace_s),
        slots=options.slots,
    )


def _run_or_join(
    spec: JobSpec, is_done: Callable[[], bool], out_of_time: Callable[[], bool]
) -> DoneRecord | Running | InputError | None:
    from ptycho_compare.errors import JobError, StorageError
    from ptycho_compare.jobs import LocalExecutor, run_or_join

    try:
        return run_or_join(spec, LocalExecutor(), is_done=is_done, out_of_time=out_of_time)
    except (JobError, StorageError) as error:
        return error


def _conclude(
    job: ComparisonJob,
    found: DoneRecord | Running | InputError | None,
    asked: str,
    deadline: Deadline,
    death: str,
) -> Evidence:
    """Turn how the wait ended into evidence or a deferred test; `asked` says who stopped the session."""
    from ptycho_compare.errors import InputError
    from ptycho_compare.finding import Finding
    from ptycho_compare.jobs import ASKED_BY_LAUNCHER, Running

    if found is None:
        return _evidence(job, findings=job.judge(), death=death)
    if isinstance(found, InputError):
        return _evidence(job, findings=[Finding("input", str(found))], death=death)
    state = job.state()
    if isinstance(found, Running):
        how = "detached" if found.launch is not None else "runs elsewhere"
        where = f"pid {found.pid} on {found.host}, log {job.log}"
        raise Deferred(f"{how}: {where}", _progress(state), death)
    if "adopt" in found.command and found.returncode == ADOPTION_REFUSED:
        raise Blocked([Finding("adoption", found.tail[-1] if found.tail else "no output")])
    if not found.stopped:
        return _evidence(job, found, findings=_refusal(found) or job.judge(), death=death)
    if job.is_done():  # asked to stop when all was written
        return _evidence(job, found, death=death)
    ours = found.reason.startswith(ASKED_BY_LAUNCHER)
    late = ours and not asked
    stalled = state.progress.stalled
    if late and stalled >= ATTEMPTS_WITHOUT_PROGRESS:  # whoever is asked to stop could have gone on
        text = f"{stalled} attempts in a row were stopped and gained nothing (the last: {deadline.name})"
        return _evidence(job, found, findings=[Finding("stalled", f"{text}; see {job.log}")], death=death)
    over = (asked or deadline.name) if ours else found.reason
    raise Deferred(f"stopped ({over})", _progress(state), death)


def _evidence(
    job: ComparisonJob,
    done: DoneRecord | None = None,
    *,
    findings: Sequence[Finding] = (),
    death: str = "",
) -> Evidence:
    return Evidence(job.comparison, job.folder, job.command, job.log, done, list(findings), death)


def _refusal(done: DoneRecord) -> list[Finding]:
    """Findings about a command that never came to compute, or was ended, from its last line."""
    from ptycho_compare.finding import Finding

    if done.returncode in (0, 1):
        return []
    last = done.tail[-1] if done.tail else "no output"
    if done.returncode < 0:
        name = signal.Signals(-done.returncode).name
        return [Finding("failed", f"ended by {name}; the next run goes on from the last checkpoint: {last}")]
    text = f"exit status {done.returncode}: {last}"
    return [Finding("input", text) if done.returncode == 2 else Finding("failed", text)]


def _death(state: JobState) -> str:
    """Tell of an attempt that died before this one, so that nobody takes silence for success."""
    last = state.progress.attempts[-1] if state.progress.attempts else None
    if last is None or last.ended is not None or state.running:
        return ""
    who = f"attempt {last.launched['attempt']} (pid {last.launched['pid']} on {last.launched['host']})"
    return f"{who} died without a completion record, at {state.saved} of {state.total} patches"


def _progress(state: JobState) -> Progress:
    return Progress(state.saved, state.total, state.forecast_s)
