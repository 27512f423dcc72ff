"""Other geometries of a scan, and a quick search for those that explain a few of its images best."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ptycho_compare.scoring.alignment.orientation import AS_GIVEN, ORIENTATIONS, Orientation

WIDE_PX = 8
"""Radius within which an object is looked for whose frame is guessed."""
SCALES = (0.25, 0.5, 2.0, 4.0)
"""Pixel sizes are mistaken by binning; other factors show in the span, or explain nothing."""
_WIDE, _NEAR = (WIDE_PX, 2), (2, 2)
"""Radius of a search for the shift, and its step: where a frame is guessed, and where it is stated."""


@dataclass(frozen=True)
class GeometryReading:
    """One way to read a scan's positions, its patterns and the object.

    Attributes
    ----------
    places : Orientation
        Of the object against the positions: a position is sought where it lies after the inverse.
    framed : bool
        The object is turned within its own frame, from corner to corner; else about the middle of the scan.
    shift : tuple of float
        Rows and columns by which positions move besides, px.
    turned : bool
        The content of a patch turns with `places`: then it is the object that lies otherwise, else the
        positions do.
    conjugate : bool
        The object's phase has the other sign.
    patterns : Orientation
        Of the patterns.
    plain : bool
        Patterns are mirrored from edge to edge; else about zero frequency.
    scale : float
        By which positions are multiplied about the middle of the scan: another pixel was meant.
    """

    places: Orientation = AS_GIVEN
    framed: bool = True
    shift: tuple[float, float] = (0.0, 0.0)
    turned: bool = False
    conjugate: bool = False
    patterns: Orientation = AS_GIVEN
    plain: bool = False
    scale: float = 1.0

    @property
    def parts(self) -> int:
        """How many things are otherwise than given, the shift not counted."""
        return sum([self.places != AS_GIVEN, self.patterns != AS_GIVEN, self.conjugate, self.scale != 1])

    def points(
        self, positions: NDArray[np.float64], shape: tuple[int, int], middle: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Where positions (n, 2), row and column in px of the object's array, lie in it."""
        if self.framed:
            before, after = ((np.array(each) - 1) / 2 for each in (self.places.shape(shape), shape))
        else:
            before = after = middle
            positions = middle + self.scale * (positions - middle)
        return np.asarray(self.places.inverse.of_points(positions - before) + after + np.array(self.shift))

    def of_patterns(self, patterns: NDArray[Any]) -> NDArray[Any]:
        """Turn patterns (..., N, N) for the comparison with those of patches as they lie in the object."""
        turned = self.patterns.of_image(patterns) if self.plain else self.patterns.of_pattern(patterns)
        return self.places.inverse.of_pattern(turned) if self.turned else turned

    def of_probe(self, probe: NDArray[np.complexfloating]) -> NDArray[np.complexfloating]:
        """Turn a probe (..., N, N) likewise."""
        return self.places.inverse.of_pattern(probe) if self.turned else probe

    def __str__(self) -> str:
        said = []
        if self.places != AS_GIVEN and self.turned:
            said.append(f"the object {self.places}")
        elif self.places != AS_GIVEN:
            exchanged = self.places.inverse == Orientation(swapped=True)
            said.append(f"positions {'with x and y exchanged' if exchanged else self.places.inverse}")
        if self.patterns != AS_GIVEN:
            said.append(f"patterns {self.patterns}")
        if self.scale != 1:
            said.append(f"positions multiplied by {self.scale:g} (another pixel size)")
        if self.conjugate:
            said.append("the object's complex conjugate (the other sign of phase)")
        if not said and any(self.shift):
            said.append(f"positions moved by ({self.shift[1]:+g}, {self.shift[0]:+g}) px in x and y")
        return ", ".join(said) or "as given"


def families(*, movable: bool) -> Iterator[list[GeometryReading]]:
    """Give the geometries that are tried; those of one list share where patches lie, and what they hold."""
    for places in ORIENTATIONS:
        for framed in (False,) if movable else (True, False):
            if places == AS_GIVEN and not framed and not movable:
                continue
            for conjugate in (False, True):
                base = GeometryReading(places, framed, conjugate=conjugate)
                plain = [replace(base, patterns=each) for each in ORIENTATIONS]
                mirrored = [each for each in plain if each.patterns.rows or each.patterns.columns]
                yield plain + [replace(each, plain=True) for each in mirrored]
                if places != AS_GIVEN:
                    yield [replace(base, turned=True)]
    if movable:  # a stated frame counts from where the scale is not known to act
        yield from ([GeometryReading(framed=False, scale=each)] for each in SCALES)


@dataclass(frozen=True, eq=False)
class ImageSample:
    """A few images, and the object they are held against.

    Attributes
    ----------
    amplitudes, good : ndarray, (m, N, N), float32 and bool
        DC in the centre; which pixels were measured, the others being 0.
    positions : ndarray, (m, 2), float64
        Row and column in px of the object's array.
    middle : ndarray, (2,), float64
        Of the whole scan, likewise.
    values : ndarray, (H, W), complex64
    probe : ndarray, (N, N), complex64
    """

    amplitudes: NDArray[np.float32]
    good: NDArray[np.bool_]
    positions: NDArray[np.float64]
    middle: NDArray[np.float64]
    values: NDArray[np.complex64]
    probe: NDArray[np.complex64]


def search(sample: ImageSample, *, movable: bool) -> list[GeometryReading]:
    """Rank every candidate at its best shift by the correlation of amplitudes, the best first.

    Patches are cut at whole pixels, which is enough to find what is worth an exact comparison.

    Parameters
    ----------
    movable : bool
        The object's frame is not known, so that it is looked for within 8 px instead of 2.
    """
    found: list[tuple[float, GeometryReading]] = []
    for family in families(movable=movable):
        measured = _turned(sample.amplitudes, family)
        good = None if sample.good.all() else _turned(sample.good, family).astype(np.float32)
        as_given = family[0].places == AS_GIVEN
        for about in _starts(sample, as_given and not movable):
            radius, step = _WIDE if movable or (as_given and about == (0, 0)) else _NEAR
            best = _best_shifts(sample, family, measured, good, _square(about, radius, step))
            row, column = max(best, key=lambda each: each[0])[1].shift
            found += _best_shifts(sample, family, measured, good, _square((int(row), int(column)), 1, 1))
    return [each for _, each in sorted(found, key=lambda each: -each[0])]


def _starts(sample: ImageSample, stated: bool) -> list[tuple[int, int]]:
    """Where a shift is looked for: a stated frame may count from a patch's corner and not its middle."""
    half = len(sample.probe) // 2
    return [(0, 0), (half, half), (-half, -half)] if stated else [(0, 0)]


def _square(about: tuple[int, int], radius: int, step: int) -> NDArray[np.int64]:
    offsets = np.arange(-radius, radius + 1, step)
    square = np.stack(np.meshgrid(offsets, offsets, indexing="ij"), axis=-1).reshape(-1, 2)
    return np.asarray(square + np.array(about), np.int64)


def _turned(patterns: NDArray[Any], family: list[GeometryReading]) -> NDArray[Any]:
    """Patterns (m, N, N) in every orientation of a family, (m, f, N * N), DC in the corner."""
    turned = np.stack([each.of_patterns(patterns) for each in family], axis=1)
    return np.fft.ifftshift(turned, axes=(2, 3)).reshape(*turned.shape[:2], -1)


def _best_shifts(
    sample: ImageSample,
    family: list[GeometryReading],
    measured: NDArray[np.float32],
    good: NDArray[np.float32] | None,
    shifts: NDArray[np.int64],
) -> list[tuple[float, GeometryReading]]:
    """Score the geometries of one family, each at the best of some shifts, over good pixels."""
    first, side = family[0], len(sample.probe)
    values = sample.values.conj() if first.conjugate else sample.values
    windows = sliding_window_view(np.pad(values, side, constant_values=values.mean()), (side, side))
    points = np.rint(first.points(sample.positions, values.shape, sample.middle)).astype(int)
    probe = first.of_probe(sample.probe)
    dots, power = np.zeros((2, len(family), len(shifts)))
    for number, (patterns, point) in enumerate(zip(measured, points, strict=True)):
        corners = np.clip(point + shifts + side - side // 2, 0, np.array(windows.shape[:2]) - 1)
        waves = scipy.fft.fft2(windows[tuple(corners.T)] * probe, workers=1)
        made = np.abs(waves).reshape(len(shifts), -1)
        dots += patterns @ made.T
        power += np.einsum("sp,sp->s", made, made) if good is None else good[number] @ (made**2).T
    scores = dots / np.sqrt(np.maximum(power, np.finfo(np.float64).tiny))
    best = shifts[scores.argmax(axis=1)]
    return [
        (float(row.max()), replace(each, shift=(float(shift[0]), float(shift[1]))))
        for each, row, shift in zip(family, scores, best, strict=True)
    ]
