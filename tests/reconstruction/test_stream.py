"""Streaming: no chunk, batch or order of arms changes a canvas."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from knowing import Oracle
from ptycho_compare.errors import ArmError
from ptycho_compare.reconstruction.canvas import Grid
from ptycho_compare.reconstruction.kept_patches import KeptPatches
from ptycho_compare.reconstruction.stream import Chunk, empty_stream, reconstruct
from ptycho_compare.scan.plan import draw_plan
from ptycho_compare.scan.read import Scan, open_scan
from ptycho_compare.scoring.alignment.gauge import fienup_error
from scans import make_scan, write_scan

SIDE = 32
READ = 16 + 2 * 6  # px of a patch that are read: what is added, and neighbours


@pytest.fixture
def scan(tmp_path: Path) -> Iterator[Scan]:
    path = write_scan(tmp_path / "scan.npz", make_scan(count=90, side=SIDE, height=96, width=112))
    with open_scan(path) as scan:
        yield scan


@dataclass
class Apart(Oracle):
    """Gives a patch for each image of a group."""

    separate: bool = True

    def predict(self, diffraction: np.ndarray, local_offsets: np.ndarray) -> np.ndarray:
        return self.apart(diffraction)


def run(
    scan: Scan, group_size: int, *, oracle: type[Oracle] = Oracle, **how: int | None
) -> tuple[np.ndarray, np.ndarray, list[Chunk], Oracle]:
    plan = draw_plan(scan, group_size=4, groups=60, neighbors=7, seed=5)
    knows = oracle(scan, group_size, how.get("batch") or 16, plan.normalization)
    chunks: list[Chunk] = []
    state = empty_stream(plan, scan.positions, group_size=group_size, crop_px=16)
    reconstruct(
        plan,
        scan.diffraction,
        scan.positions,
        knows,
        state,
        chunk_groups=how.get("chunk"),
        on_chunk=chunks.append,
    )
    assert scan.truth is not None
    values, weight = state.canvas.on_grid(Grid((0, 0), scan.truth.shape))
    return values, weight, chunks, knows


@pytest.mark.parametrize("group_size", [1, 4])
def test_true_patches_give_back_the_truth(scan: Scan, group_size: int) -> None:
    """Asymmetric groups of four included: their members lie at global - local."""
    values, weight, _, _ = run(scan, group_size)
    assert scan.truth is not None
    covered = weight > 0
    assert np.abs(values - scan.truth)[covered].mean() < 1e-3
    assert fienup_error(values, scan.truth, covered) < 2e-3


@pytest.mark.parametrize("group_size", [1, 4])
def test_chunk_and_batch_change_nothing(scan: Scan, group_size: int) -> None:
    values, weight, chunks, _ = run(scan, group_size)
    assert len(chunks) == 1
    for chunk, batch in ((7, 1), (7, 64), (16, 3), (60, 1), (256, 64)):
        other, other_weight, parts, _ = run(scan, group_size, chunk=chunk, batch=batch)
        np.testing.assert_array_equal(other, values)
        np.testing.assert_array_equal(other_weight, weight)
        assert [part.done for part in parts] == [*range(chunk, 60, chunk), 60]
        assert sum(part.statistics.outputs.size for part in parts) == chunks[0].statistics.outputs.size


def test_separate_patches_lie_each_about_its_own_position(scan: Scan) -> None:
    values, weight, (chunk,), _ = run(scan, 4, oracle=Apart)
    assert scan.truth is not None
    assert fienup_error(values, scan.truth, weight > 0) < 2e-3
    assert chunk.statistics.outputs.size == 60 * 4 * READ**2
    for size in (7, 256):
        other, _, _, _ = run(scan, 4, oracle=Apart, chunk=size, batch=3)
        np.testing.assert_array_equal(other, values)


def kept_of(scan: Scan, oracle: type[Oracle], group_size: int, *, batch: int, chunk: int) -> KeptPatches:
    """Stream, and keep the patches of eight groups."""
    plan = draw_plan(scan, group_size=4, groups=60, neighbors=7, seed=5)
    rows = plan.rows_of(plan.sample(8), group_size=group_size).tolist()
    state = empty_stream(plan, scan.positions, group_size=group_size, crop_px=16)
    knows = oracle(scan, group_size, batch, plan.normalization)
    reconstruct(
        plan, scan.diffraction, scan.positions, knows, state, chunk_groups=chunk, keep=frozenset(rows)
    )
    assert sorted(state.kept) == sorted(rows)
    return KeptPatches.of(state.kept, rows)


@pytest.mark.parametrize(("oracle", "group_size"), [(Oracle, 1), (Oracle, 4), (Apart, 4)])
def test_kept_patches_lie_where_the_truth_shows_the_same(
    scan: Scan, oracle: type[Oracle], group_size: int
) -> None:
    """On the canvas's whole pixels, whatever part of one they were moved by; in the order of their groups."""
    kept = kept_of(scan, oracle, group_size, batch=16, chunk=60)
    plan = draw_plan(scan, group_size=4, groups=60, neighbors=7, seed=5)
    members = scan.positions[plan.groups[plan.sample(8)]]
    expected = members.mean(axis=1) if oracle is Oracle and group_size == 4 else members[:, 0]
    np.testing.assert_allclose(kept.centres, expected, atol=1e-5)
    assert scan.truth is not None
    for values, (row, column) in zip(kept.values, kept.first_pixels, strict=True):
        there = scan.truth[row : row + 16, column : column + 16]
        assert fienup_error(values, there, np.ones_like(there, bool)) < 2e-3
    other = kept_of(scan, oracle, group_size, batch=3, chunk=7)
    assert other.values.tobytes() == kept.values.tobytes()
    assert other.centres.tobytes() == kept.centres.tobytes()


def test_each_image_is_predicted_once_and_each_group_once(scan: Scan) -> None:
    _, _, _, single = run(scan, 1, chunk=7)
    _, _, _, groups = run(scan, 4, chunk=7)
    plan = draw_plan(scan, group_size=4, groups=60, neighbors=7, seed=5)
    assert sum(single.rows_seen) == len(np.unique(plan.groups))
    assert sum(groups.rows_seen) == 60


def test_statistics_of_a_chunk(scan: Scan) -> None:
    _, _, (chunk,), oracle = run(scan, 4)
    inputs = oracle.images * np.float32(oracle.normalization)
    plan = draw_plan(scan, group_size=4, groups=60, neighbors=7, seed=5)
    used = inputs[plan.groups.ravel()]
    assert chunk.statistics.inputs.mean == pytest.approx(float(used.mean()), rel=1e-5)
    assert chunk.statistics.inputs.maximum == pytest.approx(float(used.max()))
    assert chunk.statistics.inputs.nonzero == np.count_nonzero(used)
    assert chunk.statistics.outputs.size == 60 * READ**2
    assert chunk.first_patch is not None
    assert chunk.first_patch.shape == (READ, READ)


def test_a_network_that_loses_rows_is_stopped(scan: Scan) -> None:
    class Collapsing(Oracle):
        def predict(self, diffraction: np.ndarray, local_offsets: np.ndarray) -> np.ndarray:
            return np.ones((1, SIDE, SIDE), np.complex64)

    plan = draw_plan(scan, group_size=4, groups=20, neighbors=7, seed=5)
    with pytest.raises(ArmError, match="16 rows went into the network and 1 patches came out"):
        reconstruct(
            plan,
            scan.diffraction,
            scan.positions,
            Collapsing(scan, 4, 16, plan.normalization),
            empty_stream(plan, scan.positions, group_size=4, crop_px=16),
        )
