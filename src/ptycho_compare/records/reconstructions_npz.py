"""Reconstructions as NPZ files, under PtychoPINN's keys; equal arrays give equal bytes.

Numbers only: an object array would need unpickling, and nobody should unpickle a result.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from ptycho_compare.errors import InputError
from ptycho_compare.storage.files import atomic_path, write_text_atomic
from ptycho_compare.untrusted.npz import open_npz

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


@dataclass(frozen=True)
class StoredReconstructions:
    """What an NPZ file of reconstructions holds besides images, which are read one at a time.

    Attributes
    ----------
    mask : ndarray, (H, W), bool
        Scored pixels.
    origin : tuple of int
        Row and column of pixel [0, 0] on the object's grid.
    names : frozenset of str
        Whose images there are, in lower case; with `TRUTH_KEY`, if it is known.
    """

    mask: NDArray[np.bool_]
    origin: tuple[int, int]
    names: frozenset[str]

    def arm(self, path: Path, arm: str) -> Image:
        """Read an arm's image, (H, W) complex; InputError where there is none."""
        if arm.lower() not in self.names:
            raise InputError(
                f"{path}: no image of {arm}; there are {', '.join(sorted(self.names)) or 'none'}"
            )
        return self._read(path, arm.lower())

    def truth(self, path: Path) -> Image | None:
        """Read what the arms were compared with, (H, W) complex; None where nothing is known."""
        return self._read(path, TRUTH_KEY) if TRUTH_KEY in self.names else None

    def _read(self, path: Path, name: str) -> Image:
        with open_npz(path) as held:
            image = held.array(f"{name}_complex")
        if image.shape != self.mask.shape or image.dtype.kind != "c":
            raise InputError(
                f"{path}: '{name}_complex' is {image.dtype}{image.shape}, and the mask {self.mask.shape}"
            )
        return image


def read_reconstructions(path: Path) -> StoredReconstructions:
    """Read mask and place of a file that `write_reconstructions` wrote with both.

    Raises
    ------
    InputError
        It is missing or damaged, or mask and origin are not.
    """
    with open_npz(path) as held:
        mask, origin = held.array("mask"), held.array("origin")
        names = (key.removesuffix("_complex") for key in held.headers if key.endswith("_complex"))
        known = frozenset(names)
    if mask.ndim != 2 or origin.shape != (2,) or origin.dtype.kind != "i":
        raise InputError(f"{path}: 'mask' has shape {mask.shape}, 'origin' is {origin.dtype}{origin.shape}")
    return StoredReconstructions(mask.astype(bool), (int(origin[0]), int(origin[1])), known)


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
