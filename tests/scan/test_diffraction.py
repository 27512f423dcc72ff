"""What the one pass over all images finds, and what is left of them in memory and on disk."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from ptycho_compare.errors import ScanError
from ptycho_compare.scan.bad_pixels import BadPixels
from ptycho_compare.scan.formats.hdf5_container import StoredImages
from ptycho_compare.scan.formats.spooled_images import SpooledImages
from ptycho_compare.scan.interpretation import resolve_dc
from ptycho_compare.scan.plan import draw_plan
from ptycho_compare.scan.read import open_scan
from ptycho_compare.scan.survey import survey
from scans import counts_of, make_scan, write_hdf5, write_scan
from thorough import examples

NUMBERS = st.sampled_from([np.uint8, np.uint16, np.int32, np.float32, np.float64])


@examples(80)
@given(data=st.data(), dtype=NUMBERS, masked=st.booleans(), chunk=st.integers(1, 5))
def test_the_pass_finds_what_a_look_at_the_whole_finds(
    data: st.DataObject, dtype: Any, masked: bool, chunk: int
) -> None:
    low = 0 if np.dtype(dtype).kind == "u" else -50
    elements = st.floats(low, 1000, width=32) if np.dtype(dtype).kind == "f" else st.integers(low, 200)
    images = data.draw(npst.arrays(dtype, (7, 4, 4), elements=elements))
    mask = np.eye(4, dtype=bool) & masked
    bad = BadPixels.of(mask, 4)
    seen = images.astype(np.float32)
    seen[:, mask] = 0
    with h5py.File("memory", "w", driver="core", backing_store=False) as file:
        dataset = file.create_dataset("d", data=images, chunks=(chunk, 4, 4))
        stored = StoredImages(dataset, label="f: 'd'", count=7, side=4)
        if not seen.any():
            with pytest.raises(ScanError, match="f: 'd' is zero in all 7 images"):
                survey(stored, bad, label="f: 'd'")
            return
        found = survey(stored, bad, label="f: 'd'")
    wide = seen.astype(np.float64)
    assert found.mean_square == pytest.approx((wide**2).sum() / 7, rel=1e-12)
    assert found.mean_sum == pytest.approx(np.maximum(wide, 0).sum() / 7, rel=1e-12)
    assert (found.maximum, found.lowest) == (seen.max(), seen.min())
    assert seen[found.lowest_image].min() == seen.min()
    assert found.integral == bool((seen == np.rint(seen)).all())
    np.testing.assert_allclose(found.pattern, np.where(mask, np.nan, wide.mean(axis=0)), rtol=1e-5, atol=1e-4)
    assert np.array_equal(found.floor[~mask], seen.min(axis=0)[~mask])
    assert np.array_equal(found.peak[~mask], seen.max(axis=0)[~mask])


def test_measured_numbers_are_a_copy() -> None:
    raw = np.ones((2, 3, 3), np.float32)
    BadPixels.of(None, 3).split(raw)[0][:] = 7
    assert (raw == 1).all()


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.uint32, np.int32])
def test_an_image_in_which_a_pixel_overflowed_is_left_out_of_its_mean(tmp_path: Path, dtype: Any) -> None:
    """And of every sum: it is no measured zero."""
    arrays = make_scan(count=20, side=16, height=64, width=80)
    counts = np.minimum(counts_of(arrays["diff3d"], total=5e3), 30000).astype(dtype)
    marked = np.zeros(counts.shape, bool)
    marked[3:9, 5, 7] = marked[:, 2, 2] = True
    arrays["diff3d"] = np.where(marked, np.iinfo(dtype).max, counts)
    with open_scan(write_scan(tmp_path / "scan.npz", arrays)) as scan:
        amplitudes, good = scan.diffraction.read_measured(np.arange(20))
        np.testing.assert_array_equal(good, ~marked)
        np.testing.assert_allclose(amplitudes, np.sqrt(np.where(marked, 0, counts)), rtol=1e-6)
        expected = np.ma.masked_array(counts.astype(float), marked).mean(axis=0).filled(0).sum()
        assert scan.diffraction.mean_energy == pytest.approx(expected, rel=1e-9)


def test_a_pixel_that_is_finite_in_no_image_was_not_measured(tmp_path: Path) -> None:
    arrays = make_scan(count=20, side=16, height=64, width=80)
    arrays["diff3d"][:, 4, 4:7] = [np.nan, np.inf, -np.inf]
    with open_scan(write_scan(tmp_path / "scan.npz", arrays)) as scan:
        good = scan.diffraction.read_measured(np.arange(20))[1]
    assert not good[:, 4, 4:7].any()
    assert good.sum() == 20 * (16 * 16 - 3)


@pytest.mark.parametrize("radius", [0.0, 3.0, 6.0])
def test_a_beam_with_a_blocked_middle_shows_its_dc(radius: float) -> None:
    axis = np.arange(32) - 16
    distance = np.hypot(axis[:, None], axis)
    ring = np.exp(-((distance - radius) ** 2) / 8)
    assert resolve_dc(ring, None, None, label="f")[0] == "centre"
    assert resolve_dc(np.fft.ifftshift(ring), None, None, label="f")[0] == "corner"


LAYOUTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "images first": lambda d: d,
    "images last": lambda d: np.ascontiguousarray(d.transpose(1, 2, 0)),
    "Fortran order": np.asfortranarray,
    "one channel": lambda d: d[..., None],
    "axes before": lambda d: d[None, None],
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [np.uint16, ">u4", np.int8])
def test_whole_numbers_in_every_layout(tmp_path: Path, layout: str, dtype: Any) -> None:
    """In the spool they keep their type, because their largest number can be a mark."""
    arrays = make_scan(count=30, side=16, height=64, width=80)
    counts = np.minimum(counts_of(arrays["diff3d"], total=500), 120).astype(dtype)
    arrays["diff3d"] = LAYOUTS[layout](counts)
    with open_scan(write_scan(tmp_path / "scan.npz", arrays)) as scan:
        wanted = np.array([29, 0, 3, 3])
        np.testing.assert_allclose(
            scan.diffraction.read(wanted), np.sqrt(counts[wanted].astype(float)), rtol=1e-6
        )


def test_a_plan_and_what_networks_see_do_not_depend_on_the_format(tmp_path: Path) -> None:
    arrays = make_scan(count=60, side=16, height=64, width=64)
    seen = []
    for path in (
        write_scan(tmp_path / "scan.npz", arrays),
        write_hdf5(tmp_path / "scan.h5", arrays, chunks=(7, 16, 4), compression="lzf"),
    ):
        with open_scan(path) as scan:
            plan = draw_plan(scan, group_size=4, groups=None, neighbors=7, seed=1)
            seen.append((plan, plan.network_input(scan.diffraction, plan.groups[10:30])))
    np.testing.assert_array_equal(seen[0][0].groups, seen[1][0].groups)
    assert seen[0][0].normalization == pytest.approx(seen[1][0].normalization, rel=1e-12)
    np.testing.assert_allclose(seen[0][1], seen[1][1], rtol=1e-6)


def test_a_spool_that_ends_early_is_named() -> None:
    with tempfile.TemporaryFile() as spool:
        spool.truncate(2 * 4 * 4 * 4)
        images = SpooledImages(spool, 3, 4, np.dtype(np.float32))
        assert images.read(np.array([0, 1])).shape == (2, 4, 4)
        with pytest.raises(ScanError, match="the spool file ends before image 2; is the disk full"):
            images.read(np.array([2]))
