"""The outcome of a judgement, and its reason in one line: what weighs most decides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from ptycho_compare.checks.blocker import Blocker
from ptycho_compare.checks.check import Validation
from ptycho_compare.checks.listing import NOBODY_LEFT
from ptycho_compare.errors import first_of
from ptycho_compare.finding import Finding
from ptycho_compare.records.acceptance import Change, ComparisonState, ComparisonVerdict
from ptycho_compare.study import Study

Outcome = Literal["accepted", "red", "incomplete", "deferred"]
_WEIGHTS: tuple[Outcome, ...] = ("red", "incomplete", "deferred")
_CLOSES: Mapping[ComparisonState, Outcome] = {
    "red": "red",
    "missing": "incomplete",
    "stale": "incomplete",
    "deferred": "deferred",
}


@dataclass(frozen=True)
class Judged:
    """All that it is drawn from; blockers are the open ones, changes those of scores since an earlier hub."""

    study: Study
    comparisons: tuple[ComparisonVerdict, ...]
    checks: tuple[Validation, ...]
    blockers: tuple[Blocker, ...]
    changes: tuple[Change, ...]

    @property
    def outcome(self) -> Outcome:
        """The weightiest of all that keeps the gate closed."""
        return self.unmet[0][0] if self.unmet else "accepted"

    @property
    def reason(self) -> str:
        """Why, or how many comparisons hold."""
        if self.unmet:
            return first_of([text for _, text in self.unmet])
        required = [each for each in self.comparisons if each.required]
        adopted = sum(each.origin == "adopted" for each in required)
        count = f"all {len(required)} comparisons hold"
        return f"{count}, {adopted} of them adopted from elsewhere" if adopted else count

    @cached_property
    def unmet(self) -> list[tuple[Outcome, str]]:
        """Everything that keeps the gate closed, what weighs most first."""
        return sorted(self._unsorted(), key=lambda each: _WEIGHTS.index(each[0]))

    def _unsorted(self) -> Iterator[tuple[Outcome, str]]:
        required = [each for each in self.comparisons if each.required]
        for each in required:
            if each.state != "accepted":
                state = "" if each.state == "red" else f" is {each.state}"
                yield _CLOSES[each.state], f"{each.id}{state}: {each.findings[0]}"
            elif each.low and self.study.acceptance.gating:
                yield "red", f"{each.id}: {each.low[0]}"
        for check in self.checks:
            if check.findings:
                kind: Outcome = "incomplete" if _is_incomplete(check.findings) else "red"
                yield kind, f"{check.description}: {check.findings[0]}"
        for change in self.changes:
            if change.judged == "worse":
                what = f"{change.id}: {change.arm}: {change.metric} {change.part}".rstrip()
                yield "red", f"{what} was {change.before}, is {change.now}: worse ({change.tolerance})"
        for blocker in self.blockers:
            if blocker.damaged:
                yield "red", f"{blocker.note.name}: {blocker.damaged}"
            if blocker.subject and blocker.subject != NOBODY_LEFT:  # a check says that
                yield "incomplete", f"{blocker.note.name} is not closed: {blocker.subject} stands still"


def _is_incomplete(findings: Sequence[Finding]) -> bool:
    """True when all that is wrong is that something is not there; what is there and breaks a rule is red."""
    return all(finding.kind == "missing" for finding in findings)
