"""A claim: one job once, whoever dies, sleeps or comes at the same moment."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pytest

from others_locks import held, is_free
from processes import until
from ptycho_compare.errors import JobError
from ptycho_compare.hub import JobFiles
from ptycho_compare.jobs import heart, tree
from ptycho_compare.jobs.claim import (
    LEASE_S,
    LEASE_VARIABLE,
    BusyPlaceError,
    Claim,
    LostPlaceError,
    end_what_is_left,
    is_mine,
    read_claim,
    take_claim,
    while_free,
    while_held,
)
from ptycho_compare.jobs.identity import ProcessIdentity

TAKER = """
import json, sys, time
from pathlib import Path
from ptycho_compare.jobs.claim import is_mine, take_claim
path, go, name = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
Path(f"{go}-{name}").touch()
while not go.exists():
    time.sleep(0.001)
claim, before = take_claim(path)
print(json.dumps([is_mine(claim), claim.token, before and before.token]), flush=True)
sys.stdin.readline()
"""
NOBODY = 65534


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "claim.json"


def taken_by_a_dead_process(path: Path) -> str:
    code = "import sys, pathlib; from ptycho_compare.jobs.claim import take_claim; "
    code += "print(take_claim(pathlib.Path(sys.argv[1]))[0].token)"
    out = subprocess.run([sys.executable, "-c", code, path], check=True, capture_output=True, text=True)
    return out.stdout.strip()


@dataclass
class Clock:
    """The monotonic clock of this machine, as far as hearts are concerned."""

    now: float = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(heart, "time", clock)
    return clock


def taken_by(path: Path, holder: ProcessIdentity, **more: object) -> Claim:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"holder": asdict(holder), "token": "theirs", **more}))
    return seen(path)


def taken_elsewhere(path: Path, **more: object) -> Claim:
    return taken_by(path, replace(ProcessIdentity.mine(), host="elsewhere/pid:[1]", boot="theirs"), **more)


def seen(path: Path) -> Claim:
    claim = read_claim(path)
    assert claim is not None
    return claim


def another_process_looks() -> None:
    """What this one remembers is forgotten; what it noted in the hub is not."""
    heart._SEEN.clear()


def takers_at_once(path: Path, count: int) -> list[tuple[bool, str, str | None]]:
    go = path.parent.parent / "go"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", TAKER, path, go, str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(count)
    ]
    until(lambda: len(list(go.parent.glob("go-*"))) == count)
    go.touch()
    # nobody goes before all have answered: a holder that is gone is rightly replaced
    answers = [json.loads(process.stdout.readline()) for process in processes if process.stdout]
    for process in processes:
        process.communicate("\n")
    return [tuple(answer) for answer in answers]


def test_a_place_that_nobody_took_has_no_claim(path: Path) -> None:
    assert read_claim(path) is None


def test_a_place_is_taken_and_given_back(path: Path) -> None:
    claim, before = take_claim(path)
    assert before is None
    assert is_mine(claim)
    assert claim.alive
    assert claim.silent_s == 0.0
    again = read_claim(path)
    assert again is not None
    assert (again.holder, again.token) == (claim.holder, claim.token)
    claim.release()
    assert read_claim(path) is None


def test_each_claim_has_a_token_of_its_own(path: Path) -> None:
    first, _ = take_claim(path)
    first.release()
    second, _ = take_claim(path)
    assert first.token != second.token


@pytest.mark.usefixtures("unmeasured")
def test_of_eight_processes_at_once_one_takes_it(path: Path) -> None:
    answers = takers_at_once(path, 8)
    assert [mine for mine, _, _ in answers].count(True) == 1
    assert len({token for _, token, _ in answers}) == 1
    assert {before for _, _, before in answers} == {None}


@pytest.mark.usefixtures("unmeasured")
def test_of_eight_processes_at_once_one_replaces_a_dead_holder(path: Path) -> None:
    """Only that one hears of the dead: what they left behind is ended once."""
    dead = taken_by_a_dead_process(path)
    answers = takers_at_once(path, 8)
    assert [before for mine, _, before in answers if mine] == [dead]
    assert [before for mine, _, before in answers if not mine] == [None] * 7
    assert len({token for _, token, _ in answers} - {dead}) == 1


def test_a_dead_holder_is_replaced_at_once(path: Path) -> None:
    dead = taken_by_a_dead_process(path)
    seen = read_claim(path)
    assert seen is not None
    assert seen.token == dead
    assert not seen.alive
    claim, before = take_claim(path)
    assert is_mine(claim)
    assert before is not None
    assert before.token == dead


MINE = ProcessIdentity.mine()
UNSEEN = {
    "another host": replace(MINE, host="elsewhere/pid:[1]", boot="theirs"),
    "another host of this name": replace(MINE, boot="theirs"),
    "another container": replace(MINE, host=f"{MINE.host_name}/pid:[1]"),
}


@pytest.mark.parametrize("holder", UNSEEN.values(), ids=UNSEEN)
def test_a_holder_that_cannot_be_seen_keeps_its_place_for_a_lease(
    path: Path, clock: Clock, holder: ProcessIdentity
) -> None:
    theirs = taken_by(path, holder)
    clock.now += 0.99 * LEASE_S
    claim, before = take_claim(path)
    assert (claim.token, before) == ("theirs", None)
    assert theirs.beat()
    assert seen(path).silent_s == 0.0
    clock.now += 0.99 * LEASE_S
    assert seen(path).alive
    clock.now += 0.02 * LEASE_S
    claim, before = take_claim(path)
    assert is_mine(claim)
    assert before is not None
    assert before.token == "theirs"


def test_a_holder_here_whose_heart_has_stopped_loses_its_place(path: Path, clock: Clock) -> None:
    """It is stopped, or waits for a disk that does not answer."""
    with subprocess.Popen(["sleep", "600"]) as child:
        try:
            taken_by(path, ProcessIdentity.of(child.pid))
            assert seen(path).alive
            clock.now += LEASE_S
            assert is_mine(take_claim(path)[0])
        finally:
            child.kill()


@pytest.mark.parametrize("years", [-80, 0, 73], ids=["1946", "now", "2099"])
def test_the_time_of_a_claim_says_nothing(path: Path, clock: Clock, years: int) -> None:
    taken_elsewhere(path)
    moment = time.time() + years * 365 * 86400
    os.utime(path, (moment, moment))
    assert seen(path).silent_s == 0.0
    clock.now += LEASE_S
    assert not seen(path).alive


@pytest.mark.parametrize("step_s", [-86400.0, 86400.0])
def test_a_beat_by_a_clock_that_was_set_is_a_beat(path: Path, clock: Clock, step_s: float) -> None:
    taken_elsewhere(path)
    clock.now += 0.99 * LEASE_S
    moment = time.time() + step_s
    os.utime(path, (moment, moment))
    assert seen(path).silent_s == 0.0


def test_who_comes_later_goes_on_from_what_this_machine_saw(path: Path, clock: Clock) -> None:
    """Sessions with a window shorter than a lease would else wait for a dead holder for ever."""
    taken_elsewhere(path)
    clock.now += LEASE_S / 2
    another_process_looks()
    assert seen(path).silent_s == pytest.approx(LEASE_S / 2)
    clock.now += LEASE_S / 2
    another_process_looks()
    assert not seen(path).alive


def test_a_note_of_another_boot_or_in_the_future_counts_for_nothing(path: Path, clock: Clock) -> None:
    taken_elsewhere(path)
    (note,) = path.parent.glob(".claim.json.seen-*")
    assert str(clock.now) in note.read_text()
    for content in ("{", "[]", note.read_text().replace(str(clock.now), "1e9")):
        note.write_text(content)
        another_process_looks()
        assert seen(path).silent_s == 0.0


def test_what_was_noted_of_a_holder_goes_with_it(path: Path, clock: Clock) -> None:
    taken_elsewhere(path)
    clock.now += LEASE_S
    take_claim(path)
    assert list(path.parent.glob(".claim.json.seen-*")) == []


def test_a_lease_is_the_holders_own(path: Path, clock: Clock) -> None:
    taken_elsewhere(path, lease_s=3.0)
    clock.now += 2.9
    assert seen(path).alive
    clock.now += 0.1
    assert not seen(path).alive


@pytest.mark.parametrize("lease", [0, -1, 1e9, "60", True, None, []])
def test_a_lease_that_is_none_is_one_clear_line(path: Path, lease: object) -> None:
    with pytest.raises(JobError, match="is no claim"):
        taken_elsewhere(path, lease_s=lease)


def test_a_holder_that_slept_too_long_learns_that_it_was_replaced(path: Path) -> None:
    """Its machine was suspended; it must neither beat for the new holder nor give its place away."""
    claim, _ = take_claim(path)
    theirs = taken_elsewhere(path)
    before = path.stat()
    assert not claim.beat()
    claim.release()
    assert seen(path).token == theirs.token
    assert path.stat() == before


# who publishes asks for its claim


def test_nobody_takes_a_place_over_while_its_holder_publishes(path: Path, clock: Clock) -> None:
    taken_elsewhere(path)
    with while_held(path, "theirs"):
        assert not is_free(path.with_name(".claim.json.lock"))
        assert take_claim(path)[0].token == "theirs"  # whoever joins does not wait for it


def test_a_holder_that_lost_its_place_publishes_nothing(path: Path) -> None:
    claim, _ = take_claim(path)
    taken_elsewhere(path)
    with (
        pytest.raises(LostPlaceError, match=r"another process took its place \(pid \d+ on elsewhere\)"),
        while_held(path, claim.token),
    ):
        pytest.fail("was entered")


def test_a_holder_whose_folder_was_removed_does_not_make_it_anew(path: Path) -> None:
    claim, _ = take_claim(path)
    shutil.rmtree(path.parent)
    with (
        pytest.raises(LostPlaceError, match=f"its folder {path.parent} was removed"),
        while_held(path, claim.token),
    ):
        pytest.fail("was entered")
    claim.release()
    assert not path.parent.exists()


# a token is killed only where it was made


@pytest.fixture
def original(path: Path) -> Iterator[tuple[Claim, subprocess.Popen[bytes]]]:
    """A claim, and a process of its job."""
    claim, _ = take_claim(path)
    environment = {**os.environ, tree.TOKEN_VARIABLE: claim.token}
    with subprocess.Popen(["sleep", "600"], env=environment) as process:
        yield claim, process
        process.kill()


def test_what_a_holder_left_here_is_ended(original: tuple[Claim, subprocess.Popen[bytes]]) -> None:
    claim, process = original
    end_what_is_left(JobFiles(claim.path.parent), claim, grace_s=60.0)
    assert process.wait() == -signal.SIGTERM


@pytest.mark.parametrize("copied", ["whole", "in its place", "to another boot"])
def test_a_copy_of_a_hub_never_ends_the_originals_job(
    original: tuple[Claim, subprocess.Popen[bytes]], tmp_path: Path, copied: str
) -> None:
    claim, process = original
    here = claim.path.parent
    there = here if copied == "in its place" else tmp_path / "copy"
    here.rename(tmp_path / "moved")
    shutil.copytree(tmp_path / "moved", there)
    theirs = seen(there / "claim.json")
    assert theirs.token == claim.token
    if copied == "to another boot":
        theirs = replace(theirs, place=seen(there / "claim.json").place, holder=UNSEEN["another host"])
    end_what_is_left(JobFiles(there), theirs, grace_s=0.1)
    assert process.poll() is None


def test_a_claim_that_was_removed_is_given_back_without_a_word(path: Path) -> None:
    claim, _ = take_claim(path)
    path.unlink()
    assert not claim.beat()
    claim.release()
    assert read_claim(path) is None


def test_the_lock_is_free_between_two_calls(path: Path) -> None:
    """Held for moments only: any process may take it right after."""
    claim, _ = take_claim(path)
    assert is_free(path.with_name(f".{path.name}.lock"))
    claim.release()


def test_a_lock_that_is_never_free_is_one_clear_line(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ptycho_compare.jobs.claim._LOCK_TIMEOUT_S", 0.2)
    path.parent.mkdir()
    lock = path.with_name(f".{path.name}.lock")
    with held(lock), pytest.raises(JobError, match=r"held this lock for 0\.2 s") as caught:
        take_claim(path)
    assert str(lock) in str(caught.value)
    assert is_mine(take_claim(path)[0])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"{}",
        b'{"holder": {}, "token": "t"}',
        b'{"holder": "me", "token": "t"}',
        b'{"holder": {"host": "a", "boot": "b", "pid": "one", "started": "1"}, "token": "t"}',
        b"\xff\xfe\x00",
    ],
)
def test_a_damaged_claim_is_one_clear_line(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    for look in (read_claim, take_claim):
        with pytest.raises(JobError) as caught:
            look(path)
        text = str(caught.value)
        assert text.startswith(f"{path}: is no claim")
        assert "remove it if no process works there" in text
        assert "\n" not in text
    assert path.read_bytes() == content


@pytest.fixture
def folder_that_we_may_only_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The claim's folder, as the current one: root has to become nobody, who may not enter others."""
    taken_elsewhere(path)
    heart.forget(path)
    another_process_looks()
    monkeypatch.chdir(path.parent)
    path.parent.chmod(0o555)
    root = os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)
    yield Path(path.name)
    if root:
        os.seteuid(0)
    path.parent.chmod(0o755)


def test_in_a_folder_that_we_may_only_read_a_claim_is_seen(folder_that_we_may_only_read: Path) -> None:
    claim = read_claim(folder_that_we_may_only_read)
    assert claim is not None
    assert claim.alive
    assert list(Path().iterdir()) == [folder_that_we_may_only_read]


def test_in_a_folder_that_we_may_only_read_none_is_taken(
    folder_that_we_may_only_read: Path, clock: Clock
) -> None:
    assert take_claim(folder_that_we_may_only_read)[0].token == "theirs"
    clock.now += LEASE_S
    with pytest.raises(PermissionError):
        take_claim(folder_that_we_may_only_read)


def test_below_a_file_none_is_taken(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        take_claim(tmp_path / "file" / "job" / "claim.json")


def test_a_place_that_is_free_can_be_kept_free_for_a_moment(path: Path) -> None:
    with while_free(path):  # nobody ever was there
        assert not path.parent.exists()
    claim, _ = take_claim(path)
    said = rf"another process \(pid {os.getpid()} on .*\) works there by now"
    with pytest.raises(BusyPlaceError, match=said), while_free(path):
        pytest.fail("was entered")
    claim.release()
    lock = path.with_name(f".{path.name}.lock")
    with while_free(path):
        assert not is_free(lock)


# how long a lease is


def test_inside_an_allocation_hearts_beat_slowly(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless another lease is asked for; a thousand jobs share a file system."""
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    claim, _ = take_claim(path)
    assert (claim.lease_s, claim.heartbeat_s) == (300.0, 20.0)
    claim.release()
    monkeypatch.setenv(LEASE_VARIABLE, "60s")
    claim, _ = take_claim(path)
    assert (claim.lease_s, claim.heartbeat_s) == (60.0, 2.0)


@pytest.mark.parametrize(("asked", "lease_s"), [("", LEASE_S), ("5", 5.0), ("20s", 20.0), ("10m", 600.0)])
def test_the_environment_may_ask_for_another_lease(
    path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch, asked: str, lease_s: float
) -> None:
    monkeypatch.setenv(LEASE_VARIABLE, asked)
    claim, _ = take_claim(path)
    assert (claim.lease_s, claim.heartbeat_s) == (lease_s, lease_s / 30)
    monkeypatch.delenv(LEASE_VARIABLE)  # of whoever looks, it changes nothing
    assert seen(path).lease_s == lease_s


@pytest.mark.parametrize("asked", ["4.9s", "11m", "soon", "-5", "0", "nan", "inf", "\x1b[31m"])
def test_what_is_no_lease_is_one_line(path: Path, monkeypatch: pytest.MonkeyPatch, asked: str) -> None:
    monkeypatch.setenv(LEASE_VARIABLE, asked)
    with pytest.raises(JobError) as caught:
        take_claim(path)
    assert str(caught.value) == f"PTYCHO_LEASE={asked!r}: no lease; needed: 5 s to 10 min, written 20s or 2m"
    assert not path.parent.exists()
