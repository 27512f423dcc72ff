"""Scans in PtyPy's .ptyd files: HDF5 with the frames in ``chunks/0``, ``chunks/1``, ...

Of each chunk: ``data`` (n, N, N), counts, DC in the middle; ``positions`` (n, 2), (row, column) in m
of the object's grid, so x = column / d and y = row / d; ``weights`` (n, N, N), 0 where a pixel is bad.
A chunk without positions takes them by its ``indices`` from ``info/positions_theory`` or
``info/positions_scan``. Of ``meta``: ``energy`` in keV, ``distance`` and ``psize`` in m; the pixel is that
of the far field, d = wavelength * distance / (N psize), unless the user says another. So ptypy.core.data
of PtyPy writes them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import scipy
from numpy.typing import NDArray

from ptycho_compare.errors import ScanError
from ptycho_compare.scan.formats.arrays import read_mask, read_probe, read_truth, require_inside
from ptycho_compare.scan.formats.contents import Container, Contents, Images, Optics, find_key
from ptycho_compare.scan.formats.joined_images import JoinedImages
from ptycho_compare.scan.formats.positions import read_table
from ptycho_compare.scan.reading import Reading

_FIRST = "chunks/0/data"


def is_ptyd(container: Container, reading: Reading) -> bool:
    """True for a file with PtyPy's chunks, unless the user names the images or the positions in it."""
    named = reading.keys.keys() & {"diffraction", "positions", "positions_yx", "x", "y"}
    return not named and _FIRST in container


def read_ptyd(container: Container, reading: Reading) -> Contents:
    """Read a scan from a .ptyd file.

    Raises
    ------
    ScanError, ArchiveError
        An array is missing or is something else than PtyPy writes, or the object pixel is not known.
    """
    chunks = list(_chunks(container))
    for number, chunk in enumerate(chunks):
        _count(container, chunk)
        _note(container, "diffraction", f"{chunk}/data", number)
    side = container.shape(_FIRST)[-1]
    modes, truth = None, None
    warnings: tuple[str, ...] = ()
    if "probe" in reading.keys:
        modes, warnings = read_probe(container, find_key(container, "probe", reading.keys, ()))
    metres = np.concatenate([_positions(container, chunk, number) for number, chunk in enumerate(chunks)])
    optics = _optics(container)
    pixel = reading.object_pixel_m or optics.far_field_pixel_m(side)
    if pixel is None:
        raise ScanError(
            f"{container.label}: positions in m need an object pixel, and 'meta' lacks one of 'energy', "
            "'distance', 'psize'; say --pixel-nm"
        )
    positions = metres[:, ::-1] / pixel
    if "object" in reading.keys:
        truth = read_truth(container, find_key(container, "object", reading.keys, ()))
        names = ("positions", "positions")
        require_inside(positions, truth, container, names=names, unit="m", stored=metres)
    mask: NDArray[np.bool_] | None
    if "mask" in reading.keys:
        mask_key = find_key(container, "mask", reading.keys, ())
        mask, more = read_mask(container, mask_key, count=len(metres), good=reading.mask_good == 1)
    else:
        mask, more = _weights(container, chunks)
    warnings += more
    return Contents(
        key=_FIRST if len(chunks) == 1 else f"chunks/0...{len(chunks) - 1}/data",
        images=JoinedImages([_images(container, chunk, modes) for chunk in chunks]),
        positions=positions,
        modes=modes,
        truth=truth,
        mask=mask,
        optics=Optics(optics.wavelength_m, optics.distance_m, optics.detector_pixel_m, pixel),
        values="counts",
        dc="centre",
        warnings=warnings + _incomplete(container, len(metres)),
    )


def _chunks(container: Container) -> Iterator[str]:
    number = 0
    while f"chunks/{number}/data" in container:
        yield f"chunks/{number}"
        number += 1


def _images(container: Container, chunk: str, modes: NDArray[np.complex64] | None) -> Images:
    side = container.shape(_FIRST)[-1] if modes is None else modes.shape[-1]
    key = f"{chunk}/data"
    return container.images(key, count=_count(container, chunk), side=side)


def _count(container: Container, chunk: str) -> int:
    shape = container.shape(f"{chunk}/data")
    if len(shape) != 3:
        raise ScanError(f"{container.label}: '{chunk}/data' has shape {shape}; needed: (n, N, N)")
    return shape[0]


def _note(container: Container, role: str, key: str, number: int) -> None:
    """Say what an array of a chunk is for."""
    container.roles[f"{role}, chunk {number}" if number else role] = key


def _positions(container: Container, chunk: str, number: int) -> NDArray[np.float64]:
    """(row, column) in m of a chunk's frames."""
    count, own = _count(container, chunk), f"{chunk}/positions"
    if own in container:
        positions, key = read_table(container, own, columns=2), own
    else:
        key = next((key for key in ("info/positions_theory", "info/positions_scan") if key in container), "")
        indices = f"{chunk}/indices"
        if not key or indices not in container:
            raise ScanError(
                f"{container.label}: '{own}' is missing, and there are no 'info/positions_scan' with "
                f"'{indices}'; name the positions: --scan-key positions_yx=KEY with diffraction=KEY"
            )
        table, numbers = read_table(container, key, columns=2), container.in_order(indices).reshape(-1)
        if (
            numbers.dtype.kind not in "iu"
            or not numbers.size
            or not 0 <= numbers.min() <= numbers.max() < len(table)
        ):
            raise ScanError(f"{container.label}: '{indices}' does not count the {len(table)} of '{key}'")
        positions = table[numbers]
    _note(container, "positions", key, number)
    if len(positions) != count:
        raise ScanError(
            f"{container.label}: '{key}' has {len(positions)} positions and '{chunk}/data' {count} frames"
        )
    return positions


def _weights(container: Container, chunks: Sequence[str]) -> tuple[NDArray[np.bool_] | None, tuple[str, ...]]:
    """The pixels whose weight is 0 in any frame, with a warning where frames differ; None without weights."""
    masks: list[NDArray[np.bool_]] = []
    warnings: tuple[str, ...] = ()
    for number, chunk in enumerate(chunks):
        key = f"{chunk}/weights"
        if key in container and 0 not in container.shape(key) and len(container.shape(key)) == 3:
            mask, about = read_mask(container, key, count=_count(container, chunk), good=True)
            _note(container, "mask", key, number)
            masks.append(mask)
            warnings += about
    if not masks and "info/weight2d" in container and len(container.shape("info/weight2d")) == 2:
        mask, _ = read_mask(container, "info/weight2d", count=1, good=True)
        container.roles["mask"] = "info/weight2d"
        masks.append(mask)
    return (np.any(masks, axis=0) if masks else None), warnings[:1]


def _optics(container: Container) -> Optics:
    energy, distance, pixel = (
        _number(container, role, f"meta/{name}")
        for role, name in (("energy", "energy"), ("distance", "distance"), ("pixel", "psize"))
    )
    wavelength = None
    if energy is not None:
        wavelength = scipy.constants.h * scipy.constants.c / (energy * (1e3 * scipy.constants.e))  # keV
    return Optics(wavelength, distance, pixel)


def _number(container: Container, role: str, key: str) -> float | None:
    """One number above 0, or two equal ones; None when it is not there."""
    if key not in container:
        return None
    container.roles[role] = key
    values = container.in_order(key).reshape(-1)
    if values.dtype.kind not in "iuf" or values.size not in (1, 2) or not (values == values[0]).all():
        raise ScanError(
            f"{container.label}: '{key}' is {values.tolist()[:4]}; needed: one number, or two equal ones"
        )
    if not 0 < values[0] < np.inf:
        raise ScanError(f"{container.label}: '{key}' is {values[0]:g}; needed: a number above 0")
    return float(values[0])


def _incomplete(container: Container, count: int) -> tuple[str, ...]:
    key = "meta/num_frames"
    expected = container.in_order(key) if key in container else np.array(count)
    if expected.size == 1 and expected.dtype.kind in "iu" and expected.item() > count:
        return (f"{container.label}: holds {count} of the {expected.item()} frames that 'meta' tells of",)
    return ()
