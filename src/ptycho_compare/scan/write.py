"""Scan files of our own: PtychoPINN's NPZ, the same bytes for the same content."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from ptycho_compare.storage.files import atomic_path, plain_json

METADATA = "_metadata"
_FAST = 1
"""Noise packs hardly better at higher levels, and several times slower."""


def write_npz(
    path: Path, arrays: Iterable[tuple[str, NDArray[Any]]], *, metadata: Mapping[str, Any] | None = None
) -> None:
    """Write arrays and their metadata; equal content gives equal bytes.

    Parameters
    ----------
    path : Path
        Final name, in a folder that exists; it appears only when the file is whole.
    arrays : iterable of (str, ndarray)
        Keys and values, stored in this order. They are taken one at a time, so a generator never
        holds more than one. Numbers and text only.
    metadata : mapping or None
        Stored as JSON text under ``_metadata``. Unlike PtychoPINN's it is a plain text array, not a pickled
        object, so that it is read with and without ``allow_pickle``; ``.item()`` gives the text of both.

    Raises
    ------
    ValueError
        An array holds objects, or the metadata hold NaN.
    """
    with (
        atomic_path(path) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=_FAST) as archive,
    ):
        for key, values in arrays:
            _write_member(archive, key, values)
        if metadata is not None:
            text = json.dumps(metadata, indent=2, allow_nan=False, default=plain_json)
            _write_member(archive, METADATA, np.array(text))


def _write_member(archive: zipfile.ZipFile, key: str, values: NDArray[Any]) -> None:
    # opened by name, a member gets zip's earliest time, not that of the clock
    with archive.open(f"{key}.npy", "w", force_zip64=True) as member:
        npy.write_array(member, np.asanyarray(values), allow_pickle=False)
