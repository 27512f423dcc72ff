"""NPZ files from outside: headers are checked before data, and objects never run code."""

import io
import os
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ptycho_compare.errors import ArchiveError
from ptycho_compare.untrusted import npy, npz
from ptycho_compare.untrusted.npz import open_npz

HUB = Path(__file__).parents[3] / "shared/reference/hub/data"


def save(folder, **arrays):
    np.savez(folder / "a.npz", **arrays)
    return folder / "a.npz"


def header(descr="<f8", shape=(3,), fortran_order=False):
    return f"{{'descr': {descr!r}, 'fortran_order': {fortran_order!r}, 'shape': {shape!r}}}"


def save_raw(folder, text, data=b"", version=(1, 0), extra=()):
    """An NPZ with one hand-written array, key 'a', header padding left out."""
    raw = text.encode("utf-8")
    length = struct.pack("<H" if version == (1, 0) else "<I", len(raw))
    members = [("a.npy", b"\x93NUMPY" + bytes(version) + length + raw + data), *extra]
    with zipfile.ZipFile(folder / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return folder / "a.npz"


def read(path, key="a"):
    with open_npz(path) as file:
        return file.array(key)


def read_plain(path, key="a"):
    with open_npz(path) as file:
        return file.plain(key)


class Touch:
    """Touches a file when it is unpickled without care."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


NUMBERS = (
    hnp.boolean_dtypes()
    | hnp.integer_dtypes()
    | hnp.unsigned_integer_dtypes()
    | hnp.floating_dtypes(sizes=(16, 32, 64))
    | hnp.complex_number_dtypes(sizes=(64, 128))
    | hnp.byte_string_dtypes(min_len=1, max_len=5)
    | hnp.unicode_string_dtypes(min_len=1, max_len=5)
)
ARRAYS = hnp.arrays(NUMBERS, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))


@given(ARRAYS, st.booleans(), st.booleans())
def test_any_numeric_or_text_array_comes_back_equal(tmp_path_factory, array, fortran, compressed):
    array = np.asfortranarray(array) if fortran else array
    path = tmp_path_factory.mktemp("npz") / "a.npz"
    (np.savez_compressed if compressed else np.savez)(path, a=array)
    with open_npz(path) as file:
        assert file.headers["a"].shape == array.shape
        assert file.headers["a"].dtype == array.dtype
        assert file.headers["a"].nbytes == array.nbytes
        result = file.array("a")
    assert result.dtype == array.dtype
    assert result.shape == array.shape
    assert result.tobytes() == array.tobytes()


def test_fortran_order_keeps_every_element_in_its_place(tmp_path):
    array = np.asfortranarray(np.arange(24.0).reshape(2, 3, 4))
    path = save(tmp_path, a=array)
    with open_npz(path) as file:
        assert file.headers["a"].fortran_order
    np.testing.assert_array_equal(read(path), array)


@pytest.mark.parametrize("shape", [(0,), (0, 5), (3, 0, 2)])
def test_zero_size_arrays(tmp_path, shape):
    result = read(save(tmp_path, a=np.zeros(shape, "c8")))
    assert result.shape == shape
    assert result.dtype == np.complex64


def test_headers_are_known_before_any_data_is_read(tmp_path):
    with open_npz(save(tmp_path, b=np.zeros((2, 3), "f4"), a=np.array("text"))) as file:
        assert list(file.headers) == ["b", "a"]
        assert file.headers["b"] == npz.ArrayHeader((2, 3), False, np.dtype("f4"))
        assert "a" in file
        assert "a.npy" not in file
        assert "c" not in file


def test_a_stream_starts_behind_the_header_and_gives_the_raw_data(tmp_path):
    array = np.arange(1000.0)
    with open_npz(save(tmp_path, a=array)) as file, file.stream("a") as stream:
        first, rest = stream.read(8), stream.read()
    assert first + rest == array.tobytes()


def test_format_version_2_is_read(tmp_path):
    data = np.arange(3.0)
    np.testing.assert_array_equal(read(save_raw(tmp_path, header(), data.tobytes(), (2, 0))), data)


@pytest.mark.parametrize("version", [(3, 0), (0, 0), (9, 9)])
def test_other_format_versions_are_refused(tmp_path, version):
    """Version 3 exists for field names that are not Latin: no such array is measured data."""
    with pytest.raises(ArchiveError, match="'a' has no readable array header"):
        read(save_raw(tmp_path, header(), bytes(24), version))


# ---- plain data: text and objects


def test_metadata_as_json_text_in_a_0d_object_array(tmp_path):
    assert read_plain(save(tmp_path, a=np.array('{"nphotons": 1e9}', dtype=object))) == '{"nphotons": 1e9}'


def test_metadata_as_a_dict_in_an_object_array_of_one(tmp_path):
    metadata = {"algorithm": "tike", "computation_time_seconds": 12.5, "notes": None, "tags": ["a", "b"]}
    path = save(tmp_path, a=np.array([metadata], dtype=object))
    assert read_plain(path) == [metadata]


def test_a_none_that_became_an_object_array(tmp_path):
    assert read_plain(save(tmp_path, a=np.array(None))) is None


@pytest.mark.parametrize("text", ["pty-chi", "", "µm"])
def test_text_arrays_without_objects(tmp_path, text):
    assert read_plain(save(tmp_path, a=np.array(text))) == text
    assert read_plain(save(tmp_path, a=np.array([text, "b"]))) == [text, "b"]


def test_bytes_and_numbers_are_plain_as_well(tmp_path):
    assert read_plain(save(tmp_path, a=np.array(b"tike"))) == b"tike"
    assert read_plain(save(tmp_path, a=np.arange(3))) == [0, 1, 2]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=9,
    )
)
def test_any_plain_container_in_a_0d_object_array(tmp_path_factory, value):
    array = np.empty((), dtype=object)
    array[()] = value
    assert read_plain(save(tmp_path_factory.mktemp("npz"), a=array)) == value


def test_objects_are_no_array(tmp_path):
    with pytest.raises(ArchiveError, match="'a' holds pickled Python objects; store plain numbers"):
        read(save(tmp_path, a=np.array([{"a": 1}], dtype=object)))


# ---- refusals


def test_a_missing_key_names_those_that_are_there(tmp_path):
    path = save(tmp_path, probeGuess=np.zeros(3), objectGuess=np.zeros(3))
    for ask in (read, read_plain):
        with pytest.raises(ArchiveError, match="key 'a' is missing; found: objectGuess, probeGuess"):
            ask(path)


def test_a_missing_key_of_an_empty_archive(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w"):
        pass
    with pytest.raises(ArchiveError, match="key 'a' is missing; found: nothing"):
        read(tmp_path / "a.npz")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ArchiveError, match=r"none\.npz: no such file"):
        read(tmp_path / "none.npz")


def test_a_single_npy_file_is_no_npz(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros(3))
    with pytest.raises(ArchiveError, match="not a readable zip archive"):
        read(tmp_path / "a.npy")


def test_another_kind_of_zip_is_no_npz(tmp_path):
    path = save_raw(tmp_path, header(), bytes(24), extra=[("readme.txt", b"text")])
    with pytest.raises(ArchiveError, match=r"member 'readme\.txt' is not an array; this is no NPZ file"):
        read(path)


def test_a_truncated_file_is_refused(tmp_path):
    path = save(tmp_path, a=np.arange(1000.0))
    whole = path.read_bytes()
    for length in (0, 1, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(ArchiveError, match="not a readable zip archive"):
            read(path)


def test_flipped_data_is_refused_when_it_is_read(tmp_path):
    path = save(tmp_path, a=np.full(100, 0.1))
    data = bytearray(path.read_bytes())
    data[data.index(np.float64(0.1).tobytes()) + 80] ^= 1
    path.write_bytes(data)
    with pytest.raises(ArchiveError, match="CRC"):
        read(path)


@pytest.mark.parametrize("held", [0, 1, 16, 23, 25, 32, 4096])
def test_a_header_that_states_more_or_less_than_is_held_is_refused(tmp_path, held):
    with pytest.raises(ArchiveError, match=f"'a' states 24 bytes of data and holds {held}"):
        read(save_raw(tmp_path, header(shape=(3,)), bytes(held)))


def test_a_huge_shape_is_refused_before_memory_is_asked_for(tmp_path):
    with pytest.raises(ArchiveError, match=f"states {8 * 10**18} bytes of data and holds 24"):
        read(save_raw(tmp_path, header(shape=(10**9, 10**9)), bytes(24)))


def test_a_size_that_lies_in_the_zip_directory_is_refused(tmp_path):
    path = save(tmp_path, a=np.arange(100.0))
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, data.index(b"PK\x01\x02") + 24, 2048)
    path.write_bytes(data)
    with pytest.raises(ArchiveError, match="'a' states 800 bytes of data and holds 1920"):
        read(path)


def test_an_array_beyond_the_cap_is_refused(tmp_path, monkeypatch):
    path = save(tmp_path, a=np.zeros(100))
    monkeypatch.setattr(npy, "MAX_ARRAY_BYTES", 800)
    assert read(path).size == 100
    monkeypatch.setattr(npy, "MAX_ARRAY_BYTES", 799)
    with pytest.raises(ArchiveError, match="'a' holds 800 bytes; at most 799 are read at once"):
        read(path)


def test_an_array_beyond_the_cap_can_still_be_streamed(tmp_path, monkeypatch):
    path = save(tmp_path, a=np.zeros(100))
    monkeypatch.setattr(npy, "MAX_ARRAY_BYTES", 799)
    with open_npz(path) as file, file.stream("a") as stream:
        assert len(stream.read()) == 800


def test_objects_beyond_the_cap_are_refused(tmp_path, monkeypatch):
    path = save(tmp_path, a=np.array("x" * 1000, dtype=object))
    assert read_plain(path) == "x" * 1000
    monkeypatch.setattr(npz, "MAX_OBJECT_BYTES", 1000)
    with pytest.raises(ArchiveError, match=r"more than 1000 bytes of them"):
        read_plain(path)


def test_an_archive_beyond_the_cap_is_refused(tmp_path, monkeypatch):
    path = save(tmp_path, a=np.zeros(100))
    monkeypatch.setattr(npz, "MAX_UNPACKED_BYTES", 900)
    with pytest.raises(ArchiveError, match="unpacks to 928 bytes; at most 900"):
        read(path)


def canary_headers(canary):
    call = f"__import__('pathlib').Path({str(canary)!r}).touch()"
    return [
        call,
        f"{{'descr': {call}, 'fortran_order': False, 'shape': (3,)}}",
        f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({call},)}}",
        f"{{'descr': '<f8', 'fortran_order': {call}, 'shape': (3,)}}",
        f"[{call} for _ in (1,)]",
        f"(lambda: {call})()",
        f"{{**{{}}, 'x': {call}}}",
    ]


@pytest.mark.filterwarnings("ignore:Reading")  # numpy tries such a header again as Python 2's
@pytest.mark.parametrize("index", range(7))
def test_an_expression_in_a_header_is_not_evaluated(tmp_path, index):
    canary = tmp_path / "canary"
    text = canary_headers(canary)[index]
    with pytest.raises(ArchiveError, match="no readable array header"):
        read(save_raw(tmp_path, text, bytes(24)))
    assert not canary.exists()


@pytest.mark.filterwarnings("ignore:Reading")
@pytest.mark.parametrize(
    "text",
    [
        "",
        "no header",
        "{}",
        "[1, 2]",
        header().replace("'shape'", "'form'"),
        header().replace("}", ", 'more': 1}"),
        header(shape=3),
        header(shape=(2.5,)),
        header(shape=("3",)),
        header(fortran_order="yes"),
        header(descr="nonsense"),
        header(descr=7),
        header(descr=[("a",)]),
        header() + "\x00" * 8,
        " " * 20_000 + header(),
    ],
    ids=lambda text: text.strip()[:60],
)
def test_a_header_of_another_form_is_refused(tmp_path, text):
    with pytest.raises(ArchiveError, match="'a' has no readable array header"):
        read(save_raw(tmp_path, text, bytes(24)))


@pytest.mark.parametrize(
    "content", [b"", b"\x93NUM", b"PK\x03\x04zip", b"\x93NUMPY\x01\x00", b"\x93NUMPY\x01\x00\xff\xff{"]
)
def test_a_member_without_a_whole_header_is_refused(tmp_path, content):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("a.npy", content)
    with pytest.raises(ArchiveError, match="'a' has no readable array header"):
        read(tmp_path / "a.npz")


def test_a_structured_dtype_never_brings_objects_along(tmp_path):
    """Whether plain fields are read or refused, an object field goes through the guarded reader."""
    canary = tmp_path / "canary"
    array = np.array([(1.0, Touch(canary))], dtype=[("number", "f8"), ("object", "O")])
    with pytest.raises(ArchiveError, match=r"'a'"):
        read(save(tmp_path, a=array))
    assert not canary.exists()


def test_code_hidden_under_a_key_that_nobody_reads_is_found(tmp_path):
    canary = tmp_path / "canary"
    path = save(tmp_path, a=np.zeros(3), hidden=np.array([Touch(canary)], dtype=object))
    with pytest.raises(ArchiveError, match=r"'hidden' holds pickled objects.*it names posix\.system"):
        read(path, "a")
    assert not canary.exists()
    np.load(path, allow_pickle=True)["hidden"]
    assert canary.exists(), "the attack itself does not work"


def test_objects_that_claim_to_be_numbers_stay_bytes(tmp_path):
    """A pickle under a numeric header is data of the wrong size, or numbers; never unpickled."""
    canary = tmp_path / "canary"
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.array([Touch(canary)], dtype=object))
    pickled = buffer.getvalue().split(b"\n", 1)[1]
    result = read(save_raw(tmp_path, header("|u1", (len(pickled),)), pickled))
    assert result.tobytes() == pickled
    assert not canary.exists()


@pytest.mark.parametrize("data", [b"", b"\x80\x04", b"no pickle", b"\x80\x04\x8c\x02os\x8c\x06system\x93."])
def test_an_object_header_over_something_else_is_refused(tmp_path, data):
    with pytest.raises(ArchiveError, match="'a' holds pickled objects: pickle refused"):
        read_plain(save_raw(tmp_path, header("|O", ()), data))


@pytest.mark.skipif(not HUB.is_dir(), reason=f"no reference hub at {HUB}")
def test_every_npz_of_the_reference_hub_is_read_as_numpy_reads_it():
    paths = sorted(HUB.rglob("*.npz"))
    assert paths
    for path in paths:
        with open_npz(path) as file, np.load(path, allow_pickle=True) as expected:
            assert set(file.headers) == set(expected.files)
            for key, held in file.headers.items():
                if held.dtype.hasobject:
                    assert file.plain(key) == expected[key].tolist()
                else:
                    np.testing.assert_array_equal(file.array(key), expected[key], strict=True)
