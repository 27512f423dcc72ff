"""Reconstructions made elsewhere: read as data, laid where their frame says or most likely is.

Some files record where their array lies (see `recorded_frame`). pty-chi and tike record nothing: their
array's pixel (h/2, w/2) lies at the middle of the bounding box of the positions; registration
against the truth then finds the rest.
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
from ptycho_compare.reconstruction.frame import Frame
from ptycho_compare.reconstruction.image_file import ImageFile, open_image_file
from ptycho_compare.reconstruction.image_source import PROBE_KEYS, ImageSource, find_image
from ptycho_compare.reconstruction.recorded_frame import read_frame
from ptycho_compare.scan.probe_modes import modes_of
from ptycho_compare.scoring.alignment.registration import continued


@dataclass(frozen=True)
class ReadyMade:
    """A reconstruction as its file holds it.

    Attributes
    ----------
    values : ndarray, (h, w), complex64
    seconds : float or None
        How long it took, if the file says.
    modes : ndarray, (m, N, N), complex64, or None
        Of its probe, strongest first, if the file holds one.
    frame : Frame or None
        Where it lies, if the file records it.
    weight : ndarray, (h, w), float64, or None
        How many patches lie on each pixel, where one of our own files says so.
    """

    path: Path
    arm: str
    values: NDArray[np.complex64]
    seconds: float | None
    modes: NDArray[np.complex64] | None = None
    frame: Frame | None = None
    weight: NDArray[np.float64] | None = None

    @property
    def probe(self) -> NDArray[np.complex64] | None:
        """The strongest mode of its probe, (N, N)."""
        return None if self.modes is None else self.modes[0]

    @property
    def placed(self) -> bool:
        """True where the file records the frame: then nothing may move it."""
        return self.frame is not None

    def on_grid(
        self, positions: NDArray[np.float64], grid: Grid
    ) -> tuple[NDArray[np.complex64], NDArray[np.float64]]:
        """Lay it on the object's grid by its frame, or else by the bounding box of the positions.

        Parameters
        ----------
        positions : ndarray, (n, 2), float64
            All of the scan's: x, y in px.
        grid : Grid
            The object's. An array of its very shape and without a frame is taken as lying on it.

        Returns
        -------
        values : ndarray, (H, W), complex64
        weight : ndarray, (H, W), float64
            1 where the file has a pixel, or its own weight.

        Raises
        ------
        ReadyMadeError
            The file records positions that differ from the scan's by more than a shift.
        """
        weight = np.ones(self.values.shape) if self.weight is None else self.weight
        if self.frame is not None:
            corner = self.frame.corner(positions)
        elif self.values.shape == grid.shape:
            return self.values, weight
        else:
            middle = (positions.min(axis=0) + positions.max(axis=0))[::-1] / 2
            corner = middle - np.array(self.values.shape) / 2
        whole = np.rint(corner).astype(int)
        everything = slice(None)
        known = np.isfinite(self.values)
        # what is not finite would spread over its whole rows and columns
        filled = self.values if known.all() or not known.any() else continued(self.values, known)
        moved = move(filled[None], (corner - whole)[None], everything, everything)[0]
        moved = np.where(known, moved, self.values).astype(np.complex64)
        origin = (int(whole[0]), int(whole[1]))
        return grid.lay(moved, origin), grid.lay(weight, origin)


def read_ready_made(source: Path | ImageSource, *, arm: str | None = None) -> ReadyMade:
    """Read a reconstruction, and its frame, probe and time if the file has them.

    Parameters
    ----------
    source : Path or ImageSource
        NPZ, NPY or HDF5; without a key the object is looked for under its usual names.
    arm : str or None
        Its name; None takes ``Tike`` for a file that says so and ``PtyChi`` for any other.

    Raises
    ------
    ReadyMadeError, ArchiveError
        No such file or key, or not a 2-D complex array. Values that are not finite are no reading
        error: they make a dead arm, which scoring reports.
    """
    source = ImageSource(source) if isinstance(source, Path) else source
    path = source.path
    with open_image_file(path) as file:
        image = find_image(file, source)
        if image.values.dtype.kind != "c":
            raise ReadyMadeError(
                f"{path}: '{image.key}' is {image.values.dtype} of shape {image.values.shape}; "
                "needed: (h, w) complex"
            )
        frame = read_frame(file, image.key, image.values.shape, path=path)
        metadata = _metadata(file)
        algorithm = str(metadata.get("algorithm") or file.plain("algorithm") or "")
        seconds = metadata.get("computation_time_seconds", file.plain("reconstruction_time"))
        probe, weight = _probe(file, image.key), _weight(file, image.key, image.values.shape)
    if arm is None:
        # tike's own files are the only ones that name another code than pty-chi
        arm = "Tike" if "tike" in algorithm.lower() and "pty" not in algorithm.lower() else "PtyChi"
    taken = float(seconds) if isinstance(seconds, int | float) else None
    return ReadyMade(path, arm, _complex64(image.values), taken, probe, frame, weight)


def _complex64(values: NDArray[Any]) -> NDArray[np.complex64]:
    with np.errstate(over="ignore"):  # becomes infinite, which scoring reports
        return values.astype(np.complex64)


def _probe(file: ImageFile, key: str) -> NDArray[np.complex64] | None:
    """The modes of the probe that lies beside an image, or at the root of its file."""
    group, slash, _ = key.rpartition("/")
    of_ptypy = [key.replace("/obj/", "/probe/")] if "/obj/" in key else []
    for name in [*(f"{group}{slash}{each}" for each in PROBE_KEYS), *of_ptypy, *PROBE_KEYS]:
        modes = modes_of(file.array(name)) if name in file else None
        if modes is not None:
            return modes
    return None


def _weight(file: ImageFile, key: str, shape: tuple[int, ...]) -> NDArray[np.float64] | None:
    """The weight that our own files hold beside ``<arm>_complex``."""
    arm = key.removesuffix("_complex")
    if arm == key or f"{arm}_weight" not in file:
        return None
    weight = file.array(f"{arm}_weight")
    return weight.astype(np.float64) if weight.shape == shape and weight.dtype.kind in "iuf" else None


def _metadata(file: ImageFile) -> Mapping[str, Any]:
    value = file.plain("metadata")
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value if isinstance(value, dict) else {}
