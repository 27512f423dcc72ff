"""Reconstructions made elsewhere: read as data, laid where their frame is most likely.

pty-chi and tike record no frame. Their array's pixel (h/2, w/2) lies at the middle of the
bounding box of the positions; registration against the truth then finds what is left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ReadyMadeError
from ptycho_compare.reconstruction.canvas import Grid, move
from ptycho_compare.untrusted.npz import NpzFile, open_npz


@dataclass(frozen=True)
class ReadyMade:
    """A reconstruction as its file holds it.

    Attributes
    ----------
    path : Path
        The file.
    arm : str
        ``PtyChi`` or ``Tike``.
    values : ndarray, (h, w), complex64
    seconds : float or None
        How long it took, if the file says.
    """

    path: Path
    arm: str
    values: NDArray[np.complex64]
    seconds: float | None

    def on_grid(
        self, positions: NDArray[np.float64], grid: Grid
    ) -> tuple[NDArray[np.complex64], NDArray[np.float64]]:
        """Lay it on the object's grid by the bounding box of the positions.

        Parameters
        ----------
        positions : ndarray, (n, 2), float64
            x, y in px.
        grid : Grid
            The object's. An array of its very shape is taken as lying on it.

        Returns
        -------
        values : ndarray, (H, W), complex64
        weight : ndarray, (H, W), float64
            1 where the file has a pixel.
        """
        if self.values.shape == grid.shape:
            return self.values, np.ones(grid.shape)
        middle = (positions.min(axis=0) + positions.max(axis=0))[::-1] / 2
        corner = middle - np.array(self.values.shape) / 2
        whole = np.rint(corner).astype(int)
        everything = slice(None)
        moved = move(self.values[None], (corner - whole)[None], everything, everything)[0]
        origin = (int(whole[0]), int(whole[1]))
        return grid.lay(moved, origin), grid.lay(np.ones(moved.shape), origin)


def read_ready_made(path: Path) -> ReadyMade:
    """Read ``reconstructed_object`` and what the file says about itself.

    Raises
    ------
    ReadyMadeError, ArchiveError
        No such key, or not a 2-D complex array. Values that are not finite are no reading
        error: they make a dead arm, which scoring reports.
    """
    with open_npz(path) as archive:
        values = archive.array("reconstructed_object")
        metadata = _metadata(archive)
        algorithm = str(metadata.get("algorithm") or _text(archive, "algorithm"))
        seconds = metadata.get("computation_time_seconds", _number(archive, "reconstruction_time"))
    if values.ndim != 2 or values.dtype.kind != "c":
        raise ReadyMadeError(
            f"{path}: 'reconstructed_object' is {values.dtype} of shape {values.shape}; "
            "needed: (h, w) complex"
        )
    # tike's own files are the only ones that name another code than pty-chi
    arm = "Tike" if "tike" in algorithm.lower() and "pty" not in algorithm.lower() else "PtyChi"
    taken = float(seconds) if isinstance(seconds, int | float) else None
    return ReadyMade(path, arm, values.astype(np.complex64), taken)


def _metadata(archive: NpzFile) -> Mapping[str, Any]:
    value = archive.plain("metadata") if "metadata" in archive else None
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value if isinstance(value, dict) else {}


def _text(archive: NpzFile, key: str) -> str:
    return str(archive.plain(key)) if key in archive else ""


def _number(archive: NpzFile, key: str) -> float | None:
    value = archive.plain(key) if key in archive else None
    return float(value) if isinstance(value, int | float) else None
