"""`ptycho-hub probe`: what works is told in a line each, and what does not is found by two real processes."""

from __future__ import annotations

import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from processes import PTYCHO_HUB, environment
from ptycho_compare.cli.ptycho_hub import main
from ptycho_compare.storage.probe import PATIENCE_S, Probe, answer

NAMES = ["new files", "locks", "renames", "flushes", "heartbeats", "clocks"]
VANISHING = """
import os, time
rename = os.replace
def replace(source, target):
    if str(target).endswith('replaced') and os.path.exists(target):
        os.unlink(target)
        time.sleep(0.02)
    rename(source, target)
os.replace = replace
"""
NO_LOCKS = """
import fcntl
def none(*_):
    raise OSError(38, 'no locks')
fcntl.lockf = none
"""
FAULTS = {
    "locks": ("import fcntl; fcntl.lockf = lambda *_: None", "two processes were inside one lock"),
    "renames": (VANISHING, "gone in"),
    "heartbeats": ("import os; os.utime = lambda *_: None", "does not see that a file's time changes"),
    "clocks": ("import time; now = time.time; time.time = lambda: now() + 60", "-60.0 s from this machine's"),
}


def probed(place: Path, *more: str, fault: str = "") -> subprocess.CompletedProcess[str]:
    """Probe a place by processes whose system has a fault."""
    variables = environment(None)
    if fault:
        place.with_name("sitecustomize.py").write_text(fault)
        variables["PYTHONPATH"] = f"{place.parent}:{variables['PYTHONPATH']}"
    command = [*PTYCHO_HUB, "probe", str(place), *more]
    return subprocess.run(command, env=variables, capture_output=True, text=True, check=False)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "hub").mkdir()
    return tmp_path / "hub"


def test_where_all_works_a_line_each_says_so_and_nothing_stays(place: Path) -> None:
    done = probed(place)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert [line.partition(": ok, ")[0] for line in lines] == NAMES
    assert [path for path in place.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    "name", ["locks", *(pytest.param(name, marks=pytest.mark.slow) for name in FAULTS if name != "locks")]
)
def test_what_does_not_work_is_found(name: str, place: Path) -> None:
    fault, said = FAULTS[name]
    done = probed(place, fault=fault)
    assert done.returncode == 1, done.stdout + done.stderr
    failing = [line for line in done.stdout.splitlines() if "FAILS" in line]
    assert len(failing) == 1, done.stdout
    assert failing[0].startswith(f"{name}: FAILS, ")
    assert said in failing[0]


def test_locks_that_there_are_none_of_are_told(place: Path) -> None:
    done = probed(place, fault=NO_LOCKS)
    assert done.returncode == 1
    assert "locks: FAILS, " in done.stdout
    assert "has no POSIX locks" in done.stdout


def test_a_process_whose_files_are_not_seen_ends_the_probe(tmp_path: Path) -> None:
    (only,) = Probe(tmp_path, patience_s=0.2).results()
    assert (only.name, only.works) == ("new files", False)
    assert "was not seen for 0.2 s" in only.text


def test_another_machine_answers_where_it_is_asked_to(place: Path) -> None:
    """Here another process, started by hand as it would be there."""
    waiting = subprocess.Popen(
        [*PTYCHO_HUB, "probe", str(place), "--wait", "2m"],
        env=environment(None),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert waiting.stdout is not None
    assert waiting.stdout.readline() == f"on the other machine: ptycho-hub probe {place} --answer\n"
    assert main(["probe", str(place), "--answer"]) == 0
    output, _ = waiting.communicate()
    assert waiting.returncode == 0
    assert output.count(": ok, ") == len(NAMES)


def test_answers_end_with_the_folder_of_the_probe(place: Path) -> None:
    answering = threading.Thread(target=answer, args=(place,))
    answering.start()
    assert next(Probe(place).results()).works
    shutil.rmtree(place)
    answering.join(PATIENCE_S / 2)
    assert not answering.is_alive()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nowhere",), "nowhere: there is no such folder; make it"),
        ((".", "--answer"), "no probe waits"),
        ((".", "--wait", "0.2s"), "nobody answered"),
    ],
)
def test_what_is_wrong_is_one_line(
    words: tuple[str, ...],
    said: str,
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(place)
    assert main(["probe", *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("ptycho-hub: error: ")
    assert said in line
    assert [path for path in place.rglob("*") if not path.is_dir()] == []
