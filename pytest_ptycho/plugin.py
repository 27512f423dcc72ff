"""The hook functions, nothing else."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from pytest_ptycho import evidence_log, options, summary
from pytest_ptycho.cases import parametrize
from pytest_ptycho.fixtures import evidence, hub, study

__all__ = ["evidence", "hub", "study"]

_MARKS = (
    "acceptance: judges a study hub",
    "debug: comparisons of the tier 'debug' (minutes)",
    "full: comparisons of the tier 'full' (the whole split, counted)",
    "phase_g: phase G, comparison",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare `--hub` and `--ptycho-study`."""
    options.add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marks and work out which hub is meant."""
    for mark in _MARKS:
        config.addinivalue_line("markers", mark)
    config.stash[options.OPTIONS] = options.resolve(config)


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say which hub is judged."""
    chosen = config.stash[options.OPTIONS]
    if chosen.hub is None:
        return []
    lines = [f"ptycho: hub {chosen.hub.root}"]
    if config.inipath is None and config.rootpath == chosen.hub.root:
        # pytest looks for its ini file before it knows what --hub means
        lines.append(
            "ptycho: pytest took the hub for its root directory; write --hub=DIR to use your ini file"
        )
    return lines


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Turn the study's comparisons into cases."""
    if "comparison" in metafunc.fixturenames:
        parametrize(metafunc)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Leave a log in the hub, and hand its summary to whoever prints it."""
    report = yield
    found = evidence_log.record(item, report)
    if found is not None:
        # a plain attribute crosses to xdist's controller with the report
        report.ptycho = found  # type: ignore[attr-defined]
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print one line per comparison."""
    reports = [report for found in terminalreporter.stats.values() for report in found]
    records = [report.ptycho for report in reports if hasattr(report, "ptycho")]
    if records:
        terminalreporter.section("ptycho: comparisons")
        for line in summary.lines(records):
            terminalreporter.write_line(line)
