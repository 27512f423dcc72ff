"""Where pty-chi begins: its frame, its scale, and nothing of the truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_compare.errors import ScanError
from ptycho_compare.phases.reconstruct.start import Measured, make_start
from ptycho_compare.scan.read import open_scan
from scans import make_probe, make_scan, tike_arrays, write_scan
from thorough import examples


@examples(40)
@given(
    side=st.integers(8, 33),
    seed=st.integers(0, 1000),
    corner=st.tuples(st.floats(-300, 300), st.floats(-300, 300)),
)
def test_every_patch_lies_in_the_array_where_its_origin_says(
    side: int, seed: int, corner: tuple[float, float]
) -> None:
    positions = np.random.default_rng(seed).uniform(0, 90, (20, 2)) + corner
    start = make_start(positions, make_probe(side), 1e6, seed=0)
    shape = np.array(start.object.shape)
    # pty-chi's rule: position 0 is at round(H / 2) - 0.5, and a patch begins (N - 1) / 2 before it
    first = start.positions_yx + np.rint(shape / 2) - 0.5 - (side - 1) / 2
    assert (first >= 1).all()
    assert (first + side <= shape - 1).all()
    np.testing.assert_allclose(first + side // 2 + start.origin_yx, positions[:, ::-1], atol=1e-3)


def test_the_probe_has_the_power_of_the_images() -> None:
    start = make_start(np.array([[0.0, 0.0], [9.0, 4.0]]), make_probe(32), 5e5, seed=0)
    assert (np.abs(np.fft.fft2(start.probe)) ** 2).sum() == pytest.approx(5e5, rel=1e-4)


def test_the_start_is_one_and_seeded_noise() -> None:
    positions = np.array([[0.0, 0.0], [90.0, 70.0]])
    first, again, other = (make_start(positions, make_probe(32), 1.0, seed=seed) for seed in (4, 4, 5))
    np.testing.assert_array_equal(first.object, again.object)
    assert (first.object != other.object).all()
    assert first.object.real.std() == pytest.approx(1e-2, rel=0.05)
    assert abs(first.object.mean() - 1) < 1e-3


def test_intensities_are_in_photons_with_the_zero_frequency_in_the_corner(tmp_path: Path) -> None:
    arrays = make_scan(count=40, photons=1e5)
    with open_scan(write_scan(tmp_path / "s.npz", arrays)) as scan:
        images = np.concatenate(list(Measured.of(scan, None).blocks()))
    assert images.sum(axis=(1, 2)).mean() == pytest.approx(1e5, rel=1e-4)
    assert images.mean(axis=0).argmax() == 0
    ratio = images / np.fft.ifftshift(arrays["diff3d"] ** 2, axes=(1, 2)).clip(1e-12)
    np.testing.assert_allclose(ratio[images > 1], np.median(ratio[images > 1]), rtol=1e-4)


@pytest.mark.parametrize("dc", ["centre", "corner"])
def test_good_pixels_lie_as_the_intensities_do(tmp_path: Path, dc: str) -> None:
    arrays = make_scan(count=40)
    arrays["diff3d"][:, 16, 20] = np.nan  # four columns right of the zero frequency
    if dc == "corner":
        arrays["diff3d"] = np.fft.ifftshift(arrays["diff3d"], axes=(1, 2))
    with open_scan(write_scan(tmp_path / "s.npz", arrays)) as scan:
        good = scan.diffraction.good
        probe = scan.probe
    start = make_start(np.array([[0.0, 0.0], [9.0, 4.0]]), probe, 1.0, seed=0, good=good)
    assert np.argwhere(~start.good).tolist() == [[0, 4]]


def test_counts_stay_as_they_are(tmp_path: Path) -> None:
    arrays = tike_arrays(make_scan(count=40))
    with open_scan(write_scan(tmp_path / "s.npz", arrays)) as scan:
        images = np.concatenate(list(Measured.of(scan, np.array([3, 7])).blocks()))
    np.testing.assert_allclose(images, arrays["data"][0, [3, 7]], rtol=1e-6)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ([], "asked for: 0 numbers"),
        ([0, 40], "has images 0 to 39; asked for: 2 numbers, from 0 to 40"),
        ([-1], "from -1 to -1"),
        ([5, 5], "1 of them different"),
    ],
)
def test_images_that_are_not_there_are_refused(tmp_path: Path, images: list[int], message: str) -> None:
    path = write_scan(tmp_path / "s.npz", make_scan(count=40))
    with open_scan(path) as scan, pytest.raises(ScanError, match=message):
        Measured.of(scan, np.array(images, np.int64))


def test_a_scan_without_a_probe_is_refused(tmp_path: Path) -> None:
    arrays: dict[str, Any] = make_scan(count=40)
    del arrays["probeGuess"], arrays["_metadata"]
    path = tmp_path / "s.h5"
    with h5py.File(path, "w") as file:
        for key, values in arrays.items():
            file[key] = values
    with open_scan(path) as scan, pytest.raises(ScanError, match="has no probe"):
        Measured.of(scan, None).probe  # noqa: B018
