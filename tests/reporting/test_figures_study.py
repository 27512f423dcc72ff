"""Curves of a study as a figure: a panel per score and line, what is in it, and files that stay the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.lines import Line2D
from PIL import Image

from ptycho_compare.reporting.figures.study_curves import plot_responses, response_figure
from records.test_study_lines import compared
from reporting.study.test_study_text import falling, study_of
from scorecards import texts


def test_a_row_per_line_and_a_column_per_score() -> None:
    figure = response_figure(falling(views=("dense", "sparse")))
    assert figure is not None
    panels = [axis for axis in figure.axes if axis.axison]
    assert len(panels) == 4  # six lines, of which four are drawn
    assert [axis.get_title(loc="left") for axis in panels[:2]] == ["dense, test", "sparse, test"]
    assert {axis.get_xscale() for axis in panels} == {"log", "linear"}
    assert any("2 more in study_curves.csv" in text for text in texts(figure))


def test_lines_go_through_the_means_and_bars_are_their_intervals() -> None:
    answers = falling(seeds=(1, 2, 3))
    figure = response_figure(answers)
    assert figure is not None
    panel = figure.axes[0]
    drawn = next(line for line in panel.lines if line.get_linestyle() == "-" and len(line.get_xdata()) == 4)
    held = [{each.arm: each for each in cell.scores()}["A"] for cell in answers.conditions]
    assert np.asarray(drawn.get_ydata()) == pytest.approx([each.over_trials.mean for each in held])
    ends = [tuple(each.over_trials.interval or ()) for each in held]
    # bars are one line with gaps: its two ends at each place, then nothing
    bars = [
        np.reshape(np.asarray(line.get_ydata(), float), (-1, 3)) for line in panel.lines if is_gapped(line)
    ]
    assert any(np.allclose(bar[:, :2], ends) for bar in bars if len(bar) == len(ends))


def is_gapped(line: Line2D) -> bool:
    """Whether every third point is nowhere, and no other."""
    y = np.asarray(line.get_ydata(), float)
    return not len(y) % 3 and list(np.flatnonzero(np.isnan(y))) == list(range(2, len(y), 3))


def test_names_with_dollar_signs_are_written_as_they_are(tmp_path: Path) -> None:
    found = [compared({"A": 0.1, "B": 0.2}, dose=dose) for dose in (100, 1000)]
    written = plot_responses(tmp_path / "a.png", tmp_path / "a.pdf", study_of(found, name="$x$ & <b>"))
    assert written == [tmp_path / "a.png", tmp_path / "a.pdf"]
    figure = response_figure(study_of(found, name="$x^$"))
    assert figure is not None
    figure.canvas.draw()


def test_equal_studies_give_equal_files_without_a_margin(tmp_path: Path) -> None:
    for name in "ab":
        plot_responses(tmp_path / f"{name}.png", tmp_path / f"{name}.pdf", falling())
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert (tmp_path / "a.pdf").read_bytes() == (tmp_path / "b.pdf").read_bytes()
    with Image.open(tmp_path / "a.png") as picture:
        assert max(picture.size) < 1200  # inch for inch what was asked for: nothing lies far outside


def test_a_study_of_one_dose_has_no_curve(tmp_path: Path) -> None:
    answers = study_of([compared({"A": 0.1, "B": 0.2})])
    assert plot_responses(tmp_path / "a.png", tmp_path / "a.pdf", answers) == []
    assert not list(tmp_path.iterdir())
