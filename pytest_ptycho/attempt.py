"""One attempt at a test: its reports as they are made, and what pytest calls it once all are there."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from pytest_ptycho.outcomes import Blocked, Deferred

_ATTEMPT = pytest.StashKey["ReportedAttempt"]()


@dataclass
class ReportedAttempt:
    """What became of a test that was run once.

    Attributes
    ----------
    reports : list of pytest.TestReport
        Of its setup, its call and its teardown; before that of the call those of its subtests, which say that
        they are calls as well.
    error : Deferred, Blocked or None
        The first of them that was raised.
    """

    reports: list[pytest.TestReport] = field(default_factory=list)
    error: Deferred | Blocked | None = None

    @property
    def failed(self) -> bool:
        """Say if pytest counts a failure or an error, of whichever part."""
        return any(report.failed for report in self.reports)

    @property
    def outcome(self) -> str:
        """Passed, failed, blocked, deferred or skipped; xfailed is skipped, as in pytest's reports.

        Only when the teardown is reported is it the last word.
        """
        if self.failed:
            return "blocked" if isinstance(self.error, Blocked) else "failed"
        if isinstance(self.error, Deferred):
            return "deferred"
        return "passed" if self.body.when == "call" and self.body.passed else "skipped"

    @property
    def body(self) -> pytest.TestReport:
        """The report of the call, or of the setup where it came no further."""
        return next(report for report in reversed(self.reports) if report.when != "teardown")


def attempt_at(item: pytest.Item, report: pytest.TestReport, error: BaseException | None) -> ReportedAttempt:
    """Return the attempt that a report is part of; a setup begins another one."""
    if report.when == "setup" or _ATTEMPT not in item.stash:
        item.stash[_ATTEMPT] = ReportedAttempt()
    attempt = item.stash[_ATTEMPT]
    attempt.reports.append(report)
    if attempt.error is None and isinstance(error, Deferred | Blocked):
        attempt.error = error
    return attempt
