"""PtyPy's .ptyd: frames in chunks, positions in metres by rows and columns, weights for a mask."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from ptycho_compare.errors import InputError
from ptycho_compare.scan.read import open_scan
from ptycho_compare.scan.reading import Reading
from scans import make_object, make_positions, make_probe, true_patches

COUNT, SIDE = 20, 16
ENERGY_KEV, DISTANCE, PSIZE = 7.2, 7.19, 172e-6
PIXEL = 6.62607015e-34 * 299792458 / (ENERGY_KEV * 1e3 * 1.602176634e-19) * DISTANCE / (SIDE * PSIZE)
ALL = np.arange(COUNT)

TRUTH, PROBE = make_object(64, 70), make_probe(SIDE)
POSITIONS = make_positions(COUNT, 64, 70, SIDE, whole=True)
_WAVES = np.fft.fftshift(np.fft.fft2(PROBE * true_patches(TRUTH, POSITIONS, SIDE)), axes=(1, 2))
COUNTS = np.rint(100 * np.abs(_WAVES) ** 2).astype(np.int32)


def write_ptyd(path: Path, *sizes: int, change: Callable[[h5py.File], None] | None = None) -> Path:
    """Write chunks of these sizes as ptypy.core.data.PtyScan does with save='append'."""
    edges = np.cumsum([0, *sizes])
    metres = POSITIONS[:, ::-1] * PIXEL
    with h5py.File(path, "w") as file:
        for number, (start, stop) in enumerate(itertools.pairwise(edges)):
            chunk = file.create_group(f"chunks/{number}")
            chunk["data"], chunk["positions"] = COUNTS[start:stop], metres[start:stop]
            chunk["indices"] = np.arange(start, stop)
            chunk.create_group("weights")  # an empty dictionary, where all frames share one
        meta = {"energy": ENERGY_KEV, "distance": DISTANCE, "psize": [PSIZE, PSIZE], "num_frames": COUNT}
        for name, value in meta.items():
            file[f"meta/{name}"] = value
        file["info/positions_scan"] = metres
        file["guess/probe"], file["guess/object"] = PROBE, TRUTH
        if change is not None:
            change(file)
    return path


@pytest.mark.parametrize("sizes", [(20,), (12, 8), (7, 7, 6), (1,) * 20], ids=str)
def test_chunks_are_one_scan(tmp_path: Path, sizes: tuple[int, ...]) -> None:
    with open_scan(write_ptyd(tmp_path / "scan.ptyd", *sizes)) as scan:
        np.testing.assert_allclose(scan.positions, POSITIONS, rtol=1e-6)
        np.testing.assert_allclose(scan.diffraction.read(ALL), np.sqrt(COUNTS), rtol=1e-6)
        some = np.array([19, 0, 7, 13, 7, 12])
        np.testing.assert_allclose(scan.diffraction.read(some), np.sqrt(COUNTS[some]), rtol=1e-6)
        assert scan.diffraction.mean_energy == pytest.approx(COUNTS.sum(axis=(1, 2)).mean())
        assert (scan.values, scan.dc, scan.warnings) == ("counts", "centre", ())
        assert scan.optics.object_pixel_m == pytest.approx(PIXEL, rel=1e-6)


def test_probe_object_and_pixel_may_be_named(tmp_path: Path) -> None:
    path = write_ptyd(tmp_path / "scan.ptyd", 12, 8)
    reading = Reading(keys={"probe": "guess/probe", "object": "guess/object"}, object_pixel_m=PIXEL)
    with open_scan(path, reading=reading) as scan:
        np.testing.assert_array_equal(scan.probe, PROBE)
        np.testing.assert_array_equal(scan.truth, TRUTH)
    with open_scan(path, reading=Reading(object_pixel_m=2 * PIXEL)) as scan:
        np.testing.assert_allclose(scan.positions, POSITIONS / 2, rtol=1e-6)


def weights(file: h5py.File, *, bad_in_one: bool) -> None:
    for number, size in enumerate((12, 8)):
        del file[f"chunks/{number}/weights"]
        values = np.full((size, SIDE, SIDE), 0.5)
        values[:, 7, 8] = 0
        if bad_in_one and number:
            values[2, 8, 9] = 0
        file[f"chunks/{number}/weights"] = values


@pytest.mark.parametrize("bad_in_one", [False, True])
def test_a_weight_of_zero_is_a_bad_pixel(tmp_path: Path, bad_in_one: bool) -> None:
    path = write_ptyd(tmp_path / "scan.ptyd", 12, 8, change=lambda file: weights(file, bad_in_one=bad_in_one))
    with open_scan(path) as scan:
        dark = (scan.diffraction.read(ALL) == 0).all(axis=0) & (COUNTS > 0).any(axis=0)
        assert [*zip(*np.nonzero(dark), strict=True)] == [(7, 8), *([(8, 9)] if bad_in_one else [])]
        assert [("another for each image" in text) for text in scan.warnings] == [True] * bad_in_one


def test_one_weight_for_all_frames(tmp_path: Path) -> None:
    def change(file: h5py.File) -> None:
        file["info/weight2d"] = np.arange(SIDE * SIDE).reshape(SIDE, SIDE) % 50 != 7

    with open_scan(write_ptyd(tmp_path / "scan.ptyd", 20, change=change)) as scan:
        assert not scan.diffraction.read(ALL).reshape(COUNT, -1)[:, 7::50].any()


def test_positions_may_lie_beside_the_chunks(tmp_path: Path) -> None:
    def change(file: h5py.File) -> None:
        del file["chunks/0/positions"], file["chunks/1/positions"]

    with open_scan(write_ptyd(tmp_path / "scan.ptyd", 12, 8, change=change)) as scan:
        np.testing.assert_allclose(scan.positions, POSITIONS, rtol=1e-6)


def test_frames_that_are_missing_are_told(tmp_path: Path) -> None:
    with open_scan(write_ptyd(tmp_path / "scan.ptyd", 12)) as scan:
        (warning,) = scan.warnings
        assert "holds 12 of the 20 frames that 'meta' tells of" in warning


def test_arrays_that_the_user_names_are_not_joined(tmp_path: Path) -> None:
    reading = Reading("counts", keys={"diffraction": "chunks/1/data", "positions_yx": "chunks/1/positions"})
    path = write_ptyd(tmp_path / "scan.ptyd", 12, 8)
    named = Reading("counts", keys=reading.keys, object_pixel_m=PIXEL, units={"positions": "m"})
    with open_scan(path, reading=named) as scan:
        np.testing.assert_allclose(scan.positions, POSITIONS[12:], rtol=1e-6)


def put(key: str, value: Any) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        if key in file:
            del file[key]
        if value is not None:
            file[key] = value

    return change


def without_positions(file: h5py.File) -> None:
    del file["chunks/0/positions"], file["info/positions_scan"]


def indices_beyond(file: h5py.File) -> None:
    del file["chunks/0/positions"]
    put("chunks/0/indices", np.arange(12) + 90)(file)


BREACHES: dict[str, tuple[Callable[[h5py.File], None], str]] = {
    "no energy": (put("meta/energy", None), "'meta' lacks one of .*; say --pixel-nm"),
    "energy of two kinds": (put("meta/energy", [7.0, 8.0]), "energy' is .*needed: one number, or two equal"),
    "no distance at all": (put("meta/distance", 0.0), "'meta/distance' is 0; needed: a number above 0"),
    "fewer positions": (put("chunks/1/positions", np.zeros((3, 2))), "has 3 positions and .* 8 frames"),
    "positions of three": (put("chunks/1/positions", np.zeros((8, 3))), r"needed: \(n, 2\) numbers"),
    "no positions": (without_positions, "'chunks/0/positions' is missing, and there are no"),
    "indices beyond": (indices_beyond, "'chunks/0/indices' does not count the 20 of 'info/positions_scan'"),
    "another side": (put("chunks/1/data", np.ones((8, SIDE, 18), "i4")), "its images are not square"),
    "flat data": (put("chunks/1/data", np.ones((8, 9))), r"has shape \(8, 9\); needed: \(n, N, N\)"),
    "one number": (put("chunks/0/data", 3), r"'chunks/0/data' has shape \(\); needed: \(n, N, N\)"),
    "linked": (put("chunks/1/data", h5py.ExternalLink("scan.ptyd.part001", "/data")), "link to another file"),
}  # fmt: skip


@pytest.mark.parametrize("case", BREACHES)
def test_a_breach_is_one_line(tmp_path: Path, case: str) -> None:
    change, message = BREACHES[case]
    path = write_ptyd(tmp_path / "scan.ptyd", 12, 8, change=change)
    with pytest.raises(InputError, match=message) as caught:
        open_scan(path).__enter__()
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
