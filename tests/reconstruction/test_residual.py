"""The diffraction residual: zero for the truth, worse with every fault, deaf to gain and phase."""

from __future__ import annotations

import bz2
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from epie import epie
from ptycho_compare.errors import ArmError, ScoringError
from ptycho_compare.reconstruction.canvas import Grid
from ptycho_compare.reconstruction.ready_made import read_ready_made
from ptycho_compare.reconstruction.residual import Residual, diffraction_residual
from ptycho_compare.scan.plan import split_images
from ptycho_compare.scan.read import open_scan
from ptycho_compare.scoring.alignment.gauge import fienup_error
from scans import make_object, make_positions, make_probe
from thorough import examples

SIDE, HEIGHT, WIDTH = 32, 84, 100


@dataclass
class Images:
    """Amplitudes in memory, read as a scan's are."""

    values: np.ndarray
    bad: np.ndarray | None = None

    def read_measured(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        images = self.values[indices].astype(np.float32)
        good = np.broadcast_to(True if self.bad is None else ~self.bad, images.shape)
        return np.where(good, images, np.float32(0)), good


@dataclass
class Case:
    """An object, and images of it at whole pixels by the formula of the data contract."""

    truth: np.ndarray
    probe: np.ndarray
    positions: np.ndarray
    amplitudes: np.ndarray

    def residual(self, values: np.ndarray | None = None, **changes: object) -> Residual:
        values = self.truth if values is None else values
        inputs: dict = {
            "covered": np.ones(values.shape, bool),
            "diffraction": Images(self.amplitudes),
            "positions": self.positions,
            "probe": self.probe,
            "grid": Grid((0, 0), values.shape),
        }
        return diffraction_residual(values, **inputs | changes)


def predict(values: np.ndarray, probe: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Diffraction amplitudes at whole-pixel positions, written out image by image."""
    side, images = len(probe), []
    for x, y in positions.astype(int):
        top, left = y - side // 2, x - side // 2
        exit_wave = probe * values[top : top + side, left : left + side]
        images.append(np.fft.fftshift(np.abs(np.fft.fft2(exit_wave))) / side)
    return np.array(images)


def make_case(*, seed: int = 0, count: int = 40, side: int = SIDE) -> Case:
    truth, probe = make_object(HEIGHT, WIDTH, seed=seed), make_probe(side)
    positions = make_positions(count, HEIGHT, WIDTH, side, seed=seed, whole=True)
    return Case(truth, probe, positions, predict(truth, probe, positions))


def waves(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """A band-limited object that is known at any position, not at pixels only."""
    slow = np.cos(0.21 * rows + 0.1) * np.cos(0.34 * columns)
    fast = np.sin(0.4 * rows - 0.5 * columns) + np.cos(0.6 * columns)
    return (0.8 + 0.1 * slow) * np.exp(0.3j * fast)


@examples(15)
@given(seed=st.integers(0, 10**6), side=st.integers(7, 32), batch=st.integers(1, 50))
def test_the_truth_explains_exact_data(seed: int, side: int, batch: int) -> None:
    case = make_case(seed=seed, side=side)
    found = case.residual(batch=batch)
    assert found.r_factor < 1e-6
    assert found.scale == pytest.approx(1, abs=1e-6)
    np.testing.assert_array_equal(found.images, np.arange(40))


def test_the_numbers_are_those_of_the_formula() -> None:
    """Against a plain computation, for an object that is not the truth."""
    case = make_case()
    other = make_object(HEIGHT, WIDTH, seed=7)
    made = predict(other, case.probe, case.positions)
    measured = case.amplitudes.astype(np.float32)
    scale = np.linalg.lstsq(made.reshape(-1, 1), measured.ravel(), rcond=None)[0][0]
    misfit = np.abs(measured - scale * made)
    found = case.residual(other)
    assert found.scale == pytest.approx(scale)
    assert found.r_factor == pytest.approx(misfit.sum() / measured.sum(dtype=np.float64))
    assert found.r_factor > 0.05
    np.testing.assert_allclose(found.per_image, misfit.sum((1, 2)) / measured.sum((1, 2)), rtol=1e-6)
    np.testing.assert_allclose(found.weights, measured.sum((1, 2)), rtol=1e-6)


@examples(30)
@given(rows=st.lists(st.integers(0, 39), min_size=1, max_size=60))
def test_subsets_recombine_from_images_and_weights(rows: list[int]) -> None:
    case = make_case()
    found = case.residual(make_object(HEIGHT, WIDTH, seed=7))
    part, weights = found.per_image[rows], found.weights[rows]
    made = predict(make_object(HEIGHT, WIDTH, seed=7), case.probe, case.positions[rows])
    misfit = np.abs(case.amplitudes[rows] - found.scale * made)
    assert np.average(part, weights=weights) == pytest.approx(misfit.sum() / case.amplitudes[rows].sum())
    assert np.average(found.per_image, weights=found.weights) == pytest.approx(found.r_factor, rel=1e-12)


@examples(15)
@given(seed=st.integers(0, 10**6), rows=st.sets(st.integers(0, SIDE - 1), max_size=SIDE // 3))
def test_what_bad_pixels_hold_does_not_count(seed: int, rows: set[int]) -> None:
    """The truth explains exact data, and another object's scale is fitted on the measured pixels alone."""
    case, bad = make_case(seed=seed), np.zeros((SIDE, SIDE), bool)
    bad[list(rows)] = True
    bad[5, 7] = True
    other = make_object(HEIGHT, WIDTH, seed=seed + 1)
    made = predict(other, case.probe, case.positions)
    scale = np.linalg.lstsq(made[:, ~bad].reshape(-1, 1), case.amplitudes[:, ~bad].ravel(), rcond=None)[0][0]
    misfit = np.abs(case.amplitudes - scale * made)[:, ~bad].sum()
    case.amplitudes[:, bad] = 1e6
    images = Images(case.amplitudes, bad)
    assert case.residual(diffraction=images).r_factor < 1e-6
    found = case.residual(other, diffraction=images)
    assert found.scale == pytest.approx(scale)
    assert found.r_factor == pytest.approx(misfit / case.amplitudes[:, ~bad].sum())


@examples(15)
@given(seed=st.integers(0, 10**6), order=st.permutations(range(3)), split=st.floats(0, 3))
def test_the_modes_of_a_probe_add_up_as_intensities(seed: int, order: list[int], split: float) -> None:
    """In any order; two parts of one coherent wave are one mode."""
    case = make_case(seed=seed)
    generator = np.random.default_rng(seed)
    waves = generator.standard_normal((3, 2, SIDE, SIDE))
    modes = make_probe(SIDE) * (waves[:, 0] + 1j * waves[:, 1]) * np.array([1, 30, 10])[:, None, None]
    parts = [predict(case.truth, mode, case.positions) ** 2 for mode in modes]
    case.amplitudes = np.sqrt(sum(parts))
    assert case.residual(probe=modes[order]).r_factor < 1e-6
    strongest = case.residual(probe=modes[1])
    assert strongest.r_factor > 0.01
    doubled = np.stack([np.cos(split) * modes[1], np.sin(split) * modes[1]])
    assert case.residual(probe=doubled).r_factor == pytest.approx(strongest.r_factor)


@examples(20)
@given(gain=st.floats(1e-3, 1e3), phase=st.floats(-4, 4), units=st.floats(1e-3, 1e3))
def test_gain_phase_and_units_do_not_count(gain: float, phase: float, units: float) -> None:
    case = make_case()
    other = make_object(HEIGHT, WIDTH, seed=7).astype(complex)
    plain = case.residual(other)
    found = case.residual(gain * np.exp(1j * phase) * other, diffraction=Images(units * case.amplitudes))
    assert found.r_factor == pytest.approx(plain.r_factor, rel=1e-6)
    assert found.scale == pytest.approx(plain.scale * units / gain, rel=1e-6)


@examples(15)
@given(seed=st.integers(0, 10**6), batch=st.integers(1, 70))
def test_the_batch_changes_nothing(seed: int, batch: int) -> None:
    case = make_case(seed=3)
    fractions = case.positions + np.random.default_rng(seed).uniform(-0.5, 0.5, (40, 2))
    whole, split = (case.residual(positions=fractions, batch=size) for size in (40, batch))
    np.testing.assert_allclose(whole.per_image, split.per_image, atol=1e-12)
    np.testing.assert_allclose(whole.map, split.map, atol=1e-12)
    assert whole.r_factor == pytest.approx(split.r_factor, abs=1e-12)


@pytest.mark.parametrize("probe", [make_probe(SIDE), np.ones((SIDE, SIDE), complex)], ids=["peaked", "flat"])
def test_sub_pixel_positions_are_met(probe: np.ndarray) -> None:
    """Data of an object known between pixels: its pixels explain them, at the right position only."""
    positions = 30 + np.random.default_rng(1).random((30, 2)) * 40
    axis = np.arange(SIDE) - SIDE // 2
    patches = waves(positions[:, 1, None, None] + axis[:, None], positions[:, 0, None, None] + axis)
    measured = np.fft.fftshift(np.abs(np.fft.fft2(probe * patches)), axes=(1, 2)) / SIDE
    image = waves(*np.indices((100, 100)))
    case = Case(image, probe, positions, measured)
    assert case.residual().r_factor < 2e-4
    nearest = case.residual(positions=np.rint(positions)).r_factor
    assert nearest > 0.01
    for wrong in (positions[:, ::-1], 2 * np.rint(positions) - positions):
        assert case.residual(positions=wrong).r_factor > nearest


def test_misplacement_and_noise_make_it_worse_step_by_step() -> None:
    case = make_case()
    generator = np.random.default_rng(0)
    levels = (0, 1e-3, 1e-2, 1e-1)
    for direction in ([0, 1], [1, 0], [-0.6, 0.8]):
        misplaced = [
            case.residual(positions=case.positions + step * np.array(direction)).r_factor
            for step in (0, 0.1, 0.25, 0.5, 1, 2)
        ]
        assert (np.diff(misplaced) > 0).all()
    noise = generator.standard_normal(case.amplitudes.shape)
    images = [Images(np.abs(case.amplitudes + level * noise)) for level in levels]
    assert (np.diff([case.residual(diffraction=each).r_factor for each in images]) > 0).all()
    noise = generator.standard_normal(case.truth.shape)
    assert (np.diff([case.residual(case.truth + level * noise).r_factor for level in levels]) > 0).all()


@examples(30)
@given(top=st.integers(-30, 60), left=st.integers(-30, 60))
def test_the_window_of_the_grid_moves_nothing(top: int, left: int) -> None:
    """An object cut out or enlarged scores as the whole does, on the images that it covers."""
    case = make_case()
    grid = Grid((top, left), (HEIGHT, WIDTH))
    covered = grid.lay(np.ones((HEIGHT, WIDTH), bool), (0, 0))
    whole_inside = [
        i
        for i, (x, y) in enumerate(case.positions.astype(int) - SIDE // 2)
        if x >= left and y >= top and x + SIDE <= left + WIDTH and y + SIDE <= top + HEIGHT
    ]
    window = {"covered": covered, "grid": grid, "least_coverage": 1 - 1e-9}
    if not whole_inside:
        with pytest.raises(ScoringError, match="no image to compare: of 40 images 0 have"):
            case.residual(grid.lay(case.truth, (0, 0)), **window)
        return
    found = case.residual(grid.lay(case.truth, (0, 0)), **window)
    assert found.r_factor < 1e-6
    np.testing.assert_array_equal(found.images, whole_inside)


def test_uncovered_pixels_are_not_looked_at() -> None:
    case = make_case()
    covered = np.zeros((HEIGHT, WIDTH), bool)
    covered[12:-12, 12:-12] = True
    clean = case.residual(covered=covered)
    for rubbish in (np.nan, 1e9, 0):
        found = case.residual(np.where(covered, case.truth, rubbish), covered=covered)
        np.testing.assert_array_equal(found.per_image, clean.per_image)
    assert 0 < len(clean.images) < 40
    # the mean stands in for up to 5 % of the light
    assert 1e-6 < clean.r_factor < 0.05


def test_the_grid_may_end_where_the_cover_does() -> None:
    """Patches that reach over the grid, and images far from it, are treated as uncovered ones are."""
    case = make_case()
    covered = np.zeros((HEIGHT, WIDTH), bool)
    covered[20:44, 20:50] = True
    part = np.s_[20:44, 20:50]
    masked = case.residual(covered=covered, least_coverage=0.3)
    cut = case.residual(
        case.truth[part], covered=covered[part], grid=Grid((20, 20), (24, 30)), least_coverage=0.3
    )
    np.testing.assert_array_equal(cut.images, masked.images)
    np.testing.assert_allclose(cut.per_image, masked.per_image, atol=1e-12)
    np.testing.assert_allclose(cut.map, masked.map[part], atol=1e-12)
    assert 0 < len(cut.images) < 40
    for far in (-1000, 1000):
        with pytest.raises(ScoringError, match=r"of 40 images 0 have .* best has 0\.000"):
            case.residual(positions=case.positions + far)


def test_images_are_chosen_by_the_light_on_covered_pixels() -> None:
    case = make_case()
    covered = np.zeros((HEIGHT, WIDTH), bool)
    covered[:, :50] = True
    energy = np.abs(case.probe) ** 2
    part = []
    for x, y in case.positions.astype(int) - SIDE // 2:
        part.append(energy[covered[y : y + SIDE, x : x + SIDE]].sum() / energy.sum())
    for least in (0.2, 0.5, 0.95):
        found = case.residual(covered=covered, least_coverage=least)
        np.testing.assert_array_equal(found.images, np.flatnonzero(np.array(part) >= least))
    with pytest.raises(ScoringError, match=f"of 1 images 0 have .* best has {min(part):.3f}"):
        case.residual(covered=covered, images=np.array([np.argmin(part)]))


def test_only_the_images_asked_for_are_used() -> None:
    case = make_case()
    wanted = np.array([30, 3, 3, 17])
    found = case.residual(make_object(HEIGHT, WIDTH, seed=7), images=wanted)
    np.testing.assert_array_equal(found.images, wanted)
    assert found.per_image[1] == found.per_image[2] != found.per_image[0]
    assert found.r_factor != case.residual(make_object(HEIGHT, WIDTH, seed=7)).r_factor


@examples(20)
@given(seed=st.integers(0, 10**6), count=st.integers(1, 5))
def test_the_map_is_finite_exactly_where_images_lie(seed: int, count: int) -> None:
    case = make_case(seed=seed, count=count)
    found = case.residual(make_object(HEIGHT, WIDTH, seed=seed + 1))
    lies = np.zeros((HEIGHT, WIDTH), bool)
    for x, y in case.positions.astype(int) - SIDE // 2:
        lies[y : y + SIDE, x : x + SIDE] = True
    np.testing.assert_array_equal(np.isfinite(found.map), lies)
    assert found.per_image.min() - 1e-12 <= np.nanmin(found.map)
    assert np.nanmax(found.map) <= found.per_image.max() + 1e-12


def test_the_map_points_at_a_bad_place() -> None:
    case = make_case(count=120)
    damaged = case.truth.copy()
    damaged[50:58, 30:38] *= np.exp(1j)
    row, column = np.unravel_index(np.nanargmax(case.residual(damaged).map), damaged.shape)
    assert np.hypot(row - 54, column - 34) < 12


def test_dark_images_say_nothing() -> None:
    case = make_case()
    case.amplitudes[[4, 11]] = 0
    found = case.residual()
    np.testing.assert_array_equal(found.images, np.delete(np.arange(40), [4, 11]))
    assert found.r_factor < 1e-6
    with pytest.raises(ScoringError, match=r"of 2 images 2 have 0\.95 .* none of those holds light"):
        case.residual(images=np.array([4, 11]))


def test_a_dead_object_has_no_residual() -> None:
    case = make_case()
    with pytest.raises(ArmError, match=r"modulus up to 0 on 8400 covered pixels\) scatters nothing where 40"):
        case.residual(np.zeros_like(case.truth))
    broken = case.truth.copy()
    broken[5:7, 9] = np.nan
    with pytest.raises(ArmError, match="not finite on 2 of 8400 covered pixels"):
        case.residual(broken)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"covered": np.ones((9, 9), bool)},
            r"shape \(84, 100\), its mask \(9, 9\) and the grid \(84, 100\)",
        ),
        ({"grid": Grid((0, 0), (84, 101))}, r"the grid \(84, 101\); needed: one shape"),
        ({"covered": np.zeros((84, 100), bool)}, r"the mask of shape \(84, 100\) is empty"),
        ({"probe": np.zeros((32, 32), complex)}, r"the probe of shape \(32, 32\) is zero or not square"),
        ({"probe": np.ones((32, 30), complex)}, r"the probe of shape \(32, 30\) is zero or not square"),
        ({"images": np.zeros(0, int)}, "of 0 images 0 have"),
    ],
)
def test_what_cannot_be_compared(changes: dict, message: str) -> None:
    with pytest.raises(ScoringError, match=message):
        make_case().residual(**changes)


def test_without_a_truth_a_better_reconstruction_has_a_lower_residual() -> None:
    """The residual ranks as the truth does, on images that no reconstruction has seen, too."""
    case = make_case(count=240)
    seen = case.positions[:80]
    inside = np.zeros(case.truth.shape, bool)
    inside[24:-24, 24:-24] = True
    held_out = np.arange(80, 240)
    residuals, errors = [], []
    for epochs in (1, 5, 25):
        values, _ = epie(case.amplitudes[:80], seen, case.probe, case.truth.shape, epochs=epochs)
        residuals.append(case.residual(values, images=held_out).r_factor)
        errors.append(fienup_error(values, case.truth, inside))
    assert (np.diff(errors) < 0).all()
    assert (np.diff(residuals) < 0).all()
    assert residuals[-1] < 0.3 * residuals[0]


@pytest.mark.parametrize("split", [pytest.param("train", marks=pytest.mark.slow), "test"])
def test_the_reference_scan(reference: Path, split: str) -> None:
    """Truth 0.013 to 0.014, of which all but 0.003 is the simulator's bilinear sampling; empty 0.16."""
    data = reference / "hub/data"
    ready = read_ready_made(data / f"phase_f/dose_1000000000/dense/{split}/ptychi_reconstruction.npz")
    with open_scan(data / f"phase_c/dose_1000000000/patched_{split}.npz") as scan:
        assert scan.truth is not None
        grid = Grid((0, 0), scan.truth.shape)
        values, weight = ready.on_grid(scan.positions, grid)

        def r_factor(image: np.ndarray, displaced: float = 0.0) -> float:
            found = diffraction_residual(
                image, weight > 0, scan.diffraction, scan.positions + displaced, scan.probe, grid=grid
            )
            assert len(found.images) == 640
            return found.r_factor

        assert r_factor(scan.truth) == pytest.approx(0.0137, abs=0.001)
        assert r_factor(np.ones_like(scan.truth)) == pytest.approx(0.159, abs=0.003)
        # pty-chi fits the simulator's blur too; half a pixel along x and y more than doubles R
        placed = r_factor(values)
        assert placed < 0.01
        assert min(r_factor(values, -0.5), r_factor(values, 0.5)) > 2 * placed


@pytest.mark.slow
def test_two_halves_of_a_real_scan(reference: Path) -> None:
    """Real data have no truth: images that a half has not seen are its judge."""
    with bz2.open(reference / "siemens_star/siemens-star-small.npz.bz2") as packed:
        arrays = np.load(io.BytesIO(packed.read()))
        counts, scan, guess = arrays["data"][0], arrays["scan"][0], arrays["probe"].squeeze()
    amplitudes = np.fft.fftshift(np.sqrt(counts), axes=(1, 2)) / 128
    positions = (scan - scan.min(axis=0))[:, ::-1].astype(float) + 64
    guess = guess * np.sqrt((amplitudes**2).sum() / len(counts) / (np.abs(guess) ** 2).sum())
    shape = (461, 459)

    def residual(values: np.ndarray, probe: np.ndarray, images: np.ndarray | None = None) -> float:
        return (
            Case(values, probe, positions, amplitudes)
            .residual(covered=np.ones(shape, bool), images=images)
            .r_factor
        )

    halves = split_images(len(counts))
    for seed, (own, other) in enumerate((halves, halves[::-1])):
        values, probe = epie(
            amplitudes[own], positions[own], guess, shape, epochs=15, seed=seed, probe_step=0.1
        )
        seen, unseen = residual(values, probe, own), residual(values, probe, other)
        # 0.128 is what Poisson noise alone leaves at these counts
        assert 0.128 < seen < 0.165
        assert seen < unseen < 0.185
        # the probe that came with the file is only a guess, and hides all else
        assert residual(values, guess) > 0.35
    assert residual(np.ones(shape, complex), probe) > 0.25
