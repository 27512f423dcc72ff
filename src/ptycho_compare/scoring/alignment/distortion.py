"""Scale and rotation of an arm against the truth: measured, never applied.

A wrong pixel size magnifies an image and a turned scanner rotates it. A ring correlation hardly
sees either (1 % or half a degree stays beyond Nyquist), a score over pixels sees both and does not
say so. They are fitted from the identity: the residual truth - g image - b is linearised in shift,
ramp, scale and angle, whose slopes are the truth's (as in `matching.Region`), gain and mean are
projected out, and the image is drawn anew by the fit until that stands still.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from ptycho_compare.errors import ScoringError
from ptycho_compare.scoring.mask import ComplexImage, Mask, bounding_box, check_grid, erode

EDGE_PX = 4
"""Pixels within this distance of the outside are not looked at: the image is drawn from beyond them."""

MOST_PIXELS = 25_000
"""Pixels compared, evenly thinned: more would cost time and tell nothing."""

BLURS_PX = (3.0, 0.0)
"""Both are blurred so far, one after the other: a fit from the identity reaches as far as detail is wide."""

LEAST_OVERLAP = 0.5
"""Below it nothing is said of an arm that is registered."""

SURE_OVERLAP = 0.8
"""The same for one that is not, and may be no image of the truth at all."""

FAR_PX = 0.5
"""A displacement at the edge of the mask from which a reader is warned, px."""

SURE = 3.0
"""Standard errors that such a displacement must exceed."""

PARTS = 4
"""Parts along each side of the box that are left out in turn, for the standard errors."""

Vector = NDArray[np.float64]
Field = NDArray[np.complex128]


@dataclass(frozen=True)
class Distortion:
    """Scale and rotation of an arm about the middle of the mask.

    Attributes
    ----------
    magnification : float
        Of the arm's content against the truth's: above 1 it is too large.
    rotation_deg : float
        By which it is turned, positive from columns to rows (clockwise with row 0 on top).
    edge_px : float
        How far both together displace content at the mask's farthest pixel.
    errors : tuple of float
        Standard errors of the three, from a jackknife over 4 x 4 parts of the box.
    reason : str
        Why there is no measurement; the numbers are those of no distortion then.
    """

    magnification: float = 1.0
    rotation_deg: float = 0.0
    edge_px: float = 0.0
    errors: tuple[float, float, float] = (0.0, 0.0, 0.0)
    reason: str = ""

    @property
    def warning(self) -> str:
        """What to know where content is displaced visibly; else empty."""
        if self.reason or self.edge_px <= max(FAR_PX, SURE * self.errors[2]):
            return ""
        return (
            f"its scale is {self.magnification:.4f} of the truth's and it is turned by "
            f"{self.rotation_deg:+.3f} degrees: {self.edge_px:.1f} px at the edge of the mask, not undone"
        )


def measure_distortion(
    image: ComplexImage, truth: ComplexImage, mask: Mask, *, least_overlap: float = SURE_OVERLAP
) -> Distortion:
    """Fit scale and rotation of an image against the truth.

    Parameters
    ----------
    image, truth : ndarray, (H, W), complex
        On one grid, a few pixels beside each other at most, without a ramp between them (`Gauge`).
        Pixels outside the mask may hold anything.
    mask : ndarray, (H, W), bool
    least_overlap : float
        Of the two once they fit, means removed, in [0, 1]; below it there is no measurement.

    Raises
    ------
    ScoringError
        Unlike shapes, an empty mask, or values on it that are not finite.
    """
    check_grid(mask, image=image, truth=truth)
    inside = mask[bounding_box(mask)]
    pose = np.zeros(6)
    for blur in BLURS_PX:
        counted = erode(inside, EDGE_PX + round(2 * blur))
        if np.count_nonzero(counted) < 256:
            if blur:
                continue
            return Distortion(reason=f"the mask of {int(mask.sum())} pixels is too small")
        a, t = (_blurred(_level(each[bounding_box(mask)], inside), blur) for each in (image, truth))
        try:
            fit = _Pair.build(a, t, counted)
            pose, overlap = _settle(fit, pose)
        except ScoringError as error:
            return Distortion(reason=str(error))
    if overlap < least_overlap:
        return Distortion(reason=f"the overlap of {overlap:.3f} is not above {least_overlap:g}")
    return _seen(pose, fit.errors(pose), inside)


def _seen(pose: Vector, errors: Vector, inside: Mask) -> Distortion:
    magnification, angle = float(np.hypot(1 + pose[4], pose[5])), float(np.arctan2(pose[5], 1 + pose[4]))
    away = np.argwhere(inside) - (np.array(inside.shape) - 1) / 2
    farthest = float(np.linalg.norm(away, axis=1).max())
    scale, turn = (float(each) for each in errors[4:])
    return Distortion(
        magnification,
        float(np.degrees(angle)),
        float(np.hypot(*pose[4:])) * farthest,
        (scale, float(np.degrees(turn)), float(np.hypot(scale, turn)) * farthest),
    )


@dataclass(frozen=True, eq=False)
class _Pair:
    """Image and truth at the compared pixels.

    A pose is (dy, dx, ty, tx, s, a): where in the image the content of the truth's pixel r from
    the middle lies, (1 + s) r + a (r turned by 90 degrees) + (dy, dx), px; and the tilt of its
    phase, rad over half the box.
    """

    image: Field
    places: Vector
    middle: Vector
    truth: Field
    slopes: Field

    @classmethod
    def build(cls, image: Field, truth: Field, counted: Mask) -> _Pair:
        rows, columns = np.nonzero(counted)
        thin = slice(None, None, -(-len(rows) // MOST_PIXELS))
        rows, columns = rows[thin], columns[thin]
        places = np.stack([rows, columns], axis=1).astype(np.float64)
        middle = (np.array(truth.shape) - 1) / 2
        y, x = (places - middle).T
        down, right = (each[rows, columns] for each in _gradient(truth))
        values = truth[rows, columns]
        tilts = [1j * each / (side / 2) * values for each, side in zip((y, x), truth.shape, strict=True)]
        flat = values - values.mean()
        for name, each in (("truth", values), ("image", image[rows, columns])):
            # rounding of a constant in single precision is not texture
            if np.std(each) <= 1e-6 * np.abs(each).max():
                raise ScoringError(f"the {name} is constant on the mask")
        slopes = np.stack([down, right, *tilts, y * down + x * right, x * down - y * right])
        slopes -= slopes.mean(axis=1, keepdims=True)
        # what a change of gain explains as well is no sign of anything else
        slopes -= np.outer(slopes @ flat.conj() / np.vdot(flat, flat), flat)
        prefiltered = scipy.ndimage.spline_filter(image.real) + 1j * scipy.ndimage.spline_filter(image.imag)
        return cls(prefiltered, places, middle, flat, slopes)

    def drawn(self, pose: Vector) -> Field:
        """Image at the truth's pixels by a pose, tilted back, its mean removed."""
        away = self.places - self.middle
        y, x = away.T
        s, a = pose[4:]
        there = np.stack([(1 + s) * y + a * x + pose[0], (1 + s) * x - a * y + pose[1]])
        there += self.middle[:, np.newaxis]
        values = sum(
            factor * scipy.ndimage.map_coordinates(part, there, order=3, mode="mirror", prefilter=False)
            for factor, part in ((1, self.image.real), (1j, self.image.imag))
        )
        half_box = self.middle + 0.5
        values = values * np.exp(1j * (away / half_box @ pose[2:4]))
        return np.asarray(values - values.mean())

    def step(self, pose: Vector) -> tuple[Vector, float]:
        """Gauss-Newton step from a pose, and the overlap there."""
        residual, overlap = self.residual(pose)
        return _solved(*_equations(self.slopes, residual)), overlap

    def residual(self, pose: Vector) -> tuple[Field, float]:
        """What a pose leaves of the truth, with the best gain, and the overlap."""
        image = self.drawn(pose)
        power = float(np.vdot(image, image).real)
        if power == 0.0:
            raise ScoringError("the image is constant where it is looked at")
        product = complex(np.vdot(image, self.truth))
        overlap = abs(product) / float(np.sqrt(power) * np.linalg.norm(self.truth))
        return self.truth - product / power * image, overlap

    def errors(self, pose: Vector) -> Vector:
        """Standard errors of a pose: how far it moves when a part of the box is left out."""
        residual, _ = self.residual(pose)
        part = (self.places * PARTS / (2 * self.middle + 1)).astype(np.int64) @ np.array([PARTS, 1])
        normal, right = _equations(self.slopes, residual)
        moves = []
        for each in np.unique(part):
            less = _equations(self.slopes[:, part == each], residual[part == each])
            moves.append(_solved(normal - less[0], right - less[1]))
        spread = np.array(moves) - np.mean(moves, axis=0)
        return np.asarray(np.sqrt((len(moves) - 1) / len(moves) * np.sum(spread**2, axis=0)))


def _equations(slopes: Field, residual: Field) -> tuple[Vector, Vector]:
    return (slopes.conj() @ slopes.T).real, (slopes.conj() @ residual).real


def _solved(normal: Vector, right: Vector) -> Vector:
    # lstsq: along the lines of a grating nothing is known, and nothing is moved
    return np.asarray(np.linalg.lstsq(normal, right, rcond=1e-9)[0])


def _settle(pair: _Pair, pose: Vector) -> tuple[Vector, float]:
    """Follow steps until none moves a pixel of the edge by a thousandth."""
    reach = float(np.linalg.norm(pair.middle))
    overlap = 0.0
    for _ in range(8):
        step, overlap = pair.step(pose)
        pose = pose + step
        if max(np.abs(step[:4]).max(), np.abs(step[4:]).max() * reach) < 1e-3:
            return pose, overlap
    if np.abs(pose[4:]).max() > 0.2:
        raise ScoringError("no scale and rotation near the truth's fit")
    return pose, overlap


def _level(values: ComplexImage, inside: Mask) -> Field:
    """Blank what lies outside by the mean, so that no stray value meets a filter."""
    kept = np.where(inside, values, 0.0).astype(np.complex128)
    return np.where(inside, kept, kept[inside].mean())


def _blurred(values: Field, sigma: float) -> Field:
    if sigma == 0:
        return values
    gauss = scipy.ndimage.gaussian_filter
    return np.asarray(gauss(values.real, sigma) + 1j * gauss(values.imag, sigma))


def _gradient(values: Field) -> tuple[Field, Field]:
    """Slopes of an image along rows and columns, by central differences of fourth order, 1/px."""
    kernel = np.array([1, -8, 0, 8, -1]) / 12
    down, right = (
        scipy.ndimage.correlate1d(values.real, kernel, axis=axis)
        + 1j * scipy.ndimage.correlate1d(values.imag, kernel, axis=axis)
        for axis in (0, 1)
    )
    return np.asarray(down), np.asarray(right)
