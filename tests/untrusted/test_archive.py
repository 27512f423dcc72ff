"""Zip archives from outside: every refusal by its own file, and memory that stays small."""

import io
import struct
import tracemalloc
import warnings
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_compare.errors import ArchiveError
from ptycho_compare.untrusted.archive import MAX_MEMBERS, open_zip, read_member

MIB = 1 << 20
LOCAL, CENTRAL, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"


def zip_bytes(members, compression=zipfile.ZIP_DEFLATED):
    """A zip file of (name, data) pairs, as bytes that a test may damage; the clock is not in them."""
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", compression) as archive:
        warnings.simplefilter("ignore")  # duplicate names are the point of one test
        for name, data in members:
            info = zipfile.ZipInfo(name, date_time=(2026, 1, 1, 0, 0, 0))
            info.compress_type = compression
            archive.writestr(info, data)
    return bytearray(buffer.getvalue())


def with_raw_name(name):
    """A zip whose member has a name that Python's own writer would clean up first."""
    data = zip_bytes([("x" * len(name), b"data")])
    return bytearray(bytes(data).replace(b"x" * len(name), name.encode()))


def patch_directory(data, offset, code, value):
    """Overwrite a field of the first central directory entry."""
    struct.pack_into(code, data, data.index(CENTRAL) + offset, value)
    return data


def state_size(data, size):
    """Let the directory and the local header state another unpacked size."""
    struct.pack_into("<I", data, data.index(LOCAL) + 22, size)
    return patch_directory(data, 24, "<I", size)


def read(data, name="a", *, max_bytes=MIB, max_total_bytes=MIB):
    with open_zip(io.BytesIO(bytes(data)), label="LABEL", max_total_bytes=max_total_bytes) as archive:
        return read_member(archive, name, label="LABEL", max_bytes=max_bytes)


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_member_comes_out_whole(compression):
    assert read(zip_bytes([("a", b"1" * 5000), ("b", b"2")], compression)) == b"1" * 5000


def test_an_archive_is_opened_by_path(tmp_path):
    (tmp_path / "a.zip").write_bytes(zip_bytes([("folder/a", b"data"), ("folder/..a", b"more")]))
    with open_zip(tmp_path / "a.zip", label="LABEL", max_total_bytes=MIB) as archive:
        assert read_member(archive, "folder/a", label="LABEL", max_bytes=4) == b"data"
        assert read_member(archive, "folder/..a", label="LABEL", max_bytes=4) == b"more"


@given(st.dictionaries(st.text("abc/_.", min_size=1, max_size=9), st.binary(max_size=99), max_size=5))
def test_what_was_packed_comes_out_or_the_name_is_refused(members):
    data = zip_bytes(members.items())
    outside = [name for name in members if name.startswith("/") or ".." in name.split("/")]
    if outside:
        with pytest.raises(ArchiveError, match="points outside"):
            read(data)
    else:
        assert {name: read(data, name) for name in members} == members


def test_a_missing_file_is_named(tmp_path):
    with (
        pytest.raises(ArchiveError, match="LABEL: no such file"),
        open_zip(tmp_path / "none.zip", label="LABEL", max_total_bytes=MIB),
    ):
        pass


@pytest.mark.parametrize("data", [b"", b"no zip at all", END, b"PK" * 200], ids=str)
def test_what_is_no_zip_is_refused(data):
    with pytest.raises(ArchiveError, match="LABEL: not a readable zip archive"):
        read(data)


def test_every_truncation_is_refused():
    whole = zip_bytes([("a", bytes(range(256)))], zipfile.ZIP_STORED)
    for length in range(len(whole)):
        with pytest.raises(ArchiveError, match="not a readable zip archive"):
            read(whole[:length])


def test_a_flipped_bit_in_the_data_is_refused():
    data = zip_bytes([("a", b"0" * 100)], zipfile.ZIP_STORED)
    data[data.index(b"000") + 50] ^= 1
    with pytest.raises(ArchiveError, match="CRC"):
        read(data)


def test_a_damaged_deflate_stream_is_refused():
    data = zip_bytes([("a", bytes(range(256)) * 8)])
    start = data.index(b"a") + 1
    data[start : start + 8] = b"\xff" * 8
    with pytest.raises(ArchiveError, match="not a readable zip archive"):
        read(data)


@pytest.mark.parametrize(
    "name", ["../a", "a/../../b", "..", "/etc/passwd", "//a", "a\\b", "..\\a", "C:\\a", "a/.."]
)
def test_a_name_that_leaves_the_archive_is_refused(name):
    with pytest.raises(ArchiveError, match="points outside the archive"):
        read(with_raw_name(name), name)


def test_one_bad_name_spoils_the_archive_though_another_member_is_asked_for():
    with pytest.raises(ArchiveError, match="points outside"):
        read(zip_bytes([("a", b"fine"), ("../b", b"not")]))


def test_duplicate_names_are_refused():
    with pytest.raises(ArchiveError, match="share one name"):
        read(zip_bytes([("a", b"the one that is checked"), ("a", b"the one that is read")]))


def test_names_that_become_equal_behind_a_nul_are_refused():
    data = bytes(zip_bytes([("a.1", b"first"), ("a.2", b"second")]))
    with pytest.raises(ArchiveError, match="share one name"):
        read(data.replace(b"a.1", b"a\x001").replace(b"a.2", b"a\x002"))


def test_as_many_members_as_allowed_and_one_more():
    members = [(f"{index}", b"") for index in range(MAX_MEMBERS)]
    assert read(zip_bytes(members), "0") == b""
    with pytest.raises(ArchiveError, match=f"holds {MAX_MEMBERS + 1} members; at most {MAX_MEMBERS}"):
        read(zip_bytes([*members, ("one more", b"")]), "0")


def test_the_total_cap_counts_all_members():
    data = zip_bytes([("a", b"1" * 600), ("b", b"2" * 400)])
    assert len(read(data, max_total_bytes=1000)) == 600
    with pytest.raises(ArchiveError, match="unpacks to 1000 bytes; at most 999 are accepted"):
        read(data, max_total_bytes=999)


def test_the_member_cap_counts_one_member():
    data = zip_bytes([("a", b"1" * 600)])
    assert len(read(data, max_bytes=600)) == 600
    with pytest.raises(ArchiveError, match="member 'a' unpacks to 600 bytes; at most 599"):
        read(data, max_bytes=599)


def test_a_missing_member_is_named():
    with pytest.raises(ArchiveError, match="LABEL: member 'b' is missing"):
        read(zip_bytes([("a", b"")]), "b")


def test_an_empty_archive_has_no_members():
    with pytest.raises(ArchiveError, match="member 'a' is missing"):
        read(zip_bytes([]))


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("stated", [0, 50, 99, 101, 1000])
def test_a_size_that_lies_is_refused(compression, stated):
    with pytest.raises(ArchiveError, match=r"CRC|another size|not a readable"):
        read(state_size(zip_bytes([("a", bytes(range(100)))], compression), stated))


def test_a_larger_size_than_the_data_with_its_right_checksum_is_refused():
    data = zip_bytes([("a", b"1" * 100)])
    with pytest.raises(ArchiveError, match="another size than the 1000 bytes it states"):
        read(state_size(data, 1000))


def test_an_encrypted_member_is_refused():
    data = zip_bytes([("a", b"secret")])
    struct.pack_into("<H", data, data.index(LOCAL) + 6, 1)
    with pytest.raises(ArchiveError, match="encrypted"):
        read(patch_directory(data, 8, "<H", 1))


def test_an_unknown_compression_is_refused():
    data = zip_bytes([("a", b"data")])
    struct.pack_into("<H", data, data.index(LOCAL) + 8, 99)
    with pytest.raises(ArchiveError, match="LABEL"):
        read(patch_directory(data, 10, "<H", 99))


def test_another_name_in_the_local_header_is_refused():
    data = zip_bytes([("name", b"data")])
    data[data.index(b"name")] ^= 2
    with pytest.raises(ArchiveError, match="not a readable zip archive"):
        read(data, "name")


def deflate_bomb(size):
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a", "w") as member,
    ):
        for _ in range(size // MIB):
            member.write(bytes(MIB))
    return bytearray(buffer.getvalue())


@pytest.mark.parametrize("stated", [None, 1000], ids=["honest size", "small size stated"])
def test_a_deflate_bomb_is_refused_in_little_memory(stated):
    data = deflate_bomb(256 * MIB)
    assert len(data) < MIB / 2
    if stated is not None:
        state_size(data, stated)
    tracemalloc.start()
    try:
        with pytest.raises(ArchiveError, match=r"at most 1048576|CRC"):
            read(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * MIB


def test_the_callers_own_archive_error_passes_unchanged():
    with (
        pytest.raises(ArchiveError, match=r"^mine$"),
        open_zip(io.BytesIO(zip_bytes([])), label="LABEL", max_total_bytes=1),
    ):
        raise ArchiveError("mine")
