"""What a scan file contains, one format or another, before its images are interpreted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ScanError
from ptycho_compare.scan.formats.images import Images
from ptycho_compare.scan.optics import Optics
from ptycho_compare.scan.reading import DcPlace, Values


class Container(Protocol):
    """An open file of named arrays."""

    @property
    def label(self) -> str:
        """What messages call the file."""

    def __contains__(self, key: str) -> bool:
        """Whether there is an array of that name."""

    def array(self, key: str) -> NDArray[Any]:
        """Read an array of numbers whole."""

    def text(self, key: str) -> Any:
        """Read what should be text; nothing in it is executed."""

    def images(self, key: str, *, count: int, side: int | None) -> Images:
        """Open n = `count` images of N = `side` px; None takes N from the images."""

    def listing(self) -> str:
        """Name what the file holds, for messages."""


@dataclass(frozen=True)
class Contents:
    """What a file contains.

    Attributes
    ----------
    key : str
        Of the images.
    images : Images
        As stored.
    positions : ndarray, (n, 2), float64
        Columns x and y, px of the object's grid.
    probe : ndarray, (N, N), complex64, or None
    truth : ndarray, (H, W), complex64, or None
    mask : ndarray, (N, N), bool, or None
        True where a detector pixel, as stored, is bad.
    metadata : mapping
    optics : Optics
    values, dc : str or None
        What the format states; None where it states nothing.
    warnings : tuple of str
    """

    key: str
    images: Images
    positions: NDArray[np.float64]
    probe: NDArray[np.complex64] | None
    truth: NDArray[np.complex64] | None
    mask: NDArray[np.bool_] | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    optics: Optics = field(default_factory=Optics)
    values: Values | None = None
    dc: DcPlace | None = None
    warnings: tuple[str, ...] = ()


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
            return key
    wanted = f"'{candidates[0]}' is missing" if len(candidates) == 1 else ""
    wanted = wanted or "neither " + " nor ".join(f"'{key}'" for key in candidates) + " is there"
    raise ScanError(
        f"{container.label}: {wanted}; found: {container.listing()}; name it: --scan-key {role}=KEY"
    )
