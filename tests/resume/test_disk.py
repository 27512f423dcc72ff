"""A disk that is full, a hub that becomes read-only: one line says so, and nothing that was saved is lost.

The disks are small file systems of their own, so that it is the kernel which refuses.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from hubs import COUNT, SIDE, light
from processes import nobody_left
from ptycho_compare.hub import Artifacts
from results import assert_same_results
from sessions import run_here

from .runs import (
    DEBUG,
    Whole,
    attempts,
    compare,
    debug_folder,
    events,
    finish_here,
    halted,
    job_of,
    let_go,
    stop_here,
    told_here,
)

KIB, PAGE = 1024, 4096
SIZE = 16 * KIB * KIB
"""Of a disk, in bytes; the hub and all that is written to it take 3 MiB."""
SPOOL = COUNT * SIDE * SIDE * 4
"""What the unpacked images take while a comparison runs."""
CHECKPOINT = 92 * KIB
RECORDS = 32 * KIB
"""Claim, logs and records, each of which takes whole pages."""
NO_SPACE, READ_ONLY = os.strerror(28), os.strerror(30)


@dataclass(frozen=True)
class Disk:
    """A small file system with a hub on it."""

    place: Path

    @property
    def hub(self) -> Path:
        return self.place / "hub"

    @property
    def folder(self) -> Path:
        """Of the debug comparison."""
        return debug_folder(self.hub)

    def fill(self, *, leaving: int = 0) -> None:
        """Let somebody else's file take the room there is, but for some bytes."""
        self.make_room()
        now = os.statvfs(self.place)
        with self._ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, now.f_bavail * now.f_frsize - leaving)

    def make_room(self) -> None:
        self._ballast.unlink(missing_ok=True)

    @property
    def _ballast(self) -> Path:
        return self.place / "ballast"

    @contextmanager
    def read_only(self) -> Iterator[None]:
        """Refuse all changes by name.

        A disk on which files are open for writing cannot be made read-only as a whole: the same disk
        is laid over itself, read-only, and what was open stays so.
        """
        _mount("--bind", str(self.place), str(self.place))
        try:
            _mount("-o", "remount,bind,ro", str(self.place))
            yield
        finally:
            _unmount(self.place)

    @contextmanager
    def full(self) -> Iterator[None]:
        """Leave no byte."""
        self.fill()
        yield
        self.make_room()


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, capture_output=True)


def _unmount(place: Path) -> None:
    if subprocess.run(["umount", str(place)], capture_output=True, check=False).returncode:
        subprocess.run(["umount", "-l", str(place)], check=True, capture_output=True)


@pytest.fixture
def disk(small_hub: Path, tmp_path: Path) -> Iterator[Disk]:
    """An own one, with room for all."""
    place = tmp_path / "disk"
    place.mkdir()
    try:
        _mount("-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(place))
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no file system can be mounted here: {error}")
    try:
        found = Disk(place)
        light(Path(shutil.copytree(small_hub, found.hub)))
        with nobody_left(found.hub):
            yield found
    finally:
        _unmount(place)


def refused(hub: Path) -> str:
    """Run the comparison, which the disk does not let come to its end; the line that it says."""
    return the_line(*told_here(compare(hub)), hub)


def the_line(returncode: int, said: str, hub: Path) -> str:
    assert returncode == 2, said
    assert "Traceback" not in said
    assert list(hub.rglob("*.tmp")) == []
    *_, last = said.splitlines()
    assert said.count("ptycho-hub: error: ") == 1
    return last.removeprefix("ptycho-hub: error: ")


def starts(folder: Path) -> list[list[int]]:
    """With how many rows of each part the attempts began."""
    planned = [event["parts"] for event in events(folder) if event["state"] == "planned"]
    return [[start for start, _ in parts.values()] for parts in planned]


def saved(folder: Path) -> dict[str, int]:
    """Rows of each part in its newest checkpoint."""
    return {event["part"]: event["done"] for event in events(folder) if event["state"] == "checkpoint"}


def test_a_disk_that_fills_up_costs_what_was_not_saved(disk: Disk, light_unbroken: Whole) -> None:
    study = disk.hub / "study.toml"
    # a chunk a batch, so that lines for the log come with each
    study.write_text(study.read_text().replace("chunk = 20", "chunk = 2"))
    stop_here(disk.hub, "PtychoPINN", 24)
    process = halted("PtychoPINN", 26, disk.hub)
    log = Artifacts(disk.folder).log
    with log.open("ab") as file:  # the rest of its last page is its own, however full the disk is
        file.write(b"\n" * (-log.stat().st_size % PAGE))
    disk.fill()
    returncode, said = let_go(process)
    assert the_line(returncode, said, disk.hub) == (
        f"{job_of(disk.folder).checkpoints}: {NO_SPACE}; the checkpoint before is intact: make room, "
        "and run the same command again"
    )
    # a log ends no run, and says once that it has gaps
    assert said.splitlines().count(f"{log}: {NO_SPACE}; lines are missing there") == 1
    assert not Artifacts(disk.folder).manifest.exists()
    safe = saved(disk.folder)["PtychoPINN"]
    assert 24 <= safe < 48

    disk.make_room()
    assert f"PtychoPINN: goes on from patch {safe} of 48" in finish_here(disk.hub)
    assert starts(disk.folder) == [[0, 0], [24, 0], [safe, 0]]
    assert not job_of(disk.folder).set_aside.exists()
    assert_same_results(disk.folder, light_unbroken.results)


def test_with_a_little_more_room_each_time_each_attempt_comes_further(
    disk: Disk, light_unbroken: Whole
) -> None:
    names = Artifacts(disk.folder)
    disk.fill(leaving=SPOOL // 2)
    assert refused(disk.hub) == f"{disk.folder}: {NO_SPACE}"  # for the images

    # one checkpoint fits and another one does not, though there is room for every line of the state log
    disk.fill(leaving=SPOOL + RECORDS + CHECKPOINT * 3 // 2)
    assert refused(disk.hub).startswith(f"{names.job.checkpoints}: {NO_SPACE}; ")
    first = saved(disk.folder)
    assert list(first) == ["PtychoPINN"]

    # both fit, and not all of the artifacts
    disk.fill(leaving=SPOOL + RECORDS + CHECKPOINT * 3)
    line = refused(disk.hub)
    assert re.fullmatch(rf"{re.escape(str(disk.folder))}/\w+\.\w+: {NO_SPACE}", line)
    assert events(disk.folder)[-2]["name"] == "artifacts"
    assert not names.manifest.exists()

    disk.make_room()
    finish_here(disk.hub)
    assert starts(disk.folder) == [[0, 0], [first["PtychoPINN"], 0], list(saved(disk.folder).values())]
    # the checkpoints held everything: no network was loaded again
    assert "working" not in [event["state"] for event in attempts(events(disk.folder))[-1]]
    assert_same_results(disk.folder, light_unbroken.results)


def test_a_hub_that_becomes_read_only_goes_on_once_it_is_writable(disk: Disk, light_unbroken: Whole) -> None:
    process = halted("Baseline", 20, disk.hub)
    with disk.read_only():
        returncode, said = let_go(process)
    line = the_line(returncode, said, disk.hub)
    assert re.match(rf"{re.escape(str(job_of(disk.folder).folder))}/(states\.jsonl|checkpoints): ", line)
    assert READ_ONLY in line
    safe = saved(disk.folder)
    finish_here(disk.hub)
    assert starts(disk.folder) == [[0, 0], [48, safe.get("Baseline", 0)]]
    assert_same_results(disk.folder, light_unbroken.results)


class TestBeforeAnything:
    """Nothing is begun where not even the claim can be written."""

    def test_a_full_disk_is_one_line(self, disk: Disk) -> None:
        claim, states = job_of(disk.folder).claim, job_of(disk.folder).states
        with disk.full():
            assert refused(disk.hub) == f"{claim}: {NO_SPACE}"
        disk.fill(leaving=PAGE)
        assert refused(disk.hub) == f"{states}: {NO_SPACE}"
        assert not claim.exists()

    def test_a_read_only_disk_is_one_line(self, disk: Disk) -> None:
        with disk.read_only():
            assert refused(disk.hub) == f"{disk.hub / 'analysis'}: {READ_ONLY}"
        disk.fill(leaving=PAGE)
        refused(disk.hub)
        with disk.read_only():  # where there was an attempt before
            line = refused(disk.hub)
        assert line == f"{job_of(disk.folder).folder / '.claim.json.lock'}: {READ_ONLY}"


class TestThroughPytest:
    def judge(self, hub: Path) -> tuple[int, str]:
        done = run_here(hub, "-m", "debug", "-k", "train")
        assert "INTERNALERROR" not in done.stdout + done.stderr
        assert "Traceback" not in done.stdout + done.stderr
        return done.returncode, done.stdout

    @pytest.mark.parametrize(("how", "text"), [("full", NO_SPACE), ("read_only", READ_ONLY)])
    def test_a_disk_that_takes_nothing_is_red_without_a_log(self, how: str, text: str, disk: Disk) -> None:
        with getattr(disk, how)():
            status, said = self.judge(disk.hub)
        assert status == 1
        assert "1 failed" in said
        place = job_of(disk.folder).claim if how == "full" else disk.hub / "analysis"
        assert f"{DEBUG}: input: {place}: {text}\n" in said
        assert re.search(rf"{DEBUG} +failed .* no log: {disk.hub}/red\S*: {text}\n", said)

    def test_a_checkpoint_that_does_not_fit_is_red_and_the_next_run_green(
        self, disk: Disk, light_unbroken: Whole
    ) -> None:
        disk.fill(leaving=SPOOL + RECORDS + CHECKPOINT * 3 // 2)
        status, said = self.judge(disk.hub)
        assert status == 1
        line = f"ptycho-hub: error: {job_of(disk.folder).checkpoints}: {NO_SPACE}; the checkpoint before is"
        assert f"{DEBUG}: input: exit status 2: {line} intact" in said
        (log,) = (disk.hub / "red").glob("pytest_*.log")
        assert line in log.read_text()
        (note,) = (disk.hub / "red").glob("blocked_*_bad_input.md")
        assert line in note.read_text()
        safe = saved(disk.folder)["PtychoPINN"]

        disk.make_room()
        finish_here(disk.hub)
        status, said = self.judge(disk.hub)
        assert status == 0, said
        assert starts(disk.folder) == [[0, 0], [safe, 0]]
        assert_same_results(disk.folder, light_unbroken.results)
