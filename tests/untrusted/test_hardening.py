"""Attacks that once worked: each was shown to crash, hang, bloat or mislead the reader."""

import bz2
import io
import lzma
import os
import pickle
import struct
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processes import PATIENCE_S
from ptycho_compare.errors import ArchiveError
from ptycho_compare.untrusted.archive import open_zip, read_member
from ptycho_compare.untrusted.npz import open_npz
from ptycho_compare.untrusted.pickles import load_plain

from .assemble import (
    CONVERT,
    CREATE,
    DTYPE,
    NDARRAY,
    RECONSTRUCT,
    Built,
    Named,
    assemble,
    dill_array,
    dtype,
    state,
)
from .test_npz import header, read, read_plain, save, save_raw

MIB = 1 << 20
LOAD_IN_A_CHILD = """
import pathlib, sys
from ptycho_compare.errors import ArchiveError
from ptycho_compare.untrusted.pickles import load_plain
try:
    value = load_plain(pathlib.Path(sys.argv[1]).read_bytes(), label="LABEL")
except ArchiveError as error:
    print("refused", error)
else:
    print("read", repr(value)[:200], repr(getattr(value, "tolist", str)())[:200])
"""


def load(data):
    return load_plain(data, label="LABEL")


def load_in_a_child(folder, data):
    """Load a pickle where a crash or 2 GiB of memory end nothing but the child."""
    (folder / "a.pickle").write_bytes(data)
    command = f'ulimit -v 2000000; exec "{sys.executable}" -c "$0" "$1"'
    argv = ["bash", "-c", command, LOAD_IN_A_CHILD, str(folder / "a.pickle")]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.run(
        argv, capture_output=True, text=True, timeout=PATIENCE_S, check=False, env=environment
    )


OBJECT_FIELD = Built(DTYPE("V8"), (3, "|", None, ("a",), {"a": (DTYPE("O"), 0)}, 8, 1, 0))
LONG_TEXT = DTYPE("S8")


@pytest.mark.parametrize(
    "value",
    [
        NDARRAY((1,), OBJECT_FIELD, b"A" * 8),
        Named("pathlib", "Path")(NDARRAY((1,), OBJECT_FIELD, b"A" * 8)),
        Built(CONVERT(1.5), (1, (1,), OBJECT_FIELD, False, b"A" * 8)),
    ],
    ids=["ndarray", "shown while it is loaded", "state of a tensor"],
)
def test_a_pointer_of_the_files_choice_is_never_followed(tmp_path, value):
    child = load_in_a_child(tmp_path, assemble(value))
    assert child.returncode == 0, child.stderr
    assert child.stdout.startswith("refused")


def test_a_dtype_cannot_grow_under_an_array_that_has_it(tmp_path):
    array = CREATE(RECONSTRUCT, (NDARRAY, (0,), b"b"), (1, (1,), LONG_TEXT, False, b"A" * 8), None)
    grown = Built(LONG_TEXT, (3, "|", None, None, None, 10**9, 1, 0))
    # a tuple of both in a dict: the array is built first, the dtype afterwards
    held = CREATE(RECONSTRUCT, (NDARRAY, (0,), b"b"), (1, (2,), DTYPE("O"), False, [array, grown]))
    child = load_in_a_child(tmp_path, assemble(held))
    assert child.returncode == 0, child.stderr


def test_an_array_is_filled_once(tmp_path):
    """A second fill frees memory that the tensor still reads."""
    array = dill_array(np.arange(4000.0))
    second = Built(array, state(np.zeros(3)))
    child = load_in_a_child(tmp_path, assemble([array, CONVERT(array), second]))
    assert child.returncode == 0, child.stderr
    assert child.stdout.startswith("refused")


def test_a_frame_that_ends_within_a_step_hides_no_other_steps(tmp_path):
    """The C unpickler would take four bytes after the frame for the index of its memo: 20 GB."""
    frame = struct.pack("<Q", len(b"Nr\0\0"))
    child = load_in_a_child(tmp_path, b"\x80\x04\x95" + frame + b"Nr\0\0" + b"\0\0" + b"0N.")
    assert child.returncode == 0, child.stderr
    assert child.stdout.startswith("read None")


def test_an_array_is_not_built_by_a_direct_call():
    """That would hand out memory as it is, uninitialised, and as much of it as asked for."""
    with pytest.raises(ArchiveError, match="direct call"):
        load(assemble(NDARRAY((200,))))


@pytest.mark.parametrize("code", [">f8", ">i4", ">c16", ">U3"])
@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_big_endian_arrays_keep_their_values(code, protocol):
    array = np.array([1, 2, 300]).astype(code)
    result = load(pickle.dumps(array, protocol))
    assert result.tolist() == array.tolist()
    assert load(pickle.dumps(array[2], protocol)) == array[2]


@pytest.mark.parametrize(
    "array", [np.arange(6.0).reshape(2, 3), np.asfortranarray(np.ones((2, 3))), np.zeros((0, 2))]
)
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_protocol_and_zero_size(array, protocol):
    np.testing.assert_array_equal(load(pickle.dumps(array, protocol)), array, strict=False)


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_complex_numbers_are_plain(protocol):
    assert load(pickle.dumps({"gain": 1 - 2j}, protocol)) == {"gain": 1 - 2j}


def nested(levels):
    value = ["x"]
    for _ in range(levels):
        value = [value] * 10
    return value


@pytest.mark.parametrize("stand_in", [Named("pathlib", "Path"), CONVERT], ids=["path", "tensor"])
def test_a_small_nested_list_is_not_unfolded(stand_in):
    data = assemble(stand_in(nested(5)))
    assert len(data) < 500
    with pytest.raises(ArchiveError, match="pickle refused"):
        load(data)


def test_a_huge_memo_index_is_refused_without_memory(tmp_path):
    tracemalloc.start()
    try:
        with pytest.raises(ArchiveError, match="memo index"):
            load(b"\x80\x04Nr" + struct.pack("<I", 1 << 22) + b".")
        assert tracemalloc.get_traced_memory()[1] < MIB
    finally:
        tracemalloc.stop()


def test_a_refusal_stays_on_one_short_line():
    with pytest.raises(ArchiveError) as refusal:
        load(assemble(Named("os\n\x1b[2J", "x" * 10_000)))
    assert "\n" not in str(refusal.value)
    assert "\x1b" not in str(refusal.value)
    assert len(str(refusal.value)) < 400


# ---- zip


@pytest.mark.parametrize(
    ("compression", "pack"), [(zipfile.ZIP_BZIP2, bz2.compress), (zipfile.ZIP_LZMA, lzma.compress)]
)
def test_bombs_of_other_compressions_are_refused_in_little_memory(compression, pack):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        archive.writestr("a", bytes(64 * MIB))
    data = bytearray(buffer.getvalue())
    struct.pack_into("<I", data, data.index(b"PK\x01\x02") + 24, 1000)
    tracemalloc.start()
    try:
        with (
            pytest.raises(ArchiveError, match="neither stored nor deflated"),
            open_zip(io.BytesIO(data), label="LABEL", max_total_bytes=MIB) as archive,
        ):
            read_member(archive, "a", label="LABEL", max_bytes=MIB)
        assert tracemalloc.get_traced_memory()[1] < 4 * MIB
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("error", [RuntimeError, FileNotFoundError, EOFError, NotImplementedError])
def test_an_error_of_the_block_is_not_called_a_damaged_archive(tmp_path, error):
    path = save(tmp_path, a=np.zeros(3))
    with pytest.raises(error, match="the caller's own"), open_zip(path, label="LABEL", max_total_bytes=MIB):
        raise error("the caller's own")


def test_a_folder_and_an_unreadable_file_are_archive_errors(tmp_path):
    with pytest.raises(ArchiveError, match="LABEL"), open_zip(tmp_path, label="LABEL", max_total_bytes=MIB):
        pass


@given(st.data())
def test_a_damaged_npz_gives_arrays_or_an_archive_error(tmp_path_factory, data):
    path = save(tmp_path_factory.mktemp("npz"), a=np.arange(3.0), m=np.array({"a": 1}, dtype=object))
    whole = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(whole)
    try:
        with open_npz(path) as file:
            for key, held in file.headers.items():
                if held.dtype.hasobject:
                    file.plain(key)
                else:
                    file.array(key)
    except ArchiveError:
        pass


# ---- npz


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("{'descr': '<f8', 'shape': (3,", 24),
        ("-" * 9000 + "1", 0),
        ("[" * 9000, 0),
        (header(shape=(-2, -4)), 64),
        (header(shape=(0, -4)), 0),
        (header(shape=(0, 10**30)), 0),
        (header(shape=(True, 2)), 16),
        (header(descr="|S0"), 0),
        (header(descr=("<f8", (3,)), shape=(2,)), 48),
        (header(descr=[("a", "<f8")], shape=(3,)), 24),
        (header(descr="<m8[s]"), 24),
    ],
    ids=lambda value: str(value)[:60],
)
def test_headers_that_once_escaped_as_other_errors(tmp_path, text, held):
    with pytest.raises(ArchiveError, match="'a' has no readable array header"):
        read(save_raw(tmp_path, text, bytes(held)))


def test_a_header_of_stated_gigabytes_is_refused_unread(tmp_path):
    size = 64 * MIB
    content = b"\x93NUMPY\x02\x00" + struct.pack("<I", size) + b" " * size
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", content)
    del content
    tracemalloc.start()
    try:
        with pytest.raises(ArchiveError, match="a header of 67108864 bytes"):
            read(tmp_path / "a.npz")
        assert tracemalloc.get_traced_memory()[1] < 4 * MIB
    finally:
        tracemalloc.stop()


def test_data_shorter_than_header_and_directory_say(tmp_path):
    """Both state 800 bytes; the deflated stream ends after 80, with the right checksum."""
    path = save_raw(tmp_path, header(shape=(100,)), bytes(80))
    data = bytearray(path.read_bytes())
    place = data.index(b"PK\x01\x02") + 24
    struct.pack_into("<I", data, place, struct.unpack_from("<I", data, place)[0] + 720)
    path.write_bytes(data)
    with pytest.raises(ArchiveError, match="states 800 bytes of data and holds 80"):
        read(path)


def test_a_stream_of_a_missing_or_an_object_key_is_refused(tmp_path):
    with open_npz(save(tmp_path, a=np.zeros(3), o=np.array([{}]))) as file:
        with pytest.raises(ArchiveError, match="key 'b' is missing"), file.stream("b"):
            pass
        with pytest.raises(ArchiveError, match="'o' holds pickled Python objects"), file.stream("o"):
            pass


def test_an_array_that_was_read_can_be_written_to(tmp_path):
    array = read(save(tmp_path, a=np.zeros(3)))
    array += 1
    assert array.sum() == 3


def test_arrays_inside_objects_are_of_numpys_own_type(tmp_path):
    (value,) = read_plain(save(tmp_path, a=np.array([{"probe": np.zeros(3)}], dtype=object)))
    assert isinstance(value["probe"], np.ndarray)
    assert Path(value["probe"].tobytes().hex()).name == "00" * 24


def test_an_honest_dtype_with_state_is_read():
    assert load(assemble(CONVERT(dill_array(np.arange(3, dtype="<i2"))))).dtype == np.dtype("i2")
    assert load(assemble([dtype("f8")]))[0] is not None
