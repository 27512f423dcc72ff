"""Reconstructions as NPZ files, under PtychoPINN's keys; equal arrays give equal bytes.

Numbers only: an object array would need unpickling, and nobody should unpickle a result.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from ptycho_compare.storage.files import atomic_path, write_text_atomic

Image = NDArray[np.complexfloating[Any, Any]]

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest a zip can state; the real time would change the digest
TRUTH_KEY = "ground_truth"


def write_reconstructions(
    path: Path,
    arms: Mapping[str, Image],
    *,
    truth: Image | None = None,
    extra: Mapping[str, NDArray[Any] | float] | None = None,
) -> list[Path]:
    """Write the images of all arms, and beside them a text that lists what the file holds; return both paths.

    Parameters
    ----------
    path : Path
        The NPZ file. ``<stem>_metadata.txt`` lies beside it, a line ``key: shape dtype``
        per array.
    arms : mapping of str to ndarray, (H, W), complex
        Each becomes ``<arm>_amplitude`` (float32), ``<arm>_phase`` (float32, rad) and
        ``<arm>_complex`` (complex64), the arm's name in lower case.
    truth : ndarray, (H, W), complex, optional
        The same under ``ground_truth_*``.
    extra : mapping of str to ndarray or float, optional
        Written under their own keys.

    Raises
    ------
    ValueError
        Two arrays would have one key, or one holds Python objects.
    """
    images = list(arms.items())
    if truth is not None:
        images.append((TRUTH_KEY, truth))
    held = [pair for name, image in images for pair in _components(name.lower(), image)]
    held += [(key, np.asarray(value, order="C")) for key, value in (extra or {}).items()]
    _check(path, held)
    text = "".join(f"{key}: {array.shape} {array.dtype}\n" for key, array in held)
    listing = path.with_name(f"{path.stem}_metadata.txt")
    write_text_atomic(listing, text)
    write_arrays(path, dict(held))
    return [path, listing]


def write_arrays(path: Path, held: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays of numbers as NPZ; equal arrays give equal bytes."""
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for key, array in held.items():
            member = zipfile.ZipInfo(f"{key}.npy", _EPOCH)
            member.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(member, "w", force_zip64=True) as stream:
                npy.write_array(stream, array, allow_pickle=False)


def _components(key: str, image: Image) -> list[tuple[str, NDArray[Any]]]:
    # dead arms are written as they are: overflow becomes inf, NaN stays NaN
    with np.errstate(over="ignore", invalid="ignore"):
        return [
            (f"{key}_amplitude", np.abs(image).astype(np.float32, order="C")),
            (f"{key}_phase", np.angle(image).astype(np.float32, order="C")),
            (f"{key}_complex", image.astype(np.complex64, order="C")),
        ]


def _check(path: Path, held: list[tuple[str, NDArray[Any]]]) -> None:
    keys = [key for key, _ in held]
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise ValueError(f"{path}: two arrays are called {', '.join(twice)}")
    for key, array in held:
        if array.dtype.hasobject:
            raise ValueError(f"{path}: '{key}' holds Python objects ({array!r}); only numbers are written")
