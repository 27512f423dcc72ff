"""A few images of a scan in memory, and how well an object explains them in any geometry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ScoringError
from ptycho_compare.reconstruction.canvas import Grid
from ptycho_compare.reconstruction.forward_model import ForwardModel
from ptycho_compare.reconstruction.geometry_search import GeometryReading, ImageSample
from ptycho_compare.reconstruction.residual import Residual, diffraction_residual

_SHUFFLES = (1, 2)


@dataclass(frozen=True, eq=False)
class Explained:
    """R of a reading, and what it explains of each image beyond chance.

    Attributes
    ----------
    images : int
    r_factor, shuffled : float
        As read, and with positions shuffled among the images.
    beyond : ndarray, (images,), float64
        The difference of the two, image by image; its mean is that of the two R.
    """

    images: int
    r_factor: float
    shuffled: float
    beyond: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TurnedImages:
    """Images in another orientation, read as a scan's are."""

    amplitudes: NDArray[np.float32]
    good: NDArray[np.bool_]
    geometry: GeometryReading

    def read_measured(
        self, indices: NDArray[np.integer[Any]]
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Read images by index, and which of their pixels were measured: (b, N, N) each."""
        turn = self.geometry.of_patterns
        return turn(self.amplitudes[indices]), turn(self.good[indices])


@dataclass(frozen=True, eq=False)
class HeldImages:
    """Images that were drawn from a scan, and the object that they are held against.

    Attributes
    ----------
    values : ndarray, (H, W), complex
    covered : ndarray, (H, W), bool
    probe : ndarray, (N, N) or (modes, N, N), complex
    amplitudes, good : ndarray, (m, N, N), float32 and bool
        DC in the centre; which pixels were measured.
    positions : ndarray, (m, 2), float64
        Row and column in px of the object's array.
    middle : ndarray, (2,), float64
        Of the whole scan, likewise.
    """

    values: NDArray[np.complexfloating]
    covered: NDArray[np.bool_]
    probe: NDArray[np.complexfloating]
    amplitudes: NDArray[np.float32]
    good: NDArray[np.bool_]
    positions: NDArray[np.float64]
    middle: NDArray[np.float64]

    @property
    def side(self) -> int:
        """N, px."""
        return int(self.amplitudes.shape[-1])

    def residual(self, geometry: GeometryReading, images: NDArray[np.int64], *, roll: int = 0) -> Residual:
        """R of a reading over some of the images, their positions passed on by `roll` places."""
        points = geometry.points(self.positions, self.covered.shape, self.middle)
        points[images] = np.roll(points[images], roll, axis=0)
        return diffraction_residual(
            self.values.conj() if geometry.conjugate else self.values,
            self.covered,
            TurnedImages(self.amplitudes, self.good, geometry),
            points[:, ::-1],
            geometry.of_probe(self.probe),
            grid=Grid((0, 0), self.covered.shape),
            images=images,
        )

    def lit(self, geometry: GeometryReading, images: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of the images that lie on the object in a reading."""
        try:
            return self.residual(geometry, images).images
        except ScoringError:
            return images[:0]

    def explained(self, geometry: GeometryReading, images: NDArray[np.int64]) -> Explained:
        """What a reading explains of images that all lie on the object."""
        found = self.residual(geometry, images)
        others = [self.residual(geometry, images, roll=roll) for roll in _SHUFFLES]
        by_chance = np.mean([each.per_image for each in others], axis=0)
        return Explained(
            len(found.images),
            found.r_factor,
            float(np.mean([each.r_factor for each in others])),
            (by_chance - found.per_image) * found.weights / found.weights.mean(),
        )

    def spread(self, geometry: GeometryReading, images: NDArray[np.int64]) -> float:
        """How far the images that a reading predicts differ from each other, as an R: 0 for a flat object."""
        points = geometry.points(self.positions, self.covered.shape, self.middle)
        values = self.values.conj() if geometry.conjugate else self.values
        filled = np.where(self.covered, values, values[self.covered].mean())
        grid = Grid((0, 0), (self.covered.shape[0], self.covered.shape[1]))
        model = ForwardModel.of(filled, points[:, ::-1], geometry.of_probe(self.probe), grid)
        made = model.amplitudes(images)
        others = [np.abs(made - np.roll(made, roll, axis=0)).sum() for roll in _SHUFFLES]
        return float(np.mean(others) / made.sum())

    def sample(self, count: int) -> ImageSample:
        """The first images and the strongest mode of the probe, for a search."""
        modes = self.probe.reshape(-1, *self.probe.shape[-2:])
        strongest = modes[np.argmax((np.abs(modes) ** 2).sum(axis=(1, 2)))]
        filled = np.where(self.covered, self.values, self.values[self.covered].mean())
        return ImageSample(
            self.amplitudes[:count],
            self.good[:count],
            self.positions[:count],
            self.middle,
            filled.astype(np.complex64),
            strongest.astype(np.complex64),
        )
