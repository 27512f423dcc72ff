"""Laws of the scores of phase and amplitude, and the inputs with which a referee broke earlier ones.

His files lie in ../shared/cases/referee; where they are not, inputs of the same kind still are.
"""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_compare.scoring.metrics.estimate import Resampling
from ptycho_compare.scoring.pair import score_pair
from ptycho_compare.scoring.settings import ScoringSettings
from thorough import examples

from .objects import blurred, inner_mask, make_object, noisy, random_field, tilted

REFEREE = Path(__file__).parents[3] / "shared" / "cases" / "referee"
SHAPE = (96, 104)
TRUTH = make_object(SHAPE)
Y, X = np.indices(SHAPE) / 104
PHASE_ROWS = ("mae", "mse", "psnr", "ssim", "ms_ssim", "frc50", "frc1over7", "frc_half_bit", "frc_auc")
PERFECT = {
    **dict.fromkeys(("mae", "mse", "fienup", "phase_rmse"), 0.0),
    **dict.fromkeys(("ssim", "ms_ssim", "frc_auc"), 1.0),
    "frc50": 0.5,
}
seeds = st.integers(0, 10_000)


def score(image, truth, *, free_ramp=False, mask=None):
    settings = ScoringSettings(free_ramp=free_ramp, resampling=Resampling(draws=0))
    (scored,) = score_pair(image, truth, aligned=True, mask=mask, settings=settings).arms
    assert scored.status == "ok", scored.reason
    return scored


def phase_numbers(scored):
    rows = {row.name: row for row in scored.metrics}
    return {name: rows[name].phase for name in (*PHASE_ROWS, "phase_rmse")}


def amplitude_numbers(scored):
    return {row.name: row.amplitude for row in scored.metrics if row.amplitude is not None}


def notes(scored):
    return {row.name: row.note for row in scored.metrics}


def assert_perfect(scored, error=1e-7):
    for row in scored.metrics:
        for number in (row.amplitude, row.phase, row.value):
            if number is not None and row.name in PERFECT:
                assert number == pytest.approx(PERFECT[row.name], abs=error), row


def referee(name, arm="arm", **options):
    path = REFEREE / f"{name}.npz"
    if not path.is_file():
        pytest.skip(f"the referee's inputs are not here: {path}")
    with np.load(path) as held:
        return score(held[arm], held["truth"], **options)


# a smooth phase in truth and arm changes no score of the phase


def hill(height, y, x, wide):
    return height * np.exp(-((Y - y) ** 2 / (2 * wide[0] ** 2)) - ((X - x) ** 2 / (2 * wide[1] ** 2)))


@pytest.mark.parametrize("arm", [noisy(TRUTH, 0.3), blurred(TRUTH, 1.0)], ids=["noise", "blur"])
@examples(15)
@given(
    height=st.floats(-30.0, 30.0),
    place=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    wide=st.tuples(st.floats(0.167, 0.6), st.floats(0.167, 0.6)),
    slope=st.tuples(st.floats(-0.3, 0.3), st.floats(-0.3, 0.3)),
)
def test_a_smooth_phase_of_both_changes_no_score_of_the_phase(arm, height, place, wide, slope):
    smooth = tilted(np.exp(1j * hill(height, *place, wide)), *slope)
    plain, other = phase_numbers(score(arm, TRUTH)), phase_numbers(score(arm * smooth, TRUTH * smooth))
    for name in ("mae", "mse", "phase_rmse"):
        assert other[name] == pytest.approx(plain[name], rel=1e-9), name
    # what the polynomial leaves: below 0.02 rad of 30
    assert other["psnr"] == pytest.approx(plain["psnr"], abs=0.3)
    for name in ("ssim", "ms_ssim", "frc_auc"):
        assert other[name] == pytest.approx(plain[name], abs=0.02), name
    for name in ("frc1over7", "frc_half_bit", "frc50"):
        assert other[name] == pytest.approx(plain[name], abs=0.01), name


def test_an_arm_without_fine_texture_has_the_same_phase_scores_over_any_hill():
    texture = 0.6 * random_field(SHAPE, 3, cutoff=0.12)
    found = []
    for height in (2.0, 12.0, 25.0, 30.0):
        ground = np.abs(TRUTH) * np.exp(1j * hill(height, 0.5, 0.5, (1 / 6, 1 / 6)))
        found.append(phase_numbers(score(ground, ground * np.exp(1j * texture))))
    for other in found[1:]:
        assert other["ssim"] == pytest.approx(found[0]["ssim"], abs=0.02)
        assert other["psnr"] == pytest.approx(found[0]["psnr"], abs=0.3)
        assert other["phase_rmse"] == pytest.approx(found[0]["phase_rmse"], rel=1e-6)
    assert found[0]["ssim"] < 0.3


def test_the_referees_hills_have_one_score_each():
    two, twelve = referee("wrap2"), referee("wrap12")
    one, other = phase_numbers(two), phase_numbers(twelve)
    assert other["psnr"] == pytest.approx(one["psnr"], abs=0.01)
    for name in ("mae", "mse", "phase_rmse", "ssim", "ms_ssim"):
        assert other[name] == pytest.approx(one[name], rel=1e-3), name
    for name in ("frc50", "frc1over7", "frc_half_bit", "frc_auc"):
        assert other[name] == pytest.approx(one[name], abs=1e-3), name
    assert one["ssim"] < 0.2
    # 12 rad of hill do not hide the amplitude either
    assert amplitude_numbers(twelve) == pytest.approx(amplitude_numbers(two), abs=1e-9, rel=0.01)


@pytest.mark.parametrize("radians", [4.0, 9.0, 20.0, 30.0])
def test_a_structure_of_many_rad_is_scored_by_its_own_range(radians):
    truth = np.abs(TRUTH) * np.exp(1j * radians * random_field(SHAPE, 5, cutoff=0.05))
    assert_perfect(score(truth, truth))
    worse = [phase_numbers(score(noisy(truth, level), truth)) for level in (0.1, 0.3)]
    assert worse[0]["psnr"] > worse[1]["psnr"] > 20
    assert 1 > worse[0]["ssim"] > worse[1]["ssim"]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_phase_with_residues_has_errors_and_no_structure_and_says_so(count):
    middles = [(30.5, 40.5), (70.5, 80.5), (60.5, 20.5)][:count]
    rows, columns = np.indices(SHAPE)
    vortices = np.exp(1j * sum(np.arctan2(rows - y, columns - x) for y, x in middles))
    scored = score(noisy(TRUTH, 0.1) * vortices, TRUTH * vortices)
    found = phase_numbers(scored)
    assert {name for name, number in found.items() if number is not None} == {"mae", "mse", "phase_rmse"}
    assert found["phase_rmse"] == pytest.approx(phase_numbers(score(noisy(TRUTH, 0.1), TRUTH))["phase_rmse"])
    said = f"phase: the truth's phase has {count} residue{'s' * (count > 1)}"
    assert said in notes(scored)["ssim"].split("; ")
    assert amplitude_numbers(scored)["ssim"] < 1


def test_a_truth_that_is_but_smooth_says_so_and_keeps_its_errors():
    truth = np.abs(TRUTH) * np.exp(1j * hill(5.0, 0.5, 0.5, (0.3, 0.3)))
    scored = score(noisy(truth, 0.1), truth)
    assert "phase: nothing but a smooth part in the truth" in notes(scored)["ssim"]
    assert phase_numbers(scored)["ssim"] is None
    assert phase_numbers(scored)["mae"] > 0


# an opaque part takes no score away


def opaque(truth, fraction, kind, seed):
    """Zero in a fraction of the pixels: blocks of 16 px, or any."""
    rng = np.random.default_rng(seed)
    shape = [-(-side // 16) for side in truth.shape] if kind == "blocks" else truth.shape
    dark = rng.random(shape) < fraction
    if kind == "blocks":
        dark = np.kron(dark, np.ones((16, 16), bool))[: truth.shape[0], : truth.shape[1]]
    dark[:16, :16] = False  # something is left
    return np.where(dark, 0.0, truth), dark


@pytest.mark.parametrize("kind", ["blocks", "pixels"])
@examples(15)
@given(fraction=st.floats(0.0, 0.9), seed=seeds)
def test_an_opaque_truth_scores_perfect_against_itself(kind, fraction, seed):
    truth, dark = opaque(TRUTH, fraction, kind, seed)
    scored = score(truth, truth)
    assert_perfect(scored)
    assert scored.verdicts == ()
    lit = f"phase on {int((~dark).sum())} of {truth.size} px: the truth is opaque in the others"
    assert (lit in notes(scored)["mae"]) == dark.any()


@pytest.mark.parametrize("kind", ["blocks", "pixels"])
@pytest.mark.parametrize("fraction", [0.3, 0.6, 0.9])
def test_what_an_arm_holds_in_the_dark_is_no_error_of_its_phase(kind, fraction):
    truth, dark = opaque(TRUTH, fraction, kind, 1)
    leak = 1e-4 * np.exp(1j * np.random.default_rng(2).uniform(-3, 3, SHAPE))
    scored = score(np.where(dark, leak, truth), truth)
    assert_perfect(scored, error=2e-3)
    assert phase_numbers(scored)["phase_rmse"] < 1e-9


def test_where_no_window_is_left_the_phase_has_no_structure_and_the_arm_is_scored():
    truth, _ = opaque(TRUTH, 0.3, "pixels", 1)
    truth[:16, :16][::3, ::3] = 0
    scored = score(noisy(truth, 0.05), truth)
    assert phase_numbers(scored)["ssim"] is None
    assert "phase: no 11 x 11 window without an opaque pixel" in notes(scored)["ms_ssim"]
    assert phase_numbers(scored)["psnr"] is not None
    assert amplitude_numbers(scored)["ssim"] > 0


def test_the_referees_opaque_object_is_perfect_and_near_perfect():
    assert_perfect(referee("opaque", "exact"))
    near = referee("opaque")
    assert phase_numbers(near)["phase_rmse"] < 1e-6
    assert amplitude_numbers(near)["psnr"] > 80
    assert_perfect(near, error=1e-4)


# amplitude columns know nothing of the phase


@examples(20)
@given(level=st.floats(0.0, 1.5), smooth=st.booleans(), seed=seeds)
def test_no_error_of_the_phase_changes_an_amplitude_column(level, smooth, seed):
    rng = np.random.default_rng(seed)
    error = 6 * level * random_field(SHAPE, seed) if smooth else level * rng.standard_normal(SHAPE)
    arm = noisy(TRUTH, 0.1, seed)
    plain = score(arm, TRUTH)
    other = score(arm * np.exp(1j * error), TRUTH)
    assert amplitude_numbers(other) == pytest.approx(amplitude_numbers(plain), rel=1e-9)
    total = [abs(each.gauge.scale) * each.amplitude_gain for each in (plain, other)]
    assert total[1] == pytest.approx(total[0], rel=1e-9)


@pytest.mark.parametrize("gain", [1.0, 0.02, 50.0 * np.exp(2j)])
def test_an_exact_amplitude_is_perfect_whatever_its_gain(gain):
    error = 0.8 * np.random.default_rng(1).standard_normal(SHAPE)
    scored = score(gain * TRUTH * np.exp(1j * error), TRUTH)
    assert amplitude_numbers(scored)["psnr"] > 200
    assert abs(scored.gauge.scale) * scored.amplitude_gain == pytest.approx(1 / abs(gain), rel=1e-12)


def test_the_referees_exact_amplitude_beats_his_noisy_one():
    exact = amplitude_numbers(referee("leak", "exact_amplitude_phase_rms_0_8"))
    assert exact["psnr"] > 200
    assert exact["ssim"] == pytest.approx(1, abs=1e-9)
    assert amplitude_numbers(referee("leak", "amplitude_noise_3pct"))["psnr"] == pytest.approx(26.6, abs=0.1)


# a tilt condemns nobody


@pytest.mark.parametrize("slope", [(0.01, 0.0), (0.0, -0.05), (0.3, 0.2)])
@pytest.mark.parametrize("free_ramp", [False, True])
def test_a_tilted_truth_condemns_no_arm(slope, free_ramp):
    mask = inner_mask(SHAPE)
    scored = score(TRUTH, tilted(TRUTH, *slope), free_ramp=free_ramp, mask=mask)
    assert scored.verdicts == ()
    if free_ramp:
        assert_perfect(scored)
    else:
        assert phase_numbers(scored)["phase_rmse"] > 0.1
    assert amplitude_numbers(scored)["psnr"] > 200


@pytest.mark.parametrize("free_ramp", [False, True])
def test_the_referees_tilt_is_scored(free_ramp):
    scored = referee("tilt", free_ramp=free_ramp)
    assert scored.verdicts == ()
    if free_ramp:
        assert_perfect(scored)
