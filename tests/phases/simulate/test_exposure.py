"""The forward model against formulas, and against data that PtychoPINN's own simulator made."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ptycho_compare.phases.simulate.exposure import diffract, expose, mean_energy, true_patches
from ptycho_compare.scan.read import Scan, open_scan
from scans import make_object, make_positions, make_probe
from scans import true_patches as bilinear_patches

SIDE = 32


@pytest.fixture(scope="module")
def truth() -> np.ndarray:
    return make_object(96, 112)


@pytest.fixture(scope="module")
def positions() -> np.ndarray:
    return make_positions(300, 96, 112, SIDE, seed=1)


def error_of(values: np.ndarray, expected: np.ndarray) -> float:
    return float(np.sqrt((np.abs(values - expected) ** 2).sum() / (np.abs(expected) ** 2).sum()))


def test_at_whole_pixels_a_patch_is_a_slice(truth: np.ndarray) -> None:
    """patch[r, c] = object[y + r - N//2, x + c - N//2], to the bit, up to the object's last pixel."""
    whole = np.array([[40.0, 30.0], [16.0, 16.0], [112 - 16, 96 - 16]])
    for patch, (x, y) in zip(true_patches(truth, whole, SIDE), whole.astype(int), strict=True):
        np.testing.assert_array_equal(patch, truth[y - 16 : y + 16, x - 16 : x + 16])


def test_between_pixels_a_patch_is_the_wave_at_that_place() -> None:
    """Of a sum of waves the value between pixels is known."""
    generator = np.random.default_rng(3)
    waves = generator.uniform(-0.25, 0.25, (6, 2))

    def at(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        return sum(np.exp(2j * np.pi * (fy * rows + fx * columns)) for fy, fx in waves)

    rows, columns = np.indices((96, 112))
    positions = make_positions(20, 96, 112, SIDE, seed=2)
    patches = true_patches(at(rows, columns), positions, SIDE)
    axis = np.arange(SIDE) - SIDE // 2
    for patch, (x, y) in zip(patches, positions, strict=True):
        expected = at((y + axis)[:, None], (x + axis)[None, :])
        middle = np.s_[4:-4, 4:-4]  # at the object's edge nothing is known beyond it
        assert error_of(patch[middle], expected[middle]) < 0.02


def test_patches_agree_with_a_spline(truth: np.ndarray, positions: np.ndarray) -> None:
    assert error_of(true_patches(truth, positions, SIDE), bilinear_patches(truth, positions, SIDE)) < 1e-3


def test_a_patch_beyond_the_object_is_refused(truth: np.ndarray) -> None:
    for outside in ([15.0, 40.0], [40.0, 81.0]):
        with pytest.raises(ValueError, match="a patch of 32 px reaches beyond the object"):
            true_patches(truth, np.array([[40.0, 40.0], outside]), SIDE)


def test_the_detector_sees_the_fourier_transform_with_dc_in_the_centre() -> None:
    generator = np.random.default_rng(0)
    patch = (generator.standard_normal((8, 8)) + 1j * generator.standard_normal((8, 8))).astype(np.complex64)
    probe = make_probe(8)
    seen = diffract(patch[None], probe)[0]
    axis = np.arange(8)
    for row, column in ((4, 4), (0, 0), (7, 2)):
        kernel = np.exp(-2j * np.pi * ((row - 4) * axis[:, None] + (column - 4) * axis) / 8)
        assert seen[row, column] == pytest.approx(abs((kernel * probe * patch).sum()) / 8, rel=1e-5)
    assert (seen**2).sum() == pytest.approx((np.abs(probe * patch) ** 2).sum(), rel=1e-5)


@pytest.fixture(scope="module")
def exposed(truth: np.ndarray, positions: np.ndarray) -> dict[int, np.ndarray]:
    """Amplitudes by dose."""
    return {
        dose: expose(
            truth, make_probe(SIDE), positions, dose=dose, generator=np.random.default_rng((5, dose))
        )
        for dose in (1000, 10**9)
    }


@pytest.mark.parametrize("dose", [1000, 10**9])
def test_an_exposure_counts_whole_photons_and_the_dose_on_average(
    exposed: dict[int, np.ndarray], truth: np.ndarray, positions: np.ndarray, dose: int
) -> None:
    measured, ideal = exposed[dose], diffract(true_patches(truth, positions, SIDE), make_probe(SIDE))
    assert measured.dtype == np.float32
    photons = measured.astype(float) ** 2 * (dose / mean_energy(ideal))
    standard_error = np.sqrt(dose / len(positions))
    assert photons.sum(axis=(1, 2)).mean() == pytest.approx(dose, abs=4 * standard_error)
    if dose == 1000:
        np.testing.assert_allclose(photons, np.rint(photons), atol=1e-3)
        assert (photons == 0).any()
    expected = ideal.astype(float) ** 2 * (dose / mean_energy(ideal))
    # Poisson: the variance is the mean, wherever there are photons to speak of
    bright = expected > 0.5
    assert ((photons - expected)[bright] ** 2 / expected[bright]).mean() == pytest.approx(1, abs=0.03)


def test_an_exposure_does_not_depend_on_those_beside_it(truth: np.ndarray, positions: np.ndarray) -> None:
    few = slice(120, 140)  # across the edge of a chunk
    np.testing.assert_array_equal(
        true_patches(truth, positions[few], SIDE), true_patches(truth, positions, SIDE)[few]
    )


def test_a_seed_gives_one_measurement(
    exposed: dict[int, np.ndarray], truth: np.ndarray, positions: np.ndarray
) -> None:
    probe = make_probe(SIDE)
    again = expose(truth, probe, positions, dose=1000, generator=np.random.default_rng((5, 1000)))
    np.testing.assert_array_equal(again, exposed[1000])


@pytest.fixture(scope="module")
def real(reference: Path) -> tuple[Scan, np.ndarray]:
    """A scan by PtychoPINN's simulator, and its amplitudes."""
    with open_scan(reference / "hub/data/phase_c/dose_1000000000/patched_train.npz") as scan:
        return scan, scan.diffraction.read(np.arange(scan.diffraction.count)).astype(float)


def bilinear(truth: np.ndarray, positions: np.ndarray, side: int) -> np.ndarray:
    """Patches as PtychoPINN's simulator takes them: the mean of four neighbours, weighted by nearness."""
    patches = []
    for position in positions:
        column, row = np.floor(position).astype(int)
        part_x, part_y = position - (column, row)
        cut = truth[row - side // 2 :, column - side // 2 :][: side + 1, : side + 1]
        cut = (1 - part_y) * cut[:-1] + part_y * cut[1:]
        patches.append((1 - part_x) * cut[:, :-1] + part_x * cut[:, 1:])
    return np.array(patches, np.complex64)


def r_factor(measured: np.ndarray, made: np.ndarray) -> float:
    """Without any fit: the scale must be right as well."""
    return float(np.abs(measured - made).sum() / measured.sum())


def test_the_scale_and_frame_of_real_data_are_ours(real: tuple[Scan, np.ndarray]) -> None:
    """From patches sampled as theirs are, our detector sees theirs, up to the photons' noise."""
    scan, measured = real
    inside = (scan.positions > 33).all(axis=1) & (scan.positions < 222).all(axis=1)
    made = diffract(bilinear(scan.truth, scan.positions[inside], 64), scan.probe)
    measured = measured[inside]
    photons = np.sqrt(scan.photons / (measured**2).sum(axis=(1, 2)).mean()) * measured
    # the square root of a large count spreads by 1/2, so its mean absolute deviation is 0.4
    floor = np.sqrt(2 / np.pi) / 2 * photons.size / photons.sum()
    assert 0.9 * floor < r_factor(measured, made) < 1.05 * floor
    assert floor < 0.0032


def test_what_is_left_of_real_data_is_their_sampling(real: tuple[Scan, np.ndarray]) -> None:
    """Our patches follow the object between its pixels, a bilinear one blurs it: R 0.013 instead of 0.003."""
    scan, measured = real
    made = diffract(true_patches(scan.truth, scan.positions, 64), scan.probe)
    assert r_factor(measured, made) < 0.015
