"""Pixels of a figure that is there already, to be held against those of the same figure drawn again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ReportError
from ptycho_compare.untrusted.regular import read_bytes

_HEADER = slice(12, 29)
"""Kind and data of a PNG's first chunk: width, height, depth, colours, and how they are packed."""


def pixels_of(path: Path, *, like: Path) -> NDArray[np.uint8] | None:
    """Read the pixels of a PNG file of ours, (height, width, channels), 255 shades.

    None, and nothing is unpacked, where its size or kind is not that of `like`, which was just drawn.

    Raises
    ------
    ReportError
        It cannot be read as an image.
    """
    from matplotlib.image import imread

    if read_bytes(path)[_HEADER] != read_bytes(like)[_HEADER]:
        return None
    try:
        shades: NDArray[np.uint8] = np.rint(imread(path, format="png") * 255).astype(np.uint8)
    except (OSError, ValueError, SyntaxError) as error:  # Pillow's for a broken PNG
        raise ReportError(f"{path}: cannot be read as an image ({error})") from None
    return shades.reshape(*shades.shape[:2], -1)
