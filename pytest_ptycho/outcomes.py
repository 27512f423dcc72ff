"""Outcomes beside passed and failed: deferred (not finished, goes on) and blocked (cannot begin).

Deferred rides on pytest's skip, so that it is neither green nor red; blocked on its fail.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from ptycho_compare.jobs import EXIT_STOPPED

RECORDS = pytest.StashKey[list[dict[str, Any]]]()


@dataclass(frozen=True)
class Progress:
    """How far a comparison is.

    Attributes
    ----------
    saved, total : int
        Patches that need not be computed again, and all; 0 where they were never counted.
    forecast_s : float or None
        Seconds that are left, as far as known.
    """

    saved: int = 0
    total: int = 0
    forecast_s: float | None = None


class Deferred(pytest.skip.Exception):  # type: ignore[name-defined,misc]
    """The test's job is not finished; a later run goes on with it."""

    def __init__(self, reason: str, progress: Progress, death: str = "") -> None:
        super().__init__(reason)
        self.reason, self.progress, self.death = reason, progress, death


class Blocked(pytest.fail.Exception):  # type: ignore[name-defined,misc]
    """The test cannot begin; its findings say what is missing."""

    def __init__(self, findings: list[Any]) -> None:
        super().__init__("\n".join(map(str, findings)), pytrace=False)
        self.findings = findings


class Ledger:
    """Keeps the records of our tests: in this process, or in xdist's controller, where reports end."""

    def __init__(self, records: list[dict[str, Any]]) -> None:
        self._records = records

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what a report of ours brings."""
        if hasattr(report, "ptycho"):
            self._records.append(report.ptycho)


@dataclass(frozen=True)
class Outcome:
    """How we show one."""

    category: str
    letter: str
    word: str
    markup: dict[str, bool] = field(default_factory=dict)


_SHOWN = {
    "deferred": Outcome("deferred", "D", "DEFERRED", {"yellow": True}),
    "blocked": Outcome("blocked", "B", "BLOCKED", {"red": True}),
}


def status_of(report: pytest.TestReport) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
    """How pytest shows a report of ours; None for all others."""
    shown = _SHOWN.get(getattr(report, "ptycho", {}).get("outcome", ""))
    return None if shown is None else (shown.category, shown.letter, (shown.word, shown.markup))


def exit_status(records: list[dict[str, Any]], status: int, *, stopped: bool, failed: int) -> int:
    """Turn "nothing failed, something is deferred" into exit status 75.

    Parameters
    ----------
    records : list of dict
        Of our tests.
    status : int
        What pytest says.
    stopped : bool
        Whether the session ended early because it was asked to.
    failed : int
        How many tests failed, ours or not.
    """
    deferred = any(record["outcome"] == "deferred" for record in records)
    ended_well = status == pytest.ExitCode.OK or (stopped and status == pytest.ExitCode.INTERRUPTED)
    return EXIT_STOPPED if deferred and not failed and ended_well else status
