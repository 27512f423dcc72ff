"""The scan: positions, amplitudes, probe and, if known, the true object.

Positions are absolute, in pixels of the object's grid: a patch centred on (x, y) has its
pixel [N//2, N//2] on object row y, column x. A file's format shows in its first bytes
and the arrays in it, not in its name.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ScanError
from ptycho_compare.scan.bad_pixels import BadPixels
from ptycho_compare.scan.diffraction import Diffraction
from ptycho_compare.scan.extent import require_extent
from ptycho_compare.scan.formats.contents import Container, Contents, Images, Optics
from ptycho_compare.scan.formats.contract import read_by_names
from ptycho_compare.scan.formats.cxi import is_cxi, read_cxi
from ptycho_compare.scan.formats.hdf5_container import Hdf5Container
from ptycho_compare.scan.formats.opening import open_container
from ptycho_compare.scan.formats.ptyd import is_ptyd, read_ptyd
from ptycho_compare.scan.interpretation import find_evidence, resolve_dc, resolve_values
from ptycho_compare.scan.marks import find_marks
from ptycho_compare.scan.mask_check import check_mask
from ptycho_compare.scan.reading import AS_FOUND, DcPlace, Reading, Values
from ptycho_compare.scan.survey import Survey, survey
from ptycho_compare.storage.files import naming

_MOST_MARKS = 6
"""Different numbers that mark bad pixels of one detector."""


@dataclass(frozen=True)
class Scan:
    """One split's measured data.

    Attributes
    ----------
    path : Path
    positions : ndarray, (n, 2), float64
        Columns x and y, px on the object's grid.
    diffraction : Diffraction
        n images of N x N amplitudes, read on demand.
    modes : ndarray, (m, N, N), complex64, or None
        Of the probe, strongest first; their intensities add up.
    truth : ndarray, (H, W), complex64, or None
        The true object.
    metadata : mapping
        PtychoPINN's ``_metadata``; empty when the file has none.
    optics : Optics
    warnings : tuple of str
        One line for each thing that is unusual and was read.
    roles, units : mapping
        Which key was taken for what; the units that the file states for them.
    """

    path: Path
    positions: NDArray[np.float64]
    diffraction: Diffraction
    modes: NDArray[np.complex64] | None
    truth: NDArray[np.complex64] | None
    metadata: Mapping[str, Any]
    optics: Optics
    warnings: tuple[str, ...] = ()
    roles: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)

    @property
    def probe(self) -> NDArray[np.complex64] | None:
        """The strongest mode, (N, N), where one must do."""
        return None if self.modes is None else self.modes[0]

    @property
    def values(self) -> Values:
        """What the file holds: amplitude or counts. `diffraction` gives amplitudes either way."""
        return self.diffraction.values

    @property
    def dc(self) -> DcPlace:
        """Where DC lies in the file: centre or corner. `diffraction` gives it in the centre either way."""
        return self.diffraction.dc

    @property
    def patch_px(self) -> int:
        """N, the side of an image, px."""
        return self.diffraction.patch_px

    @property
    def normalization(self) -> float:
        """k, the factor that gives the mean image the energy (N/2)^2; over all images of the file."""
        return float((self.patch_px / 2) / np.sqrt(self.diffraction.mean_energy))

    @property
    def photons(self) -> float | None:
        """Photons per exposure as the metadata state them."""
        physics = self.metadata.get("physics_parameters")
        value = physics.get("nphotons") if isinstance(physics, dict) else None
        return float(value) if isinstance(value, int | float) else None


@dataclass(frozen=True, eq=False)
class Geometry:
    """A scan without its images: positions (n, 2) and, where the file has them, modes and truth; N in px."""

    positions: NDArray[np.float64]
    modes: NDArray[np.complex64] | None
    truth: NDArray[np.complex64] | None
    patch_px: int


def read_geometry(path: Path, *, reading: Reading = AS_FOUND) -> Geometry:
    """Read where a scan went, and with which probe; raises like `open_scan`."""
    with ExitStack() as stack:
        contents = _open(path, reading, None, stack)
        contents.images.close()
        _require_extent(contents, reading, path)
        return Geometry(contents.positions, contents.modes, contents.truth, contents.images.side)


@contextmanager
def open_images(path: Path, *, reading: Reading = AS_FOUND) -> Iterator[Images]:
    """Open a scan's images as they are stored, neither interpreted nor surveyed; raises like `open_scan`."""
    with ExitStack() as stack:
        images = _open(path, reading, None, stack).images
        stack.callback(images.close)
        yield images


@contextmanager
def open_scan(path: Path, *, spool_folder: Path | None = None, reading: Reading = AS_FOUND) -> Iterator[Scan]:
    """Open and check a scan.

    Every image is read once, in blocks, to check its values and to sum the energy that the
    normalisation needs; HDF5 images then stay where they lie, NPZ images in a spool file.

    Parameters
    ----------
    path : Path
        NPZ, as it is or packed by bzip2, with PtychoPINN's names or tike's; HDF5 with PtychoPINN's
        names; CXI; PtyPy's .ptyd; or NPZ and HDF5 with the names in `reading`.
    spool_folder : Path or None
        Where unpacked images are kept while the scan is open.
    reading : Reading
        The user's statements; see `interpretation` for how they weigh.

    Raises
    ------
    ScanError, ArchiveError
        One line: file, key, what was found and what is needed.
    """
    with ExitStack() as stack:
        with naming(spool_folder or Path(tempfile.gettempdir())):
            contents = _open(path, reading, spool_folder, stack)
            stack.callback(contents.images.close)
            _require_extent(contents, reading, path)
            diffraction, warnings = _interpret(contents, reading, label=f"{path}: '{contents.key}'")
        yield Scan(
            path,
            contents.positions,
            diffraction,
            contents.modes,
            contents.truth,
            contents.metadata,
            contents.optics,
            contents.warnings + warnings,
            contents.roles,
            contents.units,
        )


def _require_extent(contents: Contents, reading: Reading, path: Path) -> None:
    pixel_nm = contents.optics.object_pixel_nm
    require_extent(
        contents.positions,
        side=contents.images.side,
        probe=contents.probe,
        sure="positions" in reading.units,
        label=str(path) if pixel_nm is None else f"{path} (object pixels of {pixel_nm:.4g} nm)",
    )


def _open(path: Path, reading: Reading, spool_folder: Path | None, stack: ExitStack) -> Contents:
    """Read all but the images; files that they need open go onto the stack."""
    with ExitStack() as opened:
        container = opened.enter_context(open_container(path, spool_folder=spool_folder))
        contents = _described(container, _read(container, reading))
        if isinstance(container, Hdf5Container):  # a spool file outlives its archive
            stack.push(opened.pop_all())
        return contents


def _read(container: Container, reading: Reading) -> Contents:
    if isinstance(container, Hdf5Container):
        if is_cxi(container):
            return read_cxi(container, reading)
        if is_ptyd(container, reading):
            return read_ptyd(container, reading)
    return read_by_names(container, reading)


def _described(container: Container, contents: Contents) -> Contents:
    units = {key: container.unit(key) for key in container.roles.values()}
    stated = {key: unit for key, unit in units.items() if unit}
    return replace(contents, roles=dict(container.roles), units=stated)


def _interpret(contents: Contents, reading: Reading, *, label: str) -> tuple[Diffraction, tuple[str, ...]]:
    """Decide what the images are: DC first, because the proof of counts needs it in its place."""
    images, mask = contents.images, contents.mask
    if mask is not None and mask.shape != (images.side, images.side):
        raise ScanError(
            f"{label} has images of {images.side} x {images.side} px and its mask is {mask.shape}"
        )
    masked = () if mask is None else check_mask(images, mask, said=reading.mask_good is not None, label=label)
    found, marked = _survey(images, BadPixels.of(mask, images.side), reading, label=label)
    dc, dc_warnings = resolve_dc(found.pattern, reading.dc, contents.dc, label=label)
    as_stored = Diffraction(images, found, values="amplitude", dc=dc)
    evidence = find_evidence(
        found, as_stored.read_measured, contents.positions, contents.probe, contents.truth
    )
    values, warnings = resolve_values(evidence, reading.values, contents.values, label=label)
    if values == "amplitude" and found.lowest < 0:
        raise ScanError(
            f"{label} image {found.lowest_image} holds {found.lowest:g}; amplitudes are not negative "
            "(dark-corrected counts? --diffraction-values counts)"
        )
    return Diffraction(images, found, values=values, dc=dc), masked + marked + dc_warnings + warnings


def _survey(
    images: Images, bad: BadPixels, reading: Reading, *, label: str
) -> tuple[Survey, tuple[str, ...]]:
    """Look at all images, again without what was found to be marked, until nothing else is."""
    if reading.bad_from is not None:
        return survey(images, bad.joined(bad.everywhere, reading.bad_from), label=label), ()
    found, notes = survey(images, bad, label=label), tuple[str, ...]()
    lost = int(np.count_nonzero(found.bad.everywhere & ~bad.everywhere))
    if lost:
        notes += (f"{label}: {lost} px are finite in no image; read as bad pixels",)
    if found.lost:
        notes += (f"{label}: {found.lost} numbers are not finite; read as bad pixels of their images",)
    for _ in range(_MOST_MARKS):
        marks = find_marks(found, label=label)
        notes += marks.notes
        if not marks.certain:
            break
        found = survey(images, found.bad.joined(marks.everywhere, marks.mark_from), label=label)
    return found, notes
