"""How well two fields match when one of them is moved.

The machinery of `registration`: a scene holds the pair on the mask's box, a view the part
of it whose content is known on both sides, and says how far to move. Nothing here decides
whether a match is good enough.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from ptycho_compare.errors import ScoringError
from ptycho_compare.scoring.gauge import ComplexImage
from ptycho_compare.scoring.mask import Mask, bounding_box

EDGE_PX = 6.0
"""Rows of the mask given up to let the image fade out before it is moved in Fourier space."""

TAPER_PX = 16.0
"""Width over which the compared region fades in, px."""

CONVERGED_PX = 1e-7
"""A step below this ends the refinement: far below what any noise allows."""

Vector = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Scene:
    """A pair on the mask's box with a margin, means removed, ready to be moved.

    `depth` is the distance of each pixel to the outside of the mask, `edge` the depth from
    which the image is unfaded, `taper` how far the compared region fades in (px).
    """

    truth: NDArray[np.complex128]
    image: NDArray[np.complex128]
    spectrum: NDArray[np.complex128]
    depth: Vector
    edge: float
    taper: float
    reach: int

    @classmethod
    def build(cls, image: ComplexImage, truth: ComplexImage, mask: Mask, radius_px: float) -> Scene:
        """Cut the mask's box out of a pair and give it room to move."""
        box = bounding_box(mask)
        # one lag beyond the radius is looked at, to know a peak inside from a slope
        reach = int(radius_px) + 1
        margin = reach + 1
        inside = np.pad(mask[box], margin)
        depth = np.asarray(scipy.ndimage.distance_transform_edt(inside))
        edge = min(EDGE_PX, depth.max() / 3)
        fade = _rise(depth / edge)
        a, t = (
            _centred(values[box], mask[box], margin, name)
            for name, values in (("image", image), ("truth", truth))
        )
        taper = min(TAPER_PX, depth.max() / 3)
        return cls(t * fade, a * fade, np.fft.fft2(a * fade), depth, float(edge), float(taper), reach)

    def window(self, shift: Vector) -> Vector | None:
        """Weigh the pixels whose content is known in the truth and in the moved image.

        Continuous in the shift, so that no rounding decides which pixels count.
        """
        came_from = scipy.ndimage.shift(self.depth, shift, order=1, cval=0.0)
        weight = _rise((np.minimum(self.depth, came_from) - self.edge - 1.0) / self.taper)
        return weight if np.count_nonzero(weight) > 16 else None

    def moved(self, shift: Vector) -> NDArray[np.complex128]:
        """Return the image moved by a shift."""
        ramp_y, ramp_x = (
            np.exp(-2j * np.pi * np.fft.fftfreq(side) * each)
            for side, each in zip(self.truth.shape, shift, strict=True)
        )
        return np.asarray(np.fft.ifft2(self.spectrum * ramp_y[:, np.newaxis] * ramp_x))


@dataclass(frozen=True, eq=False)
class View:
    """The part of a scene under one window: truth, and its slopes with respect to a shift.

    The slopes are the truth's, not the image's: the image is the noisy one of the two, and
    its slopes are mostly noise.
    """

    scene: Scene
    counts: Mask
    root_weight: Vector
    truth: NDArray[np.complex128]
    slopes: NDArray[np.complex128]

    @classmethod
    def build(cls, scene: Scene, window: Vector) -> View:
        """Look at a scene through a window (H, W)."""
        counts = window > 0
        root = np.sqrt(window[counts])
        truth = _textured(_flat(scene.truth[counts], root), scene.truth, "truth")
        spectrum = np.fft.fft2(scene.truth)
        fy, fx = (-2j * np.pi * np.fft.fftfreq(side) for side in scene.truth.shape)
        moved = (np.fft.ifft2(spectrum * ramp) for ramp in (fy[:, np.newaxis], fx))
        slopes = [_flat(slope[counts], root) for slope in moved]
        # what a change of gain explains as well is no sign of a shift
        free = [slope - truth * (np.vdot(truth, slope) / np.vdot(truth, truth)) for slope in slopes]
        return cls(scene, counts, root, truth, np.stack(free))

    def image(self, shift: Vector) -> NDArray[np.complex128]:
        """Return the moved image under the window, its mean removed."""
        image = _flat(self.scene.moved(shift)[self.counts], self.root_weight)
        return _textured(image, self.scene.image, "image")

    def overlap(self, shift: Vector) -> float:
        """Return |<truth, image>| / (|truth| |image|) at a shift."""
        image = self.image(shift)
        norm = float(np.linalg.norm(self.truth) * np.linalg.norm(image))
        return min(abs(complex(np.vdot(self.truth, image))) / norm, 1.0)

    def step(self, shift: Vector) -> Vector:
        """Return the Gauss-Newton step from a shift.

        The residual truth - g image - b is linearised in the shift; gain g and mean b are
        projected out of it first (variable projection), so they need no start value.
        """
        image = self.image(shift)
        gain = np.vdot(image, self.truth) / np.vdot(image, image)
        residual = self.truth - gain * image
        normal = (self.slopes.conj() @ self.slopes.T).real
        # lstsq: along the lines of a grating nothing is known, and nothing is moved
        return np.asarray(np.linalg.lstsq(normal, (self.slopes.conj() @ residual).real, rcond=1e-9)[0])


def integer_peak(scene: Scene) -> tuple[int, int]:
    """Return the best whole-pixel shift within reach."""
    hann = _rise(scene.depth / scene.depth.max())
    f1, f2 = np.fft.fft2(scene.truth * hann), np.fft.fft2(scene.image * hann)
    correlation = np.abs(np.fft.ifft2(f1 * np.conj(f2)))
    lags = np.arange(-scene.reach, scene.reach + 1)
    near = correlation[np.ix_(lags, lags)]
    row, col = np.unravel_index(int(near.argmax()), near.shape)
    return int(lags[row]), int(lags[col])


def refine(scene: Scene, start: Vector) -> tuple[Vector, Vector | None]:
    """Refine a shift; the window follows it, until both agree.

    Two passes would do for accuracy. The others make the result independent of which of
    two neighbouring whole pixels it started from.
    """
    shift, window = start, scene.window(start)
    for _ in range(5):
        if window is None:
            break
        last, shift = shift, _settle(View.build(scene, window), shift)
        window = scene.window(shift)
        if np.abs(shift - last).max() < 10 * CONVERGED_PX or np.abs(shift).max() > scene.reach + 1:
            break
    return shift, window


def _settle(view: View, start: Vector) -> Vector:
    """Follow Gauss-Newton steps until they vanish or leave the search radius."""
    shift = start
    for _ in range(30):
        step = np.clip(view.step(shift), -1.0, 1.0)
        shift = shift + step
        if np.abs(step).max() < CONVERGED_PX or np.abs(shift).max() > view.scene.reach + 1:
            break
    return shift


def chance_overlap(view: View, shift: Vector) -> float:
    """Return the rms overlap of unrelated fields that have the spectra of these two.

    With random phases, <|overlap|^2> = sum P1 P2 / (sum P1 sum P2) over the power spectra.
    """
    powers = []
    for values in (view.truth, view.image(shift)):
        canvas = np.zeros(view.counts.shape, dtype=np.complex128)
        canvas[view.counts] = values
        powers.append(np.abs(np.fft.fft2(canvas)) ** 2)
    return float(np.sqrt(np.sum(powers[0] * powers[1]) / (powers[0].sum() * powers[1].sum())))


def _rise(x: Vector) -> Vector:
    """Return a Hann flank: 0 below 0, 1 above 1, smooth between."""
    return np.asarray(np.sin(np.pi / 2 * np.clip(x, 0.0, 1.0)) ** 2)


def _centred(values: ComplexImage, inside: Mask, margin: int, name: str) -> NDArray[np.complex128]:
    """Remove the mean on the mask, blank the rest and add a margin of zeros."""
    kept = values[inside].astype(np.complex128)
    mean = kept.mean()
    # rounding of a constant in single precision is not texture
    if np.linalg.norm(kept - mean) <= 1e-7 * np.linalg.norm(kept):
        raise ScoringError(f"{name} is constant on {kept.size} mask pixels: there is nothing to register")
    centred = np.zeros(inside.shape, dtype=np.complex128)
    centred[inside] = kept - mean
    return np.pad(centred, margin)


def _flat(values: NDArray[np.complex128], root_weight: Vector) -> NDArray[np.complex128]:
    """Remove the weighted mean and multiply by the root of the weight."""
    weight = root_weight**2
    return np.asarray((values - np.sum(values * weight) / weight.sum()) * root_weight)


def _textured(
    values: NDArray[np.complex128], whole: NDArray[np.complex128], name: str
) -> NDArray[np.complex128]:
    # moving in Fourier space leaves rounding of the whole where there is nothing
    if np.linalg.norm(values) <= 1e-9 * np.linalg.norm(whole):
        raise ScoringError(f"{name} is constant where the two overlap: there is nothing to register")
    return values
