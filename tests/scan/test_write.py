"""Scan files of our own: the same bytes for the same content, readable by everyone."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ptycho_compare.scan.write import write_npz
from ptycho_compare.untrusted.npz import open_npz

ARRAYS = {
    "diffraction": np.random.default_rng(0).random((5, 8, 8)).astype(np.float32),
    "objectGuess": np.full((9, 7), 1 + 2j, np.complex64),
    "columns": np.asfortranarray(np.arange(12.0).reshape(3, 4)),
    "scalar": np.float64(3.5),
    "word": np.array("text"),
    "empty": np.zeros((0, 2)),
}
METADATA = {"schema_version": "1.0.0", "number": np.float32(0.5), "transformations": [{"tool": "ä"}]}


def test_everybody_reads_what_was_written(tmp_path: Path) -> None:
    write_npz(tmp_path / "a.npz", ARRAYS.items(), metadata=METADATA)
    metadata = {**METADATA, "number": 0.5}
    with np.load(tmp_path / "a.npz", allow_pickle=False) as plain, open_npz(tmp_path / "a.npz") as ours:
        assert list(plain) == list(ours.headers) == [*ARRAYS, "_metadata"]
        for key, values in ARRAYS.items():
            assert plain[key].dtype == np.asarray(values).dtype
            np.testing.assert_array_equal(plain[key], values)
            np.testing.assert_array_equal(ours.array(key), values)
        assert json.loads(plain["_metadata"].item()) == json.loads(ours.plain("_metadata")) == metadata
        assert plain["scalar"].shape == ()


def test_bytes_depend_on_the_content_alone(tmp_path: Path) -> None:
    for name in ("a.npz", "b.npz"):
        write_npz(tmp_path / name, ARRAYS.items(), metadata=METADATA)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_without_metadata_there_is_no_such_key(tmp_path: Path) -> None:
    write_npz(tmp_path / "a.npz", ARRAYS.items())
    with open_npz(tmp_path / "a.npz") as ours:
        assert "_metadata" not in ours


@pytest.mark.parametrize("broken", ["object", "nan", "generator"])
def test_nothing_half_written_gets_the_name(tmp_path: Path, broken: str) -> None:
    def arrays() -> Iterator[tuple[str, np.ndarray]]:
        yield "diffraction", ARRAYS["diffraction"]
        if broken == "object":
            yield "x", np.array({"a": 1}, dtype=object)
        if broken == "generator":
            raise ValueError("the source is damaged")

    (tmp_path / "a.npz").write_bytes(b"before")
    with pytest.raises(ValueError, match=r"Object arrays|not JSON compliant|damaged"):
        write_npz(tmp_path / "a.npz", arrays(), metadata={"x": float("nan")} if broken == "nan" else None)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"before"]
