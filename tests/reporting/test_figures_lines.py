"""What stands above an arm: what was measured, what the gauge took out, what went wrong."""

import dataclasses

import numpy as np
import pytest

from ptycho_compare.reporting.figures.drawing import PlotLimits
from ptycho_compare.reporting.figures.side_by_side import comparison_figure
from ptycho_compare.scoring.alignment.gauge import Gauge
from ptycho_compare.scoring.alignment.ramp import apply_ramp
from ptycho_compare.scoring.metrics.estimate import Interval
from ptycho_compare.scoring.metrics.metric import Metric
from ptycho_compare.scoring.scorecard import Scorecard
from ptycho_compare.scoring.settings import ScoringSettings
from scorecards import (
    SIDE,
    above,
    card,
    noisy,
    panels,
    staying,
    three_scored,
    truth_image,
    twin_image,
    with_arm,
)

RED = "#b00020"


@pytest.fixture(scope="module")
def three():
    return three_scored()


def column(scorecard, name, truth=True):
    """(text, colour) of every line above an arm, drawn alone, its name first."""
    alone = dataclasses.replace(scorecard, arms=(scorecard.arm(name),))
    figure = comparison_figure(alone, truth_image() if truth else None, PlotLimits())
    return above(panels(figure)[0])


def lines(scorecard, name, truth=True):
    return [text for text, _ in column(scorecard, name, truth)[1:]]


def test_a_good_arm_in_four_lines(three):
    arm = three.arm("PtychoPINN")
    (row,) = (row for row in arm.metrics if row.name == "fienup")
    ends = row.intervals["value"]
    assert lines(three, "PtychoPINN") == [
        f"Fienup error {row.value:.4f} [{ends.low:.4f}, {ends.high:.4f}]",
        f"gain {abs(arm.gauge.scale):.3f}, phase {np.angle(arm.gauge.scale):+.3f} rad",
        f"shift ({arm.shift.dy:+.2f}, {arm.shift.dx:+.2f}) px, measured",
        f"ramp ({arm.shift.ramp[0]:+.4f}, {arm.shift.ramp[1]:+.4f}) rad/px, measured",
    ]
    assert {colour for _, colour in column(three, "PtychoPINN")} == {"black"}


def test_an_arm_that_was_moved(three):
    assert "shift (-0.99, +1.98) px, applied" in lines(three, "PtyChi")


def test_a_ramp_that_was_removed():
    tilted = staying(apply_ramp(noisy(0.03, 1), (0.01, -0.02)))
    scorecard = card(settings=ScoringSettings(free_ramp=True), PtychoPINN=tilted)
    assert lines(scorecard, "PtychoPINN")[-1] == "ramp (-0.0100, +0.0200) rad/px, removed"


def test_a_number_that_rounds_to_zero_has_no_minus(three):
    shift = dataclasses.replace(three.arm("PtyChi").shift, dy=-0.001, dx=0.0, ramp=(-1e-9, 1e-9))
    changed = with_arm(three, "PtyChi", shift=shift, gauge=Gauge(1 - 1e-9j, 0.9, 0.9))
    assert lines(changed, "PtyChi")[1:] == [
        "gain 1.00, phase +0.000 rad",
        "shift (+0.00, +0.00) px, applied",
        "ramp (+0.0000, +0.0000) rad/px, measured",
    ]


@pytest.mark.parametrize(
    ("scale", "text"),
    [(123.4, "gain 123,"), (5e-4, "gain 0.000500,"), (1e6, "gain 1.00e+06,"), (1, "gain 1.00,")],
)
def test_a_gain_of_any_size_is_readable(three, scale, text):
    assert lines(with_arm(three, "PtyChi", gauge=Gauge(scale, 0.9, 0.9)), "PtyChi")[1].startswith(text)


def test_a_dead_arm_is_named_in_red_with_its_reason(three):
    found = column(three, "Baseline")
    assert " ".join(text for text, _ in found[1:]) == "FAILED: zero: |object| = 0 in 5720 of 5720 mask pixels"
    assert {colour for _, colour in found} == {RED}


def test_a_long_reason_is_cut(three):
    found = lines(with_arm(three, "Baseline", reason="x" * 500 + " words" * 200), "Baseline")
    assert len(found) == 3
    assert found[-1].endswith("...")
    assert max(map(len, found)) <= 42


def test_a_shift_that_was_not_found_is_said_so(three):
    lost = dataclasses.replace(three.arm("PtyChi").shift, registered=False)
    found = lines(with_arm(three, "PtyChi", shift=lost, moved=False), "PtyChi")
    assert found[-1] == "shift not registered"
    assert not any(text.startswith("ramp") for text in found)


def test_nothing_measured_is_nothing_written(three):
    bare = with_arm(three, "PtyChi", shift=None, gauge=None, metrics=(), moved=False)
    assert lines(bare, "PtyChi") == []


def test_a_twin_is_called_so_in_red_and_keeps_its_scores():
    full = np.ones(SIDE)
    scorecard = card(PtychoPINN=staying(noisy(0.03, 1), full), PtyChi=staying(twin_image(), full))
    found = dict(column(scorecard, "PtyChi"))
    assert found["TWIN: overlap 1.00, itself 0.00"] == RED
    assert found["PtyChi"] == RED
    assert [colour for text, colour in found.items() if text.startswith("Fienup error 0.6")] == ["black"]
    assert not any("TWIN" in text for text in lines(scorecard, "PtychoPINN"))


def test_without_a_truth_the_r_factor_stands_first():
    interval = {"value": Interval(0.12, 0.13)}
    metric = Metric("r_factor", None, None, 0.1234, "", "", interval)
    scorecard = with_arm(card(truth=False), "PtyChi", metrics=(metric,))
    assert lines(scorecard, "PtyChi", truth=False)[0] == "R-factor 0.123 [0.120, 0.130]"
    assert lines(scorecard, "PtychoPINN", truth=False) == []


def test_with_a_truth_the_r_factor_is_left_to_the_table(three):
    metric = Metric("r_factor", None, None, 0.1234, "", "")
    assert not any(
        "R-factor" in text for text in lines(with_arm(three, "PtyChi", metrics=(metric,)), "PtyChi")
    )


@pytest.mark.parametrize(("value", "text"), [(None, "Fienup error not known"), (1.0, "Fienup error 1.00")])
def test_an_error_without_an_interval(three, value, text):
    metric = Metric("fienup", None, None, value, "", "")
    assert lines(with_arm(three, "PtyChi", metrics=(metric,)), "PtyChi")[0] == text


def test_an_arm_that_was_not_scored_is_no_alarm(three):
    found = column(with_arm(three, "Baseline", status="unscored", reason="no true object"), "Baseline")
    assert found == [("Baseline", "black"), ("not scored: no true object", "black")]


def test_a_name_is_text_and_no_formula(three):
    (arm,) = (arm for arm in three.arms if arm.arm == "PtyChi")
    for name in ("$x^2$ {", "A very long name of an arm that never ends", "_hidden"):
        scorecard = Scorecard(three.mask, (dataclasses.replace(arm, arm=name),), "v", "truth")
        figure = comparison_figure(scorecard, truth_image(), PlotLimits())
        figure.draw_without_rendering()
        axis = panels(figure)[0]
        (text,) = (text for text in axis.texts if text.get_text() == name)
        assert text.get_window_extent().width < 1.15 * axis.get_window_extent().width
