"""The eight orientations in which a network may take images, by the names that geometry checks use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

OrientationName = Literal[
    "as given",
    "mirrored left to right",
    "mirrored top to bottom",
    "turned by 180 degrees",
    "with rows and columns exchanged",
    "turned by 90 degrees anticlockwise",
    "turned by 90 degrees clockwise",
    "mirrored about the other diagonal",
]
ORIENTATION_NAMES: tuple[OrientationName, ...] = get_args(OrientationName)

_FLAGS: Mapping[str, tuple[bool, bool, bool]] = {
    "as given": (False, False, False),
    "mirrored left to right": (False, False, True),
    "mirrored top to bottom": (False, True, False),
    "turned by 180 degrees": (False, True, True),
    "with rows and columns exchanged": (True, False, False),
    "turned by 90 degrees anticlockwise": (True, True, False),
    "turned by 90 degrees clockwise": (True, False, True),
    "mirrored about the other diagonal": (True, True, True),
}
"""Whether rows and columns are exchanged, then either is mirrored."""
_QUARTERS: Mapping[str, OrientationName] = {
    "turned by 90 degrees anticlockwise": "turned by 90 degrees clockwise",
    "turned by 90 degrees clockwise": "turned by 90 degrees anticlockwise",
}


def undoing(name: OrientationName) -> OrientationName:
    """Return the orientation that undoes one: a quarter turn the other way, any other itself."""
    return _QUARTERS.get(name, name)


def turned(images: NDArray[Any], name: OrientationName) -> NDArray[Any]:
    """Turn images (..., N, N) about pixel [N//2, N//2]."""
    exchanged, rows, columns = _FLAGS[name]
    images = images.swapaxes(-1, -2) if exchanged else images
    mirrored = tuple(axis for axis, flag in ((-2, rows), (-1, columns)) if flag)
    if not mirrored:
        return images
    images = np.flip(images, mirrored)
    # of an even number of pixels the middle one would move
    return np.roll(images, 1, mirrored) if images.shape[-1] % 2 == 0 else images
