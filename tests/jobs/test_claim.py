"""A claim: one job once, whoever dies, sleeps or comes at the same moment."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from processes import until
from ptycho_compare.errors import JobError
from ptycho_compare.jobs.claim import LEASE_S, Claim, is_mine, read_claim, take_claim
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


def taken_elsewhere(path: Path, silent_s: float) -> Claim:
    theirs = replace(ProcessIdentity.mine(), host="elsewhere/pid:[1]", boot="theirs")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"holder": asdict(theirs), "token": "theirs"}))
    moment = time.time() - silent_s
    os.utime(path, (moment, moment))
    claim = read_claim(path)
    assert claim is not None
    return claim


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


def test_of_eight_processes_at_once_one_takes_it(path: Path) -> None:
    answers = takers_at_once(path, 8)
    assert [mine for mine, _, _ in answers].count(True) == 1
    assert len({token for _, token, _ in answers}) == 1
    assert {before for _, _, before in answers} == {None}


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


def test_a_holder_elsewhere_is_respected_while_its_heart_beats(path: Path) -> None:
    theirs = taken_elsewhere(path, silent_s=LEASE_S / 2)
    assert theirs.alive
    claim, before = take_claim(path)
    assert not is_mine(claim)
    assert (claim.token, before) == ("theirs", None)


def test_a_holder_elsewhere_is_replaced_when_its_heart_was_still_for_long(path: Path) -> None:
    theirs = taken_elsewhere(path, silent_s=LEASE_S + 60)
    assert theirs.silent_s == pytest.approx(LEASE_S + 60, abs=30)
    claim, before = take_claim(path)
    assert is_mine(claim)
    assert before is not None
    assert before.token == "theirs"


def test_a_heartbeat_is_the_time_of_the_file(path: Path) -> None:
    theirs = taken_elsewhere(path, silent_s=LEASE_S + 60)
    assert theirs.beat()
    again = read_claim(path)
    assert again is not None
    assert again.alive
    assert again.silent_s < LEASE_S


def test_a_clock_that_runs_ahead_does_not_count_as_silence(path: Path) -> None:
    assert taken_elsewhere(path, silent_s=-3600).silent_s == 0.0


def test_a_holder_that_slept_too_long_learns_that_it_was_replaced(path: Path) -> None:
    """Its machine was suspended; it must neither beat for the new holder nor give its place away."""
    claim, _ = take_claim(path)
    theirs = taken_elsewhere(path, silent_s=LEASE_S / 2)
    assert not claim.beat()
    claim.release()
    now = read_claim(path)
    assert now is not None
    assert now.token == theirs.token
    assert now.silent_s > LEASE_S / 4


def test_a_claim_that_was_removed_is_given_back_without_a_word(path: Path) -> None:
    claim, _ = take_claim(path)
    path.unlink()
    assert not claim.beat()
    claim.release()
    assert read_claim(path) is None


def test_the_lock_is_free_between_two_calls(path: Path) -> None:
    """Held for moments only: any process may take it right after."""
    claim, _ = take_claim(path)
    with path.with_name(f".{path.name}.lock").open("r+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(lock, fcntl.LOCK_UN)
    claim.release()


def test_a_lock_that_is_never_free_is_one_clear_line(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ptycho_compare.jobs.claim._LOCK_TIMEOUT_S", 0.2)
    path.parent.mkdir()
    lock = path.with_name(f".{path.name}.lock")
    with lock.open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(JobError, match=r"held this lock for 0\.2 s") as caught:
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
    taken_elsewhere(path, silent_s=10)
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


def test_in_a_folder_that_we_may_only_read_none_is_taken(folder_that_we_may_only_read: Path) -> None:
    with pytest.raises(PermissionError):
        take_claim(folder_that_we_may_only_read)


def test_below_a_file_none_is_taken(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        take_claim(tmp_path / "file" / "job" / "claim.json")
