"""The contents of a scan file, whatever its format, before its images are interpreted.

Numbers stay as they are stored: counts or amplitudes, DC wherever the file has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ScanError
from ptycho_compare.scan.reading import DcPlace, Values
from ptycho_compare.untrusted.npy import ArrayHeader

BLOCK_BYTES = 4 << 20
"""Size of a block of images: many reads are saved, and the arithmetic stays in the cache."""


class Images(Protocol):
    """n images of N x N numbers, of which a few are in memory at a time."""

    @property
    def count(self) -> int:
        """N."""

    @property
    def side(self) -> int:
        """N, px."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the numbers as the file stores them: integers or floats."""

    def blocks(self) -> Iterator[NDArray[Any]]:
        """All images in their order, (b, N, N) at a time."""

    def read(self, indices: NDArray[np.integer[Any]]) -> NDArray[Any]:
        """Read images by number, in any order and with repeats: (b, N, N)."""

    def close(self) -> None:
        """Give back what holds the images."""


def require_numbers(dtype: np.dtype[Any], *, label: str) -> None:
    """Refuse, by a ScanError, what can be neither amplitudes nor counts nor a mask of each image."""
    if dtype.kind not in "biuf":
        raise ScanError(f"{label} is {dtype}; amplitudes are real floats, counts integers")


@dataclass(frozen=True)
class Optics:
    """Lengths that turn pixels into metres; None where nobody says.

    Attributes
    ----------
    wavelength_m, distance_m, detector_pixel_m : float or None
        Wavelength, sample to detector, side of a detector pixel.
    object_pixel_m : float or None
        Side of a pixel of the object's grid, the one positions are counted in.
    """

    wavelength_m: float | None = None
    distance_m: float | None = None
    detector_pixel_m: float | None = None
    object_pixel_m: float | None = None

    @property
    def object_pixel_nm(self) -> float | None:
        """Side of an object pixel, nm."""
        return None if self.object_pixel_m is None else self.object_pixel_m * 1e9

    def far_field_pixel_m(self, side: int) -> float | None:
        """Side of an object pixel in the far field, wavelength * distance / (N * detector pixel), m.

        It follows from the discrete Fourier transform alone: N samples of pitch d in the object
        plane and N of pitch p in the detector plane obey d p N = wavelength * distance.
        """
        if self.wavelength_m is None or self.distance_m is None or self.detector_pixel_m is None:
            return None
        return self.wavelength_m * self.distance_m / (side * self.detector_pixel_m)


class Container(Protocol):
    """An open file of named arrays."""

    @property
    def label(self) -> str:
        """The file's name in messages."""

    @property
    def roles(self) -> dict[str, str]:
        """Which key was taken for what, as far as the file was read."""

    @property
    def headers(self) -> Mapping[str, ArrayHeader]:
        """Shape and type of every array, none of which is read."""

    def __contains__(self, key: str) -> bool: ...

    def array(self, key: str) -> NDArray[Any]:
        """Read an array of numbers whole."""

    def in_order(self, key: str) -> NDArray[Any]:
        """Read an array of numbers with its axes as those of images lie: row by row, MATLAB's not turned."""

    def shape(self, key: str) -> tuple[int, ...]:
        """Shape of an array that is not read yet; of images, (..., N, N) in the order in which they come."""

    def text(self, key: str) -> Any:
        """Read what should be text; nothing in it is executed."""

    def unit(self, key: str) -> str:
        """Return the unit that the file states for an array; empty where it states none."""

    def images(self, key: str, *, count: int, side: int | None) -> Images:
        """Open n = `count` images of N = `side` px; None takes N from the images.

        Axes before the last two may have any number and length: rasters come row by row.
        """

    def checksum(self, key: str) -> tuple[int, int] | None:
        """CRC-32 and bytes of an array, where the file states them."""

    def listing(self) -> str:
        """Name what the file holds, for messages."""


@dataclass(frozen=True)
class Contents:
    """Everything that a scan file says.

    Attributes
    ----------
    key : str
        Of the images.
    images : Images
        As stored.
    positions : ndarray, (n, 2), float64
        Columns x and y, px of the object's grid.
    modes : ndarray, (m, N, N), complex64, or None
        Of the probe, strongest first.
    truth : ndarray, (H, W), complex64, or None
    mask : ndarray, (N, N), bool, or None
        True where a detector pixel, as stored, is bad.
    metadata : mapping
    optics : Optics
    values, dc : str or None
        As the format states them; None where it states nothing.
    warnings : tuple of str
    roles, units : mapping
        Which key was taken for what; the units that the file states for them.
    """

    key: str
    images: Images
    positions: NDArray[np.float64]
    modes: NDArray[np.complex64] | None
    truth: NDArray[np.complex64] | None
    mask: NDArray[np.bool_] | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    optics: Optics = field(default_factory=Optics)
    values: Values | None = None
    dc: DcPlace | None = None
    warnings: tuple[str, ...] = ()
    roles: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)

    @property
    def probe(self) -> NDArray[np.complex64] | None:
        """The strongest mode, (N, N)."""
        return None if self.modes is None else self.modes[0]


def find_key(container: Container, role: str, named: Mapping[str, str], usual: Sequence[str]) -> str:
    """Return the key of a role: the named one, else the first usual one that is there.

    Raises
    ------
    ScanError
        None of them is; the message lists what is, and how to name the role.
    """
    candidates = [named[role]] if role in named else list(usual)
    for key in candidates:
        if key in container:
            container.roles[role] = key
            return key
    wanted = f"'{candidates[0]}' is missing" if len(candidates) == 1 else ""
    wanted = wanted or "neither " + " nor ".join(f"'{key}'" for key in candidates) + " is there"
    raise ScanError(
        f"{container.label}: {wanted}; found: {container.listing()}; name it: --scan-key {role}=KEY"
    )
