"""Small files that once crashed, hung or bloated a reader: refused in one line, in its own process."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from ptycho_compare.cli.ptycho_hub import main
from ptycho_compare.errors import ArchiveError
from ptycho_compare.untrusted import npz
from ptycho_compare.untrusted.npz import open_npz

from .hostile import IMAGES, READ, SCANS, Builder

CORPUS = Path(__file__).parent / "corpus"
MOST_BYTES = 64 << 20
MOST_CPU_S = 5.0


def cases(table: dict[str, Builder]) -> list[object]:
    return [pytest.param(build, id=name.replace(" ", "-")) for name, build in table.items()]


def refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Run a command that refuses; its line, when it took neither much time nor much memory."""
    tracemalloc.start()
    begun = time.process_time()
    try:
        status = main(words)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert status == 2
    assert peak < MOST_BYTES
    assert time.process_time() - begun < MOST_CPU_S
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert line.startswith("ptycho-hub: error: ")
    assert len(line) < 5000
    return line


@pytest.mark.parametrize("build", cases(IMAGES))
def test_a_hostile_reconstruction_is_refused_in_one_line(
    build: Builder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = build(tmp_path)
    assert str(path) in refused(["score", str(path), str(path), "--everywhere"], capsys)


@pytest.mark.parametrize("build", cases(SCANS))
def test_a_hostile_scan_is_refused_in_one_line(
    build: Builder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = build(tmp_path)
    assert str(path) in refused(["scan", str(path)], capsys)


@pytest.mark.parametrize("build", cases(READ))
def test_what_is_only_unusual_is_read(build: Builder, tmp_path: Path) -> None:
    path = build(tmp_path)
    assert main(["score", str(path), str(path), "--aligned", "--everywhere"]) in (0, 1)


def test_zeros_packed_to_a_thousandth_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As much as nobody would unpack who asked for an image; here of a MiB, since the limit is the same."""
    path = tmp_path / "a.npz"
    np.savez_compressed(path, a=np.zeros((1 << 20,), np.uint8), b=np.arange(9))
    with open_npz(path) as file:
        assert file.array("a").size == 1 << 20
    monkeypatch.setattr(npz, "BOMB_BYTES", 1 << 19)
    with pytest.raises(ArchiveError, match=r"'a' unpacks from \d+ to \d+ bytes"), open_npz(path):
        pass


ANSWERS = """
import sys
from pathlib import Path
from ptycho_compare.errors import ArchiveError
from ptycho_compare.untrusted.hdf5 import listing, open_hdf5
from ptycho_compare.untrusted.hdf5_survey import require_sound

def listed(path):
    with open_hdf5(path) as file:
        return listing(file)

path = Path(sys.argv[1])
for read in (listed, lambda path: require_sound(path.read_bytes(), label="LABEL")):
    try:
        print("read:", read(path))
    except ArchiveError as error:
        print("refused:", error)
"""


@pytest.mark.parametrize("name", sorted(path.name for path in CORPUS.glob("*.h5")))
def test_a_process_outlives_an_hdf5_file_that_crashes_the_library(name: str, tmp_path: Path) -> None:
    """A single wrong byte each, found by exchanging bytes at random.

    Whether such a byte crashes whoever meets it depends on what lay in its memory before: where it does not,
    the file is read. Freed memory is overwritten here, with which it does on Linux.
    """
    path = Path(shutil.copy(CORPUS / name, tmp_path))
    done = subprocess.run(
        [sys.executable, "-c", ANSWERS, str(path)],
        env={**os.environ, "MALLOC_PERTURB_": "165"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answers = done.stdout.splitlines()
    for answer, label in zip(answers, (path, "LABEL"), strict=True):
        why = "the HDF5 file is damaged or hostile: it crashes the library that reads it (SIG"
        assert answer.startswith((f"refused: {label}: {why}", "read: "))
