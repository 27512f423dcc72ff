"""The state log: a line per event, whoever writes it and whatever befalls it."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processes import PATIENCE_S, until
from ptycho_compare.jobs.states import MAX_BYTES, append_state, read_states, seconds_between

STAMP = ("time", "clock_s")
WRITER = """
import sys, time
from pathlib import Path
from ptycho_compare.jobs.states import append_state
log, go, name = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
Path(f"{go}-{name}").touch()
while not go.exists():
    time.sleep(0.001)
for number in range(200):
    append_state(log, "working", writer=name, number=number, text=name * (number * 10))
"""


def test_an_event_is_read_as_it_was_written(tmp_path: Path) -> None:
    log = tmp_path / "states.jsonl"
    before = datetime.now(UTC)
    append_state(log, "launched", attempt=1, host="beamline-7", detached=False)
    append_state(log, "planned", parts={"PINN": [0, 320]})
    first, second = read_states(log)
    assert {key: first[key] for key in first if key not in STAMP} == {
        "state": "launched",
        "attempt": 1,
        "host": "beamline-7",
        "detached": False,
    }
    assert second["parts"] == {"PINN": [0, 320]}
    assert abs((datetime.fromisoformat(first["time"]) - before).total_seconds()) < 60
    assert seconds_between(first, second) >= 0


def test_seconds_between_two_events() -> None:
    first: dict[str, Any] = {"time": "2026-11-23T23:59:58.500+00:00"}
    second: dict[str, Any] = {"time": "2026-11-24T00:00:00.750+00:00"}
    assert seconds_between(first, second) == 2.25
    assert seconds_between(second, first) == -2.25
    first["clock_s"], second["clock_s"] = 100.0, 101.5  # of which one was set
    assert seconds_between(first, second) == 1.5
    second["clock_s"] = "soon"
    assert seconds_between(first, second) == 2.25


def test_no_log_has_no_events(tmp_path: Path) -> None:
    assert list(read_states(tmp_path / "states.jsonl")) == []


@pytest.mark.parametrize(
    "facts",
    [
        {"reason": "x" * 100_000},
        {"reason": "ø" * 5_000, "path": "Ω" * 5_000},
        {"reason": "🐈" * 5_000, "path": "🐈" * 5_000, "note": "🐈" * 5_000},
        {"command": ["python", "-c", "🐈" * 5_000], "parts": {"ø" * 3_000: [0, 1]}},
        {f"text {number}": "\x00" * 1_000 for number in range(20)},
    ],
    ids=["ascii", "unicode", "astral", "nested", "many"],
)
def test_long_texts_are_cut_so_that_the_line_is_written_at_once(
    tmp_path: Path, facts: dict[str, Any]
) -> None:
    log = tmp_path / "states.jsonl"
    append_state(log, "stopping", attempt=3, **facts)
    assert log.stat().st_size <= MAX_BYTES
    (event,) = read_states(log)
    assert event["state"] == "stopping"
    assert event["attempt"] == 3
    assert event.keys() == {*STAMP, "state", "attempt", *facts}


@given(st.dictionaries(st.text(max_size=20), st.text() | st.lists(st.text()) | st.integers(), max_size=8))
def test_any_event_is_one_short_line(facts: dict[str, Any]) -> None:
    facts = {f"fact {key}": value for key, value in facts.items()}
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "states.jsonl"
        append_state(log, "noted", **facts)
        append_state(log, "noted", **facts)
        first, _ = log.read_bytes().splitlines(keepends=True)
        assert len(first) <= MAX_BYTES
        events = list(read_states(log))
    assert [event.keys() for event in events] == [{*STAMP, "state", *facts}] * 2


def test_a_torn_last_line_is_passed_over(tmp_path: Path) -> None:
    log = tmp_path / "states.jsonl"
    for number in range(3):
        append_state(log, "working", number=number)
    whole = log.read_bytes()
    last = whole.splitlines(keepends=True)[-1]
    for kept in range(len(last) - 1):
        log.write_bytes(whole[: len(whole) - len(last) + kept])
        assert [event["number"] for event in read_states(log)] == [0, 1]


@pytest.mark.parametrize("tear", [b'{"time": "2026-11-24T0', b"{", b"\x00" * 50, b'{"time": "\xff\xc3'])
def test_what_is_appended_after_a_torn_line_is_not_lost(tmp_path: Path, tear: bytes) -> None:
    """The next attempt's `launched` stands on the line that the power loss tore."""
    log = tmp_path / "states.jsonl"
    append_state(log, "working", number=0)
    with log.open("ab") as stream:
        stream.write(tear)
    append_state(log, "launched", number=1)
    append_state(log, "running", number=2)
    assert [event["number"] for event in read_states(log)] == [0, 1, 2]


def test_lines_that_are_no_events_are_passed_over(tmp_path: Path) -> None:
    log = tmp_path / "states.jsonl"
    log.write_text('[]\n"text"\n7\n\n{"state": "no time"}\n{"time": "no state"}\n')
    append_state(log, "ended")
    assert [event["state"] for event in read_states(log)] == ["ended"]


@pytest.mark.usefixtures("unmeasured")
def test_eight_writers_at_once_tear_and_lose_nothing(tmp_path: Path) -> None:
    log, go = tmp_path / "states.jsonl", tmp_path / "go"
    names = "abcdefgh"
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(log), str(go), name]) for name in names]
    until(lambda: len(list(tmp_path.glob("go-*"))) == len(names))
    go.touch()
    assert [writer.wait(timeout=PATIENCE_S) for writer in writers] == [0] * len(names)
    events = [json.loads(line) for line in log.read_bytes().splitlines()]
    for name in names:
        mine = [event for event in events if event["writer"] == name]
        assert [event["number"] for event in mine] == list(range(200))
        assert all(event["text"].startswith(name * min(300, event["number"] * 10)) for event in mine)
    assert len(events) == 200 * len(names)
