"""What counts as an outcome of a test of a hub."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from pytest_ptycho.outcomes import Ledger, status_of

BLOCKED = {"id": "dose_1-dense-train-debug", "outcome": "blocked"}


def report(outcome: str, when: Literal["setup", "teardown"] = "setup") -> pytest.TestReport:
    """A test that was blocked; what repeats tests calls all attempts but the last ``rerun``."""
    made = pytest.TestReport("test", ("file", 1, "test"), {}, "failed", "blocked", when)
    made.outcome = outcome  # type: ignore[assignment]
    if when == "setup":
        made.ptycho_outcome = "blocked"  # type: ignore[attr-defined]
    else:
        made.ptycho = BLOCKED  # type: ignore[attr-defined]
    return made


@pytest.mark.parametrize("ends", ["passed", "rerun", None])
def test_attempts_that_are_made_again_do_not_count(ends: str | None) -> None:
    """Whether their end is reported, and as what, depends on the version of what repeats them."""
    records: list[dict[str, Any]] = []
    ledger = Ledger(records)
    for _ in range(3):
        ledger.pytest_runtest_logreport(report("rerun"))
        if ends is not None:
            ledger.pytest_runtest_logreport(report(ends, "teardown"))
    ledger.pytest_runtest_logreport(report("failed"))
    ledger.pytest_runtest_logreport(report("passed", "teardown"))
    assert records == [BLOCKED]
    assert status_of(report("rerun")) is None  # who repeats it says what is shown
    shown = status_of(report("failed"))
    assert shown is not None
    assert shown[0] == "blocked"
