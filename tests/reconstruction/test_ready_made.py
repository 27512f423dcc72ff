"""Reconstructions made elsewhere: read as data, laid by the bounding box of the positions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptycho_compare.errors import InputError
from ptycho_compare.reconstruction.canvas import Grid
from ptycho_compare.reconstruction.image_source import ImageSource
from ptycho_compare.reconstruction.ready_made import read_ready_made
from scans import make_object, make_probe

OBJECT = make_object(40, 56)


def write(path: Path, **arrays: Any) -> Path:
    np.savez(path, **{"reconstructed_object": OBJECT, **arrays})
    return path


def one_object(value: Any) -> np.ndarray:
    array = np.empty(1, dtype=object)
    array[0] = value
    return array


@pytest.mark.parametrize(
    ("arrays", "arm", "seconds"),
    [
        ({"algorithm": "pty-chi"}, "PtyChi", None),
        ({"algorithm": "tike", "reconstruction_time": 12.5}, "Tike", 12.5),
        ({"algorithm": "LSQML"}, "PtyChi", None),
        ({}, "PtyChi", None),
        ({"metadata": one_object({"algorithm": "ptychi", "computation_time_seconds": 3})}, "PtyChi", 3.0),
        ({"metadata": one_object({"algorithm": "tike"}), "algorithm": "pty-chi"}, "Tike", None),
        ({"metadata": one_object("free text")}, "PtyChi", None),
    ],
)
def test_label_and_time(tmp_path: Path, arrays: dict[str, Any], arm: str, seconds: float | None) -> None:
    found = read_ready_made(write(tmp_path / "r.npz", **arrays))
    assert (found.arm, found.seconds) == (arm, seconds)
    np.testing.assert_array_equal(found.values, OBJECT)


@pytest.mark.parametrize(
    ("bad", "needed"),
    [
        (np.abs(OBJECT), r"\(h, w\) complex"),
        (OBJECT[0], r"\(h, w\) numbers"),
        (OBJECT[:0], r"\(h, w\) numbers"),
    ],
)
def test_what_is_no_object_is_refused(tmp_path: Path, bad: np.ndarray, needed: str) -> None:
    with pytest.raises(InputError, match=f"'reconstructed_object' is .* needed: {needed}"):
        read_ready_made(write(tmp_path / "r.npz", reconstructed_object=bad))


def test_a_name_that_is_given_wins(tmp_path: Path) -> None:
    path = write(tmp_path / "r.npz", algorithm="tike")
    assert read_ready_made(path, arm="mine").arm == "mine"
    assert read_ready_made(ImageSource(path, "reconstructed_object"), arm="mine").arm == "mine"


def test_values_that_are_not_finite_are_no_reading_error(tmp_path: Path) -> None:
    bad = OBJECT.astype(np.complex128)
    bad[0, :2] = np.nan, 1e300
    found = read_ready_made(write(tmp_path / "r.npz", reconstructed_object=bad)).values
    assert np.isnan(found[0, 0])
    assert np.isinf(found[0, 1])
    np.testing.assert_array_equal(found[1:], OBJECT[1:])


@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 3), (1, 1, 1, 3)])
def test_the_modes_of_the_probe_are_carried(tmp_path: Path, shape: tuple[int, ...]) -> None:
    """Strongest first; of whatever stands before them, its first."""
    modes = make_probe(8) * np.arange(1, 1 + np.prod(shape, dtype=int)).reshape(*shape, 1, 1)
    found = read_ready_made(write(tmp_path / "r.npz", reconstructed_probe=modes))
    strength = [3, 2, 1] if shape and shape[-1] == 3 else [1]
    assert found.modes is not None
    assert found.modes.dtype == np.complex64
    np.testing.assert_allclose(found.modes, make_probe(8) * np.array(strength)[:, None, None], rtol=1e-6)
    np.testing.assert_array_equal(found.probe, found.modes[0])


@pytest.mark.parametrize("bad", [np.zeros((8, 8)), np.zeros((8, 9), "c8"), np.zeros((0, 8, 8), "c8"), 1j])
def test_what_is_no_probe_is_left_out(tmp_path: Path, bad: np.ndarray) -> None:
    assert read_ready_made(write(tmp_path / "r.npz", probe=bad)).probe is None


def test_the_middle_lies_on_the_middle_of_the_positions(tmp_path: Path) -> None:
    """Not on their mean: most positions may lie on one side."""
    found = read_ready_made(write(tmp_path / "r.npz"))
    assert not found.placed
    positions = np.array([[30.0, 30.0], [30.0, 31.0], [90.0, 70.0]])
    values, weight = found.on_grid(positions, Grid((0, 0), (120, 130)))
    # middle (x, y) = (60, 50) is pixel (h/2, w/2) = (20, 28): the corner lies at row 30, column 32
    np.testing.assert_array_equal(values[30:70, 32:88], OBJECT)
    assert weight.sum() == OBJECT.size
    assert not weight[:30].any()


def test_half_pixels_are_kept(tmp_path: Path) -> None:
    found = read_ready_made(write(tmp_path / "r.npz"))
    positions = np.array([[30.0, 30.0], [90.6, 70.0]])
    values, _ = found.on_grid(positions, Grid((0, 0), (120, 130)))
    # away from the edges any band-limited interpolation agrees
    spectrum = np.fft.fft(OBJECT, axis=1) * np.exp(-2j * np.pi * 0.3 * np.fft.fftfreq(56))
    np.testing.assert_allclose(values[30:70, 42:78], np.fft.ifft(spectrum, axis=1)[:, 10:46], atol=1e-2)
    assert np.abs(values[30:70, 32:88] - OBJECT).max() > 0.01


def test_an_array_of_the_object_s_shape_lies_on_the_object(tmp_path: Path) -> None:
    found = read_ready_made(write(tmp_path / "r.npz"))
    values, weight = found.on_grid(np.array([[3.0, 4.0]]), Grid((0, 0), OBJECT.shape))
    np.testing.assert_array_equal(values, OBJECT)
    assert weight.all()
