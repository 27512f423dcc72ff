"""Scans by the names of their arrays: PtychoPINN's data contract, tike's, or the user's own.

PtychoPINN's are ``xcoords``, ``ycoords``, ``diff3d`` or ``diffraction``, ``probeGuess``,
``objectGuess`` and ``_metadata``; its images are amplitudes with DC in the centre.

tike's are ``data`` (n, N, N), counts with DC in the corner, ``scan`` (n, 2) and ``probe``
(..., N, N). Its position is (y, x) of the patch's first pixel, patch = psi[y:y+N, x:x+N]; ours is
that of patch pixel [N//2, N//2], so N//2 is added, and a tike psi lies on our grid as it is.
A psi in the file is a reconstruction, so it is no truth unless the user names it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ScanError
from ptycho_compare.scan.formats.arrays import (
    read_mask,
    read_metadata,
    read_probe,
    read_truth,
    require_inside,
)
from ptycho_compare.scan.formats.contents import Container, Contents, Optics, find_key
from ptycho_compare.scan.formats.positions import read_columns, read_table
from ptycho_compare.scan.formats.units import in_pixels, unit_of
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
    positions, axes, warnings = _positions(container, reading, _PTYCHOPINN)
    return _gather(container, reading, _PTYCHOPINN, positions, axes, warnings)


def _read_tike(container: Container, reading: Reading) -> Contents:
    if reading.keys.keys() & {"positions", "positions_yx", "x", "y"}:
        positions, axes, warnings = _positions(container, reading, _TIKE)
        return _gather(container, reading, _TIKE, positions, axes, warnings)
    axes = ("scan", "scan")
    container.roles["positions"] = "scan"
    table = read_table(container, "scan", columns=2, images=_images_shape(container, reading, _TIKE))
    first_pixel, warnings = _pixels(table[:, ::-1], container, axes, reading)
    contents = _gather(container, reading, _TIKE, first_pixel, axes, warnings)
    positions = first_pixel + contents.images.side // 2
    require_inside(positions, contents.truth, container, names=axes)
    return replace(contents, positions=positions)


def _positions(
    container: Container, reading: Reading, names: _Names
) -> tuple[NDArray[np.float64], tuple[str, str], tuple[str, ...]]:
    """Positions (n, 2) in px, the keys that gave x and y, and warnings."""
    named = reading.keys
    about: tuple[str, ...] = ()
    images = _images_shape(container, reading, names)
    for role, columns in (("positions", slice(None)), ("positions_yx", slice(None, None, -1))):
        if role in named:
            key = find_key(container, role, named, ())
            axes, values = (key, key), read_table(container, key, columns=2, images=images)[:, columns]
            break
    else:
        axes = find_key(container, "x", named, ["xcoords"]), find_key(container, "y", named, ["ycoords"])
        values, about = read_columns(container, *axes, images=images)
    positions, warnings = _pixels(values, container, axes, reading)
    return positions, axes, about + warnings


def _images_shape(container: Container, reading: Reading, names: _Names) -> tuple[int, ...]:
    return container.shape(find_key(container, "diffraction", reading.keys, names.diffraction))


def _pixels(
    values: NDArray[np.float64], container: Container, axes: tuple[str, str], reading: Reading
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Positions (n, 2) in px, by the unit of each column."""
    units = [unit_of(container, key, "positions", reading) for key in axes]
    labels = [f"{container.label}: '{key}'" for key in axes]
    if units[0] == units[1]:
        positions, warning = in_pixels(values, units[0], reading.object_pixel_m, label=labels[0])
        return positions, () if warning is None else (warning,)
    if not all(units):
        bare = units.index("")
        raise ScanError(f"{labels[bare]} has no unit, and the other axis has {units[1 - bare]!r}")
    columns = [
        in_pixels(values[:, [axis]], unit, reading.object_pixel_m, label=label)[0]
        for axis, (unit, label) in enumerate(zip(units, labels, strict=True))
    ]
    return np.hstack(columns), ()


def _gather(
    container: Container,
    reading: Reading,
    names: _Names,
    positions: NDArray[np.float64],
    axes: tuple[str, str],
    warnings: tuple[str, ...],
) -> Contents:
    named = reading.keys
    modes, truth, mask = None, None, None
    if "probe" in named or names.probe in container:
        modes, more = read_probe(container, find_key(container, "probe", named, [names.probe]))
        warnings += more
    if "object" in named or names.truth in container:
        truth = read_truth(container, find_key(container, "object", named, [names.truth]))
    unit = unit_of(container, axes[0], "positions", reading)
    require_inside(positions, truth, container, names=axes, unit=unit)
    if "mask" in named:
        mask_key = find_key(container, "mask", named, ())
        mask, more = read_mask(container, mask_key, count=len(positions), good=reading.mask_good == 1)
        warnings += more
    key = find_key(container, "diffraction", named, names.diffraction)
    metadata = read_metadata(container)
    usual = key in names.diffraction
    return Contents(
        key=key,
        images=container.images(key, count=len(positions), side=None if modes is None else modes.shape[-1]),
        positions=positions,
        modes=modes,
        truth=truth,
        mask=mask,
        metadata=metadata,
        optics=Optics(object_pixel_m=reading.object_pixel_m),
        values=names.values if usual else None,
        dc=names.dc if usual else None,
        warnings=warnings,
    )
