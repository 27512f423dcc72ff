"""The state of one arm's stream: its canvas, its next row, and statistics of the rows done."""

from __future__ import annotations

from dataclasses import astuple, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.reconstruction.canvas import Canvas
from ptycho_compare.reconstruction.kept_patches import KeptPatch


@dataclass
class Moments:
    """Running statistics of an array seen in pieces; complex values count by their modulus."""

    total: float = 0.0
    size: int = 0
    nonzero: int = 0
    maximum: float = field(default=float("-inf"))

    def add(self, values: NDArray[np.inexact]) -> None:
        """Add one more piece."""
        magnitude = np.abs(values)
        self.total += float(magnitude.sum(dtype=np.float64))
        self.size += values.size
        # of truths, not of complex numbers: forty times as fast
        self.nonzero += int(np.count_nonzero(magnitude != 0))
        if values.size:
            self.maximum = max(self.maximum, float(magnitude.max()))

    def add_moments(self, other: Moments) -> None:
        """Add those of further pieces."""
        self.total += other.total
        self.size += other.size
        self.nonzero += other.nonzero
        self.maximum = max(self.maximum, other.maximum)

    @property
    def mean(self) -> float:
        """Mean modulus."""
        return self.total / self.size if self.size else 0.0


@dataclass
class Statistics:
    """Of a network's inputs, of what is read of its outputs, and of the parts of those on the canvas."""

    inputs: Moments = field(default_factory=Moments)
    outputs: Moments = field(default_factory=Moments)
    used: Moments = field(default_factory=Moments)

    def add_statistics(self, other: Statistics) -> None:
        """Add those of further rows."""
        self.inputs.add_moments(other.inputs)
        self.outputs.add_moments(other.outputs)
        self.used.add_moments(other.used)

    def to_array(self) -> NDArray[np.float64]:
        """(3, 4) float64: NaN and infinity included, which JSON could not hold."""
        return np.array([astuple(each) for each in (self.inputs, self.outputs, self.used)])

    @classmethod
    def from_array(cls, values: NDArray[np.float64]) -> Statistics:
        """Read what `to_array` gave."""
        return cls(*(Moments(float(t), int(s), int(n), float(m)) for t, s, n, m in values))


@dataclass
class Timing:
    """An arm's seconds by kind of work; reading models and compiling are counted elsewhere."""

    read_s: float = 0.0
    predict_s: float = 0.0
    stitch_s: float = 0.0

    def add_timing(self, other: Timing) -> None:
        """Add that of further rows."""
        self.read_s += other.read_s
        self.predict_s += other.predict_s
        self.stitch_s += other.stitch_s

    @property
    def total_s(self) -> float:
        """All of it, seconds."""
        return self.read_s + self.predict_s + self.stitch_s


@dataclass
class StreamState:
    """A stream between two batches; from here it can go on in another process.

    Attributes
    ----------
    canvas : Canvas
        Of the rows done.
    rows, next_row : int
        Where its rows end, and the next to be predicted.
    groups, reported_groups : int
        Where its groups end, and where the chunks do that were reported.
    finished_chunks, chunk : Statistics
        Of the chunks that were reported, and of the one under way.
    timing : Timing
        Over all attempts.
    first_patch : ndarray, (R, R), complex64
        What is read of the arm's first patch; (0, 0) until there is one.
    notes : dict
        Of the stream's driver, for its next attempt; JSON values.
    first_row : int
        Of a segment; 0 for all of a stream.
    each_chunk : list of Statistics or None
        Of every chunk that was reported, where another stream takes them over.
    kept : dict of int to KeptPatch
        Patches that are wanted beside the canvas, by row.
    """

    canvas: Canvas
    rows: int
    groups: int
    next_row: int = 0
    reported_groups: int = 0
    finished_chunks: Statistics = field(default_factory=Statistics)
    chunk: Statistics = field(default_factory=Statistics)
    timing: Timing = field(default_factory=Timing)
    first_patch: NDArray[np.complex64] = field(default_factory=lambda: np.zeros((0, 0), np.complex64))
    notes: dict[str, Any] = field(default_factory=dict)
    first_row: int = 0
    each_chunk: list[Statistics] | None = None
    kept: dict[int, KeptPatch] = field(default_factory=dict)

    @property
    def done_rows(self) -> int:
        """How many of its rows are done."""
        return self.next_row - self.first_row

    @property
    def all_rows(self) -> int:
        """How many rows it has."""
        return self.rows - self.first_row

    @property
    def finished(self) -> bool:
        """True when all rows lie on the canvas and every chunk was reported."""
        return self.reported_groups >= self.groups

    def finish_chunk(self, groups: int) -> None:
        """Close the chunk that ends before group `groups`: its statistics join those before it."""
        self.finished_chunks.add_statistics(self.chunk)
        if self.each_chunk is not None:
            self.each_chunk.append(self.chunk)
        self.chunk = Statistics()
        self.reported_groups = groups
