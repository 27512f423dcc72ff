"""The scoreboard: who wins stands first, no line is wider than the terminal, nothing foreign steers it."""

import dataclasses
import io
import json
import os
import pty

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_compare.records.tables.metrics_csv import MetricRow, read_metrics_csv, write_metrics_csv
from ptycho_compare.records.tables.pairs_csv import (
    DifferenceRow,
    read_differences_csv,
    write_differences_csv,
)
from ptycho_compare.reporting.scoreboard import (
    Board,
    board_from,
    board_of,
    board_of_scorecard,
    rendered,
    width_of,
)
from scorecards import card, noisy, staying, three_scored, truth_image
from thorough import examples


def row(arm, metric, part, number, **more):
    ends = {f"{part}_low": number - 0.01, f"{part}_high": number + 0.02}
    empty = {"amplitude": None, "phase": None, "value": None}
    said = {**empty, part: number, "status": "ok", "mask_pixels": 21179, "reference": "truth", **ends, **more}
    return MetricRow(model=arm, metric=metric, **said)


def board(*arms):
    rows = [
        row(arm, metric, part, 0.125 * (1 + index))
        for index, arm in enumerate(arms)
        for metric, part in (("fienup", "value"), ("ssim", "phase"), ("ssim", "amplitude"))
    ]
    pairs = [
        DifferenceRow(arms[0], arm, "fienup", "value", -0.125 * index, -0.125 * index - 0.05, -0.05, True)
        for index, arm in enumerate(arms)
        if index
    ]
    return board_of(rows, pairs)


ARMS = ("PtyChi", "Baseline", "PtychoPINN")


def test_who_wins_stands_first_and_no_line_is_wider_than_80_columns():
    lines = rendered(board(*ARMS), width=80)
    assert lines[0] == "PtyChi is best"
    assert lines[1].startswith("Fienup error 0.1250 against 0.2500 of Baseline, 0.1250 lower [")
    assert max(map(len, lines)) <= 80
    table = lines[3:]
    assert table[0].split("  ")[0] == "arm"
    assert [line.split()[0] for line in table[1:]] == list(ARMS)
    assert [line.split()[-1] for line in table[1:]] == ["best", "behind", "behind"]
    assert "SSIM of phase" in table[0]
    assert "SSIM of amplitude" not in table[0]


def test_a_wide_terminal_shows_more_of_the_same():
    lines = rendered(board(*ARMS), width=120)
    assert "SSIM of amplitude (best: high)" in lines[3]
    assert 80 < max(map(len, lines)) <= 120


@examples(60)
@given(
    st.lists(st.text(st.characters(codec="ascii"), min_size=1, max_size=60), min_size=1, max_size=5),
    st.integers(40, 120),
)
def test_no_line_is_wider_whatever_arms_are_called(names, width):
    shown = Board(names, ("arm", "Fienup error (best: low)", ""), [(name, "0.5", name) for name in names])
    lines = rendered(shown, width=width)
    assert all(len(line) <= width for line in lines)
    assert all(line.isprintable() for line in lines)


def test_colour_is_for_terminals_only():
    plain, coloured = rendered(board(*ARMS)), rendered(board(*ARMS), colour=True)
    assert not any("\x1b" in line for line in plain)
    assert "\x1b[1mPtyChi is best" in coloured[0]


def test_a_failed_arm_stands_last_without_numbers():
    scorecard = three_scored()
    shown = board_of_scorecard(scorecard)
    assert shown.rows[-1][0] == "Baseline"
    assert set(shown.rows[-1][1:-1]) == {"-"}
    assert shown.rows[-1][-1] == "failed"
    assert any(line.startswith("Baseline: failed: zero: ") for line in shown.lines)
    assert "compared with the true object, on the " in shown.lines[2]


def test_arms_that_are_one_image_cannot_be_told_apart():
    image = noisy(0.05, 1)
    shown = board_of_scorecard(card(A=staying(image), B=staying(image * 2j)))
    assert shown.verdict == "A and B cannot be told apart"


def test_a_board_of_what_was_just_scored_is_that_of_its_files(tmp_path):
    """Zed is better by less than a table shows: whoever reads the files must not say otherwise."""
    image = truth_image()
    near = {"Zed": 1e-7, "Able": 3e-7}
    rng = np.random.default_rng(4)
    arms = {name: staying(image + size * rng.standard_normal(image.shape)) for name, size in near.items()}
    scored = card(**arms)
    write_metrics_csv(tmp_path / "metrics.csv", scored, groups=1, seconds={})
    write_differences_csv(tmp_path / "differences.csv", scored.differences)
    found = board_of(
        read_metrics_csv(tmp_path / "metrics.csv"), read_differences_csv(tmp_path / "differences.csv")
    )
    assert board_of_scorecard(scored) == found
    assert found.verdict == "Able and Zed cannot be told apart"


def test_without_a_truth_and_a_residual_nobody_wins():
    shown = board_of_scorecard(card(truth=False))
    assert shown.verdict == "no winner: no arm has a score that decides"
    assert any(line.startswith("no true object, and no residual") for line in shown.lines)


def test_its_facts_are_the_same_for_programs():
    facts = board(*ARMS).facts
    assert facts["answer"] == "PtyChi is best"
    assert facts["winner"] == "PtyChi"
    assert facts["Baseline.fienup.value"] == "0.25 [0.24, 0.27]"
    assert facts["Baseline.ssim.phase"] == "0.25 [0.24, 0.27]"


def test_a_board_comes_back_as_it_went_to_another_process():
    made = board(*ARMS)
    assert rendered(board_from(json.loads(json.dumps(dataclasses.asdict(made))))) == rendered(made)


@pytest.mark.parametrize(("columns", "width"), [(100, 100), (300, 120), (10, 40), (0, 80)])
def test_the_width_is_the_terminals_within_bounds(columns, width):
    import fcntl
    import struct
    import termios

    reader, writer = pty.openpty()
    fcntl.ioctl(writer, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with os.fdopen(writer, "w") as stream:
        assert width_of(stream) == width
    os.close(reader)
    assert width_of(io.StringIO()) == 80
