"""What leaves an HDF5 file is refused: links, external storage, virtual datasets of other files.

A virtual dataset whose sources lie in the same file leaves nothing; each of them is looked at as if
it were read by itself.
"""

from __future__ import annotations

import math
from pathlib import Path

import h5py

from ptycho_compare.errors import ArchiveError
from ptycho_compare.untrusted.hdf5_filters import require_filters

MAX_LINKS = 64
MAX_VIRTUAL_DEPTH = 8
MAX_SOURCE_CHUNK_BYTES = 256 << 20
# below this nobody is harmed by what was never written; gzip makes a thousandth of zeros
EMPTY_BYTES, EMPTY_RATIO = 64 << 20, 2000


def walk(file: h5py.File, path: str) -> h5py.Dataset | None:
    """Reach a dataset by its full path, looking at each link on the way; None when nothing is there.

    Raises
    ------
    ArchiveError
        A link leaves the file, or links lead in a ring.
    """
    item: h5py.Group | h5py.Dataset = file["/"]
    parts, walked, links = [part for part in path.split("/") if part], "", 0
    while parts:
        name = parts.pop(0)
        if not isinstance(item, h5py.Group):
            return None
        link = item.get(name, getlink=True)
        if link is None:
            return None
        if isinstance(link, h5py.SoftLink):
            links += 1
            if links > MAX_LINKS:
                raise ArchiveError(f"{file.filename}: '{path}' leads through a ring of links; refused")
            start = link.path if link.path.startswith("/") else f"{walked}/{link.path}"
            parts, item, walked = [each for each in start.split("/") if each] + parts, file["/"], ""
            continue
        if not isinstance(link, h5py.HardLink):
            raise ArchiveError(
                f"{file.filename}: '{walked}/{name}' is a link to another file; copy the data into this one"
            )
        item = item[name]
        walked = f"{walked}/{name}"
    return item if isinstance(item, h5py.Dataset) else None


def require_inside(dataset: h5py.Dataset, *, label: str, depth: int = 0) -> None:
    """Refuse, by an ArchiveError, a dataset whose data lie in another file or that no filter here unpacks."""
    if dataset.external:
        raise ArchiveError(
            f"{label}: '{dataset.name}' keeps its data in another file; copy them into this one"
        )
    require_filters(dataset, label=label)
    if not dataset.is_virtual:
        _require_held(dataset, dataset.id.get_storage_size(), label=label)
        return
    if depth >= MAX_VIRTUAL_DEPTH:
        raise ArchiveError(f"{label}: '{dataset.name}' is made of virtual datasets without end; refused")
    held = 0
    for source in _sources(dataset, label=label):
        found = walk(dataset.file, source)
        if found is None:  # HDF5 itself would read it as zeros
            raise ArchiveError(
                f"{label}: '{dataset.name}' is made of '{source}', which is not there; copy the data again"
            )
        require_inside(found, label=label, depth=depth + 1)
        held += found.nbytes if found.is_virtual else found.id.get_storage_size()
        chunk_bytes = math.prod(found.chunks or (1,)) * found.dtype.itemsize
        if chunk_bytes > MAX_SOURCE_CHUNK_BYTES:
            raise ArchiveError(
                f"{label}: '{source}' is stored in chunks of {chunk_bytes >> 20} MiB; "
                f"write it with chunks below {MAX_SOURCE_CHUNK_BYTES >> 20} MiB (h5repack)"
            )
    _require_held(dataset, held, label=label)


def _require_held(dataset: h5py.Dataset, held: int, *, label: str) -> None:
    """Refuse a dataset that states far more than the file holds: a kilobyte can state a petabyte."""
    stated = math.prod(dataset.shape or (0,)) * dataset.id.get_type().get_size()
    if stated > EMPTY_BYTES and stated > EMPTY_RATIO * held:
        raise ArchiveError(
            f"{label}: '{dataset.name}' states {stated} bytes, shape {dataset.shape}, and the file holds "
            f"{held} of them; it was never filled: copy or write it again"
        )


def _sources(dataset: h5py.Dataset, *, label: str) -> set[str]:
    """Paths of the datasets of this file that a virtual dataset is made of."""
    settings = dataset.id.get_create_plist()
    own = {".", Path(dataset.file.filename).name}
    sources = set()
    for index in range(settings.get_virtual_count()):
        name, path = settings.get_virtual_filename(index), settings.get_virtual_dsetname(index)
        if name not in own or "%" in path:  # % stands for numbers that HDF5 counts up by itself
            raise ArchiveError(
                f"{label}: '{dataset.name}' keeps its data in another file ({' '.join(name.split())!r}); "
                "copy them into this one"
            )
        sources.add(path)
    return sources
