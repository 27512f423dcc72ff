"""Segments are cut by the plan and the chunk alone; taken over, they give a stream its own bits."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from dataclasses import astuple, dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_compare.reconstruction.segment import (
    MOST_SEGMENTS,
    Segment,
    empty_segment,
    segments_of,
    take_over,
)
from ptycho_compare.reconstruction.stream import (
    Chunk,
    empty_stream,
    fixed_point_of,
    reconstruct,
    response_to_images,
)
from ptycho_compare.reconstruction.stream_state import StreamState
from ptycho_compare.scan.plan import Plan, draw_plan
from ptycho_compare.scan.read import Scan, open_scan
from scans import make_scan, write_scan
from thorough import examples

SIDE, CROP, GROUPS = 16, 8, 30


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scan]:
    path = tmp_path_factory.mktemp("scan") / "scan.npz"
    write_scan(path, make_scan(count=40, side=SIDE, height=48, width=56))
    with open_scan(path) as scan:
        yield scan


def plan_of(scan: Scan) -> Plan:
    return draw_plan(scan, group_size=4, groups=GROUPS, neighbors=7, seed=5)


@dataclass
class Painter:
    """Paints something of each row alone, in sizes that differ by ten orders of magnitude."""

    group_size: int
    batch_rows: int
    patch_px: int = SIDE
    fault: str = ""
    device: str = "cpu"
    separate: bool = False

    def warm_up(self) -> float:
        return 0.0

    def predict(self, diffraction: np.ndarray, local_offsets: np.ndarray) -> np.ndarray:
        image = diffraction[..., 0]
        size = np.float32(10) ** (10 * np.sin(1e3 * image.sum(axis=(1, 2), keepdims=True))).astype(np.float32)
        return (size * image * np.exp(1j * image)).astype(np.complex64)


class Bench:
    """One arm of one scan: its streams in whole and in part."""

    def __init__(self, scan: Scan, group_size: int, batch: int, chunk: int | None) -> None:
        self.scan, self.plan, self.chunk = scan, plan_of(scan), chunk
        self.painter = Painter(group_size, batch)
        response = response_to_images(self.plan, scan.diffraction, scan.positions, self.painter)
        self.fixed = fixed_point_of(
            self.plan, scan.positions, self.painter, largest=response.largest, crop_px=CROP
        )
        self.keep = {*self.plan.rows_of(self.plan.sample(5), group_size=group_size).tolist()}
        self.told: list[Chunk] = []

    def empty(self, segment: Segment | None = None) -> StreamState:
        how = {"group_size": self.painter.group_size, "crop_px": CROP}
        positions = self.scan.positions
        if segment is None:
            state = empty_stream(self.plan, positions, **how)
        else:
            state = empty_segment(self.plan, positions, segment, **how)
        state.canvas.fixed = self.fixed
        return state

    def go_on(self, state: StreamState, *, until: int | None = None, batches: float = math.inf) -> None:
        def after_batch(_: StreamState) -> None:
            nonlocal batches
            batches -= 1
            if batches <= 0:
                raise InterruptedError

        told = self.told.append if state.each_chunk is None else None
        with contextlib.suppress(InterruptedError):
            reconstruct(
                self.plan,
                self.scan.diffraction,
                self.scan.positions,
                self.painter,
                state,
                chunk_groups=self.chunk,
                until=until,
                keep=self.keep,
                on_chunk=told,
                after_batch=after_batch,
            )

    def told_of(self) -> list[str]:
        """What a log would show of the chunks."""
        return [
            f"{chunk.number} {chunk.done} {chunk.groups} {astuple(chunk.statistics)} "
            f"{None if chunk.first_patch is None else chunk.first_patch.tobytes()!r}"
            for chunk in self.told
        ]


@examples(40)
@given(
    group_size=st.sampled_from([1, 4]),
    batch=st.integers(1, 9),
    chunk=st.none() | st.integers(1, GROUPS + 2),
    left_out=st.sets(st.integers(0, GROUPS)),
    broken_off=st.dictionaries(st.integers(0, GROUPS), st.integers(1, 4)),
)
def test_a_stream_has_the_same_bits_however_much_of_it_is_taken_over(
    group_size: int,
    batch: int,
    chunk: int | None,
    left_out: set[int],
    broken_off: dict[int, int],
    scan: Scan,
) -> None:
    """Of segments that are there, not there, or computed in part; with one statistic a chunk."""
    whole, sharing = Bench(scan, group_size, batch, chunk), Bench(scan, group_size, batch, chunk)
    expected = whole.empty()
    whole.go_on(expected)

    state = sharing.empty()
    segments = segments_of(sharing.plan, chunk)
    for number, segment in enumerate(segments):
        assert state.reported_groups == segment.first
        if number not in left_out:
            part = sharing.empty(segment)
            sharing.go_on(part, batches=broken_off.get(number, math.inf))
            take_over(state, part, segment, groups=GROUPS, on_chunk=sharing.told.append)
        sharing.go_on(state, until=segment.stop)
    assert state.finished
    assert state.canvas.total.tobytes() == expected.canvas.total.tobytes()
    assert state.canvas.weight.tobytes() == expected.canvas.weight.tobytes()
    assert state.first_patch.tobytes() == expected.first_patch.tobytes()
    assert astuple(state.finished_chunks) == astuple(expected.finished_chunks)
    assert sharing.told_of() == whole.told_of()
    assert [state.kept[row].values.tobytes() for row in sorted(whole.keep)] == [
        expected.kept[row].values.tobytes() for row in sorted(whole.keep)
    ]


@given(groups=st.integers(1, 400), chunk=st.none() | st.integers(1, 500))
def test_cuts_lie_where_chunks_end(groups: int, chunk: int | None) -> None:
    plan = Plan(np.zeros((groups, 4), np.int64), np.zeros(4, np.int64), 1.0, 0, 7)
    segments = segments_of(plan, chunk)
    assert 1 <= len(segments) <= MOST_SEGMENTS
    assert [each.first for each in segments] == [0, *(each.stop for each in segments[:-1])]
    assert segments[-1].stop == groups
    assert all(each.first % (chunk or groups) == 0 for each in segments)
    assert len({each.name for each in segments}) == len(segments)


def test_what_does_not_follow_is_not_taken_over(scan: Scan) -> None:
    bench = Bench(scan, 4, 5, 10)
    _, second, _ = segments_of(bench.plan, 10)
    part = bench.empty(second)
    bench.go_on(part)
    with pytest.raises(ValueError, match="groups 10 to 19 do not follow row 0, group 0"):
        take_over(bench.empty(), part, second, groups=GROUPS)


def test_a_segment_holds_what_its_own_patches_need(scan: Scan) -> None:
    bench = Bench(scan, 4, 5, 10)
    whole = bench.empty().canvas.weight.size
    assert all(bench.empty(each).canvas.weight.size < whole for each in segments_of(bench.plan, 10))
