"""bzip2: unpacked to a file without a name, and never beyond the cap."""

from __future__ import annotations

import bz2
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_compare.errors import ArchiveError
from ptycho_compare.untrusted import bzip2
from ptycho_compare.untrusted.bzip2 import BZIP2_MAGIC, unpack_bzip2
from thorough import examples


def test_what_was_packed_comes_out(tmp_path: Path) -> None:
    data = np.random.default_rng(0).bytes(3 << 20)
    (tmp_path / "f").write_bytes(bz2.compress(data))
    with unpack_bzip2(tmp_path / "f", folder=tmp_path) as unpacked:
        assert unpacked.read() == data
        assert [p.name for p in tmp_path.iterdir()] == ["f"]
    assert unpacked.closed


def test_several_streams_are_one_file(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(bz2.compress(b"one ") + bz2.compress(b"two"))
    with unpack_bzip2(tmp_path / "f", folder=None) as unpacked:
        assert unpacked.read() == b"one two"


def test_a_bomb_is_stopped_at_the_cap(tmp_path: Path) -> None:
    """100 MB of zeros pack to 100 bytes; the file on disk stops where the cap is."""
    bomb = bz2.compress(bytes(100_000_000))
    assert len(bomb) < 1000
    (tmp_path / "f").write_bytes(bomb)
    with pytest.raises(ArchiveError, match=r"f: unpacks to more than 67108864 bytes") as caught:
        unpack_bzip2(tmp_path / "f", folder=None).__enter__()
    assert "\n" not in str(caught.value)


def test_the_absolute_cap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bzip2, "MAX_UNPACKED_BYTES", 1000)
    (tmp_path / "f").write_bytes(bz2.compress(bytes(1001)))
    with pytest.raises(ArchiveError, match="more than 1000 bytes"):
        unpack_bzip2(tmp_path / "f", folder=None).__enter__()
    (tmp_path / "f").write_bytes(bz2.compress(bytes(1000)))
    with unpack_bzip2(tmp_path / "f", folder=None) as unpacked:
        assert len(unpacked.read()) == 1000


@examples(40)
@given(data=st.data())
def test_damage_gives_one_line_or_nothing_wrong(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = bytes(range(256)) * 20
    packed = bytearray(bz2.compress(content))
    at = data.draw(st.integers(len(BZIP2_MAGIC), len(packed) - 1))
    if data.draw(st.booleans()):
        del packed[at:]
    else:
        packed[at] ^= data.draw(st.integers(1, 255))
    path = tmp_path_factory.mktemp("damage") / "f"
    path.write_bytes(packed)
    refused = ""
    try:
        with unpack_bzip2(path, folder=None) as unpacked:
            assert unpacked.read() == content
    except ArchiveError as error:
        refused = str(error)
    assert not refused or refused.startswith(f"{path}: not readable as bzip2")
    assert "\n" not in refused
