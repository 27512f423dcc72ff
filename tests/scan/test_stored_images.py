"""Images read where they lie: any chunks, any order, and memory that does not grow with the scan."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_compare.errors import ScanError
from ptycho_compare.scan.formats import stored_images
from ptycho_compare.scan.formats.stored_images import StoredImages
from thorough import examples

ROOT = Path(__file__).parents[2]


class Counted:
    """A dataset that notes what is asked of it."""

    def __init__(self, dataset: h5py.Dataset) -> None:
        self._dataset = dataset
        self.asked: list[tuple[int, int]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._dataset, name)

    def __getitem__(self, key: Any) -> Any:
        self.asked.append(key[-1].indices(self._dataset.shape[len(key) - 1])[:2])
        return self._dataset[key]


@examples(80)
@given(
    count=st.integers(1, 30),
    side=st.integers(2, 6),
    chunk=st.one_of(st.none(), st.tuples(st.integers(1, 12), st.integers(1, 6), st.integers(1, 6))),
    dtype=st.sampled_from(["<f4", ">f8", "<u2", ">i4"]),
    lead=st.sampled_from([(), (1,), (1, 1)]),
    trail=st.booleans(),
    data=st.data(),
)
def test_any_images_in_any_order(
    count: int, side: int, chunk: Any, dtype: str, lead: tuple[int, ...], trail: bool, data: st.DataObject
) -> None:
    """Reading by number is indexing, and the blocks are the whole, whatever the chunks are."""
    end = (1,) if trail and not lead else ()
    images = np.random.default_rng(count).integers(0, 1000, (count, side, side)).astype(dtype)
    wanted = np.array(data.draw(st.lists(st.integers(0, count - 1), max_size=40)), np.int64)
    with h5py.File("memory", "w", driver="core", backing_store=False) as file:
        options: dict[str, Any] = {}
        if chunk is not None:
            clipped = tuple(min(c, s) for c, s in zip(chunk, images.shape, strict=True))
            options = {"chunks": lead + clipped + end, "compression": "gzip"}
        counted = Counted(
            file.create_dataset("d", data=images.reshape(*lead, *images.shape, *end), **options)
        )
        found = StoredImages(counted, label="f", count=count, side=None)
        assert (found.count, found.side) == (count, side)
        np.testing.assert_array_equal(found.read(wanted), images[wanted])
        step = options["chunks"][len(lead)] if options else 1
        # no chunk is unpacked twice for one read
        chunks = [
            number for start, stop in counted.asked for number in range(start // step, (stop - 1) // step + 1)
        ]
        assert len(chunks) == len(set(chunks))
        blocks = list(found.blocks())
        np.testing.assert_array_equal(np.concatenate(blocks), images)


@examples(60)
@given(
    rows=st.integers(1, 6),
    columns=st.integers(1, 6),
    chunk=st.one_of(st.none(), st.tuples(*[st.integers(1, 6)] * 4)),
    lead=st.sampled_from([(), (1,)]),
    block=st.integers(1, 40),
    data=st.data(),
)
def test_a_raster_comes_row_by_row(
    rows: int, columns: int, chunk: Any, lead: tuple[int, ...], block: int, data: st.DataObject
) -> None:
    """Whatever its chunks are, and however many images are read at a time."""
    count, side = rows * columns, 3
    images = np.random.default_rng(count).integers(0, 1000, (count, side, side))
    wanted = np.array(data.draw(st.lists(st.integers(0, count - 1), max_size=40)), np.int64)
    with h5py.File("memory", "w", driver="core", backing_store=False) as file:
        shape = (rows, columns, side, side)
        chunks = None if chunk is None else (*lead, *map(min, chunk, shape))
        dataset = file.create_dataset("d", data=images.reshape(*lead, *shape), chunks=chunks)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(stored_images, "BLOCK_BYTES", block * side * side * images.itemsize)
            found = StoredImages(dataset, label="f", count=count, side=None)
            np.testing.assert_array_equal(found.read(wanted), images[wanted])
            np.testing.assert_array_equal(np.concatenate(list(found.blocks())), images)


def test_blocks_end_where_chunks_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_images, "BLOCK_BYTES", 10 * 4 * 4)  # ten images
    with h5py.File("memory", "w", driver="core", backing_store=False) as file:
        for chunk, step in ((3, 9), (4, 8), (25, 25), (1, 10)):
            counted = Counted(file.create_dataset(f"d{chunk}", (60, 4, 4), "u1", chunks=(chunk, 4, 4)))
            list(StoredImages(counted, label="f", count=60, side=4).blocks())
            assert {start % step for start, _ in counted.asked} == {0}, chunk
            assert max(stop - start for start, stop in counted.asked) == step


def test_chunks_that_span_the_scan_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chunk of one pixel of many images is small itself, but the images it crosses are not."""
    monkeypatch.setattr(stored_images, "BLOCK_BYTES", 10 * 16)
    monkeypatch.setattr(stored_images, "MAX_CHUNK_BYTES", 20 * 16)
    images = np.arange(60 * 16, dtype=np.uint16).astype("u1").reshape(60, 4, 4)
    with h5py.File("memory", "w", driver="core", backing_store=False) as file:
        counted = Counted(file.create_dataset("d", data=images, chunks=(60, 1, 1)))
        found = StoredImages(counted, label="f", count=60, side=4)
        np.testing.assert_array_equal(np.concatenate(list(found.blocks())), images)
        np.testing.assert_array_equal(found.read(np.arange(60)[::-1]), images[::-1])
        assert max(stop - start for start, stop in counted.asked) == 10
        too_large = file.create_dataset("e", (500, 4, 4), "u1", chunks=(400, 1, 1))
        with pytest.raises(ScanError, match=r"chunks of \(400, 1, 1\)"):
            StoredImages(too_large, label="f", count=500, side=4)


@pytest.mark.slow
def test_a_scan_larger_than_memory_stays_on_disk() -> None:
    """20 GB are checked, planned and streamed in a process whose memory grows by less than 1 GB."""
    command = [sys.executable, str(ROOT / "benchmarks" / "scan.py"), "--json", "--gigabytes", "20"]
    command += ["--written-every", "64", "--groups", "2000"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found = json.loads(done.stdout)
    assert found["extent_bytes"] > 19.9e9
    assert found["streamed_images"] == 8000
    assert found["added_mib"] < 1000
