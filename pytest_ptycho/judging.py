"""The hook functions of a session that judges a hub, nothing else."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

from ptycho_compare.names import STUDY_FILE
from ptycho_compare.printable import one_line
from pytest_ptycho import (
    evidence_log,
    facts,
    github,
    outcomes,
    own,
    planned_jobs,
    suite,
    terminal,
    verdict,
    window,
)
from pytest_ptycho.attempt import attempt_at
from pytest_ptycho.options import OPTIONS, Options
from pytest_ptycho.scores import explained
from pytest_ptycho.stopping import STOPPING, stopping_of

if TYPE_CHECKING:
    from ptycho_compare.hub import Hub


def begin(config: pytest.Config) -> None:
    """Take part in this session, and begin its window."""
    config.stash[outcomes.RECORDS] = []
    config.pluginmanager.register(outcomes.Ledger(config.stash[outcomes.RECORDS]))
    stopping = stopping_of(config)
    if config.stash[OPTIONS].hub is not None:
        stopping.hear()
    if hasattr(config, "workerinput"):
        stopping.take_from_controller(config.workerinput)
    window.open_window(config)
    if config.stash[OPTIONS].plan:
        config.pluginmanager.register(planned_jobs.Planner())
    config.pluginmanager.register(sys.modules[__name__], "ptycho-judging")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Collect nothing once SIGTERM came; what xdist's workers collect, their controller counts on."""
    if not hasattr(session.config, "workerinput"):
        session.config.stash[STOPPING].begin(session)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give an xdist worker the end of the window and the file that stops it."""
    if node.config.stash[OPTIONS].hub is not None:
        window.hand_to_worker(node.config, node.workerinput)
        node.config.stash[STOPPING].hand_to_worker(node.workerinput)


@pytest.hookimpl(optionalhook=True)
def pytest_timeout_set_timer(item: pytest.Item, settings: Any) -> bool | None:
    """Take over pytest-timeout's deadline where it would kill a job instead of deferring it."""
    return window.take_over_timeout(item, settings.timeout) or None


@pytest.hookimpl(optionalhook=True)
def pytest_timeout_cancel_timer(item: pytest.Item) -> bool | None:
    """Leave nothing to cancel where the deadline was taken over."""
    return window.took_over(item) or None


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say which hub is judged, and by which study."""
    chosen = config.stash[OPTIONS]
    if chosen.hub is None:
        return []
    lines = [f"ptycho: hub {chosen.hub.root}{_doses(chosen.hub)}", f"ptycho: study {_study(chosen)}"]
    if chosen.window_s is not None:
        lines.append(f"ptycho: window {config.getoption('ptycho_window')}; what does not fit is deferred")
    if config.inipath is None and config.rootpath == chosen.hub.root:
        # pytest looks for its ini file before it knows what --hub means
        lines.append(
            "ptycho: pytest took the hub for its root directory; write --hub=DIR to use your ini file"
        )
    # bytes of a path that are no text stand with marks
    return [os.fsencode(line).decode("utf-8", errors="replace") for line in lines]


def _doses(judged: Hub) -> str:
    doses = ", ".join(map(str, judged.doses()))
    return f", dose {doses}" if doses else ", no data of any dose"


def _study(chosen: Options) -> str:
    if chosen.study is not None:
        return str(chosen.study)
    if chosen.hub is not None and chosen.hub.study().is_file():
        return str(chosen.hub.study())
    return f"{STUDY_FILE} beside the tests: the hub has none"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Let SIGTERM end the test that is at work, and show how far the jobs are, while tests run."""
    config = session.config
    if config.stash[OPTIONS].hub is None:
        return (yield)
    stopping = config.stash[STOPPING]
    stopping.begin(session)
    with stopping.interrupting(), terminal.showing(config):
        try:
            return (yield)
        except KeyboardInterrupt:
            stopping.ask("Ctrl-C")  # xdist's workers may not have received it
            raise


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Leave a log in the hub once all of a test is reported, and hand its summary to whoever prints it."""
    report = yield
    attempt = attempt_at(item, report, None if call.excinfo is None else call.excinfo.value)
    if evidence_log.judges_a_hub(item):
        # plain attributes cross to xdist's controller with the report
        if report.when != "teardown":
            report.ptycho_outcome = attempt.outcome  # type: ignore[attr-defined]
            facts.show(item, report)
        elif (found := evidence_log.record(item, attempt)) is not None:
            report.ptycho = found  # type: ignore[attr-defined]
            facts.attach(attempt.reports, found)
    if item.config.stash[STOPPING].asked:
        item.session.shouldstop = item.config.stash[STOPPING].asked
    return report


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """Say of a score that is not as a test wants it what it is of, and where to look."""
    return explained(op, left, right)


def pytest_report_teststatus(
    report: pytest.TestReport,
) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
    """Show deferred and blocked tests as what they are."""
    return outcomes.status_of(report)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Say by exit status 75 that nothing failed and something goes on; judge the hub where asked to."""
    config = session.config
    records, stopped = config.stash[outcomes.RECORDS], config.stash[STOPPING].asked
    status = outcomes.exit_status(records, exitstatus, stopped=stopped, failed=session.testsfailed)
    if exitstatus != pytest.ExitCode.INTERRUPTED:
        status = verdict.give_verdict(config, {record["id"] for record in records}, status)
    session.exitstatus = config.stash[STOPPING].give_back(config, status)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config
) -> None:
    """Print one line per test of the hub, and how it goes on."""
    if unfound := suite.hint(config, exitstatus):
        terminalreporter.write_line(one_line(f"ptycho: {unfound}"))
    records = config.stash[outcomes.RECORDS]
    if records:
        terminalreporter.section("ptycho: acceptance")
        for line in terminal.boards(config, records):
            terminalreporter.write_line(line)
        for line in terminal.study(config, records):
            terminalreporter.write_line("\n".join(terminal.laid_out(line, config)))
        command = shlex.join(["pytest", *config.invocation_params.args])
        for line in terminal.lines(records, command=command):
            terminalreporter.write_line("\n".join(terminal.laid_out(line, config)))
        for line in own.summary_lines(config):
            terminalreporter.write_line(one_line(line))
        github.publish(config, terminalreporter, records)
    if too_short := config.stash[STOPPING].too_short:
        terminalreporter.write_line(one_line(f"ptycho: {too_short}"), red=True)
    if found := list(verdict.lines(config)):
        terminalreporter.section("ptycho: gate")
        for line in found:
            terminalreporter.write_line("\n".join(terminal.laid_out(line, config)))
