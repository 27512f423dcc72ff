"""The check of a scan's geometry: every wrong reading is named, and no right scan is called wrong."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from _pytest.mark import ParameterSet
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from ptycho_compare.cli.ptycho_hub import main as ptycho_hub
from ptycho_compare.reconstruction.canvas import Grid
from ptycho_compare.reconstruction.geometry import GeometryCheck, check_geometry
from ptycho_compare.scoring.alignment.orientation import AS_GIVEN, ORIENTATIONS, Orientation
from scans import make_object
from star import STAR_SCAN
from thorough import examples

HEIGHT, WIDTH, SIDE = 58, 66, 16


@dataclass(frozen=True)
class Experiment:
    """An object, a probe, and images of it at whole pixels."""

    truth: np.ndarray
    probe: np.ndarray
    positions: np.ndarray
    amplitudes: np.ndarray
    movable: bool = False

    def read_measured(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        images = self.amplitudes[indices].astype(np.float32)
        return images, np.ones(images.shape, bool)

    def check(self) -> GeometryCheck:
        shape = self.truth.shape
        return check_geometry(
            self.truth,
            np.ones(shape, bool),
            self,
            self.positions,
            self.probe,
            grid=Grid((0, 0), shape),
            images=np.arange(len(self.positions)),
            movable=self.movable,
            through="the truth",
        )


def experiment(
    *,
    seed: int = 0,
    count: int = 36,
    photons: float = 1e5,
    truth: np.ndarray | None = None,
    curvature: float = 0.06,
    height: int = HEIGHT,
    width: int = WIDTH,
) -> Experiment:
    """Simulate a small scan, its probe off the middle of its window as real ones are."""
    generator = np.random.default_rng(seed)
    truth = make_object(height, width, seed=seed, smooth_px=1.5) if truth is None else truth
    axis = np.arange(SIDE) - SIDE // 2
    radius2 = (axis[:, None] - 0.7) ** 2 + 1.4 * (axis[None, :] + 0.4) ** 2
    probe = (np.exp(-radius2 / 24) * np.exp(1j * curvature * radius2)).astype(np.complex64)
    low, high = SIDE // 2, np.array(truth.shape[::-1]) - SIDE // 2
    positions = np.rint(low + generator.random((count, 2)) * (high - low))
    patches = np.stack([truth[y - low : y + low, x - low : x + low] for x, y in positions.astype(int)])
    counts = np.abs(np.fft.fftshift(np.fft.fft2(probe * patches), axes=(1, 2))) ** 2
    counts *= photons / counts.sum(axis=(1, 2)).mean()
    return Experiment(truth, probe, positions, np.sqrt(generator.poisson(counts)))


RIGHT = experiment()


def positions_turned(how: Orientation) -> Callable[[Experiment], Experiment]:
    """Positions as a program writes them whose axes are others."""

    def wrong(right: Experiment) -> Experiment:
        middle = (np.array(right.truth.shape) - 1) / 2
        after = (np.array(how.shape(right.truth.shape)) - 1) / 2
        moved = how.of_points(right.positions[:, ::-1] - middle) + after
        return replace(right, positions=moved[:, ::-1])

    return wrong


def patterns_turned(how: Orientation, *, plain: bool = False) -> Callable[[Experiment], Experiment]:
    turn = how.of_image if plain else how.of_pattern
    return lambda right: replace(right, amplitudes=turn(right.amplitudes))


def object_turned(how: Orientation) -> Callable[[Experiment], Experiment]:
    return lambda right: replace(right, truth=how.of_image(right.truth))


def conjugated(right: Experiment) -> Experiment:
    return replace(right, truth=right.truth.conj())


def moved(x: float, y: float) -> Callable[[Experiment], Experiment]:
    return lambda right: replace(right, positions=right.positions + np.array([x, y]))


TURNS = [each for each in ORIENTATIONS if each != AS_GIVEN]
EXCHANGED, LEFT_RIGHT, TOP_BOTTOM = (
    Orientation(swapped=True),
    Orientation(columns=True),
    Orientation(rows=True),
)
HALF_TURN = Orientation(rows=True, columns=True)
WRONG: dict[str, tuple[Callable[[Experiment], Experiment], str]] = {
    "positions (y, x)": (positions_turned(EXCHANGED), "positions with x and y exchanged"),
    "positions mirrored": (positions_turned(LEFT_RIGHT), "positions mirrored left to right"),
    "positions turned": (positions_turned(Orientation(True, True, False)), "positions turned by 90 degrees"),
    "patterns transposed": (patterns_turned(EXCHANGED), "patterns with rows and columns exchanged"),
    "patterns upside down": (patterns_turned(TOP_BOTTOM, plain=True), "patterns mirrored top to bottom"),
    "patterns turned": (patterns_turned(HALF_TURN), "patterns turned by 180 degrees"),
    "the other sign of phase": (conjugated, "complex conjugate (the other sign of phase)"),
    "an object transposed": (object_turned(EXCHANGED), "the object with rows and columns exchanged"),
    "positions of the patch's corner": (
        moved(-SIDE // 2, -SIDE // 2),
        f"positions moved by (+{SIDE // 2}, +{SIDE // 2}) px",
    ),
    "a frame 5 px beside": (moved(-5, 3), "positions moved by (+5, -3) px in x and y"),
}


TELLING = ("positions (y, x)", "patterns upside down", "the other sign of phase", "a frame 5 px beside")


def some(names: Iterable[str], telling: Container[str]) -> list[ParameterSet]:
    """Try the most telling with every push, all in make slow."""
    return [pytest.param(each, marks=() if each in telling else pytest.mark.slow) for each in names]


@pytest.mark.parametrize("name", some(WRONG, TELLING))
def test_a_wrong_geometry_is_named_with_both_numbers(
    name: str,
) -> None:
    wrong, named = WRONG[name]
    right, found = RIGHT.check(), wrong(RIGHT).check()
    assert (right.better, right.fits, right.images) == ("", True, 36)
    assert named in found.better
    assert not found.fits
    assert found.better_r_factor == pytest.approx(right.r_factor, rel=0.1)
    assert f"{found.r_factor:.4f} as given and {found.better_r_factor:.4f} otherwise" in found.reason


@pytest.mark.slow
@pytest.mark.parametrize("how", TURNS, ids=str)
@pytest.mark.parametrize("what", [positions_turned, patterns_turned, object_turned])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("photons", [1e3, 1e6])
def test_every_turn_of_anything_is_found(
    how: Orientation, what: Callable[..., Callable[[Experiment], Experiment]], seed: int, photons: float
) -> None:
    assert what(how)(experiment(seed=seed, photons=photons)).check().better


@pytest.mark.parametrize("count", [12, pytest.param(200, marks=pytest.mark.slow)])
def test_few_images_tell_and_many_cost_no_more(count: int) -> None:
    right = experiment(count=count)
    assert right.check().fits
    found = positions_turned(EXCHANGED)(right).check()
    assert found.better == "positions with x and y exchanged"
    assert found.images <= 64


def symmetric(values: np.ndarray) -> np.ndarray:
    return ((values + values[::-1, ::-1]) / 2).astype(np.complex64)


BASE = make_object(HEIGHT, WIDTH, seed=3, smooth_px=1.5)
STRIPES = np.where(np.arange(WIDTH) // 6 % 2, 1.0, 0.7 * np.exp(0.5j)) * np.ones((HEIGHT, 1))
RIGHT_SCANS: dict[str, Experiment] = {
    "centrosymmetric object": experiment(truth=symmetric(BASE)),
    "mirror-symmetric object": experiment(truth=((BASE + BASE[:, ::-1]) / 2).astype(np.complex64)),
    "stripes": experiment(truth=STRIPES.astype(np.complex64)),
    "flat object": experiment(truth=np.ones((HEIGHT, WIDTH), np.complex64)),
    "hardly any contrast": experiment(truth=(1 + 0.02 * (BASE - BASE.mean())).astype(np.complex64)),
    "phase object": experiment(truth=np.exp(1j * np.angle(BASE)).astype(np.complex64)),
    "amplitude object": experiment(truth=np.abs(BASE).astype(np.complex64)),
    "1000 photons": experiment(photons=1e3),
    "30 photons": experiment(photons=30),
    "3 photons": experiment(photons=3),
    "six images": experiment(count=6),
    "three images": experiment(count=3),
    "flat phase of the probe": experiment(curvature=0.0),
    "another sign of its curvature": experiment(curvature=-0.06),
    "half a pixel beside": moved(0.5, -0.5)(RIGHT),
    "a frame that is only guessed": replace(moved(4, -3)(RIGHT), movable=True),
}


def blurred(values: np.ndarray, sigma: float) -> np.ndarray:
    return gaussian_filter(values.real, sigma) + 1j * gaussian_filter(values.imag, sigma)


def noisy(values: np.ndarray, level: float) -> np.ndarray:
    generator = np.random.default_rng(1)
    noise = generator.standard_normal(values.shape) + 1j * generator.standard_normal(values.shape)
    return values + level * noise


POOR_ARMS: dict[str, np.ndarray] = {
    "blurred": blurred(RIGHT.truth, 3),
    "noisy": noisy(RIGHT.truth, 0.3),
    "noise alone": noisy(0 * RIGHT.truth, 1),
    "flat": RIGHT.truth.mean() + 0.01 * (RIGHT.truth - RIGHT.truth.mean()),
    "phase alone": np.exp(1j * np.angle(RIGHT.truth)),
    "of another object": make_object(HEIGHT, WIDTH, seed=8, smooth_px=1.5),
    "half its twin": RIGHT.truth + RIGHT.truth[::-1, ::-1].conj(),
}
RIGHT_SCANS |= {name: replace(RIGHT, truth=values.astype(np.complex64)) for name, values in POOR_ARMS.items()}


def placed(positions: np.ndarray) -> Experiment:
    """Images of the same object at other places, rounded to whole pixels inside of it."""
    low, high = SIDE // 2, np.array(RIGHT.truth.shape[::-1]) - SIDE // 2
    inside = np.rint(np.clip(positions, low, high))
    patches = [RIGHT.truth[y - low : y + low, x - low : x + low] for x, y in inside.astype(int)]
    images = np.abs(np.fft.fftshift(np.fft.fft2(RIGHT.probe * np.stack(patches)), axes=(1, 2)))
    return replace(RIGHT, positions=inside, amplitudes=images)


ANGLE = np.sqrt(np.arange(60)) * 2.4
ROWS, COLUMNS = np.indices((HEIGHT, WIDTH))
GRID = np.stack(np.meshgrid(np.arange(8, 58, 6.0), np.arange(8, 50, 6.0)), axis=-1).reshape(-1, 2)
RIGHT_SCANS |= {
    "a raster": placed(GRID),
    "a raster in snakes": placed(np.concatenate([GRID[i::2] for i in range(2)])),
    "a spiral": placed(
        np.stack([33 + 2.6 * ANGLE * np.cos(ANGLE), 29 + 2.2 * ANGLE * np.sin(ANGLE)], axis=1)
    ),
    "a line along x": placed(np.stack([np.linspace(8, 58, 40), np.full(40, 29.0)], axis=1)),
    "a line along y": placed(np.stack([np.full(40, 29.0), np.linspace(8, 50, 40)], axis=1)),
    "a diagonal line": placed(np.stack([np.linspace(8, 58, 40), np.linspace(8, 50, 40)], axis=1)),
    "two areas": placed(np.concatenate([GRID[GRID[:, 0] < 22], GRID[GRID[:, 0] > 44]])),
    "a ring": placed(np.stack([33 + 18 * np.cos(ANGLE), 29 + 18 * np.sin(ANGLE)], axis=1)),
    "every position twice": placed(np.repeat(GRID[::2], 2, axis=0)),
    "positions in any order": placed(np.random.default_rng(5).permutation(GRID)),
    "a truth of another gain": replace(RIGHT, truth=RIGHT.truth * (0.02 - 3j)),
    "a tilted truth": experiment(truth=(BASE * np.exp(0.02j * COLUMNS - 0.03j * ROWS)).astype(np.complex64)),
    "a hill of 25 rad": experiment(
        truth=(BASE * np.exp(25j * np.sin(COLUMNS / 30) ** 2)).astype(np.complex64)
    ),
    "opaque in parts": experiment(truth=np.where((ROWS // 9 + COLUMNS // 9) % 3 == 0, 0, BASE)),
    "a wide beam": experiment(curvature=0.15),
    "positions a third of a pixel off": replace(
        RIGHT, positions=RIGHT.positions + np.random.default_rng(6).normal(0, 0.3, RIGHT.positions.shape)
    ),
    "a background of a count": replace(RIGHT, amplitudes=np.sqrt(RIGHT.amplitudes**2 + 1)),
}


REAL_SCANS = {
    "reference hub, train": "hub/data/phase_c/dose_1000000000/patched_train.npz",
    "reference hub, test": "hub/data/phase_c/dose_1000000000/patched_test.npz",
    "the real star": STAR_SCAN,
    "the real near field": "p25_near_field.cxi",
}


def test_they_are_forty() -> None:
    assert len(RIGHT_SCANS) - len(NOT_OF_THIS_OBJECT) + len(REAL_SCANS) >= 40


@pytest.mark.parametrize("name", REAL_SCANS)
def test_no_real_scan_is_refused(reference: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the file has a truth, its geometry is checked; the others are read."""
    assert ptycho_hub(["scan", str(reference / REAL_SCANS[name])]) == 0
    said = capsys.readouterr().out
    assert "otherwise: " not in said
    assert "another object" not in said


NOT_OF_THIS_OBJECT = ("noise alone", "of another object")


SETTLED_BY_A_SEARCH = ("flat object", "30 photons", "half its twin")
SETTLED_AT_ONCE = (
    "centrosymmetric object",
    "mirror-symmetric object",
    "stripes",
    "phase object",
    "1000 photons",
    "three images",
    "half a pixel beside",
)


@pytest.mark.parametrize("name", some(RIGHT_SCANS, SETTLED_BY_A_SEARCH + SETTLED_AT_ONCE))
def test_no_right_scan_is_called_wrong(name: str) -> None:
    found = RIGHT_SCANS[name].check()
    assert found.better == ""
    assert not found.unexplained or name in NOT_OF_THIS_OBJECT


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_a_pixel_of_half_or_twice_the_size_is_named_where_the_frame_is_guessed(factor: float) -> None:
    """A detector that was binned; near the middle of the scan it explains something all the same."""
    middle = (RIGHT.positions.min(axis=0) + RIGHT.positions.max(axis=0)) / 2
    wrong = replace(RIGHT, positions=middle + factor * (RIGHT.positions - middle), movable=True)
    found = wrong.check()
    assert found.better == f"positions multiplied by {1 / factor:g} (another pixel size)" or found.unexplained
    assert factor == 2 or found.better


def test_positions_of_another_pixel_size_explain_nothing() -> None:
    """A unit that no span tells: the object predicts differences that nothing shows."""
    half = replace(RIGHT, positions=RIGHT.positions / 2 + SIDE / 2).check()
    assert half.unexplained
    assert "it is another object, or positions are in another unit or order" in half.reason
    assert not RIGHT.check().unexplained


@pytest.mark.slow
@examples(150)
@given(
    seed=st.integers(0, 10**6),
    photons=st.floats(0, 6).map(lambda power: 10**power),
    count=st.integers(6, 80),
    contrast=st.floats(0, 1),
    phase=st.floats(-1.0, 2.0),
    noise=st.floats(0, 0.5),
    movable=st.booleans(),
)
def test_no_right_scan_of_any_kind_is_called_wrong(
    seed: int, photons: float, count: int, contrast: float, phase: float, noise: float, movable: bool
) -> None:
    """Any contrast, dose and number of images; a probe whose phase is off; an image as bad as arms are."""
    base = make_object(HEIGHT, WIDTH, seed=seed, smooth_px=1.5)
    right = experiment(
        seed=seed, truth=(1 + contrast * (base - 1)).astype(np.complex64), photons=photons, count=count
    )
    probe = np.abs(right.probe) * np.exp(1j * phase * np.angle(right.probe)) if phase > 0.5 else right.probe
    values = noisy(right.truth, noise).astype(np.complex64)
    found = replace(right, truth=values, probe=probe, movable=movable).check()
    assert not found.better
    assert not found.unexplained or noise > 0.5 * contrast * np.std(base)


def test_what_cannot_be_checked_says_why() -> None:
    outside = moved(1000, 0)(RIGHT).check()
    assert outside.reason.startswith("not checked: ")
    assert (outside.better, outside.fits) == ("", False)
    assert experiment(count=3).check().reason == "not checked: 3 images tell too little"
    assert "does not tell one reading from another" in RIGHT_SCANS["flat object"].check().reason


@examples(10)
@given(st.sampled_from(ORIENTATIONS), st.sampled_from([(4, 6), (5, 5), (6, 6)]))
def test_an_orientation_moves_points_as_it_moves_pixels(how: Orientation, shape: tuple[int, int]) -> None:
    image = np.arange(np.prod(shape)).reshape(shape)
    turned = how.of_image(image)
    assert turned.shape == how.shape(shape)
    points = np.argwhere(image >= 0)
    places = how.of_points(points - (np.array(shape) - 1) / 2) + (np.array(turned.shape) - 1) / 2
    np.testing.assert_array_equal(turned[tuple(np.rint(places).astype(int).T)], image.ravel())
    np.testing.assert_array_equal(how.inverse.of_image(turned), image)
    if shape[0] == shape[1]:
        dark = np.zeros(shape)
        dark[shape[0] // 2, shape[1] // 2] = 1
        np.testing.assert_array_equal(how.of_pattern(dark), dark)


def test_bad_pixels_do_not_spoil_the_search() -> None:
    """A dark line through the beam would be looked for in what the object predicts."""
    good = np.ones((SIDE, SIDE), bool)
    good[SIDE // 2 - 1 : SIDE // 2 + 1] = False

    class Masked(Experiment):
        def read_measured(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            images = np.where(good, self.amplitudes[indices], 0).astype(np.float32)
            return images, np.broadcast_to(good, images.shape)

    seen = Masked(**vars(replace(RIGHT, positions=RIGHT.positions + 3, movable=True))).check()
    assert seen.fits
    assert not seen.unexplained


def test_an_object_that_is_mostly_noise_is_no_other_object() -> None:
    generator = np.random.default_rng(3)
    noise = generator.standard_normal((2, *RIGHT.truth.shape))
    noisy = replace(RIGHT, truth=RIGHT.truth + 0.5 * (noise[0] + 1j * noise[1])).check()
    assert not noisy.unexplained
    other = replace(RIGHT, truth=make_object(HEIGHT, WIDTH, seed=77, smooth_px=1.5)).check()
    assert other.unexplained
