"""Hubs on disks and under names that are not as usual: what can be judged is, the rest is one line."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import pytest

from hubs import DOSE
from processes import PTYCHO_HUB
from ptycho_compare.cli.place_arguments import local_path
from ptycho_compare.cli.ptycho_hub import main
from ptycho_compare.errors import ArchiveError
from ptycho_compare.hub import Hub
from ptycho_compare.reconstruction.image_source import parse_source
from ptycho_compare.untrusted.hdf5 import open_hdf5
from sessions import run_on

DEBUG = f"dose_{DOSE}-dense-train-debug"
WHERE = ("--dose", str(DOSE), "--view", "dense")


@contextmanager
def only_read(hub: Path, place: Path) -> Iterator[Path]:
    """A copy on a file system that may only be read, also by root."""
    place.mkdir()
    try:
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(place)], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no file system can be mounted here: {error}")
    try:
        copy = Path(shutil.copytree(hub, place / "hub"))
        subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
        yield copy
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True, capture_output=True)


@pytest.fixture
def read_only(quick_compared_hub: Path, tmp_path: Path) -> Iterator[Path]:
    with only_read(quick_compared_hub, tmp_path / "disk") as hub:
        yield hub


@pytest.fixture
def unlocked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the file system have no locks, as some that are mounted over a network."""

    def lockf(_descriptor: int, _operation: int) -> None:
        raise OSError(38, os.strerror(38))

    monkeypatch.setattr(fcntl, "lockf", lockf)


def test_read_only_evidence_is_judged(
    read_only: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub = ("--hub", str(read_only))
    assert main(["gate", "--require", "debug", *hub]) == 1  # this hub's phase C has no record
    *_, verdict, problem = capsys.readouterr().err.splitlines()
    assert verdict.startswith("RED: phase C")
    assert problem.startswith(f"ptycho-hub gate: the verdict could not be written: {read_only}/report")
    assert problem.endswith(": Read-only file system")
    report = tmp_path / "verified.json"
    assert main(["verify", *WHERE, "--report", str(report), *hub]) == 1
    assert report.is_file()
    assert capsys.readouterr().out.splitlines()[-1].startswith(f"not written: {read_only}/analysis/")
    assert main(["page", "--output", str(tmp_path / "page.html"), *hub]) == 0
    done = run_on(read_only, "-m", "debug", "-k", "train", "--ptycho-verify", measured=True)
    assert done.returncode == 1, done.stdout
    assert "1 passed" in done.stdout
    assert "the verdict could not be written: " in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_accepted_evidence_stays_accepted_where_nothing_can_be_written(
    run_hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with only_read(run_hub.root, tmp_path / "disk") as hub:
        assert main(["gate", "--require", "debug", "--hub", str(hub)]) == 0
        said = capsys.readouterr()
        assert said.out.splitlines()[-1].startswith("ACCEPTED: all ")
        (problem,) = said.err.splitlines()
        assert problem.startswith("ptycho-hub gate: the verdict could not be written: ")
        done = run_on(hub, "-m", "debug", "--ptycho-verify")
        assert done.returncode == 0, done.stdout
        assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.usefixtures("unlocked")
def test_without_locks_no_job_begins_and_one_line_says_so(
    quick_compared_hub: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub = Path(shutil.copytree(quick_compared_hub, tmp_path / "hub"))
    assert main(["compare", f"dose_{DOSE}-dense-train-full", "--hub", str(hub)]) == 2
    (line,) = [each for each in capsys.readouterr().err.splitlines() if "error" in each]
    assert line.startswith("ptycho-hub: error: ")
    assert "this file system has no POSIX locks (Function not implemented)" in line


def test_a_path_that_is_no_text_is_as_good_as_any(
    quick_compared_hub: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub = Path(os.fsdecode(os.fsencode(tmp_path) + b"/m\xe9sure"))
    shutil.copytree(quick_compared_hub, hub)
    done = run_on(hub, "-m", "debug", "-k", "train", measured=True)
    assert done.returncode == 0, done.stdout
    assert f"ptycho: hub {tmp_path}/m\ufffdsure, dose {DOSE}\n" in done.stdout
    (log,) = (hub / "green").iterdir()
    assert f"evidence: {tmp_path}/m\ufffdsure/analysis/" in log.read_text()
    for command, status in (("gate", 1), ("page", 0), ("list", 0), ("blockers", 0)):
        assert main([command, "--hub", str(hub)]) == status
    refused = run_on(hub, "-m", "debug", "-n1")
    assert refused.returncode == 4
    assert "m\ufffdsure: is no UTF-8, and xdist's workers take no other names; add -n0" in refused.stderr


def test_a_file_that_a_writer_holds_is_not_called_damaged(tmp_path: Path) -> None:
    path = tmp_path / "scan.h5"
    with h5py.File(path, "w") as file:
        file["x"] = 1
    with path.open("rb+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        said = r"scan\.h5: another program has it open for writing, or .*wait"
        with pytest.raises(ArchiveError, match=said) as told, open_hdf5(path):
            pass
    assert "HDF5_USE_FILE_LOCKING=FALSE" in str(told.value)
    assert "copy or write it again" not in str(told.value)


def test_whoever_stops_reading_changes_no_exit_status(quick_hub: Path) -> None:
    """As `| head` does."""
    reader, writer = os.pipe()
    os.close(reader)
    for words, status in (
        (("list", "--hub", str(quick_hub)), 0),
        (("status", "--hub", "nowhere"), 2),
        (("gate", "-h"), 0),
    ):
        done = subprocess.run([*PTYCHO_HUB, *words], stdout=writer, stderr=subprocess.PIPE, check=False)
        assert done.returncode == status
        assert b"Traceback" not in done.stderr
        assert b"Exception" not in done.stderr
    os.close(writer)


def test_the_environment_names_the_hub(
    quick_hub: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PTYCHO_HUB", str(quick_hub))
    assert main(["list"]) == 0
    assert capsys.readouterr().out.split()[0] == DEBUG


def test_a_home_is_found_behind_an_equals_sign(quick_hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And a session without its terminal reporter ends as any other."""
    monkeypatch.setenv("HOME", str(quick_hub.parent))
    assert local_path("~/hub") == quick_hub
    assert local_path("~nobody-is-called-so/hub") == Path("~nobody-is-called-so/hub")
    assert parse_source("~/hub/x.npz:key").path == quick_hub / "x.npz"
    assert main(["list", "--hub=~/hub"]) == 0
    plain = ("-p", "no:terminal", "-m", "debug")
    done = run_on(Path("~/hub"), *plain, "--ptycho-plan", measured=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{DEBUG}  to run: " in done.stdout
