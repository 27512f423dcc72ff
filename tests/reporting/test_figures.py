"""What a person sees: every arm by name, dead ones in red, one mask, shared colours."""

import dataclasses
import io
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import rc_context, rcParams
from matplotlib.figure import Figure
from PIL import Image

from ptycho_compare.reporting.figures.drawing import PlotLimits, save
from ptycho_compare.reporting.figures.frc import plot_frc
from ptycho_compare.reporting.figures.one_arm import plot_history, write_debug_images
from ptycho_compare.reporting.figures.residual import plot_residuals
from ptycho_compare.reporting.figures.side_by_side import GROUND_TRUTH, comparison_figure, plot_comparison
from scorecards import (
    SIDE,
    above,
    bars,
    card,
    edge,
    noisy,
    of_phase,
    panels,
    scored,
    staying,
    texts,
    three_scored,
    truth_image,
)


@pytest.fixture(scope="module")
def three():
    return three_scored()


@pytest.fixture(scope="module")
def figure(three):
    return comparison_figure(three, truth_image(), PlotLimits())


def row_of(figure, row, columns=4):
    """Panels of a row of a comparison with three arms and a truth, left to right."""
    axes = [axis for axis in figure.axes if axis.get_label() != "<colorbar>"]
    return axes[row * columns : (row + 1) * columns]


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


@pytest.mark.parametrize("shape", [pytest.param((200, 200), marks=pytest.mark.slow), (40, 200), (200, 40)])
def test_nothing_is_cut_off_whatever_the_shape(three, shape, tmp_path):
    rng = np.random.default_rng(0)
    image = (1 + 0.01 * rng.standard_normal(shape)) * np.exp(0.2j * rng.standard_normal(shape))
    arm = dataclasses.replace(three.arm("PtychoPINN"), image=image)
    scorecard = dataclasses.replace(three, mask=np.ones(shape, bool), arms=(arm, arm))
    plot_comparison(tmp_path / "plot.png", scorecard, 1.01 * image, PlotLimits())
    with Image.open(tmp_path / "plot.png") as picture:
        pixels = np.asarray(picture.convert("L"))
    edges = [pixels[:3], pixels[-3:], pixels[:, :3], pixels[:, -3:]]
    assert all((edge == 255).all() for edge in edges)
    ink = np.argwhere(pixels < 255)
    assert (ink.min(axis=0) < 30).all()
    assert (np.array(pixels.shape) - ink.max(axis=0) < 30).all()


@pytest.mark.parametrize("words", [1, 20])
def test_what_goes_on_beyond_a_figure_is_shown_too(tmp_path, words):
    """However far it goes, all of it is there, and a margin."""
    figure = Figure(figsize=(2, 1))
    text = figure.text(0.5, 0.5, " ".join(["word"] * words), ha="center")
    save(tmp_path / "figure.png", figure, trimmed=True)
    with Image.open(tmp_path / "figure.png") as picture:
        width = picture.width
        dark = np.flatnonzero((np.asarray(picture.convert("L")) < 255).any(axis=0))
    assert 12 <= dark[0] <= 18
    assert 12 <= width - 1 - dark[-1] <= 18
    assert width - 30 == pytest.approx(text.get_window_extent().width, abs=4)


def test_a_figure_without_anything_in_it_is_paper(tmp_path):
    save(tmp_path / "figure.png", Figure(figsize=(2, 1)), trimmed=True)
    with Image.open(tmp_path / "figure.png") as picture:
        assert set(np.unique(picture)) == {255}


DRAWN = {
    "comparison": lambda path, three: plot_comparison(path, three, truth_image(), PlotLimits()),
    "frc": lambda path, three: plot_frc(path, of_phase(three)),
    "residuals": lambda path, three: plot_residuals(
        path, {"Arm": np.ones(SIDE)}, {"Arm": 0.1}, (slice(0, 60), slice(0, 90))
    ),
    "history": lambda path, three: plot_history(path, [2.0], [3.0], kept=1, title="losses", measure="loss"),
    "debug images": lambda path, three: (
        write_debug_images(path.parent, "Arm", np.ones((9, 9), complex)),
        (path.parent / "phase.png").rename(path),
    ),
}


@pytest.mark.parametrize("name", DRAWN)
def test_a_style_of_the_user_changes_no_pixel(three, tmp_path, name):
    """Whoever verifies has another style than whoever drew; it is as it was afterwards."""
    two = dataclasses.replace(three, arms=three.arms[:1])
    DRAWN[name](tmp_path / "plain.png", two)
    style = {
        "figure.facecolor": "black",
        "savefig.facecolor": "gray",
        "axes.facecolor": "red",
        "font.size": 17.0,
        "axes.titlesize": 30.0,
        "image.origin": "lower",
        "lines.linewidth": 5.0,
        "axes.grid": True,
        "savefig.bbox": "tight",
        "savefig.dpi": 40.0,
        "xtick.labelsize": 4.0,
    }
    with rc_context(style):
        DRAWN[name](tmp_path / "styled.png", two)
        assert all(rcParams[key] == value for key, value in style.items())
    assert (tmp_path / "styled.png").read_bytes() == (tmp_path / "plain.png").read_bytes()


def test_equal_scorecards_give_equal_files(tmp_path):
    arm = staying(noisy(0.03, 1))
    first, second = card(PtychoPINN=arm), card(PtychoPINN=arm)
    plot_comparison(tmp_path / "a.png", first, truth_image(), PlotLimits())
    plot_comparison(tmp_path / "b.png", second, truth_image(), PlotLimits())
    plot_comparison(tmp_path / "c.png", second, truth_image(), PlotLimits(p_min=5.0))
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert (tmp_path / "a.png").read_bytes() != (tmp_path / "c.png").read_bytes()


def test_every_arm_and_the_truth_stand_in_their_order(figure):
    names = [text for text in texts(figure) if text in ("PtychoPINN", "Baseline", "PtyChi", GROUND_TRUTH)]
    assert names == ["PtychoPINN", "Baseline", "PtyChi", GROUND_TRUTH]


def test_the_figure_says_against_what_on_how_many_pixels_and_by_which_metrics(three, figure):
    first, second = figure.get_suptitle().splitlines()
    assert first == "Reconstructions: against the truth"
    assert f"{three.mask.sum():,} px" in second
    assert three.metric_version in second


@pytest.mark.parametrize(
    ("kind", "words", "last", "error"),
    [
        ("independent_half", "against an independent half", "Other Half", "|image - other half|"),
        ("same_data", "of the same data: agreement, not resolution", "Reference", "|image - reference|"),
    ],
)
def test_what_is_no_truth_is_not_called_one(three, kind, words, last, error):
    scorecard = dataclasses.replace(three, reference=kind)
    figure = comparison_figure(scorecard, truth_image(), PlotLimits())
    assert words in figure.get_suptitle()
    assert above(row_of(figure, 0)[3]) == [(last, "black")]
    assert edge(row_of(figure, 2)[0], "left")[2].startswith(error)
    assert GROUND_TRUTH not in texts(figure)


def test_phase_is_on_top_amplitude_below_then_the_error(figure):
    labels = [edge(row_of(figure, row)[0], "left")[2].splitlines()[0] for row in range(3)]
    assert labels == ["phase (rad)", "amplitude", "|image - truth|"]
    assert row_of(figure, 1)[0].images[0].get_cmap().name == "gray"
    assert [len(row_of(figure, row)[3].images) for row in range(3)] == [1, 1, 0]
    assert len(bars(figure)) == 3


def test_panels_show_the_arms_in_the_truths_gauge(three, figure):
    truth = truth_image()
    turned = truth * np.exp(-1j * np.angle(truth[three.mask].mean()))
    shown = row_of(figure, 0)[3].images[0].get_array()
    np.testing.assert_allclose(shown.compressed(), np.angle(turned)[three.mask], atol=1e-6)
    error = row_of(figure, 2)[0].images[0].get_array()
    expected = np.abs(three.arm("PtychoPINN").image - truth)[three.mask]
    np.testing.assert_allclose(error.compressed(), expected, atol=1e-6)
    assert np.abs(row_of(figure, 0)[0].images[0].get_array() - shown).max() < 0.5


def test_what_is_not_scored_is_neither_shown_nor_part_of_the_colours(three, figure):
    first = row_of(figure, 0)[0].images[0].get_array()
    assert first.count() == three.mask.sum()
    assert first.mask.sum() == first.size - three.mask.sum() > 0


def test_the_view_is_the_masks_box_and_a_margin(three, figure):
    rows, columns = (np.flatnonzero(three.mask.any(axis=axis)) for axis in (1, 0))
    margin = 4  # a twentieth of 89 columns
    left, right, bottom, top = row_of(figure, 0)[0].images[0].get_extent()
    assert (top, bottom) == (rows[0] - margin - 0.5, rows[-1] + margin + 0.5)
    assert (left, right) == (columns[0] - margin - 0.5, columns[-1] + margin + 0.5)


def test_a_mask_at_the_edge_has_no_margin_beyond_the_grid():
    full = staying(noisy(0.03, 1), np.ones(SIDE))
    figure = comparison_figure(card(PtychoPINN=full), truth_image(), PlotLimits())
    assert tuple(row_of(figure, 0)[0].images[0].get_extent()) == (-0.5, SIDE[1] - 0.5, SIDE[0] - 0.5, -0.5)


def test_a_row_shares_its_percentile_limits_and_dead_arms_do_not_set_them(three, figure):
    for row, part in ((0, np.angle), (1, np.abs)):
        limits = {axis.images[0].get_clim() for axis in row_of(figure, row)}
        assert len(limits) == 1
        truth = truth_image()
        turn = np.exp(-1j * np.angle(truth[three.mask].mean()))
        alive = [three.arm("PtychoPINN").image, three.arm("PtyChi").image, truth]
        pooled = np.concatenate([part(image * turn)[three.mask] for image in alive])
        assert limits.pop() == pytest.approx(tuple(np.percentile(pooled, (10, 90))), abs=1e-5)


def test_percentiles_can_be_chosen(three):
    wide = comparison_figure(three, truth_image(), PlotLimits(p_min=0, p_max=100))
    low, high = row_of(wide, 1)[3].images[0].get_clim()
    assert low <= np.abs(truth_image())[three.mask].min() + 1e-6
    assert high >= np.abs(truth_image())[three.mask].max() - 1e-6


def test_an_arm_with_phase_limits_of_its_own_has_a_colour_bar_of_its_own(three):
    figure = comparison_figure(three, truth_image(), PlotLimits(phase={"Baseline": (-1.0, 2.0)}))
    clims = [axis.images[0].get_clim() for axis in row_of(figure, 0)]
    assert clims[1] == (-1.0, 2.0)
    assert clims[0] == clims[2] == clims[3] != clims[1]
    assert len(bars(figure)) == 4
    assert row_of(figure, 1)[1].images[0].get_clim() == row_of(figure, 1)[0].images[0].get_clim()


def test_all_arms_with_limits_of_their_own():
    arm = staying(noisy(0.03, 1))
    limits = PlotLimits(phase={"PtychoPINN": (-1.0, 1.0), GROUND_TRUTH: (-1.0, 1.0)})
    figure = comparison_figure(card(PtychoPINN=arm), truth_image(), limits)
    assert len(bars(figure)) == 4


def test_without_a_truth_a_grey_panel_says_so():
    figure = comparison_figure(card(truth=False), None, PlotLimits())
    assert figure.get_suptitle().startswith("Reconstructions: no truth\n")
    assert texts(figure).count("No Ground Truth") == 2
    assert len(figure.axes) == 8 + 2
    assert row_of(figure, 1)[0].images[0].get_clim()[0] > 0.5, "the dead arm's zeros set the colours"
    figure.savefig(io.BytesIO(), dpi=30)


def test_without_a_truth_arms_of_any_gain_share_one_scale():
    arms = {"PtychoPINN": staying(noisy(0.03, 1)), "PtyChi": staying(1000j * noisy(0.03, 1))}
    figure = comparison_figure(card(truth=False, **arms), None, PlotLimits())
    for row, label in enumerate(("phase (rad)", "amplitude / rms")):
        one, other = (axis.images[0].get_array() for axis in row_of(figure, row, 3)[:2])
        np.testing.assert_allclose(one.compressed(), other.compressed(), atol=1e-5)
        assert edge(row_of(figure, row, 3)[0], "left")[2].startswith(label)
    assert np.mean(one.compressed() ** 2) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_an_arm_that_is_not_finite_is_said_to_be_so():
    values = [complex("nan"), complex("inf"), 1e30 + 0j]
    dead = {f"Dead{number}": staying(np.full(SIDE, value * value)) for number, value in enumerate(values)}
    scorecard = card(PtychoPINN=staying(noisy(0.03, 1)), **dead)
    assert [arm.arm for arm in scorecard.failed] == [*dead]
    figure = comparison_figure(scorecard, truth_image(), PlotLimits())
    said = [[text for text in texts(axis) if text == "no finite pixel"] for axis in panels(figure)]
    assert [len(each) for each in said] == [0, 1, 1, 1, 0] * 2 + [0, 1, 1, 1]
    figure.savefig(io.BytesIO(), dpi=30)


def test_an_arm_with_a_few_bad_pixels_shows_the_others():
    values = noisy(0.03, 1)
    values[40:44, 60:70] = np.nan
    other = staying(noisy(0.05, 3))
    scorecard = card(PtychoPINN=staying(values), Baseline=other)
    figure = comparison_figure(scorecard, truth_image(), PlotLimits())
    assert row_of(figure, 0)[0].images[0].get_array().count() == scorecard.mask.sum() - 40


def test_only_dead_arms_and_no_truth():
    dead = staying(np.full(SIDE, np.nan, complex))
    figure = comparison_figure(card(truth=False, Baseline=dead), None, PlotLimits())
    assert above(row_of(figure, 0, 2)[0])[1][0].startswith("FAILED: non_finite")
    assert bars(figure) == []


@pytest.mark.parametrize(
    ("number", "across", "high"),
    [
        (1, 2, 1),
        (5, 3, 2),  # the first that go on below
        *(
            pytest.param(*each, marks=pytest.mark.slow)
            for each in ((3, 4, 1), (4, 5, 1), (8, 5, 2), (10, 4, 3))
        ),
    ],
)
def test_any_number_of_arms(number, across, high):
    scorecard = scored(1)
    arms = (dataclasses.replace(scorecard.arms[0], arm=f"Arm{index}") for index in range(number))
    scorecard = dataclasses.replace(scorecard, arms=tuple(arms))
    figure = comparison_figure(scorecard, truth_image(), PlotLimits())
    names = [above(axis)[0][0] for axis in panels(figure) if above(axis)]
    assert names == [*(f"Arm{index}" for index in range(number)), GROUND_TRUTH]
    assert len(panels(figure)) == 3 * number + 2
    assert figure.axes[0].get_subplotspec().get_gridspec().get_geometry() == (3 * high, across)
    assert len(bars(figure)) == 3 * high


@pytest.fixture(scope="module")
def of_eight():
    return comparison_figure(scored(8), truth_image(), PlotLimits())


def test_arms_below_each_other_share_their_colours(of_eight):
    by_label = {}
    for axis in panels(of_eight):
        by_label.setdefault(axis.images[0].get_cmap().name, set()).add(axis.images[0].get_clim())
    assert {name: len(limits) for name, limits in by_label.items()} == {"viridis": 1, "gray": 1, "magma": 1}


@pytest.mark.parametrize("number", [1, pytest.param(3, marks=pytest.mark.slow), 8])
def test_nothing_written_overlaps_or_leaves_the_figure(number, of_eight):
    figure = of_eight if number == 8 else comparison_figure(scored(number), truth_image(), PlotLimits())
    figure.draw_without_rendering()
    drawn = [figure._suptitle, *(text for axis in panels(figure) for text in axis.texts)]
    boxes = [text.get_window_extent() for text in drawn]
    width, height = figure.bbox.size
    assert all(box.x0 >= 0 and box.x1 <= width and box.y0 >= 0 and box.y1 <= height for box in boxes)
    shrunk = [box.padded(-2) for box in boxes]  # neighbouring lines may touch
    overlaps = [(a, b) for n, a in enumerate(shrunk) for b in shrunk[:n] if a.overlaps(b)]
    assert overlaps == []


@given(
    level=st.floats(-1e6, 1e6),
    spread=st.floats(0.0, 1e-4),
    seed=st.integers(0, 99),
)
def test_rounding_about_a_level_is_not_stretched_over_all_colours(level, spread, seed):
    values = level * (1.0 + spread * np.random.default_rng(seed).uniform(-1, 1, (3, 3)))
    low, high = PlotLimits().of([values, np.full((2, 2), np.nan)])
    assert low < level < high
    assert np.ptp(values) <= 0.25 * (high - low)


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


def test_no_global_figure_is_left_behind(unmeasured):
    code = (
        "import sys, ptycho_compare.reporting.figures.one_arm as figures\n"
        "assert 'matplotlib' not in sys.modules\n"
        "import numpy, pathlib, tempfile\n"
        "figures.write_debug_images(pathlib.Path(tempfile.mkdtemp()), 'a', numpy.ones((9, 9), complex))\n"
        "print('matplotlib' in sys.modules, 'matplotlib.pyplot' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]
