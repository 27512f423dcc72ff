"""The smooth part of a field's phase, found without unwrapping it.

A hill or a tilt of many rad holds no structure, and yet it would set the range of a phase, wrap it and
fill the lowest rings of its spectrum. So it is taken out: a surface is fitted to the differences of
neighbouring pixels, which hardly ever wrap, though their sum does. That is least-squares phase
unwrapping [1]_, with the few unknowns of a polynomial.

References
----------
.. [1] D. C. Ghiglia and L. A. Romero, J. Opt. Soc. Am. A 11, 107-117 (1994), doi:10.1364/JOSAA.11.000107
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.scoring.mask import ComplexImage, Mask, bounding_box

RealImage = NDArray[np.float64]
Pair = tuple[RealImage, RealImage]
"""One array for rows, one for columns."""

DEGREE = 12
"""Of the polynomial along each axis. Of a Gaussian hill of 30 rad whose sigma is a sixth of the box it
leaves 0.006 rad rms at most; degree 8 would leave 0.16 rad, degree 10 0.03 rad."""

PX_PER_DEGREE = 8
"""A box has at least so many pixels per degree: a small image keeps its structure."""

PAIRS_PER_UNKNOWN = 50
"""Neighbouring pixels that are asked for each unknown: what few of them leave open is not fitted."""

PASSES = 6
"""At most; a second one mends differences that wrapped, a third is rarely needed."""

_WELL_KNOWN = 1e-10
"""Combinations of unknowns below this part of the best known one are left at 0."""


@dataclass(frozen=True, eq=False)
class SmoothPart:
    """The smooth part of a phase.

    Attributes
    ----------
    surface : ndarray, (H, W), float64
        In rad; its constant means nothing. 0 outside the mask's box.
    bend : float
        Spread on the mask of all but its plane, rad.
    """

    surface: RealImage
    bend: float


@dataclass(frozen=True, eq=False)
class SmoothFit:
    """A fit that is prepared once for all fields on a mask.

    The surface is a sum of products of Chebyshev polynomials along rows and columns of the mask's box.
    It minimises the sum of w |wrapped difference of phases - difference of the surface|^2 over all
    neighbours inside the mask.

    Attributes
    ----------
    mask : ndarray, (H, W), bool
    basis : tuple of ndarray, (h, m) and (w, n)
        Polynomials along rows and columns of the box.
    weights : tuple of ndarray, (h - 1, w) and (h, w - 1)
        0 where a neighbour is outside the mask.
    inverse : ndarray, (m n, m n)
        From the right-hand sides of the normal equations to coefficients.
    """

    mask: Mask
    basis: Pair
    weights: Pair
    inverse: RealImage

    @classmethod
    def of(cls, modulus: RealImage, mask: Mask) -> SmoothFit:
        """Prepare the fit; differences count by the product of both pixels' modulus (H, W)."""
        box = bounding_box(mask)
        inside, weight = mask[box], np.where(mask[box], modulus[box], 0.0)
        weights = weight[1:] * weight[:-1], weight[:, 1:] * weight[:, :-1]
        pairs = np.count_nonzero(inside[1:] & inside[:-1]) + np.count_nonzero(inside[:, 1:] & inside[:, :-1])
        most = max(int(np.sqrt(pairs / PAIRS_PER_UNKNOWN)) - 1, 0)
        degrees = (min(DEGREE, side // PX_PER_DEGREE, most) for side in inside.shape)
        rows, columns = (_polynomials(*each) for each in zip(inside.shape, degrees, strict=True))
        return cls(mask, (rows, columns), weights, _inverse((rows, columns), weights))

    def of_field(self, field: ComplexImage) -> SmoothPart:
        """Find the smooth part of a field's phase, (H, W), complex."""
        box = bounding_box(self.mask)
        phase = np.angle(np.where(self.mask[box], field[box], 0.0))
        steps = tuple(wrapped(np.diff(phase, axis=axis)) for axis in (0, 1))
        (rows, columns), (by_row, by_column) = self.basis, self.weights
        along = [self._mean(step, weight) for step, weight in zip(steps, self.weights, strict=True)]
        found = np.zeros((rows.shape[1], columns.shape[1]))
        for _ in range(PASSES):
            left = [
                wrapped(step - slope - step_of)
                for step, slope, step_of in zip(steps, along, self._steps(found), strict=True)
            ]
            right = np.diff(rows, axis=0).T @ (by_row * left[0]) @ columns
            right += rows.T @ (by_column * left[1]) @ np.diff(columns, axis=0)
            more = (self.inverse @ right.ravel()).reshape(found.shape)
            found = found + more
            if np.abs(more).max() <= 1e-12 * max(np.abs(found).max(), 1.0):
                break
        return self._part(found, along)

    def _mean(self, step: RealImage, weight: RealImage) -> float:
        """The mean slope, by phasors: right for a ramp of any size below pi per pixel."""
        return float(np.angle(np.sum(weight * np.exp(1j * step)))) if weight.any() else 0.0

    def _steps(self, coefficients: RealImage) -> Pair:
        rows, columns = self.basis
        return (
            np.diff(rows, axis=0) @ coefficients @ columns.T,
            rows @ coefficients @ np.diff(columns, axis=0).T,
        )

    def _part(self, coefficients: RealImage, slopes: list[float]) -> SmoothPart:
        rows, columns = self.basis
        box = bounding_box(self.mask)
        surface = np.zeros(self.mask.shape)
        plane = sum(
            slope * axis for slope, axis in zip(slopes, np.indices(self.mask[box].shape), strict=True)
        )
        surface[box] = rows @ coefficients @ columns.T + plane
        bent = coefficients.copy()
        bent[:1, :2] = bent[:2, :1] = 0.0
        return SmoothPart(surface, float((rows @ bent @ columns.T)[self.mask[box]].std()))


def wrapped(angle: RealImage) -> RealImage:
    """Bring angles in rad to [-pi, pi]."""
    return np.asarray(angle - 2 * np.pi * np.rint(angle / (2 * np.pi)))


def _polynomials(side: int, degree: int) -> RealImage:
    """Chebyshev polynomials up to a degree on the pixels of a side, (side, degree + 1)."""
    return np.asarray(np.polynomial.chebyshev.chebvander(np.linspace(-1.0, 1.0, side), degree), np.float64)


def _inverse(basis: Pair, weights: Pair) -> RealImage:
    """Pseudo-inverse of the normal equations, the constant left out."""
    rows, columns = basis
    size = rows.shape[1], columns.shape[1]

    def normal(along: RealImage, across: RealImage, weight: RealImage) -> RealImage:
        left, right = (
            (each[:, :, np.newaxis] * each[:, np.newaxis]).reshape(len(each), each.shape[1] ** 2)
            for each in (along, across)
        )
        # m^2 by n^2, from products of polynomials along one axis to those of unknowns
        moments = (left.T @ weight @ right).reshape(size[0], size[0], size[1], size[1])
        return np.asarray(moments.transpose(0, 2, 1, 3).reshape(size[0] * size[1], size[0] * size[1]))

    equations = normal(np.diff(rows, axis=0), columns, weights[0])
    equations += normal(rows, np.diff(columns, axis=0), weights[1])
    scale = np.sqrt(np.diag(equations))
    scale = np.divide(1.0, scale, out=np.zeros_like(scale), where=scale > 0)
    values, vectors = np.linalg.eigh(equations * scale * scale[:, np.newaxis])
    known = values > _WELL_KNOWN * values[-1]
    inverse = (vectors[:, known] / values[known]) @ vectors[:, known].T
    return np.asarray(inverse * scale * scale[:, np.newaxis])
