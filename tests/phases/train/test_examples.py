"""Which groups are seen when: a matter of the seed alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_compare.errors import ScanError
from ptycho_compare.phases.train.examples import Schedule, draw_schedule


def schedule(count: int, *, share: float = 0.1, batch: int = 8, seed: int = 0) -> Schedule:
    return draw_schedule(count, share=share, batch=batch, epochs=5, patience=2, seed=seed, label="scan")


@given(st.integers(2, 300), st.floats(0.01, 0.99), st.integers(1, 40), st.integers(0, 9), st.integers(1, 5))
def test_every_group_is_held_out_or_trained_on_and_none_twice_in_an_epoch(
    count: int, share: float, batch: int, seed: int, epoch: int
) -> None:
    ours = schedule(count, share=share, batch=batch, seed=seed)
    assert np.array_equal(np.sort(np.concatenate([ours.rows, ours.held])), np.arange(count))
    assert min(len(ours.rows), len(ours.held)) >= 1
    seen = ours.batches(epoch)
    assert seen.shape == (ours.steps, ours.batch)
    assert ours.steps >= 1
    assert len(np.unique(seen)) == seen.size
    assert np.isin(seen, ours.rows).all()


def test_an_order_follows_from_seed_and_epoch() -> None:
    ours = schedule(100)
    assert np.array_equal(ours.batches(3), schedule(100).batches(3))
    assert not np.array_equal(ours.batches(3), ours.batches(4))
    assert not np.array_equal(ours.batches(3), schedule(100, seed=1).batches(3))


def test_one_group_is_too_few() -> None:
    with pytest.raises(ScanError, match="scan: 1 groups to train on; needed: at least 2"):
        schedule(1)
