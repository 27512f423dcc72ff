"""Layouts in which the field writes a scan: all of them give the images and positions of the plain one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from ptycho_compare.errors import InputError
from ptycho_compare.scan.read import open_scan
from ptycho_compare.scan.reading import Reading
from scans import counts_of, make_scan, write_hdf5, write_scan

ROWS, COLUMNS, SIDE = 4, 6, 16
COUNT = ROWS * COLUMNS
ALL = np.arange(COUNT)
X, Y = 10.0 + 3 * np.arange(COLUMNS), 12.0 + 5 * np.arange(ROWS)
GRID_X, GRID_Y = np.meshgrid(X, Y)
POSITIONS = np.stack([GRID_X.ravel(), GRID_Y.ravel()], axis=1)

Arrays = dict[str, Any]


@pytest.fixture(scope="module")
def plain() -> Arrays:
    """A raster of 4 rows and 6 columns, its images one after the other."""
    arrays = make_scan(count=COUNT, side=SIDE, height=64, width=80)
    arrays["diff3d"] = counts_of(arrays["diff3d"], total=1e5)
    return arrays | {"xcoords": POSITIONS[:, 0], "ycoords": POSITIONS[:, 1]}


def raster(arrays: Arrays) -> np.ndarray:
    images: np.ndarray = arrays["diff3d"]
    return images.reshape(ROWS, COLUMNS, SIDE, SIDE)


TABLE = np.stack([GRID_X, GRID_Y], axis=-1)  # (rows, columns, 2)
LAYOUTS: dict[str, Callable[[Arrays], Arrays]] = {
    "raster": lambda a: {"diff3d": raster(a)},
    "raster of one scan": lambda a: {"diff3d": raster(a)[None]},
    "coordinate grids": lambda a: {"diff3d": raster(a), "xcoords": GRID_X, "ycoords": GRID_Y},
    "coordinate grids, images in a row": lambda a: {"xcoords": GRID_X, "ycoords": GRID_Y},
    "axes": lambda a: {"diff3d": raster(a), "xcoords": X, "ycoords": Y},
    "axes, (1, n) and (n, 1)": lambda a: {"diff3d": raster(a), "xcoords": X[None], "ycoords": Y[:, None]},
    "coordinate grids, images with a channel": lambda a: {
        "diff3d": a["diff3d"][..., None],
        "xcoords": GRID_X,
        "ycoords": GRID_Y,
    },
    "lines (1, n)": lambda a: {"xcoords": a["xcoords"][None], "ycoords": a["ycoords"][None]},
    "columns (n, 1)": lambda a: {"xcoords": a["xcoords"][:, None], "ycoords": a["ycoords"][:, None]},
    "a line and a column": lambda a: {"xcoords": a["xcoords"][None], "ycoords": a["ycoords"][:, None]},
    "in Fortran order": lambda a: {"diff3d": np.asfortranarray(raster(a))},
    "whole numbers": lambda a: {"diff3d": raster(a).astype("u4"), "xcoords": GRID_X.astype("i4")},
}
TABLES: dict[str, np.ndarray] = {
    "(n, 2)": POSITIONS,
    "(2, n)": POSITIONS.T,
    "(rows, columns, 2)": TABLE,
    "(2, rows, columns)": np.moveaxis(TABLE, -1, 0),
    "(1, n, 2)": POSITIONS[None],
}


def require_plain(path: Path, plain: Arrays, reading: Reading) -> None:
    """The scan is the plain one, read whole and by number."""
    amplitudes = np.sqrt(plain["diff3d"])
    with open_scan(path, reading=reading) as scan:
        np.testing.assert_array_equal(scan.positions, POSITIONS)
        np.testing.assert_allclose(scan.diffraction.read(ALL), amplitudes, rtol=1e-6)
        some = np.array([23, 0, 7, 7, 5, 6, 12])
        np.testing.assert_allclose(scan.diffraction.read(some), amplitudes[some], rtol=1e-6)
        energy = (amplitudes.astype(float) ** 2).sum(axis=(1, 2)).mean()
        assert scan.diffraction.mean_energy == pytest.approx(energy, rel=1e-5)
        assert scan.warnings == ()


COUNTS = Reading(values="counts", dc="centre")


@pytest.mark.parametrize("write", [write_scan, write_hdf5])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_of_the_contract(
    tmp_path: Path, plain: Arrays, layout: str, write: Callable[[Path, Arrays], Path]
) -> None:
    require_plain(write(tmp_path / "scan.npz", plain | LAYOUTS[layout](plain)), plain, COUNTS)


@pytest.mark.parametrize("table", TABLES)
def test_tables_of_positions(tmp_path: Path, plain: Arrays, table: str) -> None:
    """As MATLAB's (2, n) and as a raster's grid; the images are a 4D-STEM cube."""
    stored = {"datacube": raster(plain), "where": TABLES[table], "probe": plain["probeGuess"]}
    keys = {"diffraction": "datacube", "positions": "where", "probe": "probe"}
    reading = Reading("counts", "centre", keys=keys)
    require_plain(write_scan(tmp_path / "scan.npz", stored), plain, reading)


@pytest.mark.parametrize("turned", [TABLE.transpose(1, 0, 2), np.moveaxis(TABLE.transpose(1, 0, 2), -1, 0)])
def test_a_table_of_another_raster_is_refused(tmp_path: Path, plain: Arrays, turned: np.ndarray) -> None:
    stored = {"datacube": raster(plain), "where": turned}
    reading = Reading("counts", "centre", keys={"diffraction": "datacube", "positions": "where"})
    with pytest.raises(InputError, match="'where' is a grid of 6 x 4, and the images are one of 4 x 6"):
        open_scan(write_scan(tmp_path / "scan.npz", stored), reading=reading).__enter__()


@pytest.mark.parametrize(
    "options",
    [
        {"chunks": (1, 1, SIDE, SIDE)},
        {"chunks": (2, 4, SIDE, SIDE), "compression": "gzip"},
        {"chunks": (4, 6, 5, 7), "compression": "lzf"},
        {"chunks": (1, 6, SIDE, SIDE), "shuffle": True},
        {"chunks": (2, 2, SIDE, SIDE), "scaleoffset": 0},
    ],
    ids=str,
)
def test_chunks_of_a_raster(tmp_path: Path, plain: Arrays, options: dict[str, Any]) -> None:
    stored = plain | {"diff3d": raster(plain).astype("u4")}
    with h5py.File(tmp_path / "scan.h5", "w") as file:
        for key in ("xcoords", "ycoords", "probeGuess"):
            file[key] = stored[key]
        file.create_dataset("diffraction", data=stored["diff3d"], **options)
    require_plain(tmp_path / "scan.h5", plain, COUNTS)


def test_a_raster_whose_first_axis_is_x(tmp_path: Path, plain: Arrays) -> None:
    """NXcxi_ptycho counts (npts_x, npts_y): as many numbers as an axis has say which it is."""
    turned = raster(plain).transpose(1, 0, 2, 3)
    path = write_scan(tmp_path / "scan.npz", plain | {"diff3d": turned, "xcoords": X, "ycoords": Y})
    with open_scan(path, reading=COUNTS) as scan:
        expected = np.stack([GRID_X.T.ravel(), GRID_Y.T.ravel()], axis=1)
        np.testing.assert_array_equal(scan.positions, expected)
        np.testing.assert_allclose(scan.diffraction.read(ALL[1:2])[0], np.sqrt(plain["diff3d"][COLUMNS]))


def test_the_axes_of_a_square_raster_are_said_to_be_taken_by_rows(tmp_path: Path, plain: Arrays) -> None:
    square = plain | {"diff3d": raster(plain)[:, :4], "xcoords": X[:4], "ycoords": Y}
    with open_scan(write_scan(tmp_path / "scan.npz", square), reading=COUNTS) as scan:
        np.testing.assert_array_equal(scan.positions, TABLE[:, :4].reshape(-1, 2))
        (warning,) = scan.warnings
        assert "'xcoords' and 'ycoords' are the axes of a square raster; y is taken for its rows" in warning


def write_matlab(path: Path, arrays: Arrays) -> Path:
    """Write arrays as MATLAB 7.3 does: with their axes reversed."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for key, values in arrays.items():
            reverse = values.T
            if values.dtype.kind == "c":
                pairs = np.empty(reverse.shape, [("real", "f8"), ("imag", "f8")])
                pairs["real"], pairs["imag"] = reverse.real, reverse.imag
                reverse = pairs
            file[key] = reverse
            file[key].attrs["MATLAB_class"] = np.bytes_("double")
    return path


MATLAB: dict[str, Callable[[Arrays], Arrays]] = {
    "images last": lambda a: {"dp": np.moveaxis(a["diff3d"], 0, -1), "p": POSITIONS},
    "(2, n)": lambda a: {"dp": np.moveaxis(a["diff3d"], 0, -1), "p": POSITIONS.T},
    # MATLAB's first axis runs fastest: its raster (x, y) is ours (rows, columns)
    "a raster": lambda a: {"dp": raster(a).transpose(2, 3, 1, 0), "p": POSITIONS},
    "columns": lambda a: {
        "dp": np.moveaxis(a["diff3d"], 0, -1), "x": POSITIONS[:, :1], "y": POSITIONS[None, :, 1]
    },
    "a grid of pairs": lambda a: {"dp": raster(a).transpose(2, 3, 1, 0), "p": TABLE.transpose(1, 0, 2)},
    "grids": lambda a: {"dp": raster(a).transpose(2, 3, 1, 0), "x": GRID_X.T, "y": GRID_Y.T},
}  # fmt: skip


@pytest.mark.parametrize("layout", MATLAB)
def test_matlab_7_3(tmp_path: Path, plain: Arrays, layout: str) -> None:
    """Its axes lie reversed in the file: images are not transposed, positions belong to their images."""
    stored = {key: np.asarray(values, float) for key, values in MATLAB[layout](plain).items()}
    path = write_matlab(tmp_path / "scan.mat", stored | {"b": plain["probeGuess"], "o": plain["objectGuess"]})
    places = {"positions": "p"} if "p" in stored else {"x": "x", "y": "y"}
    keys = {"diffraction": "dp", "probe": "b", "object": "o", **places}
    reading = Reading("counts", "centre", keys=keys)
    require_plain(path, plain, reading)
    with open_scan(path, reading=reading) as scan:
        np.testing.assert_array_equal(scan.probe, plain["probeGuess"])
        np.testing.assert_array_equal(scan.truth, plain["objectGuess"])


# ---- masks of each image


@pytest.mark.parametrize("write", [write_scan, write_hdf5])
@pytest.mark.parametrize("dtype", [bool, "u1", "i4"])
@pytest.mark.parametrize("shape", [(COUNT, SIDE, SIDE), (ROWS, COLUMNS, SIDE, SIDE)])
def test_a_pixel_that_is_bad_in_any_image_is_bad(
    tmp_path: Path, plain: Arrays, shape: Any, dtype: Any, write: Callable[[Path, Arrays], Path]
) -> None:
    mask = np.zeros((COUNT, SIDE, SIDE), dtype)
    mask[:, 3, 4] = 1
    reading = Reading("counts", "centre", keys={"mask": "bad"})
    with open_scan(
        write(tmp_path / "same.npz", plain | {"bad": mask.reshape(shape)}), reading=reading
    ) as scan:
        assert scan.warnings == ()
        assert not scan.diffraction.read(ALL)[:, 3, 4].any()
    mask[5, 8, 8] = 1
    with open_scan(
        write(tmp_path / "each.npz", plain | {"bad": mask.reshape(shape)}), reading=reading
    ) as scan:
        (warning,) = scan.warnings
        assert "'bad' is another for each image: 1 px that are bad in some are left out of all" in warning
        expected = plain["diff3d"].copy()
        expected[:, 3, 4] = expected[:, 8, 8] = 0
        np.testing.assert_allclose(scan.diffraction.read(ALL), np.sqrt(expected), rtol=1e-6)


# ---- a probe is not needed


@pytest.mark.parametrize("write", [write_scan, write_hdf5])
def test_a_contract_without_a_probe_is_read(
    tmp_path: Path, plain: Arrays, write: Callable[[Path, Arrays], Path]
) -> None:
    stored = {key: values for key, values in plain.items() if key != "probeGuess"}
    path = write(tmp_path / "scan.npz", stored)
    require_plain(path, plain, COUNTS)
    with open_scan(path, reading=COUNTS) as scan:
        assert scan.probe is None
        assert scan.truth is not None


def test_a_probe_that_is_named_must_be_there(tmp_path: Path, plain: Arrays) -> None:
    path = write_scan(tmp_path / "scan.npz", plain)
    with pytest.raises(InputError, match=r"'beam' is missing; found: .*--scan-key probe=KEY"):
        open_scan(path, reading=Reading(keys={"probe": "beam"})).__enter__()


# ---- what does not fit

MISFITS: dict[str, tuple[Callable[[Arrays], Arrays], str]] = {
    "a raster of others": (
        lambda a: {"diff3d": raster(a)[:3]},
        r"'diff3d' has shape \(3, 6, 16, 16\), but there are 24 positions.*or a raster \(rows, columns",
    ),
    "axes of another raster": (
        lambda a: {"diff3d": raster(a), "xcoords": X[:4], "ycoords": Y},
        r"'diff3d' has shape \(4, 6, 16, 16\), but there are 4 positions",
    ),
    "axes that multiply to it": (
        lambda a: {"diff3d": raster(a), "xcoords": np.arange(12.0), "ycoords": np.arange(2.0)},
        r"are 12 and 2 numbers, and the raster is 4 x 6; needed: one number an image, or as many as",
    ),
    "grids the other way round": (
        lambda a: {"diff3d": raster(a), "xcoords": GRID_X.T, "ycoords": GRID_Y.T},
        "'xcoords' is a grid of 6 x 4, and the images are one of 4 x 6; needed: both the same way round",
    ),
    "a table as x": (
        lambda a: {"xcoords": POSITIONS},
        "'xcoords' has 48 positions and 'ycoords' 24; needed: as many",
    ),
    "masks of other images": (
        lambda a: {"diff3d": a["diff3d"], "bad": np.zeros((7, SIDE, SIDE), bool)},
        r"'bad' has shape \(7, 16, 16\), but there are 24 positions",
    ),
    "images before the raster": (
        lambda a: {"diff3d": raster(a).transpose(2, 3, 0, 1)},
        r"'diff3d' has shape \(16, 16, 4, 6\)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("write", [write_scan, write_hdf5])
@pytest.mark.parametrize("case", MISFITS)
def test_what_does_not_fit_is_one_line(
    tmp_path: Path, plain: Arrays, case: str, write: Callable[[Path, Arrays], Path]
) -> None:
    change, message = MISFITS[case]
    path = write(tmp_path / "scan.npz", plain | change(plain))
    named = Reading("counts", "centre", keys={"mask": "bad"} if "masks" in case else {})
    with pytest.raises(InputError, match=message) as caught:
        open_scan(path, reading=named).__enter__()
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
