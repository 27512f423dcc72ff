"""Where an iterative reconstruction begins: intensities, centred positions, a noisy object, a scaled probe.

pty-chi's frame: position (0, 0) lies in the middle of the object's array, so that for even sides the
probe's pixel [N//2, N//2] falls on array pixel [H/2, W/2].
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ScanError
from ptycho_compare.scan.read import Scan

NOISE = 1e-2
"""Standard deviation of the start's real and imaginary part. On an object of exact ones, pty-chi turns a
rounding error into a visibly different result."""

_MARGIN_PX = 10  # around what the probe's arrays cover
_ASSUMED_PHOTONS = 1e6  # where a scan says nothing; pty-chi divides by amplitudes + 1e-7, so not 1
_BLOCK = 128


@dataclass(frozen=True)
class InitialGuess:
    """Positions, object and probe that pty-chi begins from, and the detector pixels that it looks at.

    Attributes
    ----------
    positions_yx : ndarray, (n, 2), float32
        px from the middle of the object's array.
    object : ndarray, (H, W), complex64
        1 and seeded noise; H and W are even.
    probe : ndarray, (N, N), complex64
        The scan's, with the power of the measured images.
    origin_yx : tuple of int
        Row and column of the array's pixel [0, 0] on the scan's own grid.
    good : ndarray, (N, N), bool
        DC in pixel [0, 0].
    """

    positions_yx: NDArray[np.float32]
    object: NDArray[np.complex64]
    probe: NDArray[np.complex64]
    origin_yx: tuple[int, int]
    good: NDArray[np.bool_]


def make_start(
    positions: NDArray[np.float64],
    probe: NDArray[np.complex64],
    energy: float,
    *,
    seed: int,
    good: NDArray[np.bool_] | None = None,
) -> InitialGuess:
    """Lay out the object's array around the middle of the positions' range.

    The truth is not looked at.

    Parameters
    ----------
    positions : ndarray, (n, 2), float64
        x, y in px on the scan's grid.
    probe : ndarray, (N, N), complex64
    energy : float
        Mean over the images of the sum of their intensities.
    seed : int
        Of the noise.
    good : ndarray, (N, N), bool, or None
        Detector pixels that were measured, DC in the centre; None: all.
    """
    side = len(probe)
    rows_columns = positions[:, ::-1]
    # a whole pixel, so that the result needs no interpolation to lie on the scan's grid
    middle = np.rint((rows_columns.min(axis=0) + rows_columns.max(axis=0)) / 2)
    centred = rows_columns - middle
    half = np.ceil(np.abs(centred).max(axis=0)).astype(int) + (side + 1) // 2 + _MARGIN_PX
    height, width = 2 * half
    if side % 2:  # there the probe's middle lies half a pixel before the array's
        centred = centred + 0.5
    noise = NOISE * np.random.default_rng(seed).standard_normal((2, height, width))
    # pty-chi's Fourier transforms are not normalised
    power = energy / side**2
    scale = np.sqrt(power / np.sum(np.abs(probe.astype(np.complex128)) ** 2))
    row, column = (middle - half).astype(int)
    return InitialGuess(
        centred.astype(np.float32),
        (1 + noise[0] + 1j * noise[1]).astype(np.complex64),
        (probe * scale).astype(np.complex64),
        (int(row), int(column)),
        np.ones((side, side), np.bool_) if good is None else np.fft.ifftshift(good),
    )


@dataclass(frozen=True)
class Measured:
    """The images that are to be explained.

    Attributes
    ----------
    numbers : ndarray, (n,), int64
        Of the images in the scan.
    scale : float
        From the scan's intensities to photons, as far as it tells them.
    """

    scan: Scan
    numbers: NDArray[np.int64]
    scale: float

    @classmethod
    def of(cls, scan: Scan, images: NDArray[np.int64] | None) -> Measured:
        """Take all images of a scan, or those that are numbered.

        Raises ScanError when there is no such image, or none at all, or one of them twice.
        """
        count = len(scan.positions)
        numbers = np.arange(count) if images is None else np.asarray(images)
        known = numbers.size > 0 and numbers.min() >= 0 and numbers.max() < count
        if not known or len(np.unique(numbers)) != len(numbers):
            raise ScanError(
                f"{scan.path}: has images 0 to {count - 1}; asked for: {len(numbers)} numbers, "
                + (f"from {numbers.min()} to {numbers.max()}, " if numbers.size else "")
                + f"{len(np.unique(numbers))} of them different"
            )
        return cls(scan, numbers.astype(np.int64), _photon_scale(scan))

    @property
    def shape(self) -> tuple[int, int, int]:
        """n, N, N."""
        side = self.scan.patch_px
        return len(self.numbers), side, side

    @property
    def positions(self) -> NDArray[np.float64]:
        """x, y in px, (n, 2)."""
        return self.scan.positions[self.numbers]

    @property
    def probe(self) -> NDArray[np.complex64]:
        """The scan's, (N, N); raises ScanError when it has none."""
        probe = self.scan.probe
        if probe is None:
            raise ScanError(f"{self.scan.path}: has no probe; pty-chi needs one to start from (probeGuess)")
        return probe

    def blocks(self) -> Iterator[NDArray[np.float32]]:
        """Intensities, some images at a time, DC in pixel [0, 0]."""
        for first in range(0, len(self.numbers), _BLOCK):
            amplitudes = self.scan.diffraction.read(self.numbers[first : first + _BLOCK])
            yield np.fft.ifftshift(self.scale * np.square(amplitudes, dtype=np.float32), axes=(1, 2))


def _photon_scale(scan: Scan) -> float:
    if scan.values == "counts":
        return 1.0
    photons = scan.photons
    stated = photons if photons is not None and 0 < photons < np.inf else _ASSUMED_PHOTONS
    return stated / scan.diffraction.mean_energy
