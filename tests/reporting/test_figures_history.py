"""The figure of a training: what it shows can be read off it again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ptycho_compare.reporting.figures.one_arm import history_figure, plot_history

LOSSES, VAL_LOSSES = (0.5, 0.3, 0.2), (0.6, 0.25, 0.4)
WORDS = {"title": "dense (gs2), dose 1000", "measure": "Poisson misfit per photon"}


def test_both_losses_stand_over_their_epochs_and_the_kept_one_is_marked() -> None:
    (axis,) = history_figure(LOSSES, VAL_LOSSES, kept=2, **WORDS).axes
    training, validation, kept = axis.lines
    for line, values in ((training, LOSSES), (validation, VAL_LOSSES)):
        assert np.array_equal(line.get_xdata(), [1, 2, 3])
        assert np.array_equal(line.get_ydata(), values)
    assert set(kept.get_xdata()) == {2}
    assert (axis.get_xlabel(), axis.get_ylabel(), axis.get_yscale()) == ("epoch", WORDS["measure"], "log")
    assert [text.get_text() for text in axis.get_legend().get_texts()] == [
        "training",
        "validation",
        "kept: epoch 2",
    ]


def test_the_same_losses_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        plot_history(tmp_path / name, LOSSES, VAL_LOSSES, kept=1, **WORDS)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize(("losses", "kept"), [((), 1), (LOSSES[:2], 1), (LOSSES, 0), (LOSSES, 4)])
def test_losses_that_do_not_belong_together_are_refused(losses: tuple[float, ...], kept: int) -> None:
    with pytest.raises(ValueError, match="validation losses, and epoch"):
        history_figure(losses, VAL_LOSSES, kept=kept, **WORDS)
