"""Segments of a stream: fixed ranges of the plan's groups, computed anywhere, and added to the whole.

A stream is cut where chunks end, by the plan and the chunk alone: whoever computes which segments, and how
many do, has no part in it. Sums on canvases are exact (`fixed_point`) and statistics are kept chunk by chunk
and folded in order, so that a stream has the same bits whether its rows were predicted or taken over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.reconstruction.canvas import Canvas
from ptycho_compare.reconstruction.stream import Chunk
from ptycho_compare.reconstruction.stream_state import StreamState
from ptycho_compare.scan.plan import Plan

MOST_SEGMENTS = 32
"""Of a stream: more would be many files, and a start of the network for little work each."""


@dataclass(frozen=True)
class Segment:
    """Groups ``first`` to ``stop - 1`` of a plan, in chunks of ``chunk_groups``."""

    first: int
    stop: int
    chunk_groups: int

    @property
    def name(self) -> str:
        """In file names."""
        return f"{self.first}-{self.stop}"

    def __str__(self) -> str:
        return f"groups {self.first} to {self.stop - 1}"


def segments_of(plan: Plan, chunk_groups: int | None) -> tuple[Segment, ...]:
    """Cut a plan's groups into at most `MOST_SEGMENTS`, each of as many whole chunks but the last."""
    groups = len(plan.groups)
    chunk = groups if chunk_groups is None else min(chunk_groups, groups)
    chunks = -(-groups // chunk)
    size = chunk * -(-chunks // MOST_SEGMENTS)
    return tuple(Segment(first, min(first + size, groups), chunk) for first in range(0, groups, size))


def empty_segment(
    plan: Plan, positions: NDArray[np.float64], segment: Segment, *, group_size: int, crop_px: int
) -> StreamState:
    """Make the state before the first row of a segment, on a canvas that its own patches need."""
    units = plan.units(positions, group_size=group_size)
    rows = units.chunk(segment.first, segment.stop)
    images = np.unique(units.images[rows])
    if len(images):
        canvas = Canvas.covering(positions[images], crop_px=crop_px)
    else:  # all images of its groups are in groups before
        canvas = Canvas((0, 0), np.zeros((0, 0), np.complex128), np.zeros((0, 0)), crop_px)
    return StreamState(
        canvas,
        rows=rows.stop,
        groups=segment.stop,
        first_row=rows.start,
        next_row=rows.start,
        reported_groups=segment.first,
        each_chunk=[],
    )


def take_over(
    state: StreamState,
    found: StreamState,
    segment: Segment,
    *,
    groups: int,
    on_chunk: Callable[[Chunk], None] | None = None,
) -> None:
    """Add what was computed of a segment to a stream that has come to its beginning.

    Parameters
    ----------
    state : StreamState
        Brought to where `found` ends: within the segment, if that is unfinished.
    groups : int
        Of the plan.
    on_chunk : callable or None
        As of `reconstruct`.
    """
    if state.next_row != found.first_row or state.reported_groups != segment.first:
        raise ValueError(f"{segment} do not follow row {state.next_row}, group {state.reported_groups}")
    state.canvas.fixed = found.canvas.fixed
    state.canvas.add_canvas(found.canvas)
    if len(found.first_patch):
        state.first_patch = found.first_patch
    for index, statistics in enumerate(found.each_chunk or ()):
        first = segment.first + index * segment.chunk_groups
        stop = min(first + segment.chunk_groups, segment.stop)
        if on_chunk is not None:
            first_patch = state.first_patch if first == 0 else None
            on_chunk(Chunk(first // segment.chunk_groups + 1, stop, groups, statistics, first_patch))
        state.chunk = statistics
        state.finish_chunk(stop)
    state.kept |= found.kept
    state.chunk = found.chunk
    state.next_row = found.next_row
    state.timing.add_timing(found.timing)
