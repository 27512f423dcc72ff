"""PtychoPINN's definitions, cell by cell against a second, deliberately naive way to compute them."""

import math
from dataclasses import replace

import numpy as np
import pytest
import scipy
from skimage.metrics import structural_similarity

from ptycho_compare.errors import ScoringError
from ptycho_compare.scoring.metrics.ptychopinn import PtychoPinnSettings, ptychopinn_metrics

from .objects import blurred, make_object, noisy, tilted

WEIGHTS = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333]
DEFAULTS = PtychoPinnSettings()


def naive_plane(phase):
    """Least squares by the normal equations of a x + b y + c, sums written out."""
    height, width = phase.shape
    matrix, right = np.zeros((3, 3)), np.zeros(3)
    for y in range(height):
        for x in range(width):
            row = np.array([x, y, 1.0])
            matrix += np.outer(row, row)
            right += row * phase[y, x]
    a, b, c = np.linalg.solve(matrix, right)
    return np.array([[a * x + b * y + c for x in range(width)] for y in range(height)])


def naive_ms_ssim(target, found):
    data_range = max(target.max() - target.min(), found.max() - found.min())
    value = 1.0
    for weight in WEIGHTS:
        similarity = structural_similarity(target, found, data_range=data_range)
        value *= (1e-4 if similarity < 0 else similarity) ** weight
        target, found = target[::2, ::2], found[::2, ::2]
        if min(target.shape) < 7:
            break
    return value


def naive_smoothed(curve, sigma):
    """Gaussian over the rings, four sigma wide, mirrored at the ends."""
    reach, count = int(4 * sigma + 0.5), len(curve)
    weights = [math.exp(-0.5 * (step / sigma) ** 2) for step in range(-reach, reach + 1)]
    smooth = []
    for ring in range(count):
        total = 0.0
        for step, weight in zip(range(-reach, reach + 1), weights, strict=True):
            place = (ring + step) % (2 * count)
            total += weight * curve[place if place < count else 2 * count - 1 - place]
        smooth.append(total / sum(weights))
    return smooth


def naive_rings(target, found):
    """|sum F1 conj(F2)| / sqrt(sum |F1|^2 sum |F2|^2) per ring, one Fourier pixel after the other."""
    side = min(target.shape)
    top, left = ((length - side) // 2 for length in target.shape)
    f1, f2 = (
        np.fft.fftshift(np.fft.fft2(each[top : top + side, left : left + side])) for each in (target, found)
    )
    cross, power1, power2 = {}, {}, {}
    for row in range(side):
        for col in range(side):
            ring = round(math.hypot(row - side // 2, col - side // 2))
            one, two = complex(f1[row, col]), complex(f2[row, col])
            cross[ring] = cross.get(ring, 0) + one * two.conjugate()
            power1[ring] = power1.get(ring, 0) + abs(one) ** 2
            power2[ring] = power2.get(ring, 0) + abs(two) ** 2
    return [abs(cross[ring]) / math.sqrt(power1[ring] * power2[ring]) for ring in sorted(cross)]


def naive_cutoff(curve, threshold):
    for ring, value in enumerate(curve):
        if value < threshold:
            if ring == 0:
                return 0.0
            before = curve[ring - 1]
            return ring - 1 + (before - threshold) / (before - value)
    return float(len(curve))


def naive(image, truth, how):
    """Every cell by its formula: {row: (amplitude, phase)}."""
    edge = how.trim_px
    height, width = truth.shape
    image, truth = (
        image[edge : height - edge, edge : width - edge],
        truth[edge : height - edge, edge : width - edge],
    )
    # the true amplitude is kept in single precision, as PtychoPINN's is; the library then is as well
    wanted, found = np.abs(truth).astype(np.float32), np.abs(image)
    found = found * (wanted.mean() / found.mean())
    phases = [np.angle(each).astype(np.float64) for each in (truth, image)]
    phases = [each - (naive_plane(each) if how.phase_align == "plane" else each.mean()) for each in phases]
    turns = [(each + math.pi) / (2 * math.pi) for each in phases]
    rows = {}
    for name, (t, f) in {"amplitude": (wanted, found), "phase": tuple(phases)}.items():
        rmse = math.sqrt(((t.astype(np.float32) - f.astype(np.float32)).astype(np.float64) ** 2).mean())
        curve = naive_rings(t, f)
        curve = naive_smoothed(curve, how.frc_sigma) if how.frc_sigma else curve
        if name == "amplitude":
            similarity = structural_similarity(t, f, data_range=t.max() - t.min())
            sigma = how.ms_ssim_sigma
            pair = [scipy.ndimage.gaussian_filter(each, sigma) if sigma else each for each in (t, f)]
        else:
            similarity, pair = structural_similarity(*turns, data_range=1.0), turns
        rows[name] = {
            "mae": sum(abs(float(a) - float(b)) for a, b in zip(t.flat, f.flat, strict=True)) / t.size,
            "mse": sum((float(a) - float(b)) ** 2 for a, b in zip(t.flat, f.flat, strict=True)) / t.size,
            "psnr": 20 * math.log10(255 / (rmse + np.finfo(float).eps)),
            "ssim": similarity,
            "ms_ssim": naive_ms_ssim(*pair),
            "frc50": naive_cutoff(curve, 0.5),
            "frc1over7": naive_cutoff(curve, 1 / 7),
        }
    return rows


def cells(image, truth, how=DEFAULTS):
    rows, _ = ptychopinn_metrics(image, truth, settings=how)
    assert [row.name for row in rows] == ["mae", "mse", "psnr", "ssim", "ms_ssim", "frc50", "frc1over7"]
    assert all(row.value is None for row in rows)
    return {part: {row.name: row.number(part) for row in rows} for part in ("amplitude", "phase")}


def assert_cells(image, truth, how=DEFAULTS):
    found, expected = cells(image, truth, how), naive(image, truth, how)
    for part, rows in expected.items():
        for name, value in rows.items():
            # a similarity is a difference of numbers near 1, in single precision; processors round it apart
            floor = 1e-6 if "ssim" in name else 1e-12
            assert found[part][name] == pytest.approx(value, rel=1e-6, abs=floor), (part, name)


def spoiled_pair(shape, seed=0, *, cutoff=0.15):
    """A truth, and it with noise, blur, a gain, a phase and a tilt; wrapped phases on both sides."""
    truth = tilted(make_object(shape, seed, cutoff=cutoff), 0.05, -0.03)
    image = tilted(noisy(blurred(truth, 0.7), 0.3, seed), 0.01, 0.02) * 1.7 * np.exp(1.2j)
    return image, truth


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
@pytest.mark.parametrize("shape", [(68, 68), (54, 81), (83, 60), (47, 47)])
def test_every_cell_is_that_of_the_naive_formulas(shape, dtype):
    image, truth = spoiled_pair(shape)
    assert_cells(image.astype(dtype), truth.astype(dtype))


@pytest.mark.parametrize(
    "how",
    [
        PtychoPinnSettings(phase_align="mean"),
        PtychoPinnSettings(frc_sigma=1.5),
        PtychoPinnSettings(ms_ssim_sigma=0.0),
        PtychoPinnSettings(ms_ssim_sigma=2.5),
        PtychoPinnSettings(trim_px=0),
        PtychoPinnSettings(trim_px=7, phase_align="mean", frc_sigma=0.8),
    ],
    ids=["mean", "frc_sigma", "no blur", "more blur", "no trim", "all"],
)
def test_every_choice_is_that_of_the_naive_formulas(how):
    image, truth = spoiled_pair((66, 58), seed=3)
    assert_cells(image.astype(np.complex64), truth.astype(np.complex64), how)


@pytest.mark.parametrize("seed", range(4))
def test_an_unrelated_image_too(seed):
    # negative similarities at some scale, cut-offs at the lowest rings
    image, truth = make_object((60, 60), seed + 50), make_object((60, 60), seed)
    assert_cells(image, truth)


def test_pixels_with_zeros_are_counted():
    image, truth = spoiled_pair((64, 70), seed=5)
    image[20:40, 10:30] = 0
    image[:10] = truth[:10] = 0
    assert_cells(image, truth)


@pytest.mark.parametrize(("side", "rings"), [(256, 182), (128, 92)])
def test_identity_scores_361_decibels_and_as_many_rings_as_there_are(side, rings):
    truth = make_object((side + 4, side + 4))  # 2 px are trimmed on every side
    found, curves = ptychopinn_metrics(truth, truth)
    rows = {row.name: row for row in found}
    psnr = 20 * math.log10(255 / np.finfo(float).eps)
    assert psnr == pytest.approx(361.2, abs=0.05)
    assert rows["psnr"].phase == psnr
    # single precision of the true amplitude alone is left there
    assert rows["psnr"].amplitude > 190
    for name in ("frc50", "frc1over7"):
        assert (rows[name].amplitude, rows[name].phase) == (rings, rings)
        assert rows[name].note == (
            "amplitude never below: the number of rings; phase never below: the number of rings"
        )
        assert rows[name].unit == "rings"
    assert {name: len(curve.correlation) for name, curve in curves.items()} == {
        "amplitude": rings,
        "phase": rings,
    }
    assert rows["mae"].phase == rows["mse"].phase == 0.0
    assert rows["ssim"].amplitude == pytest.approx(1.0, abs=1e-6)
    assert rows["ms_ssim"].phase == pytest.approx(1.0, abs=1e-9)


def test_identity_in_single_precision_scores_361_decibels_in_both():
    truth = make_object((68, 68)).astype(np.complex64)
    found = cells(truth, truth)
    assert found["amplitude"]["psnr"] == found["phase"]["psnr"] == pytest.approx(361.2, abs=0.05)


def test_a_first_ring_below_the_threshold_is_zero():
    truth, image = make_object((68, 68), 1), make_object((68, 68), 90)
    smooth = replace(DEFAULTS, frc_sigma=12.0)
    assert cells(image, truth, smooth)["phase"]["frc50"] == 0.0
    assert_cells(image, truth, smooth)


def test_a_truth_without_phase_has_an_empty_cell_that_says_so():
    truth = np.abs(make_object((64, 64))) + 0j
    rows, curves = ptychopinn_metrics(noisy(truth, 0.1), truth)
    found = {row.name: row for row in rows}
    for name in ("frc50", "frc1over7"):
        assert found[name].phase is None
        assert found[name].amplitude > 0
        assert found[name].note.endswith("phase: the truth is zero")
    assert set(curves) == {"amplitude"}
    assert found["mae"].phase > 0


def test_two_phases_without_any_range_have_no_similarity():
    truth = np.abs(make_object((64, 64))) + 0j
    assert cells(truth, truth)["phase"]["ms_ssim"] == 0.0


def test_a_constant_amplitude_has_no_similarity_and_its_cell_says_so():
    truth = np.exp(1j * np.angle(make_object((64, 64))))
    rows = {row.name: row for row in ptychopinn_metrics(truth, truth)[0]}
    assert rows["ssim"].amplitude is None
    assert rows["ssim"].note == "amplitude: the truth is constant"
    assert rows["ssim"].phase == pytest.approx(1.0, abs=1e-6)


def test_these_definitions_flatter_a_collapsed_phase():
    # why they are not the default: a constant scores 60 dB and more
    image, truth = np.abs(make_object((68, 68))) + 0j, make_object((68, 68))
    found = cells(image, truth)["phase"]
    assert found["psnr"] > 60
    assert found["ssim"] > 0.5


@pytest.mark.parametrize(
    ("image", "truth", "text"),
    [
        (np.ones((20, 21)), np.ones((20, 20)), r"at least 11 x 11; found \(20, 21\) and \(20, 20\)"),
        (np.ones((10, 20)), np.ones((10, 20)), r"at least 11 x 11; found \(10, 20\)"),
        (np.ones(20), np.ones(20), r"two images of one shape.*found \(20,\)"),
        (np.full((20, 20), np.nan), np.ones((20, 20)), "image is not finite in 400 of 400 pixels"),
        (np.ones((20, 20)), np.full((20, 20), np.inf), "truth is not finite in 400 of 400 pixels"),
        (np.zeros((20, 20)), np.ones((20, 20)), "the image is zero: its amplitude has no scale"),
    ],
)
def test_what_these_definitions_cannot_score_is_refused(image, truth, text):
    with pytest.raises(ScoringError, match=text):
        ptychopinn_metrics(image.astype(complex), truth.astype(complex))
