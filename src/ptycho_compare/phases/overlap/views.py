"""Write one view of one split."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ptycho_compare.scan.overlap import SplitView
from ptycho_compare.scan.write import write_npz
from ptycho_compare.untrusted.npz import open_npz


def write_view(path: Path, view: SplitView) -> None:
    """Write the kept images of a split under the split's own keys.

    PtychoPINN filters every array whose length equals the number of images, which cuts an object of as
    many rows, and makes single numbers into arrays of equal ones. Here the keys of per-image
    arrays are listed (`PER_IMAGE_KEYS`); all else stays as it is, single numbers included.

    Parameters
    ----------
    path : Path
        NPZ, in a folder that exists.
    view : SplitView
        What to write.

    Raises
    ------
    ArchiveError
        The split cannot be read.
    """
    write_npz(path, _arrays(view), metadata=view.metadata())


def _arrays(view: SplitView) -> Iterator[tuple[str, NDArray[Any]]]:
    """One array after the other: together they may not fit into memory."""
    with open_npz(view.parent.path) as archive:
        for key, fate in view.parent.fates.items():
            if fate != "left_out":
                values = archive.array(key)
                yield key, values[view.kept] if fate == "filtered" else values
