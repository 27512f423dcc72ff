"""Groups streamed through a predictor onto a canvas; memory is one batch and the canvas."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from ptycho_compare.errors import ArmError
from ptycho_compare.models.predictor import Predictor
from ptycho_compare.reconstruction.canvas import Canvas
from ptycho_compare.scan import Diffraction, Plan, Units


@dataclass
class Moments:
    """Running statistics of an array seen in pieces; complex values count by their modulus."""

    total: float = 0.0
    size: int = 0
    nonzero: int = 0
    maximum: float = field(default=float("-inf"))

    def add(self, values: NDArray[np.inexact]) -> None:
        """Take one more piece into account."""
        magnitude = np.abs(values)
        self.total += float(magnitude.sum(dtype=np.float64))
        self.size += values.size
        self.nonzero += int(np.count_nonzero(values))
        if values.size:
            self.maximum = max(self.maximum, float(magnitude.max()))

    def add_moments(self, other: Moments) -> None:
        """Take the statistics of further pieces into account."""
        self.total += other.total
        self.size += other.size
        self.nonzero += other.nonzero
        self.maximum = max(self.maximum, other.maximum)

    @property
    def mean(self) -> float:
        """Mean modulus."""
        return self.total / self.size if self.size else 0.0


@dataclass
class Timing:
    """Where an arm's seconds went; reading models and compiling are counted elsewhere."""

    read_s: float = 0.0
    predict_s: float = 0.0
    stitch_s: float = 0.0

    @property
    def total_s(self) -> float:
        """All of it, seconds."""
        return self.read_s + self.predict_s + self.stitch_s


@dataclass(frozen=True)
class Chunk:
    """One slice of the plan's groups, done.

    Attributes
    ----------
    number : int
        From 1.
    done, groups : int
        Groups finished so far, and all there are.
    inputs, outputs : Moments
        Of this chunk's network input (normalised amplitudes) and patches.
    used : Moments
        Of the central M x M parts of the patches: what lands on the canvas.
    first_patch : ndarray, (N, N), complex64, or None
        The first patch of the arm; only in the first chunk.
    """

    number: int
    done: int
    groups: int
    inputs: Moments
    outputs: Moments
    used: Moments
    first_patch: NDArray[np.complex64] | None


def reconstruct(
    plan: Plan,
    diffraction: Diffraction,
    positions: NDArray[np.float64],
    predictor: Predictor,
    *,
    crop_px: int,
    chunk_groups: int | None = None,
    on_chunk: Callable[[Chunk], None] | None = None,
) -> tuple[Canvas, Timing]:
    """Reconstruct one arm.

    Patches are added one by one in the plan's order, so the canvas depends neither on the
    chunk nor on the batch.

    Parameters
    ----------
    plan : Plan
        Groups and normalisation.
    diffraction : Diffraction
        Amplitudes of the whole scan.
    positions : ndarray, (n, 2), float64
        x, y in px.
    predictor : Predictor
        The arm's network.
    crop_px : int
        M, side of the central part of each patch that is used.
    chunk_groups : int or None
        Groups after which `on_chunk` is called; None for all at once.
    on_chunk : callable or None
        Told of each finished chunk.

    Raises
    ------
    ArmError
        The predictor returned another number of rows than it was given.
    """
    # BLAS threads spin between our small products and take the cores from the network: 1.5x slower
    with threadpool_limits(limits=1, user_api="blas"):
        return _streamed(plan, diffraction, positions, predictor, crop_px, chunk_groups, on_chunk)


def _streamed(
    plan: Plan,
    diffraction: Diffraction,
    positions: NDArray[np.float64],
    predictor: Predictor,
    crop_px: int,
    chunk_groups: int | None,
    on_chunk: Callable[[Chunk], None] | None,
) -> tuple[Canvas, Timing]:
    units = plan.units(positions, group_size=predictor.group_size)
    canvas = Canvas.covering(positions, crop_px=crop_px)
    timing = Timing()
    for number, first, stop in _chunks(len(plan.groups), chunk_groups):
        inputs, outputs, used = Moments(), Moments(), Moments()
        first_patch = None
        rows = units.chunk(first, stop)
        for start in range(rows.start, rows.stop, predictor.batch_rows):
            batch = slice(start, min(start + predictor.batch_rows, rows.stop))
            images, patches = _predict(plan, units, batch, diffraction, predictor, timing)
            began = time.perf_counter()
            canvas.add(patches, units.centres[batch])
            inputs.add(images)
            outputs.add(patches)
            used.add(patches[:, canvas.window(patches), canvas.window(patches)])
            timing.stitch_s += time.perf_counter() - began
            if start == 0:
                first_patch = patches[0]
        if on_chunk is not None:
            on_chunk(Chunk(number, stop, len(plan.groups), inputs, outputs, used, first_patch))
    return canvas, timing


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
