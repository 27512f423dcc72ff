"""Sessions that share a hub take different comparisons: past one that is at work they go on with the next."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hubs import DOSE, FOUR_SPLITS, make_four
from processes import nobody_left, until
from ptycho_compare.jobs.claim import take_claim
from sessions import events, job_of, junit_of, start_on


@pytest.fixture
def hub(small_hub: Path, tmp_path: Path) -> Iterator[Path]:
    with nobody_left(make_four(tmp_path / "hub", small_hub, call_s=0.0)) as hub:
        yield hub


@pytest.fixture
def slow_two(small_hub: Path, tmp_path: Path) -> Iterator[Path]:
    with nobody_left(make_four(tmp_path / "hub", small_hub, call_s=0.3)) as hub:
        yield hub


@contextmanager
def at_work(hub: Path, split: str) -> Iterator[None]:
    """Hold the claim of a debug comparison, as another session's supervisor does."""
    claim, _ = take_claim(job_of(hub, split, "debug").claim)
    yield
    claim.release()


def launches(hub: Path, split: str) -> int:
    return len(events(hub, "launched", split, "debug"))


def done(hub: Path, split: str) -> bool:
    return job_of(hub, split, "debug").done.exists()


THREE = ("-m", "debug", "-k", "not dense-fourth")
TWO = ("-m", "debug", "-k", "dense-train or dense-test")


@pytest.mark.parametrize("more", [(), pytest.param(("-n2",), marks=pytest.mark.slow)], ids=["serial", "-n2"])
def test_what_is_free_is_done_while_another_session_works_at_the_first(
    hub: Path, more: tuple[str, ...]
) -> None:
    report = hub.with_name("junit.xml")
    with at_work(hub, "train"):
        session = start_on(hub, *THREE, f"--junitxml={report}", *more)
        until(lambda: all(done(hub, split) for split in FOUR_SPLITS[1:3]), "they were not done")
        assert launches(hub, "train") == 0
    status, text = session.ended()
    assert status == 0, text
    assert "3 passed" in text
    assert [launches(hub, split) for split in FOUR_SPLITS] == [1, 1, 1, 0]
    # under their usual names
    assert sorted(junit_of(report)) == sorted(f"dose_{DOSE}-dense-{split}-debug" for split in FOUR_SPLITS[:3])
    if not more:  # the test of each tells of its attempt; another worker's test finds what it left
        (log,) = (hub / "green").glob("*third*.log")
        assert "exit status: 0" in log.read_text()


def test_what_fails_meanwhile_is_red_at_its_own_test_and_tried_once(hub: Path) -> None:
    (hub / f"data/phase_c/dose_{DOSE}/patched_test.npz").write_bytes(b"no scan")
    with at_work(hub, "train"):
        session = start_on(hub, *TWO)
        until(lambda: done(hub, "test"), "it was not tried")
    status, text = session.ended()
    assert status == 1, text
    assert "1 failed, 1 passed" in text, text
    assert launches(hub, "test") == 1


@pytest.mark.slow
def test_a_session_that_is_stopped_meanwhile_saves_that_work_too(slow_two: Path) -> None:
    with at_work(slow_two, "train"):
        session = start_on(slow_two, *TWO)
        until(lambda: events(slow_two, "working", "test", "debug"), "it was not begun")
        session.signal(signal.SIGTERM)
        status, text = session.ended()
    assert status == 75, text
    assert events(slow_two, "ended", "test", "debug")[0]["returncode"] == 75
    assert "runs elsewhere" in text


@pytest.mark.slow
def test_what_somebody_stops_meanwhile_is_not_begun_again(slow_two: Path) -> None:
    with at_work(slow_two, "train"):
        session = start_on(slow_two, *TWO)
        until(lambda: events(slow_two, "working", "test", "debug"), "it was not begun")
        job_of(slow_two, "test", "debug").stop.touch()
        until(lambda: events(slow_two, "ended", "test", "debug"), "it did not stop")
    status, text = session.ended()
    assert status == 75, text
    assert "stopped (asked by a stop file)" in text
    assert launches(slow_two, "test") == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("asked", "split", "tier"),
    [
        (("-m", "full or debug", "-k", "train-debug or test-full"), "test", "full"),
        ((*TWO, "--ptycho-fresh"), "test", "debug"),
    ],
    ids=["its tier before is not green", "made anew in any case"],
)
def test_what_is_left_to_its_own_test(hub: Path, asked: tuple[str, ...], split: str, tier: str) -> None:
    with at_work(hub, "train"):
        session = start_on(hub, *asked)
        time.sleep(15)
        assert events(hub, "launched", split, tier) == []
    status, text = session.ended()
    assert status == (1 if tier == "full" else 0), text


@pytest.mark.slow
def test_two_sessions_take_at_most_two_thirds_of_the_time_of_one(small_hub: Path, tmp_path: Path) -> None:
    """Jobs that wait rather than compute, as on two machines."""

    def taken_s(name: str, sessions: int) -> float:
        with nobody_left(make_four(tmp_path / name, small_hub, call_s=0.25)) as hub:
            began = time.monotonic()
            started = [start_on(hub, "-m", "debug") for _ in range(sessions)]
            ended = [session.ended() for session in started]
            taken = time.monotonic() - began
            assert [status for status, _ in ended] == [0] * sessions, "\n".join(text for _, text in ended)
            assert [launches(hub, split) for split in FOUR_SPLITS] == [1] * 4
        return taken

    tried = []
    for attempt in range(3):  # others at work on this machine may slow down either
        tried.append((taken_s(f"one{attempt}", 1), taken_s(f"two{attempt}", 2)))
        if tried[-1][1] <= 0.65 * tried[-1][0]:
            return
    pytest.fail(f"seconds of one session and of two: {tried}")
