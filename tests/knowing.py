"""A predictor that knows the object: what a perfect network would give."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ptycho_compare.scan.read import Scan
from scans import true_patches


@dataclass
class Oracle:
    """Knows the object: recognises each image by its content and returns the true patch.

    Group members are merged as a network does: each true patch is moved to the group's
    centre by its local offset, so a wrong sign of the offset shows as a wrong patch.
    """

    scan: Scan
    group_size: int
    batch_rows: int
    normalization: float
    patch_px: int = 32
    fault: str = ""
    device: str = "cpu"
    separate: bool = False

    def __post_init__(self) -> None:
        assert self.scan.truth is not None
        self.images = self.scan.diffraction.read(np.arange(self.scan.diffraction.count))
        self.rows_seen: list[int] = []

    def warm_up(self) -> float:
        return 0.0

    def predict(self, diffraction: np.ndarray, local_offsets: np.ndarray) -> np.ndarray:
        self.rows_seen.append(len(diffraction))
        truth = self.scan.truth
        assert truth is not None
        side = self.patch_px
        patches = np.zeros((len(diffraction), side, side), np.complex64)
        for row, (images, offsets) in enumerate(zip(diffraction, local_offsets[:, 0], strict=True)):
            centres = [
                self.scan.positions[self._number(images[..., c])] + offsets[:, c]
                for c in range(self.group_size)
            ]
            patches[row] = true_patches(truth, np.array(centres), side).mean(axis=0)
        return patches

    def apart(self, diffraction: np.ndarray) -> np.ndarray:
        """Return the true patch of each image, as a network that merges nothing does."""
        assert self.scan.truth is not None
        side = self.patch_px
        numbers = [self._number(each) for each in diffraction.transpose(0, 3, 1, 2).reshape(-1, side, side)]
        patches = true_patches(self.scan.truth, self.scan.positions[numbers], side)
        return patches.reshape(len(diffraction), self.group_size, side, side)

    def _number(self, image: np.ndarray) -> int:
        distance = np.abs(self.images * np.float32(self.normalization) - image).sum(axis=(1, 2))
        return int(distance.argmin())
