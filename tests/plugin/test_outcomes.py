"""What counts as an outcome of a test of a hub."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from pytest_ptycho.outcomes import Ledger, status_of

BLOCKED = {"id": "dose_1-dense-train-debug", "outcome": "blocked"}


def report(outcome: str) -> pytest.TestReport:
    """A test that was blocked; what repeats tests calls all attempts but the last ``rerun``."""
    when: Literal["setup"] = "setup"
    made = pytest.TestReport("test", ("file", 1, "test"), {}, "failed", "blocked", when)
    made.outcome = outcome  # type: ignore[assignment]
    made.ptycho = BLOCKED  # type: ignore[attr-defined]
    return made


def test_attempts_that_are_made_again_do_not_count() -> None:
    records: list[dict[str, Any]] = []
    ledger = Ledger(records)
    for outcome in ("rerun", "rerun", "rerun", "failed"):
        ledger.pytest_runtest_logreport(report(outcome))
    assert records == [BLOCKED]
    assert status_of(report("rerun")) is None  # who repeats it says what is shown
    shown = status_of(report("failed"))
    assert shown is not None
    assert shown[0] == "blocked"
