"""Whole or absent: no exception and no kill leaves half a file under a final name."""

import errno
import hashlib
import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from ptycho_compare.storage.files import (
    atomic_path,
    if_writable,
    plain_values,
    remedy,
    reserve,
    sha256_of,
    write_json_atomic,
    write_text_atomic,
)


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


def test_the_digest_is_that_of_the_bytes(tmp_path):
    data = bytes(range(256)) * 4096  # more than one read buffer
    (tmp_path / "data").write_bytes(data)
    assert sha256_of(tmp_path / "data") == hashlib.sha256(data).hexdigest()


def test_the_digest_of_an_empty_file(tmp_path):
    (tmp_path / "empty").touch()
    assert sha256_of(tmp_path / "empty").startswith("e3b0c44298fc1c149afbf4c8996fb924")


def test_a_finished_block_replaces_the_file_and_leaves_nothing_else(tmp_path):
    target = tmp_path / "a.json"
    target.write_text("old")
    with atomic_path(target) as temporary:
        temporary.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert names(tmp_path) == ["a.json"]


def test_the_temporary_name_is_hidden_in_the_same_folder_and_matches_no_pattern(tmp_path):
    with atomic_path(tmp_path / "a.npz") as temporary:
        assert temporary.parent == tmp_path
        assert temporary.name.startswith(".")
        assert str(os.getpid()) in temporary.name
        assert not temporary.exists()
        temporary.touch()
        assert list(tmp_path.glob("*.npz")) == []


def test_two_writers_of_one_file_do_not_share_a_temporary_name(tmp_path):
    with atomic_path(tmp_path / "a") as first, atomic_path(tmp_path / "a") as second:
        assert first != second
        first.write_text("first")
        second.write_text("second")
    assert (tmp_path / "a").read_text() == "first"  # the outer block ends last
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_an_exception_keeps_the_old_content_and_leaves_no_litter(tmp_path, error):
    target = tmp_path / "a"
    target.write_text("old")

    def write_half():
        with atomic_path(target) as temporary:
            temporary.write_text("half of the ne")
            raise error

    with pytest.raises(error):
        write_half()
    assert target.read_text() == "old"
    assert names(tmp_path) == ["a"]


def test_an_exception_before_anything_was_written_is_not_masked(tmp_path):
    with pytest.raises(ZeroDivisionError), atomic_path(tmp_path / "a"):
        _ = 1 / 0
    assert names(tmp_path) == []


def test_a_block_that_writes_nothing_is_an_error_and_keeps_the_old_file(tmp_path):
    (tmp_path / "a").write_text("old")
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "a"):
        pass
    assert (tmp_path / "a").read_text() == "old"


def test_a_missing_folder_is_not_made(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_text_atomic(tmp_path / "missing" / "a", "text")
    assert names(tmp_path) == []


def test_a_name_taken_by_a_folder_leaves_no_litter(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_text_atomic(tmp_path / "a", "text")
    assert names(tmp_path) == ["a"]


def test_a_link_is_replaced_and_what_it_points_to_is_left_alone(tmp_path):
    (tmp_path / "original").write_text("original")
    (tmp_path / "link").symlink_to(tmp_path / "original")
    write_text_atomic(tmp_path / "link", "new")
    assert (tmp_path / "original").read_text() == "original"
    assert not (tmp_path / "link").is_symlink()


def test_file_then_name_then_folder_reach_the_disk_in_that_order(tmp_path, monkeypatch):
    events = []
    real_fsync, real_replace = os.fsync, Path.replace

    def fsync(descriptor):
        events.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        real_fsync(descriptor)

    def replace(self, target):
        events.append("replace")
        return real_replace(self, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace)
    with atomic_path(tmp_path / "a") as temporary:
        temporary.touch()
    assert events == [temporary.name, "replace", tmp_path.name]


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_folder_that_cannot_be_flushed_is_no_error(tmp_path, monkeypatch, number):
    """As on file systems that are mounted over a network; a file that cannot be is one."""
    real_fsync = os.fsync

    def fsync(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode) is refuses_folders:
            raise OSError(number, os.strerror(number))
        real_fsync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    refuses_folders = True
    write_text_atomic(tmp_path / "a", "new")
    refuses_folders = False
    with pytest.raises(OSError, match=os.strerror(number)):
        write_text_atomic(tmp_path / "a", "newer")
    assert (tmp_path / "a").read_text() == "new"
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("refused", ["file", "folder"])
@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE])
def test_a_disk_that_fails_is_an_error_that_names_the_file(tmp_path, monkeypatch, number, refused):
    def fsync(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode) is (refused == "folder"):
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError, match=os.strerror(number)) as caught:
        write_text_atomic(tmp_path / "a", "new")
    assert caught.value.filename == str(tmp_path / "a")


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "make room"),
        (errno.EDQUOT, "make room"),
        (errno.EROFS, "make it writable"),
        (errno.EACCES, "make it writable"),
        (errno.EIO, "see to the disk, or to the way to the server that holds it"),
        (errno.ESTALE, "see to the disk, or to the way to the server that holds it"),
        (errno.ENOENT, "see who removed its folder meanwhile"),
    ],
)
def test_each_error_of_a_disk_has_its_remedy(number, words):
    assert remedy(OSError(number, "x")) == words


def test_text_keeps_its_line_ends_and_is_utf8(tmp_path):
    write_text_atomic(tmp_path / "a", "µm\nand\r\nmore")
    assert (tmp_path / "a").read_bytes() == "µm\nand\r\nmore".encode()


def test_json_keeps_the_order_and_takes_numpy_scalars_and_paths(tmp_path):
    target = tmp_path / "a.json"
    write_json_atomic(
        target,
        {
            "z": np.float32(0.5),
            "a": np.int64(3),
            "flag": np.bool_(True),
            "path": Path("data/x.npz"),
            "text": np.str_("t"),
            "list": [np.float64(1.25), None, (1, 2)],
        },
    )
    text = target.read_text()
    assert text.startswith('{\n  "z": 0.5,\n  "a": 3,\n  "flag": true,\n  "path": "data/x.npz"')
    assert text.endswith("}\n")
    assert json.loads(text)["list"] == [1.25, None, [1, 2]]


@pytest.mark.parametrize("number", [float("nan"), np.float32("nan"), np.float64("inf"), -float("inf")])
def test_json_has_no_nan_and_no_infinity(tmp_path, number):
    target = tmp_path / "a.json"
    target.write_text("old")
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json_atomic(target, {"deep": [number]})
    assert target.read_text() == "old"


@pytest.mark.parametrize("value", [1j, np.zeros(2), {1, 2}, object()])
def test_json_refuses_what_it_has_no_form_for(tmp_path, value):
    with pytest.raises(TypeError, match=type(value).__name__):
        write_json_atomic(tmp_path / "a.json", [value])
    assert names(tmp_path) == []


WRITER = """
import sys
from pathlib import Path
from ptycho_compare.storage.files import write_text_atomic
target, size = Path(sys.argv[1]), int(sys.argv[2])
while True:
    for letter in "AB":
        write_text_atomic(target, letter * size)
"""


def _killed_after(target: Path, delay_s: float, *, while_writing: bool) -> int:
    """Kill a writer after it replaced the file; return how many other names are there.

    `while_writing` stops it at ever other moments, and kills it where it stands in the middle of a write.
    """
    before, known = target.stat().st_mtime_ns, len(names(target.parent))
    argv = [sys.executable, "-c", WRITER, str(target), str(target.stat().st_size)]
    with subprocess.Popen(argv) as writer:
        deadline = time.monotonic() + 20
        while target.stat().st_mtime_ns == before and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(delay_s)
        while while_writing and time.monotonic() < deadline:
            writer.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, writer.pid, os.WSTOPPED)
            if len(names(target.parent)) > known:
                break
            writer.send_signal(signal.SIGCONT)
            time.sleep(0.001)
        writer.send_signal(signal.SIGKILL)
        assert writer.wait() == -signal.SIGKILL
    assert target.stat().st_mtime_ns != before
    return len(names(target.parent)) - 1


@pytest.mark.parametrize("number", [errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM])
def test_what_cannot_be_written_may_be_left_out(number):
    with if_writable():
        raise OSError(number, "x")
    with pytest.raises(OSError, match="other"), if_writable():
        raise OSError(errno.EIO, "other")


def test_a_name_that_is_taken_is_never_taken_again(tmp_path):
    taken = [reserve(tmp_path / "a.log") for _ in range(3)]
    assert [path.name for path in taken] == ["a.log", "a_2.log", "a_3.log"]
    assert names(tmp_path) == sorted(path.name for path in taken)


def test_names_that_are_no_text_stand_with_marks(tmp_path):
    name = os.fsdecode(b"m\xe9sure")
    write_text_atomic(tmp_path / "text", f"{name} é\n")
    assert (tmp_path / "text").read_text() == "m\ufffdsure é\n"
    assert plain_values({name: [name, ("é", 1)]}) == {"m\ufffdsure": ["m\ufffdsure", ["é", 1]]}


def test_a_killed_writer_always_leaves_a_whole_file(tmp_path):
    """SIGKILL at ever other moments of a loop that writes A... and B... in turn, and inside a write."""
    target, size = tmp_path / "content", 4_000_000
    target.write_text("A" * size)
    litter = 0
    for attempt in range(8):
        left = _killed_after(target, 0.003 * attempt, while_writing=attempt % 2 == 1)
        content = target.read_text()
        assert len(content) == size
        assert set(content) in ({"A"}, {"B"})
        assert left in (litter, litter + 1)
        litter = left
    assert litter >= 4, "a kill in the middle of a write leaves a part of it beside the file"
    assert list(tmp_path.glob("content*")) == [target]
