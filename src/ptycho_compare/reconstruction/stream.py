"""Groups streamed through a predictor onto a canvas; memory is one batch and the canvas."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.blas import one_blas_thread
from ptycho_compare.errors import ArmError
from ptycho_compare.models.predictor import Predictor
from ptycho_compare.reconstruction.canvas import Canvas, read_window
from ptycho_compare.reconstruction.fixed_point import FixedPoint, most_on_a_pixel
from ptycho_compare.reconstruction.kept_patches import KeptPatch
from ptycho_compare.reconstruction.stream_state import Statistics, StreamState, Timing
from ptycho_compare.scan.diffraction import Diffraction
from ptycho_compare.scan.plan import Plan, Units

_RESPONSE_ROWS = 16


@dataclass(frozen=True)
class Chunk:
    """One slice of the plan's groups, done.

    Attributes
    ----------
    number : int
        From 1.
    done, groups : int
        Groups finished so far, and all there are.
    statistics : Statistics
        Of this chunk's network input (normalised amplitudes), what is read of its patches, and the
        central M x M parts of these.
    first_patch : ndarray, (R, R), complex64, or None
        What is read of the arm's first patch; only in the first chunk.
    """

    number: int
    done: int
    groups: int
    statistics: Statistics
    first_patch: NDArray[np.complex64] | None


def empty_stream(plan: Plan, positions: NDArray[np.float64], *, group_size: int, crop_px: int) -> StreamState:
    """Make the state before the first row of an arm that takes `group_size` images at a time."""
    rows = len(plan.units(positions, group_size=group_size).images)
    return StreamState(Canvas.covering(positions, crop_px=crop_px), rows, len(plan.groups))


def reconstruct(
    plan: Plan,
    diffraction: Diffraction,
    positions: NDArray[np.float64],
    predictor: Predictor,
    state: StreamState,
    *,
    chunk_groups: int | None = None,
    until: int | None = None,
    keep: Collection[int] = (),
    on_chunk: Callable[[Chunk], None] | None = None,
    after_batch: Callable[[StreamState], None] | None = None,
) -> None:
    """Reconstruct one arm, the rest of it, or a segment.

    Patches are added one by one in the plan's order, so the canvas depends neither on the
    chunk nor on the batch nor on where an earlier attempt stopped.

    Parameters
    ----------
    diffraction : Diffraction
        Of the whole scan.
    positions : ndarray, (n, 2), float64
        x, y in px.
    state : StreamState
        Of `empty_stream` or `empty_segment`, or saved by an earlier attempt; brought to its end. Whatever
        is raised leaves it as it was after the last whole batch.
    chunk_groups : int or None
        Groups after which `on_chunk` is called; None for all at once.
    until : int or None
        No chunk that begins at this group, or later, is begun; None for all of the state's groups.
    keep : collection of int
        Rows whose patches the state keeps beside the canvas; of separate ones that of the first image.
    on_chunk : callable or None
        Takes each finished chunk.
    after_batch : callable or None
        Takes the state after each batch, to save it or to stop.

    Raises
    ------
    ArmError
        The predictor returned another number of rows than it received.
    """
    units = plan.units(positions, group_size=predictor.group_size)
    with one_blas_thread():
        for number, first, stop in _chunks(len(plan.groups), chunk_groups):
            if stop <= state.reported_groups:
                continue  # an earlier attempt's
            if first >= (state.groups if until is None else until):
                break
            rows = units.chunk(first, stop)
            for start in range(max(rows.start, state.next_row), rows.stop, predictor.batch_rows):
                batch = slice(start, min(start + predictor.batch_rows, rows.stop))
                _add(plan, units, batch, diffraction, predictor, state, keep)
                if after_batch is not None:
                    after_batch(state)
            if on_chunk is not None:
                first_patch = state.first_patch if number == 1 else None
                on_chunk(Chunk(number, stop, len(plan.groups), state.chunk, first_patch))
            state.finish_chunk(stop)


def _add(
    plan: Plan,
    units: Units,
    batch: slice,
    diffraction: Diffraction,
    predictor: Predictor,
    state: StreamState,
    keep: Collection[int],
) -> None:
    """Predict one batch and lay it on the canvas."""
    images, patches = _predict(plan, units, batch, diffraction, predictor, state.timing)
    began = time.perf_counter()
    places = units.places(batch) if predictor.separate else units.centres[batch]
    flat = patches.reshape(-1, *patches.shape[-2:])
    for row in range(batch.start, batch.stop) if keep else ():
        if row in keep:
            first = (row - batch.start) * (len(flat) // len(patches))
            state.kept[row] = KeptPatch.laid(flat[first], places[first], crop_px=state.canvas.crop_px)
    state.canvas.add(flat, places)
    window = state.canvas.window(patches)
    read = read_window(patches.shape[-1], state.canvas.crop_px)
    state.chunk.inputs.add(images)
    state.chunk.outputs.add(patches[..., read, read])
    state.chunk.used.add(patches[..., window, window])
    if batch.start == 0:
        state.first_patch = flat[0][read, read].copy()
    state.next_row = batch.stop
    state.timing.stitch_s += time.perf_counter() - began


def _predict(
    plan: Plan, units: Units, batch: slice, diffraction: Diffraction, predictor: Predictor, timing: Timing
) -> tuple[NDArray[np.float32], NDArray[np.complex64]]:
    began = time.perf_counter()
    rows = plan.network_input(diffraction, units.images[batch])
    read = time.perf_counter()
    patches = predictor.predict(rows, units.local_offsets[batch])
    timing.read_s += read - began
    timing.predict_s += time.perf_counter() - read
    if len(patches) != len(rows):
        raise ArmError(f"{len(rows)} rows went into the network and {len(patches)} patches came out")
    return rows, patches


def _chunks(groups: int, chunk_groups: int | None) -> Iterator[tuple[int, int, int]]:
    step = groups if chunk_groups is None else chunk_groups
    for number, first in enumerate(range(0, groups, step), start=1):
        yield number, first, min(first + step, groups)


@dataclass(frozen=True)
class Response:
    """How a network's patches follow its images, over up to 16 rows of a plan.

    Attributes
    ----------
    change : float
        |f(X) - f(X')| / |f(X)|, X' being the images of other rows, drawn with a fixed seed. 0 for a
        network that ignores its input; not a number where f(X) is zero or not finite, or where there
        is but one row.
    largest : float
        Modulus of the largest finite value of these patches; 0 where there is none.
    """

    change: float
    largest: float


def response_to_images(
    plan: Plan, diffraction: Diffraction, positions: NDArray[np.float64], predictor: Predictor
) -> Response:
    """Measure how much patches change when their images are exchanged, and how large they are."""
    units = plan.units(positions, group_size=predictor.group_size)
    # drawn, not a fixed distance away: scans repeat themselves at regular distances
    order = np.random.default_rng(0).permutation(len(units.images))
    rows, others = order[:_RESPONSE_ROWS], np.roll(order, 1)[:_RESPONSE_ROWS]
    own, exchanged = (
        predictor.predict(plan.network_input(diffraction, units.images[chosen]), units.local_offsets[rows])
        for chosen in (rows, others)
    )
    sizes = np.abs(own)
    largest = float(sizes.max(initial=0.0, where=np.isfinite(sizes)))
    if len(order) < 2:
        return Response(float("nan"), largest)
    with np.errstate(divide="ignore", invalid="ignore"):
        return Response(float(np.linalg.norm(own - exchanged) / np.linalg.norm(own)), largest)


def fixed_point_of(
    plan: Plan, positions: NDArray[np.float64], predictor: Predictor, *, largest: float, crop_px: int
) -> FixedPoint:
    """Return how an arm's patches are rounded so that its canvas is exact; `largest` as in `Response`."""
    units = plan.units(positions, group_size=predictor.group_size)
    places = units.places(slice(None)) if predictor.separate else units.centres
    return FixedPoint.fitting(largest, most_on_a_pixel(places, crop_px=crop_px))
