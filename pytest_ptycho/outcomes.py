"""Outcomes beside passed and failed: deferred (not finished, goes on) and blocked (cannot begin).

Deferred rides on pytest's skip, so that it is neither green nor red; blocked on its fail.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pytest

from ptycho_compare.sigterm import EXIT_STOPPED

if TYPE_CHECKING:
    from ptycho_compare.finding import Finding
    from ptycho_compare.phases.comparison.job import JobState

RECORDS = pytest.StashKey[list[dict[str, Any]]]()


_MADE_AGAIN = "rerun"
"""Outcome that pytest-rerunfailures gives to an attempt after which it makes another."""


class Deferred(pytest.skip.Exception):  # type: ignore[name-defined,misc]
    """The test's job is not finished; a later run goes on with it.

    The state says how far the comparison is (None where the test waits for something else), `death` how an
    earlier attempt died.
    """

    def __init__(self, reason: str, state: JobState | None = None, death: str = "") -> None:
        super().__init__(reason)
        self.reason, self.state, self.death = reason, state, death


class Blocked(pytest.fail.Exception):  # type: ignore[name-defined,misc]
    """The test cannot begin; its findings say what is missing."""

    def __init__(self, findings: list[Finding]) -> None:
        super().__init__("\n".join(map(str, findings)), pytrace=False)
        self.findings = findings


class Ledger:
    """Keeps the records of a hub's tests: in this process, or in xdist's controller, where reports end."""

    def __init__(self, records: list[dict[str, Any]]) -> None:
        self._records = records
        self._made_again: set[tuple[str, object]] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the record that a report carries; an attempt that is made again does not count."""
        test = (report.nodeid, getattr(report, "worker_id", None))
        if report.when == "setup":
            self._made_again.discard(test)
        if report.outcome == _MADE_AGAIN:
            self._made_again.add(test)
        elif hasattr(report, "ptycho") and test not in self._made_again:
            self._records.append(report.ptycho)


def called(records: Sequence[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """Return the records in the order of what they are of, each with what it is called.

    That is its comparison, and its test as well where the comparison has several: without its file, but where
    two of them differ in nothing else.
    """
    ids = Counter(record["id"] for record in records)
    names = Counter((record["id"], record["test"].partition("::")[2]) for record in records)

    def name(record: dict[str, Any]) -> str:
        short = record["test"].partition("::")[2]
        if ids[record["id"]] == 1:
            return str(record["id"])
        return f"{record['id']}  {record['test'] if names[record['id'], short] > 1 else short}"

    ordered = sorted(records, key=lambda record: str(record["id"]))
    return [(name(record), record) for record in ordered]


_Status = tuple[str, str, tuple[str, dict[str, bool]]]  # category, letter, word with its colour
_STATUS: dict[str, _Status] = {
    "deferred": ("deferred", "D", ("DEFERRED", {"yellow": True})),
    "blocked": ("blocked", "B", ("BLOCKED", {"red": True})),
}


def status_of(report: pytest.TestReport) -> _Status | None:
    """Return what pytest shows for a deferred or blocked test; None for all others."""
    if report.outcome == _MADE_AGAIN:
        return None
    return _STATUS.get(getattr(report, "ptycho_outcome", ""))


def exit_status(records: list[dict[str, Any]], status: int, *, stopped: str, failed: int) -> int:
    """Turn "nothing failed, something is deferred or was not begun for SIGTERM" into exit status 75.

    The records are of the tests of a hub; `failed` counts the tests that failed, of a hub or not. `stopped`
    names what asked for an early end of the session; empty where nothing did.
    """
    early = bool(stopped) and status == pytest.ExitCode.INTERRUPTED
    goes_on = any(record["outcome"] == "deferred" for record in records) or (early and stopped == "SIGTERM")
    if not goes_on or failed or not (early or status == pytest.ExitCode.OK):
        return status
    return EXIT_STOPPED
