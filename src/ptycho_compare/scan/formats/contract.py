"""Scans by the names of their arrays: PtychoPINN's data contract, tike's, or the user's own.

PtychoPINN's are ``xcoords``, ``ycoords``, ``diff3d`` or ``diffraction``, ``probeGuess``,
``objectGuess`` and ``_metadata``; its images are amplitudes with DC in the centre.

tike's are ``data`` (n, N, N), counts with DC in the corner, ``scan`` (n, 2) and ``probe``
(..., N, N). Its position is (y, x) of the patch's first pixel, patch = psi[y:y+N, x:x+N]; ours is
that of patch pixel [N//2, N//2], so N//2 is added, and a tike psi lies on our grid as it is.
A psi in the file is a reconstruction, so it is no truth unless the user names it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.scan.formats.arrays import (
    read_columns,
    read_mask,
    read_metadata,
    read_probe,
    read_table,
    read_truth,
    require_inside,
)
from ptycho_compare.scan.formats.contents import Container, Contents, Optics, find_key
from ptycho_compare.scan.reading import DcPlace, Reading, Values


@dataclass(frozen=True)
class _Names:
    """Usual keys of a format, and the meaning of images under the usual key."""

    diffraction: tuple[str, ...]
    probe: str
    truth: str
    values: Values
    dc: DcPlace


_PTYCHOPINN = _Names(("diff3d", "diffraction"), "probeGuess", "objectGuess", "amplitude", "centre")
_TIKE = _Names(("data",), "probe", "", "counts", "corner")


def read_by_names(container: Container, reading: Reading) -> Contents:
    """Read a scan whose arrays have known names; the keys of `reading` go before those.

    Raises
    ------
    ScanError, ArchiveError
        An array is missing or breaks the contract.
    """
    if "data" in container and "scan" in container and "xcoords" not in container:
        return _read_tike(container, reading)
    positions, axes, warnings = _positions(container, reading.keys, _PTYCHOPINN)
    return _gather(container, reading, _PTYCHOPINN, positions, axes, warnings)


def _read_tike(container: Container, reading: Reading) -> Contents:
    if reading.keys.keys() & {"positions", "x", "y"}:
        positions, axes, warnings = _positions(container, reading.keys, _TIKE)
        return _gather(container, reading, _TIKE, positions, axes, warnings)
    first_pixel = read_table(container, "scan", columns=2)[:, ::-1]
    axes = ("scan", "scan")
    contents = _gather(container, reading, _TIKE, first_pixel, axes, ())
    positions = first_pixel + contents.images.side // 2
    require_inside(positions, contents.truth, label=container.label, names=axes)
    return replace(contents, positions=positions)


def _positions(
    container: Container, named: Mapping[str, str], names: _Names
) -> tuple[NDArray[np.float64], tuple[str, str], tuple[str, ...]]:
    """Positions (n, 2), the keys that gave x and y, and warnings."""
    if "positions" in named:
        key = find_key(container, "positions", named, ())
        return read_table(container, key, columns=2), (key, key), ()
    x = find_key(container, "x", named, ["xcoords"])
    y = find_key(container, "y", named, ["ycoords"])
    images = container.shape(find_key(container, "diffraction", named, names.diffraction))
    positions, warnings = read_columns(container, x, y, images=images)
    return positions, (x, y), warnings


def _gather(
    container: Container,
    reading: Reading,
    names: _Names,
    positions: NDArray[np.float64],
    axes: tuple[str, str],
    warnings: tuple[str, ...],
) -> Contents:
    named = reading.keys
    probe, truth, mask = None, None, None
    if "probe" in named or names.probe in container:
        probe, more = read_probe(container, find_key(container, "probe", named, [names.probe]))
        warnings += more
    if "object" in named or names.truth in container:
        truth = read_truth(container, find_key(container, "object", named, [names.truth]))
    require_inside(positions, truth, label=container.label, names=axes)
    if "mask" in named:
        mask, more = read_mask(container, find_key(container, "mask", named, ()), count=len(positions))
        warnings += more
    key = find_key(container, "diffraction", named, names.diffraction)
    metadata = read_metadata(container)
    usual = key in names.diffraction
    return Contents(
        key=key,
        images=container.images(key, count=len(positions), side=None if probe is None else len(probe)),
        positions=positions,
        probe=probe,
        truth=truth,
        mask=mask,
        metadata=metadata,
        optics=Optics(object_pixel_m=reading.object_pixel_m),
        values=names.values if usual else None,
        dc=names.dc if usual else None,
        warnings=warnings,
    )
