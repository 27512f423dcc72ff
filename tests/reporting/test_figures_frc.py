"""Ring correlations at a glance: who is whom, where each is cut off, and what it means."""

import dataclasses
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgb
from PIL import Image
from skimage.color import rgb2lab

from ptycho_compare.errors import InputError
from ptycho_compare.reporting.figures.frc import ARM_COLOURS, frc_figure, plot_frc
from ptycho_compare.scoring.metrics.ring_curve import RingCurve
from ptycho_compare.scoring.settings import ScoringSettings
from scorecards import (
    SIDE,
    card,
    edge,
    many,
    noisy,
    of_phase,
    scored,
    staying,
    texts,
    three_scored,
    twin_image,
    with_arm,
)
from thorough import examples

RED = "#b00020"
# Machado, Oliveira & Fernandes, IEEE TVCG 15, 1291-1298 (2009), severity 1, on linear RGB
COLOUR_BLIND = {
    "protanopia": ((0.1523, 1.0526, -0.2049), (0.1145, 0.7863, 0.0992), (-0.0039, -0.0481, 1.0520)),
    "deuteranopia": ((0.3673, 0.8606, -0.2280), (0.2801, 0.6725, 0.0474), (-0.0118, 0.0429, 0.9689)),
    "tritanopia": ((1.2555, -0.0767, -0.1788), (-0.0784, 0.9308, 0.1476), (0.0047, 0.6914, 0.3039)),
}


@pytest.fixture(scope="module")
def three():
    return three_scored()


@pytest.fixture(scope="module")
def figure(three):
    return frc_figure(three)


def curve(correlation):
    """A curve with 50 rings, 0.01 to 0.5 cycles/px."""
    frequency = np.arange(1, 51) / 100
    return RingCurve(frequency, np.broadcast_to(correlation, 50).astype(float), np.arange(1, 51) * 6)


def falling(cutoff):
    """A straight line through 0.5 at the cut-off."""
    return curve(np.clip(0.5 - 2.0 * (np.arange(1, 51) / 100 - cutoff), -1, 1))


def alone(three, **curves):
    """A scorecard of one arm with these curves."""
    scorecard = with_arm(three, "PtychoPINN", curves=curves)
    return dataclasses.replace(scorecard, arms=scorecard.arms[:1])


def entries(axis):
    return [text.get_text() for text in axis.get_legend().get_texts()]


def data_lines(axis):
    """The curves of a panel; thresholds, which are grey, and markers left out."""
    return [line for line in axis.lines if len(line.get_xdata()) > 2 and line.get_color() != "#606060"]


def markers(axis):
    return [line for line in axis.lines if line.get_linestyle() == "None"]


def test_the_file_is_a_png_and_equal_scorecards_give_equal_files(three, tmp_path):
    first = dataclasses.replace(three, arms=three.arms[:1])
    plot_frc(tmp_path / "whole.png", three)
    for name, scorecard in (("a", three), ("b", card()), ("c", first)):
        plot_frc(tmp_path / f"{name}.png", of_phase(scorecard))
    a, b, c = ((tmp_path / f"{name}.png").read_bytes() for name in "abc")
    assert a == b != c
    with Image.open(tmp_path / "whole.png") as picture:
        assert picture.format == "PNG"
        assert "Software" not in picture.info
        assert 2000 < picture.width < 3000


def test_a_panel_for_each_component(figure):
    titles = ["amplitude", "phase", "complex field"]
    assert [axis.get_title() for axis in figure.axes] == [*titles, *(f"{each}, transfer" for each in titles)]


def test_transfers_stand_below_the_correlations(three, figure):
    for axis, component in zip(figure.axes[3:], ("amplitude", "phase", "complex"), strict=True):
        assert edge(axis, "left")[2] == "ring transfer"
        for line, name in zip(data_lines(axis), ("PtychoPINN", "PtyChi"), strict=True):
            found = three.arm(name).curves[component]
            np.testing.assert_array_equal(line.get_ydata(), found.transfer)
            at_least = "at least " if found.transfer_cutoff().beyond_measured else ""
            said = f"{name}: {at_least}{found.transfer_cutoff().frequency:.3f} cycles/px"
            assert any(each.startswith(said) for each in entries(axis))


def test_a_transfer_that_noise_ends_is_at_least_that_and_has_no_marker(three):
    transfer = np.where(np.arange(50) < 20, 1.0, np.nan)
    falling_one = dataclasses.replace(falling(0.2), transfer=1.0 - 2.5 * np.arange(1, 51) / 100)
    bound = dataclasses.replace(falling(0.2), transfer=transfer)
    figure = frc_figure(alone(three, phase=falling_one, complex=bound))
    fall, end = figure.axes[2:]
    assert entries(fall) == ["PtychoPINN: 0.200 cycles/px = 5.0 px"]
    assert markers(fall)[0].get_xydata()[0] == pytest.approx((0.2, 0.5))
    assert entries(end) == ["PtychoPINN: at least 0.200 cycles/px = 5.0 px"]
    assert markers(end) == []


def test_a_curve_below_the_first_ring_says_so(three):
    (axis,) = frc_figure(alone(three, phase=curve(0.1))).axes
    assert entries(axis) == ["PtychoPINN: at most 0.010 cycles/px = 100.0 px"]
    assert markers(axis) == []


def test_a_component_without_curves_has_no_panel(three):
    figure = frc_figure(alone(three, phase=falling(0.2)))
    assert [axis.get_title() for axis in figure.axes] == ["phase"]


def test_the_curves_are_those_of_the_arms(three, figure):
    for axis, component in zip(figure.axes[:3], ("amplitude", "phase", "complex"), strict=True):
        for line, name in zip(data_lines(axis), ("PtychoPINN", "PtyChi"), strict=True):
            found = three.arm(name).curves[component]
            np.testing.assert_array_equal(line.get_xdata(), found.frequency)
            np.testing.assert_array_equal(line.get_ydata(), found.correlation)


def test_an_arm_keeps_its_colour_also_when_another_one_is_dead(figure):
    for axis in figure.axes:
        assert [line.get_color() for line in data_lines(axis)] == [ARM_COLOURS[0], ARM_COLOURS[2]]


def test_a_dead_arm_is_in_the_legend_in_red(figure):
    for axis in figure.axes:
        (text,) = (text for text in axis.get_legend().get_texts() if "Baseline" in text.get_text())
        assert text.get_text() == "Baseline: FAILED, no curve"
        assert text.get_color() == RED
        assert [line.get_visible() for line in axis.get_legend().get_lines()] == [True, False, True]


def test_the_legend_tells_the_cut_off_and_a_marker_shows_it(three):
    (axis,) = frc_figure(alone(three, phase=falling(0.205))).axes
    assert entries(axis) == ["PtychoPINN: 0.205 cycles/px = 4.9 px"]
    (marker,) = markers(axis)
    assert marker.get_xydata()[0] == pytest.approx((0.205, 0.5))
    assert axis.get_legend().get_title().get_text() == "cut-off at 0.5"


@given(cutoff=st.floats(0.05, 0.45), pixel_nm=st.floats(0.01, 1e4))
@examples(10)
def test_frequency_period_and_length_agree(three, cutoff, pixel_nm):
    (axis,) = frc_figure(alone(three, phase=falling(cutoff)), pixel_nm=pixel_nm).axes
    (text,) = entries(axis)
    frequency, period, length = (
        float(part.split()[0]) for part in text.removeprefix("PtychoPINN: ").split(" = ")
    )
    assert frequency == pytest.approx(cutoff, abs=6e-4)
    assert period == pytest.approx(1 / cutoff, abs=0.051)
    assert length == pytest.approx(pixel_nm / cutoff, rel=6e-3)
    assert text.endswith(" nm")


def test_a_curve_that_never_falls_is_beyond_nyquist(three):
    (axis,) = frc_figure(alone(three, phase=curve(0.9))).axes
    assert entries(axis) == ["PtychoPINN: beyond Nyquist"]
    assert markers(axis) == []


def test_thresholds_and_nyquist_are_drawn_and_labelled(three, figure):
    for axis, component in zip(figure.axes[:3], ("amplitude", "phase", "complex"), strict=True):
        assert {"0.5", "1/7", "half-bit", "Nyquist"} <= set(texts(axis))
        grey = [line for line in axis.lines if line.get_color() == "#606060"]
        half_bit = three.arm("PtychoPINN").curves[component].threshold("half_bit")
        np.testing.assert_array_equal(grey[0].get_ydata(), half_bit)
        assert [grey[1].get_ydata()[0], grey[2].get_ydata()[0]] == [0.5, 1 / 7]
        assert list(grey[3].get_xdata()) == [0.5, 0.5]


def test_half_data_are_dashed_and_cut_off_at_a_seventh(three):
    (axis,) = frc_figure(alone(three, phase=falling(0.2), half_phase=falling(0.25))).axes
    whole, half = data_lines(axis)
    assert whole.get_color() == half.get_color() == ARM_COLOURS[0]
    assert not whole.is_dashed()
    assert half.is_dashed()
    crossing = 0.25 + (0.5 - 1 / 7) / 2
    assert markers(axis)[1].get_xydata()[0] == pytest.approx((crossing, 1 / 7))
    assert entries(axis)[1] == f"PtychoPINN, half data: {crossing:.3f} cycles/px = {1 / crossing:.1f} px"
    assert "between half data at 1/7" in axis.get_legend().get_title().get_text()


def test_half_data_alone_are_enough_for_a_panel(three):
    figure = frc_figure(alone(three, half_complex=falling(0.25)))
    assert [axis.get_title() for axis in figure.axes] == ["complex field"]
    assert len(entries(figure.axes[0])) == 1


def test_an_arm_that_lacks_a_component_says_so(three):
    scorecard = with_arm(three, "PtyChi", curves={"phase": falling(0.2)})
    amplitude, phase, *_ = frc_figure(scorecard).axes
    assert entries(amplitude)[-1] == "PtyChi: no curve"
    assert entries(phase)[-1].startswith("PtyChi: 0.200")


def test_without_a_truth_every_two_arms_agree_or_do_not():
    scorecard = card(truth=False, **many(3), Dead=staying(np.zeros(SIDE, complex)))
    figure = frc_figure(scorecard)
    assert "agreement between arms" in figure.get_suptitle()
    for axis in figure.axes[:3]:
        found = [(line.get_color(), line.get_gapcolor()) for line in data_lines(axis)]
        assert found == list(combinations(ARM_COLOURS[:3], 2))
        names = [text.split(":")[0] for text in entries(axis)]
        assert names == ["Dead", "Arm0 and Arm1", "Arm0 and Arm2", "Arm1 and Arm2"]
        pair = scorecard.agreements[0].curves[axis.get_title().removesuffix(" field")]
        np.testing.assert_array_equal(data_lines(axis)[0].get_ydata(), pair.correlation)


def test_one_arm_without_a_truth_agrees_with_nobody():
    figure = frc_figure(card(truth=False, **many(1)))
    assert "no truth" in figure.get_suptitle()
    (axis,) = figure.axes
    assert "no ring correlation" in texts(axis)
    assert entries(axis) == ["Arm0: no curve"]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("truth", "against the truth"),
        ("independent_half", "against an independent half"),
        ("same_data", "agreement, not resolution"),
    ],
)
def test_the_title_says_against_what_on_how_many_pixels_and_by_which_metrics(three, kind, words):
    first, second = frc_figure(dataclasses.replace(three, reference=kind)).get_suptitle().splitlines()
    assert words in first
    assert f"{three.mask.sum():,} px" in second
    assert three.metric_version in second


def test_a_twin_is_called_so_in_red():
    full = np.ones(SIDE)
    scorecard = card(PtychoPINN=staying(noisy(0.03, 1), full), PtyChi=staying(twin_image(), full))
    for axis in frc_figure(scorecard).axes:
        first, second = axis.get_legend().get_texts()
        assert second.get_text().startswith("PtyChi (TWIN): ")
        assert (first.get_color(), second.get_color()) == ("black", RED)


@pytest.mark.parametrize("number", [1, 8])
def test_any_number_of_arms_fits_into_the_figure(number):
    figure = frc_figure(scored(number), pixel_nm=7.3)
    figure.draw_without_rendering()
    for axis in figure.axes:
        assert len(data_lines(axis)) == len(entries(axis)) == number
        assert len({line.get_marker() for line in axis.get_legend().get_lines()}) == number
        box = axis.get_legend().get_window_extent()
        assert box.y0 >= 0
        assert axis.get_window_extent().height > 3.0 * figure.dpi


def test_the_axis_above_is_the_period_in_px(figure):
    for axis in figure.axes:
        places, labels, name = edge(axis, "top")
        assert name == "period (px)"
        assert {"2", "3", "4", "5"} <= set(labels)
        for place, label in zip(places, labels, strict=True):
            assert 1 / place == pytest.approx(float(label))


@given(pixel_nm=st.floats(1e-3, 1e6))
@examples(15)
def test_the_axis_above_is_the_period_in_nm(three, pixel_nm):
    (axis,) = frc_figure(alone(three, phase=falling(0.2)), pixel_nm=pixel_nm).axes
    places, labels, name = edge(axis, "top")
    assert name == "period (nm)"
    np.testing.assert_allclose(pixel_nm / places, [float(label) for label in labels], rtol=1e-9)
    assert len(places) >= 4
    assert np.diff(sorted(places)).min() > 0.04, "labels run into each other"
    assert axis.get_xlim()[0] < places.min() < places.max() <= axis.get_xlim()[1]


@pytest.mark.parametrize("pixel_nm", [0.0, -1.0, float("nan"), float("inf")])
def test_a_pixel_without_a_size_is_refused(three, pixel_nm):
    with pytest.raises(InputError, match=f"pixel_nm is {pixel_nm}: .* leave it out if not known"):
        frc_figure(three, pixel_nm=pixel_nm)


def test_a_curve_into_the_corner_of_fourier_space_is_shown_whole():
    scorecard = card(settings=ScoringSettings(metrics="ptychopinn"), **many(2))
    figure = frc_figure(scorecard)
    assert [axis.get_title() for axis in figure.axes] == ["amplitude", "phase"]
    for axis in figure.axes:
        assert axis.get_xlim()[1] > data_lines(axis)[0].get_xdata()[-1] > 0.6


@pytest.mark.filterwarnings("error")
def test_rings_without_signal_are_gaps(three):
    gappy = falling(0.2)
    gappy.correlation[10:] = np.nan
    silent = curve(np.nan)
    figure = frc_figure(alone(three, phase=gappy, complex=silent))
    figure.draw_without_rendering()
    assert np.isnan(data_lines(figure.axes[0])[0].get_ydata()[10:]).all()
    assert entries(figure.axes[1]) == ["PtychoPINN: beyond Nyquist"]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", ["$x^2$ {", "_hidden"])
def test_a_name_is_text_and_no_formula(three, name):
    scorecard = alone(three, phase=falling(0.2))
    arm = dataclasses.replace(scorecard.arms[0], arm=name)
    figure = frc_figure(dataclasses.replace(scorecard, arms=(arm,)))
    figure.draw_without_rendering()
    assert entries(figure.axes[0]) == [f"{name}: 0.200 cycles/px = 5.0 px"]


@pytest.mark.parametrize("matrix", [np.eye(3), *COLOUR_BLIND.values()], ids=["normal", *COLOUR_BLIND])
def test_everyone_can_tell_the_colours_apart(matrix):
    encoded = np.array([to_rgb(colour) for colour in ARM_COLOURS])
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ np.array(matrix).T, 0, 1)
    seen = np.where(seen <= 0.0031308, 12.92 * seen, 1.055 * seen ** (1 / 2.4) - 0.055)
    lab = [*rgb2lab(seen[np.newaxis])[0], np.array([100.0, 0.0, 0.0])]  # and from the white behind them
    assert min(np.linalg.norm(a - b) for a, b in combinations(lab, 2)) > 15
