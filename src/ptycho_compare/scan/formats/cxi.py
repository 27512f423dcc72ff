"""Scans in CXI files, the HDF5 layout of the Coherent X-ray Imaging Data Bank (version 1.60).

What is read: ``entry_1/data_1/data`` or ``entry_1/instrument_1/detector_1/data``; of the
detector ``distance``, ``x_pixel_size``, ``y_pixel_size``, ``basis_vectors``, ``mask``; ``wavelength`` of
``source_1``, else the energy of ``beam_1`` (NXcxi_ptycho's) or of ``source_1``;
``entry_1/sample_1/geometry_1/translation``. Each in the unit of its attribute ``units``, or as the
user says; without one in m or J, which is CXI's own.

Geometry. CXI's laboratory has z along the beam and y up, in metres. ``basis_vectors`` say how
one goes from a detector pixel to the next: down a column (b_row) and along a row (b_col). The
translation t is that of the sample, so the beam moves by -t over it. In the far field the
object's grid is the one whose discrete Fourier transform is the detector's grid: it lies
parallel to it, with the pitch d = wavelength * distance / (N * detector pixel). Hence

    x = -t . b_col / (|b_col| d),   y = -t . b_row / (|b_row| d)

in px, with the origin where the laboratory has it. A file in which the optics were moved and
not the sample gives an object turned by 180 degrees; nothing in the data can show that.

In the near field the pitch is another one, and nothing in a CXI file says which field it is.
It is read as far field unless ``object_pixel_m`` says otherwise: it is the detector pixel behind a
parallel beam, and p z1 / (z1 + z2) behind a focus that lies z1 before the sample.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import scipy
from numpy.typing import NDArray

from ptycho_compare.errors import ScanError
from ptycho_compare.scan.formats.arrays import read_mask, read_probe, read_truth, require_inside
from ptycho_compare.scan.formats.contents import Container, Contents, Optics, find_key
from ptycho_compare.scan.formats.positions import read_columns, read_table
from ptycho_compare.scan.formats.units import Kind, factor, unit_of
from ptycho_compare.scan.reading import Reading

_DETECTOR = "entry_1/instrument_1/detector_1"
_DATA = ("entry_1/data_1/data", f"{_DETECTOR}/data")
_TRANSLATION = (
    "entry_1/data_1/translation",
    "entry_1/sample_1/geometry_1/translation",
    f"{_DETECTOR}/translation",  # where early files keep the sample's translation
)
_BASIS = f"{_DETECTOR}/basis_vectors"
_SOURCE = "entry_1/instrument_1/source_1"
# NXcxi_ptycho has the photons' energy in beam_1; what its source has is the ring's
_BEAM = "entry_1/instrument_1/beam_1"
_ENERGY = (f"{_BEAM}/incident_beam_energy", f"{_BEAM}/energy", f"{_SOURCE}/energy")
# bits of a CXI mask that say something else than "bad": in a peak mask, artefact corrected,
# a peak for the hit finder, background corrected
_HARMLESS_BITS = 0x20 | 0x800 | 0x2000 | 0x4000
_SQUARE_TOLERANCE = 0.01
_DRIFT = 1e-3  # read back for every image, an energy is never quite the same
_SHORTEST_M, _LONGEST_M = 1e-14, 1e-2  # from hard gamma rays to microwaves


def is_cxi(container: Container) -> bool:
    """True for a file that says that it is CXI, or has the images where CXI has them."""
    return "cxi_version" in container or any(key in container for key in _DATA)


def read_cxi(container: Container, reading: Reading) -> Contents:
    """Read a scan from a CXI file.

    Raises
    ------
    ScanError, ArchiveError
        An array is missing, is something else than CXI says, or the object pixel is not known.
    """
    named = reading.keys
    if "positions_yx" in named:
        raise ScanError(f"{container.label}: a CXI file has translations (n, 3); name 'positions'")
    key = find_key(container, "diffraction", named, _DATA)
    metres, axes, about = _translations(container, reading, images=container.shape(key))
    modes, truth, mask = None, None, None
    basis, warnings = _basis(container, reading)
    warnings += about
    if "probe" in named:
        modes, more = read_probe(container, find_key(container, "probe", named, ()))
        warnings += more
    if "mask" in named or f"{_DETECTOR}/mask" in container:
        mask_key = find_key(container, "mask", named, [f"{_DETECTOR}/mask"])
        mask, more = read_mask(
            container, mask_key, count=len(metres), good=reading.mask_good == 1, harmless=_HARMLESS_BITS
        )
        warnings += more
    images = container.images(key, count=len(metres), side=None if modes is None else modes.shape[-1])
    optics = _optics(container, basis, reading)
    pixel = reading.object_pixel_m or _far_field_pixel(optics, images.side, container.label)
    with np.errstate(all="ignore"):  # what overflows is named next
        positions = -(metres @ _directions(basis).T) / pixel
    if not np.isfinite(positions).all():
        raise ScanError(f"{container.label}: '{axes[0]}' is too large for object pixels of {pixel:g} m")
    if "object" in named:
        truth = read_truth(container, find_key(container, "object", named, ()))
        require_inside(positions, truth, container, names=axes, unit="m", stored=metres)
    return Contents(
        key=key,
        images=images,
        positions=positions,
        modes=modes,
        truth=truth,
        mask=mask,
        optics=replace(optics, object_pixel_m=pixel),
        dc="centre",  # a detector's frame, as it was measured
        warnings=warnings,
    )


def _translations(
    container: Container, reading: Reading, *, images: tuple[int, ...]
) -> tuple[NDArray[np.float64], tuple[str, str], tuple[str, ...]]:
    """Translations of the sample (n, 3) in m, the keys that gave them, and warnings.

    NXcxi_ptycho may have the sample's motors instead: x and y, as the user names them.
    """
    named = reading.keys
    if named.keys() & {"x", "y"}:
        axes = find_key(container, "x", named, ()), find_key(container, "y", named, ())
        motors, warnings = read_columns(container, *axes, images=images)
        motors *= [_unit(container, axis, "positions", "length", reading) for axis in axes]
        return np.pad(motors, ((0, 0), (0, 1))), axes, warnings
    key = find_key(container, "positions", named, _TRANSLATION)
    metres = read_table(container, key, columns=3, images=images)
    return metres * _unit(container, key, "positions", "length", reading), (key, key), ()


def _basis(container: Container, reading: Reading) -> tuple[NDArray[np.float64] | None, tuple[str, ...]]:
    """Return b_row and b_col as rows (2, 3), m per px, or None and a warning."""
    if _BASIS not in container:
        warning = (
            f"{container.label}: there is no '{_BASIS}'; rows are taken to lie one below the other and "
            "columns from left to right, seen along the beam"
        )
        return None, (warning,)
    container.roles["basis vectors"] = _BASIS
    values = container.array(_BASIS)
    # one pair of vectors for all images, or one for each
    pairs = values.reshape(-1, *values.shape[-2:]) if values.ndim >= 2 and values.size else values[None]
    if pairs.shape[1:] not in ((3, 2), (2, 3)) or pairs.dtype.kind not in "iuf" or (pairs != pairs[0]).any():
        raise ScanError(
            f"{container.label}: '{_BASIS}' is {values.dtype} of shape {values.shape}; "
            "needed: two vectors (3, 2) or (2, 3), the same for all images"
        )
    basis = (pairs[0].T if pairs.shape[1:] == (3, 2) else pairs[0]).astype(np.float64)
    if not np.linalg.norm(np.cross(*basis)) > 0:  # also where a value is not finite
        raise ScanError(f"{container.label}: the two vectors of '{_BASIS}' span no plane")
    return basis * _unit(container, _BASIS, "pixel", "length", reading), ()


def _directions(basis: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """Directions of x and y of the object's grid in the laboratory: unit vectors (2, 3)."""
    if basis is None:
        return np.array([[-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
    directions: NDArray[np.float64] = basis[::-1] / np.linalg.norm(basis[::-1], axis=1, keepdims=True)
    return directions


def _optics(container: Container, basis: NDArray[np.float64] | None, reading: Reading) -> Optics:
    """Gather the lengths that the file states."""
    x, y = (
        _positive(container, f"{_DETECTOR}/{name}_pixel_size", "pixel", "length", reading) for name in "xy"
    )
    if basis is not None:
        y_length, x_length = (float(length) for length in np.linalg.norm(basis, axis=1))
        x, y = x or x_length, y or y_length
    if x is not None and y is not None and abs(x - y) > _SQUARE_TOLERANCE * max(x, y):
        raise ScanError(f"{container.label}: a detector pixel is {x:g} m x {y:g} m; needed: square pixels")
    wavelength = _positive(container, f"{_SOURCE}/wavelength", "wavelength", "length", reading)
    if wavelength is None:
        key = next((each for each in _ENERGY if each in container), _ENERGY[-1])
        energy = _positive(container, key, "energy", "energy", reading)
        wavelength = None if energy is None else scipy.constants.h * scipy.constants.c / energy
    if wavelength is not None and not _SHORTEST_M < wavelength < _LONGEST_M:
        raise ScanError(
            f"{container.label}: '{_SOURCE}' gives a wavelength of {wavelength:.3g} m, which nobody works "
            "with; say its unit: --scan-unit energy=keV, or wavelength=nm"
        )
    return Optics(
        wavelength, _positive(container, f"{_DETECTOR}/distance", "distance", "length", reading), x or y
    )


def _far_field_pixel(optics: Optics, side: int, label: str) -> float:
    pixel = optics.far_field_pixel_m(side)
    if pixel is None:
        raise ScanError(
            f"{label}: positions in m need an object pixel; wavelength {optics.wavelength_m}, distance "
            f"{optics.distance_m}, detector pixel {optics.detector_pixel_m} m give none; say --pixel-nm"
        )
    return pixel


def _unit(container: Container, key: str, role: str, kind: Kind, reading: Reading) -> float:
    """Size of the unit of an array in m or J, which is what CXI means where no unit stands."""
    unit = unit_of(container, key, role, reading)
    return factor(unit, kind, label=f"{container.label}: '{key}'", role=role) if unit else 1.0


def _positive(container: Container, key: str, role: str, kind: Kind, reading: Reading) -> float | None:
    """Read one number in m or J, which may be stored once for every image; None when it is not there."""
    if key not in container:
        return None
    container.roles[role] = key
    values = container.array(key)
    same = values.dtype.kind in "iuf" and values.size > 0
    if not same or not np.allclose(values, values.mean(), rtol=_DRIFT, atol=0):
        raise ScanError(
            f"{container.label}: '{key}' is {values.dtype} of shape {values.shape}"
            f"{f', from {values.min():g} to {values.max():g}' if same else ''}; "
            f"needed: one number, the same for all images (to {_DRIFT:g} of it)"
        )
    value = float(values.mean())
    if not 0 < value < np.inf:
        raise ScanError(f"{container.label}: '{key}' is {value:g}; needed: a number above 0")
    return value * _unit(container, key, role, kind, reading)
