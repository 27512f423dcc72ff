"""Marks of bad pixels that nobody names: what is certain is left out, the rest is said; light is no mark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_compare.errors import ScanError
from ptycho_compare.scan.bad_pixels import BadPixels
from ptycho_compare.scan.formats.spooled_images import SpooledImages
from ptycho_compare.scan.marks import find_marks
from ptycho_compare.scan.read import open_scan
from ptycho_compare.scan.reading import Reading
from ptycho_compare.scan.survey import survey
from scans import counts_of, make_scan, write_scan
from thorough import examples

SIDE, COUNT = 16, 20


@pytest.fixture(scope="module")
def arrays() -> dict[str, Any]:
    return make_scan(count=COUNT, side=SIDE, height=64, width=80)


@pytest.fixture(scope="module")
def counts(arrays: dict[str, Any]) -> np.ndarray:
    return np.random.default_rng(0).poisson(counts_of(arrays["diff3d"], total=2e4)).astype(np.int64)


def opened(
    folder: Path, arrays: dict[str, Any], images: np.ndarray, reading: Reading | None = None, **more: Any
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Which pixels are good in each image, and what is warned of."""
    path = write_scan(folder / "scan.npz", arrays | {"diff3d": images} | more, compressed=False)
    with open_scan(path, reading=reading or Reading()) as scan:
        return scan.diffraction.read_measured(np.arange(COUNT))[1], scan.warnings


def test_two_marks_of_one_detector(tmp_path: Path, arrays: dict[str, Any], counts: np.ndarray) -> None:
    images = counts.copy()
    images[:, 3], images[:, 5, 5], images[:, 9, 1] = 2**32 - 1, 2**32 - 2, -1
    good, warnings = opened(tmp_path, arrays, images)
    expected = np.ones((SIDE, SIDE), bool)
    expected[3] = expected[5, 5] = expected[9, 1] = False
    assert (good == expected).all()
    # in single precision the first two are one number
    assert sum("read as bad pixels" in text for text in warnings) == 2


def test_the_same_number_in_all_images_is_no_count(
    tmp_path: Path, arrays: dict[str, Any], counts: np.ndarray
) -> None:
    """It is left out where it stands out of the light around it; elsewhere it is said."""
    images = counts * 1000
    images[:, 3, 3] = 2**16 - 1
    assert images.max() > 2**17
    good, _ = opened(tmp_path, arrays, images)
    assert not good[:, 3, 3].any()
    assert good.sum() == COUNT * (SIDE**2 - 1)
    images = counts.copy()
    images[:, 3, 3] = 255
    for held in (images, np.sqrt(images).astype(np.float32)):
        good, warnings = opened(tmp_path, arrays, held)
        assert np.argwhere(~good.all(axis=0)).tolist() == [[3, 3]]
        assert any("in all images, far above all around: a mark" in text for text in warnings)
    usual = int(np.median(counts[:, 8, 6]))
    assert usual >= 100
    images = counts.copy()
    images[:, 8, 6] = usual
    good, warnings = opened(tmp_path, arrays, images)
    assert good.all()
    (text,) = [each for each in warnings if "counting does not give" in each]
    assert f"pixel (8, 6) holds {usual} in all images" in text


@pytest.mark.parametrize(
    "dark", [np.s_[8], np.s_[:, 7:9], np.s_[7:10, 7:10], (8, 8)], ids=["row", "columns", "beam stop", "pixel"]
)
@pytest.mark.parametrize("held", [0, 3])
def test_what_is_dark_amid_light_was_not_measured(
    tmp_path: Path, arrays: dict[str, Any], counts: np.ndarray, dark: Any, held: int
) -> None:
    """Nothing else is left out: few photons far from the beam are measured zeros."""
    images = counts * 10
    images[:, *(dark if isinstance(dark, tuple) else (dark,))] = held
    expected = np.zeros((SIDE, SIDE), bool)
    expected[dark] = True
    good, warnings = opened(tmp_path, arrays, images)
    left_out = ~good.all(axis=0)
    assert left_out[expected & (counts.mean(axis=0) > 20)].all()
    assert not left_out[~expected].any()
    assert any("amid light: gaps, dead pixels or a beam stop" in text for text in warnings)


def test_numbers_that_are_not_finite_in_some_images_are_left_out_of_these(
    tmp_path: Path, arrays: dict[str, Any], counts: np.ndarray
) -> None:
    images = counts.astype(np.float32)
    lost = np.random.default_rng(1).random(images.shape) < 0.01
    images[lost] = np.nan
    good, warnings = opened(tmp_path, arrays, images)
    assert (good == ~lost).all()
    assert any(f"{lost.sum()} numbers are not finite" in text for text in warnings)
    images[5] = np.inf
    with pytest.raises(ScanError, match="image 5 holds values that are not finite, and no others"):
        opened(tmp_path, arrays, images)


def test_amplitudes_of_which_marks_were_rooted(tmp_path: Path, arrays: dict[str, Any]) -> None:
    images = arrays["diff3d"].copy()
    images[:, 3, :4] = np.sqrt(2**32 - 1)
    good, warnings = opened(tmp_path, arrays, images)
    assert not good[:, 3, :4].any()
    assert good.sum() == COUNT * (SIDE**2 - 4)
    assert any("4 pixels, the first of them (3, 0), hold 65536 in all images" in text for text in warnings)


def test_a_mark_in_some_images_is_left_out_of_these(
    tmp_path: Path, arrays: dict[str, Any], counts: np.ndarray
) -> None:
    images = counts.copy()
    images[4:9, 6, 6] = 2**32 - 1
    good, warnings = opened(tmp_path, arrays, images)
    assert np.argwhere(~good).tolist() == [[image, 6, 6] for image in range(4, 9)]
    assert any("holds 4294967296 in some images" in text for text in warnings)


def test_what_is_not_certain_is_warned_of_with_the_option_that_settles_it(
    tmp_path: Path, arrays: dict[str, Any], counts: np.ndarray
) -> None:
    """A hot pixel, and a full one."""
    hot = counts.copy()
    hot[:, 12, 3] = np.random.default_rng(1).integers(1_000_000, 1_100_000, COUNT)
    good, warnings = opened(tmp_path, arrays, hot)
    assert good.all()
    (text,) = [each for each in warnings if "--bad-from" in each]
    assert "pixel (12, 3) holds 1" in text
    settled, warnings = opened(tmp_path, arrays, hot, Reading(bad_from=float(text.rpartition(" ")[2])))
    assert not settled[:, 12, 3].any()
    assert settled.sum() == COUNT * (SIDE**2 - 1)
    assert not [each for each in warnings if "--bad-from" in each]
    full = np.minimum(counts * 80, 2**16 - 1)
    assert np.count_nonzero(full == 2**16 - 1) > 3
    good, warnings = opened(tmp_path, arrays, full)
    assert good.all()
    assert any(text.endswith("--bad-from 65535 leaves them out") for text in warnings)


@examples(15)
@given(
    seed=st.integers(0, 10**6),
    photons=st.floats(10, 1e7),
    width=st.floats(0.3, 6),
    dtype=st.sampled_from([np.float32, np.int32, np.uint32]),
    alike=st.booleans(),
)
def test_light_is_no_mark(seed: int, photons: float, width: float, dtype: Any, alike: bool) -> None:
    """A narrow beam, few photons, or the same image again and again."""
    generator = np.random.default_rng(seed)
    axis = np.arange(SIDE) - SIDE // 2
    beam = np.exp(-(axis[:, None] ** 2 + axis**2) / (2 * width**2)) + 1e-3
    beam *= photons / beam.sum()
    images = generator.poisson(np.broadcast_to(beam, (1 if alike else 12, SIDE, SIDE))).astype(dtype)
    images[0, 8, 8] += 1
    held = np.broadcast_to(images, (12, SIDE, SIDE)) if alike else images

    class Held(SpooledImages):
        def __init__(self) -> None:
            self.count, self.side, self.dtype = 12, SIDE, np.dtype(dtype)

        def blocks(self):
            yield held

    found = survey(Held(), BadPixels.of(None, SIDE), label="f")
    assert not find_marks(found, label="f").certain


@pytest.mark.parametrize(
    ("bad", "verdict"),
    [
        (np.s_[2], ""),  # a dead row
        (np.s_[6:11, 6:11], "warned"),  # the beam itself, which may be full
        (np.s_[:, :], "refused"),
        (np.s_[1:, 1:], "refused"),
    ],
)
def test_a_mask_is_held_to_the_light_that_it_takes(
    tmp_path: Path, arrays: dict[str, Any], counts: np.ndarray, bad: Any, verdict: str
) -> None:
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[bad] = 1
    named = Reading(keys={"mask": "m"})
    if verdict == "refused":
        with pytest.raises(
            ScanError, match=rf"its mask calls {mask.sum()} of 256 px bad, and .* --mask-good 0\|1"
        ):
            opened(tmp_path, arrays, counts, named, m=mask)
        return
    good, warnings = opened(tmp_path, arrays, counts, named, m=mask)
    assert (good == (mask == 0)).all()
    assert any("--mask-good 1" in text for text in warnings) == (verdict == "warned")
    for other in (1 - mask, (1 - mask).astype(np.float32), (1 - mask).astype(bool)):
        good, _ = opened(tmp_path, arrays, counts, Reading(keys={"mask": "m"}, mask_good=1), m=other)
        assert (good == (mask == 0)).all()


def test_a_hot_pixel_under_its_mask_is_no_light(
    tmp_path: Path, arrays: dict[str, Any], counts: np.ndarray
) -> None:
    images, mask = counts.copy(), np.zeros((SIDE, SIDE), np.uint8)
    images[:, 4, 4] = 10**7
    mask[4, 4] = 1
    _, warnings = opened(tmp_path, arrays, images, Reading(keys={"mask": "m"}), m=mask)
    assert not [text for text in warnings if "mask" in text]


def test_a_mask_of_the_good_pixels_keeps_only_hot_ones_when_read_the_other_way(
    tmp_path: Path, arrays: dict[str, Any], counts: np.ndarray
) -> None:
    """Then most of the light lies in what it keeps, which is no light."""
    images, good = counts.copy(), np.ones((SIDE, SIDE), bool)
    good[4, 4] = good[11] = False
    images[:, ~good] = 9000
    with pytest.raises(ScanError, match=rf"its mask calls {good.sum()} of 256 px bad, .* --mask-good 0\|1"):
        opened(tmp_path, arrays, images, Reading(keys={"mask": "m"}), m=good)
