"""What a person sees: every arm by name, dead ones in red, one mask, shared colours."""

import dataclasses
import io
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.text import Text
from PIL import Image

from ptycho_compare.reporting.figures import (
    GROUND_TRUTH,
    PlotLimits,
    comparison_figure,
    plot_comparison,
    write_debug_images,
)
from ptycho_compare.scoring import ArmImage, Scorecard

from .cards import SIDE, card, coverage, noisy, truth_image


@pytest.fixture(scope="module")
def three():
    return card()


@pytest.fixture(scope="module")
def figure(three):
    return comparison_figure(three, truth_image(), PlotLimits())


def texts(figure):
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def panels(figure, row):
    """Axes of a row that show an image, left to right; colour bars left out."""
    axes = [axis for axis in figure.axes if axis.get_label() != "<colorbar>"]
    columns = axes[0].get_subplotspec().get_gridspec().ncols
    return axes[row * columns : (row + 1) * columns]


def bars(figure):
    return [axis for axis in figure.axes if axis.get_label() == "<colorbar>"]


def test_the_file_is_a_png_of_plausible_size(three, tmp_path):
    path = tmp_path / "comparison_plot.png"
    plot_comparison(path, three, truth_image(), PlotLimits())
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        assert picture.info["dpi"] == pytest.approx((150, 150), abs=0.1)
        assert 1500 < picture.width < 3000
        assert 800 < picture.height < 2000
        colours = picture.convert("RGB").getcolors(maxcolors=10_000_000)
    assert len(colours) > 500
    assert [entry.name for entry in tmp_path.iterdir()] == ["comparison_plot.png"]


def test_equal_scorecards_give_equal_files(tmp_path):
    arm = ArmImage(noisy(0.03, 1), coverage(), movable=False)
    for name in ("a.png", "b.png"):
        plot_comparison(tmp_path / name, card(PtychoPINN=arm), truth_image(), PlotLimits())
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_every_arm_and_the_truth_stand_in_their_order(figure):
    names = [text for text in texts(figure) if text in ("PtychoPINN", "Baseline", "PtyChi", GROUND_TRUTH)]
    assert names == ["PtychoPINN", "Baseline", "PtyChi", GROUND_TRUTH]


def test_titles_carry_the_error_and_the_shift(three, figure):
    first, _, third, last = (axis.get_title() for axis in panels(figure, 0))
    (error,) = (row.value for row in three.arm("PtychoPINN").metrics if row.name == "fienup")
    assert first.splitlines()[0] == f"fienup error {error:.4f}"
    assert first.endswith("px, measured")
    assert "shift (-0.99, +1.98) px, applied" in third
    assert last.strip() == ""


def test_a_dead_arm_is_named_in_red_with_its_reason(figure):
    title = panels(figure, 0)[1].title
    assert title.get_text().replace("\n", " ") == "FAILED: zero: |object| = 0 in 5720 of 5720 mask pixels"
    assert to_hex(title.get_color()) == "#b00020"
    assert to_hex(panels(figure, 0)[0].title.get_color()) == "#000000"
    assert texts(figure).count("not scored") == 1


def test_the_figure_says_how_many_pixels_and_which_metrics(three, figure):
    assert f"{three.mask.sum():,} px" in figure.get_suptitle()
    assert three.metric_version in figure.get_suptitle()


def test_phase_is_on_top_amplitude_below_then_the_error(figure):
    labels = [panels(figure, row)[0].get_ylabel().splitlines()[0] for row in range(3)]
    assert labels == ["phase (rad)", "amplitude", "|image - truth|"]
    assert panels(figure, 1)[0].images[0].get_cmap().name == "gray"
    assert [len(panels(figure, row)[3].images) for row in range(3)] == [1, 1, 0]
    assert len(bars(figure)) == 3


def test_panels_show_the_arms_in_the_truths_gauge(three, figure):
    truth = truth_image()
    turned = truth * np.exp(-1j * np.angle(truth[three.mask].mean()))
    shown = panels(figure, 0)[3].images[0].get_array()
    np.testing.assert_allclose(shown.compressed(), np.angle(turned)[three.mask], atol=1e-6)
    error = panels(figure, 2)[0].images[0].get_array()
    expected = np.abs(three.arm("PtychoPINN").image - truth)[three.mask]
    np.testing.assert_allclose(error.compressed(), expected, atol=1e-6)
    assert np.abs(panels(figure, 0)[0].images[0].get_array() - shown).max() < 0.5


def test_what_is_not_scored_is_neither_shown_nor_part_of_the_colours(three, figure):
    first = panels(figure, 0)[0].images[0].get_array()
    assert first.count() == three.mask.sum()
    assert first.mask.sum() == first.size - three.mask.sum() > 0


def test_the_view_is_the_masks_box_and_a_margin(three, figure):
    rows, columns = (np.flatnonzero(three.mask.any(axis=axis)) for axis in (1, 0))
    margin = 4  # a twentieth of 89 columns
    left, right, bottom, top = panels(figure, 0)[0].images[0].get_extent()
    assert (top, bottom) == (rows[0] - margin - 0.5, rows[-1] + margin + 0.5)
    assert (left, right) == (columns[0] - margin - 0.5, columns[-1] + margin + 0.5)


def test_a_mask_at_the_edge_has_no_margin_beyond_the_grid():
    full = ArmImage(noisy(0.03, 1), np.ones(SIDE), movable=False)
    figure = comparison_figure(card(PtychoPINN=full), truth_image(), PlotLimits())
    assert tuple(panels(figure, 0)[0].images[0].get_extent()) == (-0.5, SIDE[1] - 0.5, SIDE[0] - 0.5, -0.5)


def test_a_row_shares_its_percentile_limits_and_dead_arms_do_not_set_them(three, figure):
    for row, part in ((0, np.angle), (1, np.abs)):
        limits = {axis.images[0].get_clim() for axis in panels(figure, row)}
        assert len(limits) == 1
        truth = truth_image()
        turn = np.exp(-1j * np.angle(truth[three.mask].mean()))
        alive = [three.arm("PtychoPINN").image, three.arm("PtyChi").image, truth]
        pooled = np.concatenate([part(image * turn)[three.mask] for image in alive])
        assert limits.pop() == pytest.approx(tuple(np.percentile(pooled, (10, 90))), abs=1e-5)


def test_percentiles_can_be_chosen(three):
    wide = comparison_figure(three, truth_image(), PlotLimits(p_min=0, p_max=100))
    low, high = panels(wide, 1)[3].images[0].get_clim()
    assert low <= np.abs(truth_image())[three.mask].min() + 1e-6
    assert high >= np.abs(truth_image())[three.mask].max() - 1e-6


def test_an_arm_with_phase_limits_of_its_own_has_a_colour_bar_of_its_own(three):
    figure = comparison_figure(three, truth_image(), PlotLimits(phase={"Baseline": (-1.0, 2.0)}))
    clims = [axis.images[0].get_clim() for axis in panels(figure, 0)]
    assert clims[1] == (-1.0, 2.0)
    assert clims[0] == clims[2] == clims[3] != clims[1]
    assert len(bars(figure)) == 4
    assert panels(figure, 1)[1].images[0].get_clim() == panels(figure, 1)[0].images[0].get_clim()


def test_all_arms_with_limits_of_their_own():
    arm = ArmImage(noisy(0.03, 1), coverage(), movable=False)
    limits = PlotLimits(phase={"PtychoPINN": (-1.0, 1.0), GROUND_TRUTH: (-1.0, 1.0)})
    figure = comparison_figure(card(PtychoPINN=arm), truth_image(), limits)
    assert len(bars(figure)) == 4


def test_without_a_truth_a_grey_panel_says_so():
    scorecard = card(truth=False)
    figure = comparison_figure(scorecard, None, PlotLimits())
    assert texts(figure).count("No Ground Truth") == 2
    assert len(panels(figure, 0)) == 4
    assert len(figure.axes) == 8 + 2
    assert "not scored: no true object" in panels(figure, 0)[0].get_title()
    assert panels(figure, 1)[0].images[0].get_clim()[0] > 0.5, "the dead arm's zeros set the colours"
    figure.savefig(io.BytesIO(), dpi=30)


@pytest.mark.parametrize("value", [complex("nan"), complex("inf"), 1e30 + 0j])
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_an_arm_that_is_not_finite_is_said_to_be_so(value):
    arms = {
        "PtychoPINN": ArmImage(noisy(0.03, 1), coverage(), movable=False),
        "Baseline": ArmImage(np.full(SIDE, value * value), coverage(), movable=False),
    }
    scorecard = card(**arms)
    assert scorecard.arm("Baseline").status == "failed"
    figure = comparison_figure(scorecard, truth_image(), PlotLimits())
    assert texts(figure).count("no finite pixel") == 3
    figure.savefig(io.BytesIO(), dpi=30)


def test_an_arm_with_a_few_bad_pixels_shows_the_others():
    values = noisy(0.03, 1)
    values[40:44, 60:70] = np.nan
    other = ArmImage(noisy(0.05, 3), coverage(), movable=False)
    scorecard = card(PtychoPINN=ArmImage(values, coverage(), movable=False), Baseline=other)
    figure = comparison_figure(scorecard, truth_image(), PlotLimits())
    assert panels(figure, 0)[0].images[0].get_array().count() == scorecard.mask.sum() - 40


def test_only_dead_arms_and_no_truth():
    dead = ArmImage(np.full(SIDE, np.nan, complex), coverage(), movable=False)
    figure = comparison_figure(card(truth=False, Baseline=dead), None, PlotLimits())
    assert "FAILED: non_finite" in panels(figure, 0)[0].get_title()
    assert bars(figure) == []


@pytest.mark.parametrize("number", [1, 6])
def test_any_number_of_arms(number):
    arms = {f"Arm{index}": ArmImage(noisy(0.02, index), coverage(), movable=False) for index in range(number)}
    figure = comparison_figure(card(**arms), truth_image(), PlotLimits())
    assert len(panels(figure, 2)) == number + 1
    assert figure.get_figwidth() == pytest.approx(3.3 * (number + 1) + 1.2)
    assert {f"Arm{index}" for index in range(number)} <= set(texts(figure))


def test_a_long_reason_is_cut_and_does_not_push_the_panels_away(three):
    arm = dataclasses.replace(three.arm("Baseline"), reason="x" * 500 + " words" * 200)
    scorecard = Scorecard(three.mask, (arm,), "v", None, None)
    title = panels(comparison_figure(scorecard, truth_image(), PlotLimits()), 0)[0].get_title()
    assert len(title.splitlines()) == 3
    assert title.endswith("...")


def test_a_shift_that_was_not_found_is_said_so(three):
    lost = dataclasses.replace(three.arm("PtyChi").shift, registered=False)
    arm = dataclasses.replace(three.arm("PtyChi"), shift=lost, moved=False)
    figure = comparison_figure(Scorecard(three.mask, (arm,), "v", None, None), truth_image(), PlotLimits())
    assert panels(figure, 0)[0].get_title().splitlines()[-1] == "shift not registered"


@pytest.mark.parametrize("level", [0.0, 2.5, -3.0])
def test_limits_of_a_constant_are_still_a_range(level):
    low, high = PlotLimits().of([np.full((3, 3), level), np.full((2, 2), np.nan)])
    assert low < level < high


def test_limits_of_nothing():
    assert PlotLimits().of([]) == (0.0, 1.0)


def test_debug_images_are_two_pngs_in_a_folder_that_is_made(tmp_path):
    image = noisy(0.1, 1)
    image[:10] = np.nan
    write_debug_images(tmp_path / "new" / "debug_images_Baseline", "Baseline", image)
    folder = tmp_path / "new" / "debug_images_Baseline"
    assert sorted(entry.name for entry in folder.iterdir()) == ["amplitude.png", "phase.png"]
    pictures = {}
    for name in ("amplitude", "phase"):
        with Image.open(folder / f"{name}.png") as picture:
            assert picture.size == (960, 780)
            pictures[name] = np.asarray(picture.convert("RGB")).astype(int)
    assert np.ptp(pictures["phase"], axis=2).max() > 100  # coloured
    assert (pictures["amplitude"] != pictures["phase"]).any()


@pytest.mark.parametrize("value", [0, np.nan, np.inf])
def test_debug_images_of_a_dead_canvas(tmp_path, value):
    write_debug_images(tmp_path, "Baseline", np.full((20, 30), value, complex))
    assert (tmp_path / "amplitude.png").stat().st_size > 1000


def test_no_global_figure_is_left_behind(three):
    code = (
        "import sys, ptycho_compare.reporting.figures as figures\n"
        "assert 'matplotlib' not in sys.modules\n"
        "import numpy, pathlib, tempfile\n"
        "figures.write_debug_images(pathlib.Path(tempfile.mkdtemp()), 'a', numpy.ones((9, 9), complex))\n"
        "print('matplotlib' in sys.modules, 'matplotlib.pyplot' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]
