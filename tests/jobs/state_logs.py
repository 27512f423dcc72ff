"""State logs with a clock of their own: what attempts at a job reported, made up to the second."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from ptycho_compare.hub import JobFiles
from ptycho_compare.jobs.progress import JobProgress, read_progress

PARTS = {"PINN": 40, "Baseline": 60}


class StateLog:
    """A job's log, event after event."""

    def __init__(self, folder: Path, began: datetime | None = None) -> None:
        self.files = JobFiles(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.files.states.touch()
        self.now = began or datetime(2026, 11, 23, 8, tzinfo=UTC)
        self._attempts = 0

    def report(self, state: str, after_s: float = 0.0, /, **facts: Any) -> None:
        """One event, so many seconds after the one before."""
        self.now += timedelta(seconds=after_s)
        self.write(json.dumps({"time": self.now.isoformat(timespec="milliseconds"), "state": state, **facts}))

    def write(self, line: str) -> None:
        with self.files.states.open("a", encoding="utf-8") as stream:
            stream.write(f"{line}\n")

    def launch(self, *, wait_s: float = 0.0, **more: str) -> None:
        """A new attempt, whose command starts when a slot is free."""
        self._attempts += 1
        self.report(
            "launched", 1.0, attempt=self._attempts, host="beamline-7", pid=1000 + self._attempts, **more
        )
        if wait_s:
            self.report("waiting", reason="1 of 1 slots are taken")
        self.report("running", wait_s, pid=2000 + self._attempts)

    def plan(self, after_s: float = 0.0, **parts: tuple[int, int]) -> None:
        self.report("planned", after_s, parts={name: list(pair) for name, pair in parts.items()})

    def work(self, part: str, done: int, seconds: float, after_s: float) -> None:
        self.report("working", after_s, part=part, done=done, seconds=seconds)

    def save(self, part: str, done: int, after_s: float = 0.0) -> None:
        self.report("checkpoint", after_s, part=part, done=done, seconds=after_s)

    def end(self, returncode: int, after_s: float = 0.0, reason: str = "") -> None:
        self.report("ended", after_s, attempt=self._attempts, returncode=returncode, reason=reason)

    def progress(self) -> JobProgress:
        return read_progress(self.files)


@dataclass(frozen=True)
class Batch:
    """Units computed in one go, and whether they were made safe."""

    units: int
    unit_s: float
    saved: bool


@dataclass(frozen=True)
class Attempt:
    """What one attempt did: the parts one after another, in batches, until there were no more."""

    wait_s: float
    start_s: float
    batches: tuple[Batch, ...]
    end_s: float
    returncode: int | None
    """None of one that died."""


@dataclass
class Job:
    """A job that reports like a real command, and what is true of it."""

    log: StateLog
    saved: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PARTS, 0))
    done: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PARTS, 0))
    saved_s: dict[str, float] = field(default_factory=lambda: dict.fromkeys(PARTS, 0.0))
    gained: list[int] = field(default_factory=list)

    def attempt(self, made: Attempt) -> None:
        self.log.launch(wait_s=made.wait_s)
        self.log.plan(made.start_s, **{name: (self.saved[name], total) for name, total in PARTS.items()})
        self.done, seconds = dict(self.saved), dict(self.saved_s)
        self.gained.append(0)
        for batch in made.batches:
            part = next((name for name, total in PARTS.items() if self.done[name] < total), None)
            if part is None:
                break
            units = min(batch.units, PARTS[part] - self.done[part])
            self.done[part] += units
            seconds[part] += units * batch.unit_s
            self.log.work(part, self.done[part], seconds[part], units * batch.unit_s)
            if batch.saved or self.done[part] == PARTS[part]:
                self.log.save(part, self.done[part])
                self.gained[-1] += self.done[part] - self.saved[part]
                self.saved[part], self.saved_s[part] = self.done[part], seconds[part]
        if made.returncode is not None:
            self.log.end(made.returncode, made.end_s)


def attempts() -> st.SearchStrategy[list[Attempt]]:
    """Any attempts one after another."""
    seconds = st.integers(0, 400).map(lambda quarters: quarters / 4)  # exact, so that sums can be compared
    batches = st.builds(Batch, st.integers(1, 25), st.sampled_from([0.25, 0.5, 2.0]), st.booleans())
    status = st.sampled_from([None, 0, 1, 2, 75, -9])
    return st.lists(
        st.builds(Attempt, seconds, seconds, st.lists(batches, max_size=6).map(tuple), seconds, status),
        max_size=6,
    )


def events() -> st.SearchStrategy[Mapping[str, Any]]:
    """Lines that no command of ours writes: any state with any facts, times in any order."""
    values: st.SearchStrategy[Any] = st.recursive(
        st.none() | st.booleans() | st.integers(-5, 10**12) | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["PINN", "x"]), inner),
        max_leaves=5,
    )
    pair = st.lists(st.integers(-1, 50), min_size=2, max_size=2)
    facts = {
        "attempt": st.integers(1, 5) | values,
        "host": st.just("beamline-7") | values,
        "part": st.sampled_from(list(PARTS)) | values,
        "parts": st.dictionaries(st.sampled_from(list(PARTS)), pair) | values,
        "done": st.integers(0, 50) | values,
        "seconds": st.floats(0, 1e6) | values,
        "name": st.just("scoring") | values,
        "returncode": st.sampled_from([0, 1, 75]) | values,
    }
    known = ["launched", "running", "planned", "working", "checkpoint", "step", "ended", "died", "waiting"]
    moment = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))
    time = moment.map(lambda each: each.isoformat(timespec="milliseconds"))
    return st.fixed_dictionaries(
        {"state": st.sampled_from(known) | values, "time": time | values}, optional=facts
    )
