"""`--ptycho-plan`: the jobs that a session would run, how long they take, and what each would reuse."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from ptycho_compare.duration import duration_text
from ptycho_compare.errors import InputError
from pytest_ptycho.options import OPTIONS
from pytest_ptycho.session_jobs import jobs_of

if TYPE_CHECKING:
    from ptycho_compare.phases.comparison.job import ComparisonJob


class Planner:
    """Takes the place of running the tests."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Print the plan, unless the tests are only to be listed."""
        if session.config.option.collectonly or session.testsfailed:
            return None
        reporter = session.config.pluginmanager.get_plugin("terminalreporter")
        for line in lines(session):
            if reporter is None:
                print(line)
            else:
                reporter.write_line(line)
        return True


def lines(session: pytest.Session) -> Iterator[str]:
    """Yield a line per comparison of the session, in order, and the total."""
    hub = session.config.stash[OPTIONS].hub
    if hub is None or not hub.exists():
        yield "ptycho plan: no hub; give --hub DIR"
        return
    jobs = [job for _, job in jobs_of(session.items, hub)]
    width = max((len(job.id) for job in jobs), default=0)
    fresh = session.config.stash[OPTIONS].fresh
    known, unknown = 0.0, 0
    for job in jobs:
        text, seconds = _forecast(job, fresh=fresh)
        yield f"{job.id:<{width}}  {text}"
        known += seconds or 0.0
        unknown += seconds is None
    rest = f", and {unknown} not yet measured" if unknown else ""
    yield f"in all: {duration_text(known)}{rest}; nothing was run"


def _forecast(job: ComparisonJob, *, fresh: bool) -> tuple[str, float | None]:
    """Say what would be done for a comparison, and the seconds that it takes if known."""
    try:
        reasons = job.why_not_done()
        state = job.state()
    except InputError as error:
        return f"cannot run: {error}", 0.0
    if reasons and reasons[0].kind == "input":
        return f"cannot run: {reasons[0].text}", 0.0
    if not reasons and not fresh:
        return "done: reused as it is, by digest", 0.0
    seconds = state.forecast_s
    forecast = "not measured" if seconds is None else f"about {duration_text(seconds)}"
    if state.running:
        return f"runs now: {state.progress.done} of {state.total} patches, {forecast}", seconds
    if state.saved:
        return f"goes on: reuses {state.saved} of {state.total} patches, {forecast}", seconds
    count = f"{state.total} patches, " if state.total else ""
    why = str(reasons[0]) if reasons else "--ptycho-fresh"
    return f"to run: {count}{forecast} ({why})", seconds
