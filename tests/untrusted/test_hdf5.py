"""HDF5 files from outside: nothing leaves the file, and what cannot be read is named."""

import contextlib
import os
import re
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_compare.errors import ArchiveError
from ptycho_compare.untrusted import hdf5, hdf5_filters, hdf5_survey
from ptycho_compare.untrusted.hdf5 import (
    datasets,
    find_dataset,
    is_matlab,
    listing,
    number_dtype,
    open_hdf5,
    read_array,
    read_attribute,
    read_text_attribute,
    shape_of,
)

VALUES = np.arange(12.0).reshape(3, 4)


def write(folder: Path, fill) -> Path:
    with h5py.File(folder / "a.h5", "w") as file:
        fill(file)
    return folder / "a.h5"


def read(path: Path, key: str = "a", **options):
    with open_hdf5(path) as file:
        return read_array(file, key, **options)


def refused(path: Path, message: str, key: str = "a", **options) -> None:
    """It is refused in one line that begins with the file."""
    with pytest.raises(ArchiveError, match=message) as caught:
        read(path, key, **options)
    assert str(caught.value).startswith(f"{path}: ")


# ---- what is read


@pytest.mark.parametrize("dtype", ["?", "u1", ">i4", "f2", "f8", "c8", ">c16"])
@pytest.mark.parametrize("how", [{}, {"compression": "gzip", "shuffle": True}, {"compression": "lzf"}])
def test_numbers_of_any_kind_come_back_equal(tmp_path, dtype, how):
    values = VALUES.astype(dtype)
    found = read(write(tmp_path, lambda file: file.create_dataset("entry/a", data=values, **how)), "/entry/a")
    assert found.dtype == values.dtype
    np.testing.assert_array_equal(found, values)


def test_a_scalar_has_no_axes(tmp_path):
    assert read(write(tmp_path, lambda file: file.create_dataset("a", data=2.5))) == 2.5


@pytest.mark.parametrize(("real", "gives"), [("f4", "c8"), ("f8", "c16")])
def test_pairs_of_real_and_imag_are_complex(tmp_path, real, gives):
    pairs = np.zeros((2, 3), [("real", real), ("imag", real)])
    pairs["real"], pairs["imag"] = 3, [[0, 1, 2], [3, 4, np.inf]]
    path = write(tmp_path, lambda file: file.create_dataset("a", data=pairs))
    with open_hdf5(path) as file:
        assert number_dtype(file["a"]) == np.dtype(gives)
    found = read(path)
    assert found.dtype == np.dtype(gives)
    np.testing.assert_array_equal(found.real, pairs["real"])
    np.testing.assert_array_equal(found.imag, pairs["imag"])


@pytest.mark.parametrize(
    "data",
    [
        "text",
        np.array([b"text"]),
        np.zeros(2, [("x", "f8"), ("y", "f8")]),
        np.zeros(2, [("real", "i4"), ("imag", "i4")]),
        h5py.Empty("f8"),
    ],
    ids=["text", "bytes", "fields", "integer pairs", "empty"],
)
def test_what_holds_no_numbers_is_refused(tmp_path, data):
    path = write(tmp_path, lambda file: file.create_dataset("a", data=data))
    refused(path, "'a' holds no numbers; only numbers are read")


# ---- how a dataset is reached


@pytest.mark.parametrize("key", ["g/h/a", "/g/h/a", "g//h/a", "soft", "g/relative", "absolute/a", "twice"])
def test_hard_and_soft_links_inside_the_file_are_followed(tmp_path, key):
    def fill(file):
        file["g/h/a"] = VALUES
        file["soft"] = h5py.SoftLink("/g/h/a")
        file["g/relative"] = h5py.SoftLink("h/a")
        file["absolute"] = h5py.SoftLink("/g/h")
        file["twice"] = h5py.SoftLink("absolute/a")

    np.testing.assert_array_equal(read(write(tmp_path, fill), key), VALUES)


@pytest.mark.parametrize("key", ["b", "g", "a/b", "dangling", ""])
def test_nothing_there_lists_what_is(tmp_path, key):
    def fill(file):
        file["a"] = VALUES
        file["g/c"] = VALUES[0]
        file["dangling"] = h5py.SoftLink("/nowhere")

    path = write(tmp_path, fill)
    with open_hdf5(path) as file:
        assert find_dataset(file, key) is None
    refused(path, rf"there is no dataset '{key}'; found: a \(3, 4\), g/c \(4,\)$", key)


@pytest.mark.parametrize("key", ["a", "b", "self", "g/a"])
def test_a_ring_of_links_is_refused(tmp_path, key):
    def fill(file):
        file["a"] = h5py.SoftLink("/b")
        file["b"] = h5py.SoftLink("/a")
        file["self"] = h5py.SoftLink("/self")
        file["g"] = h5py.SoftLink("/g/x")

    refused(write(tmp_path, fill), "leads through a ring of links", key)


def test_a_group_linked_into_itself_is_no_ring_for_a_finite_path(tmp_path):
    def fill(file):
        file["g/a"] = VALUES
        file["g/again"] = file["g"]

    path = write(tmp_path, fill)
    np.testing.assert_array_equal(read(path, "g/again/again/a"), VALUES)
    with open_hdf5(path) as file:
        assert list(datasets(file)) == ["g/a"]


# ---- what leaves the file


@pytest.mark.parametrize("key", ["link", "group/a"])
def test_an_external_link_is_refused(tmp_path, key):
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["g/a"] = VALUES

    def fill(file):
        file["link"] = h5py.ExternalLink("other.h5", "/g/a")
        file["group"] = h5py.ExternalLink("other.h5", "/g")

    path = write(tmp_path, fill)
    refused(path, "is a link to another file; copy the data into this one", key)
    with open_hdf5(path) as file:
        assert listing(file) == "no datasets"


def test_external_storage_is_refused(tmp_path):
    (tmp_path / "secret").write_bytes(VALUES.tobytes())
    path = write(
        tmp_path,
        lambda file: file.create_dataset("a", (3, 4), "f8", external=[(str(tmp_path / "secret"), 0, 96)]),
    )
    with h5py.File(path) as file:
        np.testing.assert_array_equal(file["a"], VALUES)  # what an unguarded reader would give away
    refused(path, "'/a' keeps its data in another file")


def test_a_virtual_dataset_is_refused(tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["a"] = VALUES
        layout = h5py.VirtualLayout((3, 4), "f8")
        layout[:] = h5py.VirtualSource(other["a"])
    path = write(tmp_path, lambda file: file.create_virtual_dataset("a", layout))
    with h5py.File(path) as file:
        np.testing.assert_array_equal(file["a"], VALUES)
    refused(path, "'/a' keeps its data in another file")


# ---- virtual datasets of the file itself


def virtual(file, *sources, name="a"):
    """A dataset of 3 x 4 for each source, one below the other."""
    layout = h5py.VirtualLayout((3 * len(sources), 4), "f8")
    for index, (path, dataset) in enumerate(sources):
        layout[3 * index : 3 * index + 3] = h5py.VirtualSource(path, dataset, (3, 4))
    file.create_virtual_dataset(name, layout)


@pytest.mark.parametrize("own", [".", "a.h5"])
def test_a_virtual_dataset_of_its_own_file_is_read(tmp_path, own):
    def fill(file):
        file["g/raw"] = VALUES
        file["soft"] = h5py.SoftLink("/g/raw")
        virtual(file, (own, "/g/raw"), (own, "soft"))
        virtual(file, (own, "soft"), name="b")
        virtual(file, (own, "b"), name="again")

    path = write(tmp_path, fill)
    np.testing.assert_array_equal(read(path), np.tile(VALUES, (2, 1)))
    np.testing.assert_array_equal(read(path, "again"), VALUES)


VIRTUAL = {
    "no source": ((".", "raw"), "is made of 'raw', which is not there"),
    "a group": ((".", "g"), "is made of 'g', which is not there"),
    "itself": ((".", "a"), "virtual datasets without end"),
    "a link to another file": ((".", "link"), "'/link' is a link to another file"),
    "external storage": ((".", "outside"), "'/outside' keeps its data in another file"),
    "an unknown filter": ((".", "packed"), "'/packed' is packed by the filter 305"),
    "another file": (("other.h5", "a"), r"'/a' keeps its data in another file \('other.h5'\)"),
    "a path to a file of this name": (("../x/a.h5", "raw"), "keeps its data in another file"),
    "huge chunks": ((".", "chunks"), "'chunks' is stored in chunks of 1024 MiB"),
}


@pytest.mark.parametrize("case", VIRTUAL)
def test_a_virtual_dataset_is_as_safe_as_what_it_is_made_of(tmp_path, case):
    source, message = VIRTUAL[case]

    def fill(file):
        file["g/h"] = VALUES
        file["link"] = h5py.ExternalLink("other.h5", "/a")
        file.create_dataset("outside", (3, 4), "f8", external=[("/etc/passwd", 0, 96)])
        file.create_dataset("chunks", (3, 4), "f8", chunks=(1 << 25, 4), maxshape=(None, 4))
        create_packed(file, b"packed", 305)
        virtual(file, (".", "g/h"), source)

    refused(write(tmp_path, fill), message)


# ---- filters


def create_packed(file, name, number):
    """A dataset packed by a filter that is not there; optional, so that writing goes through."""
    settings = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    settings.set_chunk((3, 4))
    settings.set_filter(number, h5py.h5z.FLAG_OPTIONAL, ())
    h5py.h5d.create(file.id, name, h5py.h5t.IEEE_F64LE, h5py.h5s.create_simple((3, 4)), settings)


@pytest.mark.parametrize("dtype", ["u2", "i4", "u8"])
def test_what_hdf5_itself_unpacks_is_read(tmp_path, dtype):
    values = VALUES.astype(dtype)
    path = write(tmp_path, lambda f: f.create_dataset("a", data=values, chunks=(2, 2), scaleoffset=0))
    np.testing.assert_array_equal(read(path), values)


@pytest.fixture
def without_hdf5plugin(monkeypatch):
    """Whether it is installed or not."""
    monkeypatch.setitem(sys.modules, "hdf5plugin", None)
    hdf5_filters.from_library.cache_clear()
    yield
    hdf5_filters.from_library.cache_clear()


@pytest.mark.usefixtures("without_hdf5plugin")
@pytest.mark.parametrize(
    ("number", "name"),
    [
        (32004, "'LZ4' (32004)"),
        (32008, "'bitshuffle' (32008)"),
        (32001, "'Blosc' (32001)"),
        (32015, "'Zstandard'"),
    ],
)
def test_a_filter_that_is_missing_names_the_library(tmp_path, number, name):
    path = write(tmp_path, lambda file: create_packed(file, b"a", number))
    refused(
        path, rf"'/a' is packed by the filter {re.escape(name)}.*; install the library hdf5plugin, or write"
    )


def test_a_filter_of_nobody_is_named_by_its_number(tmp_path):
    path = write(tmp_path, lambda file: create_packed(file, b"a", 60000))
    refused(path, r"'/a' is packed by the filter 60000; write it with gzip or without a filter \(h5repack\)")


@pytest.mark.parametrize("packing", ["Bitshuffle", "LZ4", "Blosc", "Blosc2", "Zstd", "BZip2"])
def test_every_filter_of_hdf5plugin_is_read(tmp_path, packing):
    plugin = pytest.importorskip("hdf5plugin", reason="no hdf5plugin: pip install 'pytest-ptycho[filters]'")
    values = VALUES.astype("u4")
    options = getattr(plugin, packing)()
    path = write(tmp_path, lambda f: f.create_dataset("a", data=values, chunks=(2, 2), **options))
    np.testing.assert_array_equal(read(path), values)


def test_the_library_is_imported_only_for_a_file_that_needs_it(tmp_path):
    path = write(tmp_path, lambda f: f.create_dataset("a", data=VALUES, chunks=(2, 2), compression="gzip"))
    hdf5_filters.from_library.cache_clear()
    read(path)
    assert hdf5_filters.from_library.cache_info().currsize == 0


# ---- size and damage


def test_the_cap_counts_unpacked_bytes(tmp_path):
    path = write(tmp_path, lambda file: file.create_dataset("a", data=np.zeros(1000), compression="gzip"))
    assert path.stat().st_size < 7900
    assert read(path, max_bytes=8000).shape == (1000,)
    refused(path, "'a' holds 8000 bytes; at most 7999 are read at once", max_bytes=7999)


def test_a_dataset_without_data_can_state_any_size(tmp_path):
    path = write(tmp_path, lambda file: file.create_dataset("a", (1 << 20, 1 << 20), "f8", chunks=(64, 64)))
    refused(path, "'/a' states 8796093022208 bytes")


@pytest.mark.parametrize("content", [b"", b"no hdf5", b"\x89HDF\r\n\x1a\n" + bytes(100)])
def test_what_is_no_hdf5_file_is_named(tmp_path, content):
    (tmp_path / "a.h5").write_bytes(content)
    refused(tmp_path / "a.h5", "not a readable HDF5 file")


def test_a_missing_file_is_named(tmp_path):
    refused(tmp_path / "a.h5", "no such file")


def test_a_cut_file_is_named(tmp_path):
    path = write(tmp_path, lambda file: file.create_dataset("a", data=np.zeros(1000)))
    path.write_bytes(path.read_bytes()[:-10])
    refused(path, "not a readable HDF5 file")


def test_a_damaged_chunk_is_named(tmp_path):
    path = write(
        tmp_path,
        lambda file: file.create_dataset("a", data=np.arange(1000.0), chunks=(1000,), fletcher32=True),
    )
    raw = bytearray(path.read_bytes())
    at = raw.find(np.arange(500.0, 510.0).tobytes())
    raw[at] ^= 0xFF
    path.write_bytes(raw)
    refused(path, "'a' cannot be read")


@given(st.data())
def test_damage_anywhere_is_an_archive_error_or_harmless(tmp_path_factory, data):
    """Whatever byte is lost, nothing but ArchiveError comes out."""

    def fill(file):
        file["g/a"] = VALUES
        file["g"].attrs["n"] = 1.5

    path = write(tmp_path_factory.mktemp("h5"), fill)
    raw = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(raw)
    with contextlib.suppress(ArchiveError), open_hdf5(path) as file:
        listing(file)
        assert isinstance(read_array(file, "g/a"), np.ndarray | np.generic)


# ---- listing and attributes


def test_a_name_that_is_no_text_is_listed_all_the_same(tmp_path):
    path = write(tmp_path, lambda file: file.create_dataset("name", data=VALUES))
    path.write_bytes(path.read_bytes().replace(b"name", b"n\xffme"))
    with open_hdf5(path) as file:
        assert listing(file) == "n\ufffdme (3, 4)"


def test_a_type_that_numpy_lacks_is_no_number(tmp_path):
    def fill(file):
        wide = h5py.h5t.STD_I64LE.copy()
        wide.set_size(9)
        h5py.h5d.create(file.id, b"a", wide, h5py.h5s.create_simple((2,)))

    refused(write(tmp_path, fill), "'a' holds no numbers")


def test_a_listing_is_short(tmp_path):
    def fill(file):
        for index in range(30):
            file[f"n{index:02d}"] = VALUES[:1]

    with open_hdf5(write(tmp_path, fill)) as file:
        text = listing(file)
    assert text.startswith("n00 (1, 4), n01 (1, 4)")
    assert text.endswith("n11 (1, 4) ...")


def test_looking_through_a_file_ends(tmp_path, monkeypatch):
    def fill(file):
        for index in range(20):
            file.create_group(f"g{index}")
        file["z"] = VALUES

    monkeypatch.setattr(hdf5, "MAX_LOOKED_AT", 10)
    with open_hdf5(write(tmp_path, fill)) as file:
        assert datasets(file) == {}


@pytest.mark.parametrize(
    ("value", "found"), [(1.5, 1.5), ([2, 3], [2, 3]), ("text", None), (["a", "b"], None), (None, None)]
)
def test_attributes_of_numbers_are_read(tmp_path, value, found):
    def fill(file):
        file["a"] = VALUES
        if value is not None:
            file["a"].attrs["x"] = value

    with open_hdf5(write(tmp_path, fill)) as file:
        got = read_attribute(file["a"], "x")
    assert (got is None) == (found is None)
    if found is not None:
        np.testing.assert_array_equal(got, found)


CUT = Path(__file__).parent / "corpus/hdf5/attributes_cut.bin"


def test_damaged_attributes_are_none_that_are_absent(tmp_path):
    """They may say that MATLAB wrote the array, which turns it, or what its unit is."""
    path = tmp_path / "a.h5"
    path.write_bytes(CUT.read_bytes())
    with open_hdf5(path) as file:
        dataset = find_dataset(file, "object")
        for ask in (is_matlab, shape_of, lambda each: read_text_attribute(each, "units")):
            with pytest.raises(ArchiveError, match=r"a\.h5: attributes of '/object' cannot be read"):
                ask(dataset)


def test_what_was_looked_through_is_not_looked_through_again(tmp_path, monkeypatch):
    """Neither a file nor bytes; what harmed a child is tried by each reader."""
    looked, plain = [], hdf5_survey.why_not_survived

    def why_not_survived(task):
        looked.append(task)
        return plain(task)

    monkeypatch.setattr(hdf5_survey, "why_not_survived", why_not_survived)
    path = write(tmp_path, lambda file: file.create_dataset("a", data=VALUES))
    for _ in range(3):
        hdf5_survey.require_sound(path, label="a")
    assert len(looked) == 1
    for _ in range(3):
        hdf5_survey.require_sound(path.read_bytes(), label="a")
    assert len(looked) == 2

    path = write(tmp_path, lambda file: file.create_dataset("b", data=VALUES))
    hdf5_survey.require_sound(path, label="a")
    hdf5_survey.require_sound(path.read_bytes(), label="a")
    assert len(looked) == 4

    monkeypatch.setattr(hdf5_survey, "_look_through", lambda _: os.abort())
    for _ in range(2):
        with pytest.raises(ArchiveError, match="crashes the library that reads it"):
            hdf5_survey.require_sound(b"no HDF5", label="a")
    assert len(looked) == 6
