"""Filters that pack the chunks of an HDF5 dataset: which of them may unpack here.

Those of HDF5 and h5py always do. Any other comes from the library hdf5plugin, which is imported
when a file asks for one; HDF5's own search for plug-ins on this machine is never begun.
"""

from __future__ import annotations

import importlib
from functools import cache

import h5py

from ptycho_compare.errors import ArchiveError

_OF_HDF5 = (
    h5py.h5z.FILTER_DEFLATE,
    h5py.h5z.FILTER_SHUFFLE,
    h5py.h5z.FILTER_FLETCHER32,
    h5py.h5z.FILTER_SZIP,
    h5py.h5z.FILTER_NBIT,
    h5py.h5z.FILTER_SCALEOFFSET,
    h5py.h5z.FILTER_LZF,
)
# those of hdf5plugin, for files that do not name them: https://github.com/HDFGroup/hdf5_plugins/blob/master/docs/RegisteredFilterPlugins.md
_NAMES = {
    307: "bzip2",
    32001: "Blosc",
    32004: "LZ4",
    32008: "bitshuffle",
    32013: "ZFP",
    32015: "Zstandard",
    32017: "SZ",
    32018: "FCIDECOMP",
    32024: "SZ3",
    32026: "Blosc2",
}


def require_filters(dataset: h5py.Dataset, *, label: str) -> None:
    """Refuse, by an ArchiveError, a dataset that is packed by a filter that no installed library unpacks."""
    settings = dataset.id.get_create_plist()
    for index in range(settings.get_nfilters()):
        number, _, _, name = settings.get_filter(index)
        if number in _built_in() or number in from_library():
            continue
        known = _NAMES.get(number) or " ".join(name.decode(errors="replace").split() if name else ())
        shown = f"{known!r} ({number})" if known else str(number)
        way_out = "install the library hdf5plugin, or write it" if number in _NAMES else "write it"
        raise ArchiveError(
            f"{label}: '{dataset.name}' is packed by the filter {shown}; "
            f"{way_out} with gzip or without a filter (h5repack)"
        )


@cache
def _built_in() -> frozenset[int]:
    return frozenset(number for number in _OF_HDF5 if h5py.h5z.filter_avail(number))


@cache
def from_library() -> frozenset[int]:
    """Numbers of the filters that hdf5plugin registers when it is imported; none where it is missing."""
    try:
        library = importlib.import_module("hdf5plugin")
    except (ImportError, OSError, RuntimeError):  # missing, or made for another HDF5
        return frozenset()
    return frozenset(number for number in library.FILTERS.values() if h5py.h5z.filter_avail(number))
