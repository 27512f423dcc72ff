"""Images of one scan that a file holds in several stacks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.scan.formats.contents import Images


class JoinedImages:
    """The images of several stacks, one stack after the other."""

    def __init__(self, parts: Sequence[Images]) -> None:
        self._parts = parts
        self._ends = np.cumsum([part.count for part in parts])
        self.count = int(self._ends[-1])
        self.side = parts[0].side
        self.dtype: np.dtype[Any] = np.result_type(*(part.dtype for part in parts))

    def blocks(self) -> Iterator[NDArray[Any]]:
        """All images in their order, (b, N, N) at a time."""
        for part in self._parts:
            yield from part.blocks()

    def read(self, indices: NDArray[np.integer[Any]]) -> NDArray[Any]:
        """Read images by number, in any order and with repeats: (b, N, N)."""
        images = np.empty((len(indices), self.side, self.side), self.dtype)
        which = np.searchsorted(self._ends, indices, side="right")
        for number, part in enumerate(self._parts):
            mine = which == number
            if mine.any():
                images[mine] = part.read(indices[mine] - (self._ends[number] - part.count))
        return images

    def close(self) -> None:
        """Give back what holds the images."""
        for part in self._parts:
            part.close()
