"""Sessions that share a hub take different comparisons: past one that is at work they go on with the next."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from hubs import DOSE, FOUR_SPLITS, make_four
from processes import nobody_left, until
from ptycho_compare.jobs.claim import take_claim
from sessions import events, job_of, junit_of, start_on, worked_s


@pytest.fixture
def hub(small_hub: Path, tmp_path: Path) -> Iterator[Path]:
    with nobody_left(make_four(tmp_path / "hub", small_hub, call_s=0.0)) as hub:
        yield hub


@pytest.fixture
def slow_two(small_hub: Path, tmp_path: Path) -> Iterator[Path]:
    with nobody_left(make_four(tmp_path / "hub", small_hub, call_s=0.15)) as hub:
        yield hub


@contextmanager
def at_work(hub: Path, split: str) -> Iterator[None]:
    """Hold the claim of a debug comparison, as another session's supervisor does."""
    claim, _ = take_claim(job_of(hub, split, "debug").claim)
    try:
        yield
    finally:
        claim.release()


def launches(hub: Path, split: str) -> int:
    return len(events(hub, "launched", split, "debug"))


def done(hub: Path, split: str) -> bool:
    return job_of(hub, split, "debug").done.exists()


THREE = ("-m", "debug", "-k", "not dense-fourth")
TWO = ("-m", "debug", "-k", "dense-train or dense-test")


@dataclass(frozen=True)
class Judged:
    """Three comparisons, while somebody else was at work at the first; the scan of the second is none."""

    hub: Path
    report: Path
    launched_meanwhile: int
    status: int
    text: str


@pytest.fixture(scope="module")
def judged(small_hub: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judged]:
    place = tmp_path_factory.mktemp("judged")
    with nobody_left(make_four(place / "hub", small_hub, call_s=0.0)) as hub:
        (hub / f"data/phase_c/dose_{DOSE}/patched_test.npz").write_bytes(b"no scan")
        with at_work(hub, "train"):
            session = start_on(hub, *THREE, f"--junitxml={place / 'junit.xml'}")
            until(lambda: all(done(hub, split) for split in FOUR_SPLITS[1:3]), "they were not done")
            meanwhile = launches(hub, "train")
        yield Judged(hub, place / "junit.xml", meanwhile, *session.ended())


def test_what_is_free_is_done_while_another_session_works_at_the_first(judged: Judged) -> None:
    assert judged.launched_meanwhile == 0
    assert judged.status == 1, judged.text
    assert [launches(judged.hub, split) for split in FOUR_SPLITS] == [1, 1, 1, 0]
    # under their usual names
    assert sorted(junit_of(judged.report)) == sorted(
        f"dose_{DOSE}-dense-{split}-debug" for split in FOUR_SPLITS[:3]
    )
    (log,) = (judged.hub / "green").glob("*third*.log")  # the test of each tells of its attempt
    assert "exit status: 0" in log.read_text()


def test_what_fails_meanwhile_is_red_at_its_own_test_and_tried_once(judged: Judged) -> None:
    assert "1 failed, 2 passed" in judged.text, judged.text
    assert junit_of(judged.report)[f"dose_{DOSE}-dense-test-debug"].outcome in ("failure", "error")
    assert launches(judged.hub, "test") == 1


@pytest.mark.slow
def test_workers_do_what_is_free_too(hub: Path) -> None:
    """Each once; the test of one that another worker did finds what that left."""
    with at_work(hub, "train"):
        session = start_on(hub, *THREE, "-n2")
        until(lambda: all(done(hub, split) for split in FOUR_SPLITS[1:3]), "they were not done")
        assert launches(hub, "train") == 0
    status, text = session.ended()
    assert status == 0, text
    assert "3 passed" in text
    assert [launches(hub, split) for split in FOUR_SPLITS] == [1, 1, 1, 0]


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
        session = start_on(hub, "-v", *asked)
        until(lambda: "train-debug]" in session.output.read_text(), "no test began")
        time.sleep(5)  # what is free is begun at once
        assert events(hub, "launched", split, tier) == []
    status, text = session.ended()
    assert status == (1 if tier == "full" else 0), text


@pytest.mark.slow
def test_two_sessions_take_at_most_two_thirds_of_the_time_of_one(small_hub: Path, tmp_path: Path) -> None:
    """One does one job after the other; these wait rather than compute, as on two machines."""
    tried = []
    for attempt in range(3):  # others at work on this machine may slow them down
        with nobody_left(make_four(tmp_path / f"{attempt}", small_hub, call_s=0.25)) as hub:
            started = [start_on(hub, "-m", "debug") for _ in range(2)]
            ended = [session.ended() for session in started]
            assert [status for status, _ in ended] == [0, 0], "\n".join(text for _, text in ended)
            assert [launches(hub, split) for split in FOUR_SPLITS] == [1] * 4
        worked = [worked_s(hub, split, "debug") for split in FOUR_SPLITS]
        in_turn = sum(over - begun for begun, over in worked)
        begun, over = (list(each) for each in zip(*worked, strict=True))
        tried.append((in_turn, max(over) - min(begun)))
        if tried[-1][1] <= 0.65 * in_turn:
            return
    pytest.fail(f"seconds of the jobs in turn and of two sessions: {tried}")
