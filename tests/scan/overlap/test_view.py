"""Which images a view keeps, and with what parameters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_compare.errors import ScanError
from ptycho_compare.scan.overlap import OverlapParameters
from ptycho_compare.scan.overlap.view import kept_images
from ptycho_compare.study import Study


@given(images=st.integers(1, 400), percent=st.integers(1, 100), seed=st.integers(0, 2**32))
def test_the_share_is_rounded_down_exactly_and_the_draw_repeats(images: int, percent: int, seed: int) -> None:
    count = images * percent // 100
    if count == 0:
        with pytest.raises(ScanError, match=f"keeps none of {images} images"):
            kept_images(images, s_img=percent / 100, seed=seed)
        return
    kept = kept_images(images, s_img=percent / 100, seed=seed)
    assert (kept.shape, kept.dtype, int(kept.sum())) == ((images,), np.dtype(bool), count)
    np.testing.assert_array_equal(kept, kept_images(images, s_img=percent / 100, seed=seed))


@pytest.mark.parametrize(
    ("images", "s_img", "count"),
    [(100, 0.5, 50), (50, 0.8, 40), (100, 0.29, 29), (5088, 0.8, 4070), (5216, 0.8, 4172), (7, 1.0, 7)],
)
def test_counts_of_the_study(images: int, s_img: float, count: int) -> None:
    """In floating point 0.29 * 100 lies below 29; PtychoPINN's script rounds, and keeps 4173 of 5216."""
    assert kept_images(images, s_img=s_img, seed=456).sum() == count


def test_it_is_the_draw_that_the_contract_names() -> None:
    drawn = np.random.default_rng(456).choice(100, size=60, replace=False)
    np.testing.assert_array_equal(np.flatnonzero(kept_images(100, s_img=0.6, seed=456)), np.sort(drawn))
    assert (kept_images(100, s_img=0.6, seed=456) != kept_images(100, s_img=0.6, seed=457)).any()


def parameters(**changes: Any) -> OverlapParameters:
    usual = {"gridsize": 2, "s_img": 0.8, "n_groups": 512, "neighbor_count": 7, "probe_diameter_px": 38.4}
    return OverlapParameters(**{**usual, "rng_seed_subsample": 456, "rng_seed_grouping": 123, **changes})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("gridsize", value) for value in (0, 3)),
        *(("s_img", value) for value in (0.0, -0.1, 1.1, np.nan)),
        *(("n_groups", value) for value in (0, -1)),
        *(("neighbor_count", value) for value in (0, -1)),
        *(("probe_diameter_px", value) for value in (0.0, -1.0, np.nan)),
    ],
)
def test_a_parameter_out_of_range_is_refused_by_name(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{name} must be .*found {value}"):
        parameters(**{name: value})


def test_parameters_come_from_the_study() -> None:
    study = Study.model_validate(
        {
            "name": "s",
            "doses": [1000],
            "views": ["dense", "sparse"],
            "splits": ["train"],
            "tiers": {"full": {}},
            "grouping": {"seed": 9},
            "overlap": {"neighbors": 25, "views": {"dense": {"s_img": 0.8, "n_groups": 768}}},
        }
    )
    dense = OverlapParameters.of_study(study, "dense", patch_px=64)
    assert dense == parameters(
        n_groups=768, neighbor_count=25, probe_diameter_px=0.6 * 64, rng_seed_grouping=9
    )
    sparse = OverlapParameters.of_study(study, "sparse", patch_px=128)
    assert (sparse.s_img, sparse.n_groups, sparse.probe_diameter_px) == (1.0, 512, 0.6 * 128)
    own = study.overlap.model_copy(update={"probe_diameter_px": 30.5})
    study = study.model_copy(update={"overlap": own})
    assert OverlapParameters.of_study(study, "dense", patch_px=64).probe_diameter_px == 30.5
