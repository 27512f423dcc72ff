"""The fit behind `registration`: one of two fields is moved and its phase tilted until they match.

A scene holds the pair on the mask's box, a region the part of it whose content is known on both
sides, and says how far to move. Shift and tilt are fitted together, because what one of them
leaves behind misleads the other. `registration` decides whether a match is good enough.

A *pose* is (dy, dx, ty, tx): the shift in px, and the tilt in rad over half the box.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy
from numpy.typing import NDArray

from ptycho_compare.errors import ScoringError
from ptycho_compare.scoring.alignment.coarse import CoarseMatch, Field, coarse_match
from ptycho_compare.scoring.alignment.ramp import Ramp, apply_ramp
from ptycho_compare.scoring.mask import ComplexImage, Mask, bounding_box

EDGE_PX = 6.0
"""Rows of the mask given up to let the image fade out before it is moved in Fourier space."""

TAPER_PX = 16.0
"""Width over which the compared region fades in, px."""

CONVERGED = 1e-7
"""A step below this, px or rad, ends the refinement: far below what any noise allows."""

Vector = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Scene:
    """A pair on the mask's box with a margin, ready to be moved.

    The means are taken out while the image fades out and moves, and put back before it is
    tilted. `depth` is the distance of each pixel to the outside of the mask, `edge` the depth
    from which the image is unfaded, `taper` how far the compared region fades in (px). `start` is
    the whole-pixel shift and the ramp that the search begins with; the ramp is already taken out.
    """

    truth: Field
    spectrum: Field
    means: tuple[complex, complex]
    depth: Vector
    edge: float
    taper: float
    reach: int
    start: CoarseMatch

    @classmethod
    def build(cls, image: ComplexImage, truth: ComplexImage, mask: Mask, radius_px: float) -> Scene:
        """Cut the mask's box out of a pair, give it room to move, and find where to begin."""
        box = bounding_box(mask)
        # one lag beyond the radius is looked at, to know a peak inside from a slope
        reach = int(radius_px) + 1
        inside = mask[box]
        # extra rows up to a size that a Fourier transform likes
        room = [
            (reach + 1, scipy.fft.next_fast_len(side + 2 * (reach + 1)) - side - reach - 1)
            for side in inside.shape
        ]
        inside = np.pad(inside, room)
        depth = np.asarray(scipy.ndimage.distance_transform_edt(inside))
        edge = min(EDGE_PX, depth.max() / 3)
        a, t = (_kept(each[box], mask[box], room) for each in (image, truth))
        for values, name in ((a, "image"), (t, "truth")):
            _require_texture(values[inside], name)
        start = coarse_match(a, t, _rise(depth / depth.max()), reach=reach)
        a = apply_ramp(a, start.ramp)
        means = complex(t[inside].mean()), complex(a[inside].mean())
        fade = _rise(depth / edge)
        return cls(
            truth=(t - means[0]) * fade,
            spectrum=scipy.fft.fft2((a - means[1]) * fade),
            means=means,
            depth=depth,
            edge=float(edge),
            taper=float(min(TAPER_PX, depth.max() / 3)),
            reach=reach,
            start=start,
        )

    @property
    def half_box(self) -> Vector:
        """Half the sides of the box, px: a tilt of 1 rad over it is a ramp of 1 / half_box rad/px."""
        return np.array(self.truth.shape) / 2

    def ramp(self, pose: Vector) -> Ramp:
        """Whole ramp of a pose, rad/px."""
        tilt = pose[2:] / self.half_box
        return float(self.start.ramp[0] + tilt[0]), float(self.start.ramp[1] + tilt[1])

    def window(self, pose: Vector) -> Vector | None:
        """Weigh the pixels whose content is known in the truth and in the moved image.

        Continuous in the shift, so that no rounding decides which pixels count.
        """
        came_from = scipy.ndimage.shift(self.depth, pose[:2], order=1, cval=0.0)
        weight = _rise((np.minimum(self.depth, came_from) - self.edge - 1.0) / self.taper)
        return weight if np.count_nonzero(weight) > 16 else None

    @cached_property
    def tilts(self) -> tuple[Vector, Vector]:
        """Phases of a tilt by 1 rad over half the box, along rows and columns."""
        along = [(np.arange(side) - (side - 1) / 2) / (side / 2) for side in self.truth.shape]
        return along[0][:, np.newaxis], along[1][np.newaxis, :]

    @cached_property
    def moves(self) -> tuple[Field, Field]:
        """Logarithms of the Fourier factors of a move by 1 px, along rows and columns."""
        along = [np.asarray(-2j * np.pi * np.fft.fftfreq(side), np.complex128) for side in self.truth.shape]
        return along[0][:, np.newaxis], along[1][np.newaxis, :]

    @cached_property
    def slopes(self) -> list[Field]:
        """Change of the truth with each part of a pose, (H, W) each."""
        spectrum = scipy.fft.fft2(self.truth)
        moving = [scipy.fft.ifft2(spectrum * ramp) for ramp in self.moves]
        return moving + [1j * phase * (self.truth + self.means[0]) for phase in self.tilts]

    def moved(self, pose: Vector) -> Field:
        """Image in a pose; its faded rim is no image."""
        dy, dx, ty, tx = pose
        # in place: this is most of what a registration costs
        moved = self.spectrum * np.exp(self.moves[0] * dy)
        moved *= np.exp(self.moves[1] * dx)
        image: Field = scipy.fft.ifft2(moved, overwrite_x=True)
        image += self.means[1]
        image *= np.exp(1j * ty * self.tilts[0])
        image *= np.exp(1j * tx * self.tilts[1])
        return image


@dataclass(frozen=True, eq=False)
class Weight:
    """How much each pixel of a region counts, its root, and the sum of all."""

    each: Vector
    root: Vector
    total: float

    @classmethod
    def of(cls, window: Vector) -> Weight:
        """Take the pixels of a window that count."""
        root = np.sqrt(window)
        each = root**2
        return cls(each, root, each.sum())

    def flat(self, values: Field) -> Field:
        """Remove the weighted mean and multiply by the root of the weight."""
        return np.asarray((values - np.sum(values * self.each) / self.total) * self.root)


@dataclass(frozen=True, eq=False)
class Region:
    """The part of a scene under one window: truth, and its slopes with respect to a pose.

    The slopes are the truth's, not the image's: the image is the noisy one of the two, and
    its slopes are mostly noise.
    """

    scene: Scene
    counts: Mask
    weight: Weight
    truth: Field
    slopes: Field

    @classmethod
    def build(cls, scene: Scene, window: Vector) -> Region:
        """Look at a scene through a window (H, W)."""
        counts = window > 0
        weight = Weight.of(window[counts])
        whole = scene.truth + scene.means[0]
        truth = weight.flat(whole[counts])
        _require_texture_left(truth, whole, "truth")
        flat = [weight.flat(slope[counts]) for slope in scene.slopes]
        # what a change of gain explains as well is no sign of a shift
        free = [slope - truth * (np.vdot(truth, slope) / np.vdot(truth, truth)) for slope in flat]
        return cls(scene, counts, weight, truth, np.stack(free))

    @cached_property
    def normal(self) -> Vector:
        """Matrix of the least-squares step, (4, 4)."""
        return np.asarray((self.slopes.conj() @ self.slopes.T).real)

    def image(self, pose: Vector) -> Field:
        """Image in a pose under the window, its mean removed."""
        whole = self.scene.moved(pose)
        image = self.weight.flat(whole[self.counts])
        _require_texture_left(image, whole, "image")
        return image

    def overlap(self, pose: Vector) -> float:
        """|<truth, image>| / (|truth| |image|) in a pose."""
        image = self.image(pose)
        norm = float(np.linalg.norm(self.truth) * np.linalg.norm(image))
        return min(abs(complex(np.vdot(self.truth, image))) / norm, 1.0)

    def step(self, pose: Vector) -> Vector:
        """Gauss-Newton step from a pose.

        The residual truth - g image - b is linearised in the pose; gain g and mean b are
        projected out of it first (variable projection), so they need no start value.
        """
        image = self.image(pose)
        gain = np.vdot(image, self.truth) / np.vdot(image, image)
        residual = self.truth - gain * image
        # the real part of conj(slopes) @ residual, without a copy of the slopes
        change = (self.slopes @ residual.conj()).real
        # lstsq: along the lines of a grating nothing is known, and nothing is moved
        return np.asarray(np.linalg.lstsq(self.normal, change, rcond=1e-9)[0])


def refine(scene: Scene) -> tuple[Vector, Vector | None]:
    """Refine the scene's start; the window follows the pose, until both agree.

    Two passes would do for accuracy. The others make the result independent of which of
    two neighbouring whole pixels it started from.
    """
    pose = np.array([*scene.start.shift, 0.0, 0.0])
    window = scene.window(pose)
    for _ in range(5):
        if window is None:
            break
        last, pose = pose, _settle(Region.build(scene, window), pose)
        window = scene.window(pose)
        if np.abs(pose - last).max() < 10 * CONVERGED or np.abs(pose[:2]).max() > scene.reach + 1:
            break
    return pose, window


def _settle(region: Region, start: Vector) -> Vector:
    """Follow Gauss-Newton steps until they vanish or leave the search radius."""
    pose = start
    for _ in range(30):
        step = np.clip(region.step(pose), -1.0, 1.0)
        pose = pose + step
        if np.abs(step).max() < CONVERGED or np.abs(pose[:2]).max() > region.scene.reach + 1:
            break
    return pose


def chance_overlap(region: Region, pose: Vector) -> float:
    """Rms overlap of unrelated fields that have the spectra of these two.

    With random phases, <|overlap|^2> = sum P1 P2 / (sum P1 sum P2) over the power spectra.
    """
    powers = []
    for values in (region.truth, region.image(pose)):
        canvas = np.zeros(region.counts.shape, dtype=np.complex128)
        canvas[region.counts] = values
        powers.append(np.abs(scipy.fft.fft2(canvas)) ** 2)
    return float(np.sqrt(np.sum(powers[0] * powers[1]) / (powers[0].sum() * powers[1].sum())))


def _rise(x: Vector) -> Vector:
    """Hann flank: 0 below 0, 1 above 1, smooth between."""
    return np.asarray(np.sin(np.pi / 2 * np.clip(x, 0.0, 1.0)) ** 2)


def _kept(values: ComplexImage, inside: Mask, room: list[tuple[int, int]]) -> Field:
    """Blank what lies outside the mask and add a margin of zeros."""
    kept = np.zeros(inside.shape, dtype=np.complex128)
    kept[inside] = values[inside]
    return np.pad(kept, room)


def _require_texture(kept: Field, name: str) -> None:
    # rounding of a constant in single precision is not texture
    if np.linalg.norm(kept - kept.mean()) <= 1e-7 * np.linalg.norm(kept):
        raise ScoringError(f"{name} is constant on {kept.size} mask pixels: there is nothing to register")


def _require_texture_left(values: Field, whole: Field, name: str) -> None:
    # moving in Fourier space leaves rounding of the whole where there is nothing
    if np.linalg.norm(values) <= 1e-9 * np.linalg.norm(whole):
        raise ScoringError(f"{name} is constant where the two overlap: there is nothing to register")
