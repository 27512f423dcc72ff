"""One image out of a file that may hold many: FILE or FILE:KEY.

Without a key the names under which the field stores an object are tried in order; then the
only complex array that may be one; otherwise, and where it has layers, the message lists the
candidates. What its path calls a probe is none.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ptycho_compare.errors import ReadyMadeError, ScoringError
from ptycho_compare.reconstruction.image_file import THE_ARRAY, ArrayKind, ImageFile, open_image_file
from ptycho_compare.scoring.given import mask_of
from ptycho_compare.scoring.mask import Mask

OBJECT_KEYS = (
    THE_ARRAY,
    "reconstructed_object",  # PtychoPINN's scripts around pty-chi and tike
    "object",  # ptychodus, PtychoShelves, and what people write from pty-chi
    "obj",
    "psi",  # tike
    "objectGuess",  # PtychoPINN's scans
    "entry_1/image_2/data",  # ptychodus' CXI
)
"""Names under which an object is looked for, in this order."""
PROBE_KEYS = ("reconstructed_probe", "probe", "prb", "probeGuess", "entry_1/image_1/data")
"""Names under which a probe is looked for."""
MAX_LISTED = 12
MAX_LAYERS_LISTED = 4

_PROBE_WORDS = ("probe", "prb", "illum")

_INDEXED = re.compile(r"(?P<name>.*?)(?P<indexes>(\[\d{1,9}\])+)", re.DOTALL)


@dataclass(frozen=True)
class ImageSource:
    """An image in a file.

    Attributes
    ----------
    path : Path
        NPZ, NPY or HDF5 (CXI and MATLAB 7.3 included).
    key : str or None
        NPZ key or HDF5 path; ``key[2]`` takes the third of several layers or modes.
    """

    path: Path
    key: str | None = None

    def __str__(self) -> str:
        return str(self.path) if self.key is None else f"{self.path}:{self.key}"


@dataclass(frozen=True)
class Image:
    """An image as the file holds it: the key it was found under, and (H, W) numbers."""

    key: str
    values: NDArray[Any]


def parse_source(text: str) -> ImageSource:
    """Split ``FILE:KEY`` at its last colon, unless a file of exactly this name exists.

    Raises
    ------
    ReadyMadeError
        Nothing stands before or behind the colon.
    """
    if text.startswith("~"):  # shells leave the one behind NAME= to us
        text = os.path.expanduser(text)  # noqa: PTH111
    # os.path: a text too long to be a name is no error yet, the part before the colon may be one
    if ":" not in text or os.path.exists(text):  # noqa: PTH110
        return ImageSource(Path(text))
    path, _, key = text.rpartition(":")
    if not path or not key:
        raise ReadyMadeError(f"{text}: there is no such file; needed: FILE or FILE:KEY")
    return ImageSource(Path(path), key)


def read_image(source: ImageSource) -> NDArray[Any]:
    """Read an image.

    Returns
    -------
    ndarray, (H, W), complex or real, as the file holds it
        Leading axes of length 1 are dropped. Values that are not finite are no reading error.

    Raises
    ------
    ReadyMadeError
        No such file or key, several images and none named, or no image: the message lists those there
        are.
    ArchiveError
        The file is damaged or hostile.
    """
    with open_image_file(source.path) as file:
        return find_image(file, source).values


def read_mask(source: ImageSource) -> Mask:
    """Read which pixels are scored: those that are not 0.

    Raises
    ------
    ReadyMadeError, ArchiveError
        As `read_image`, or `mask_of` takes no mask from it.
    """
    with open_image_file(source.path) as file:
        image = find_image(file, source)
    try:
        return mask_of(
            image.values, f"{source.path}: '{image.key}'" if image.key else f"{source.path}: the array"
        )
    except ScoringError as error:
        raise ReadyMadeError(str(error)) from None


def find_image(file: ImageFile, source: ImageSource) -> Image:
    """Read the image that a source means from its open file; raises like `read_image`."""
    key, indexes = _split_indexes(file, source.key)
    if not key:
        key = _usual_key(file, source.path)
    label = f"{source.path}: '{key}'" if key else f"{source.path}: the array"
    values = file.array(key)
    for index in indexes:
        if values.ndim <= 2 or index >= len(values):
            raise ReadyMadeError(f"{label} has shape {values.shape}; there is no image [{index}] in it")
        values = values[index]
    shape = _image_shape(values.shape)
    if len(shape) > 2:
        named = key + "".join(f"[{index}]" for index in indexes)
        raise ReadyMadeError(
            f"{label} holds {' x '.join(map(str, shape[:-2]))} images of {shape[-2]} x {shape[-1]} px; "
            f"name one: {source.path}:{_layers(named, shape)[0]}"
        )
    if len(shape) < 2 or 0 in shape or values.dtype.kind not in "biufc":
        raise ReadyMadeError(f"{label} is {values.dtype} of shape {values.shape}; needed: (h, w) numbers")
    return Image(key, values.reshape(shape))


def _split_indexes(file: ImageFile, key: str | None) -> tuple[str, tuple[int, ...]]:
    """Take ``key[0][1]`` apart, unless the file has a key of exactly this name."""
    match = _INDEXED.fullmatch(key or "")
    if match is None or (key is not None and key in file):
        return key or "", ()
    indexes = re.findall(r"\d+", match["indexes"])
    return match["name"], tuple(int(index) for index in indexes)


def _usual_key(file: ImageFile, path: Path) -> str:
    for key in OBJECT_KEYS:
        if key in file:
            return key
    arrays = file.arrays()
    images = {key: kind for key, kind in arrays.items() if _is_candidate(key, kind)}
    if len(images) == 1:
        ((key, kind),) = images.items()
        if len(_image_shape(kind.shape)) == 2:
            return key
    if images:
        raise ReadyMadeError(f"{path}: holds several complex images; name one as FILE:KEY: {_listed(images)}")
    raise ReadyMadeError(
        f"{path}: holds no complex image; name an array as FILE:KEY: {_listed(arrays) or 'there is none'}"
    )


def is_probe_name(key: str) -> bool:
    """True for a key, or a path with a part in it, that names a probe or an illumination."""
    return any(word in key.lower() for word in _PROBE_WORDS)


def _is_candidate(key: str, kind: ArrayKind) -> bool:
    """Complex images, stacks of them too: an object in layers must not leave its probe as the only one."""
    return kind.dtype.kind == "c" and len(_image_shape(kind.shape)) >= 2 and not is_probe_name(key)


def _image_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Drop leading axes of length 1, and a last one as channels have it."""
    while len(shape) > 2 and shape[0] == 1:
        shape = shape[1:]
    return shape[:-1] if len(shape) == 3 and shape[-1] == 1 else shape


def _listed(arrays: Mapping[str, ArrayKind]) -> str:
    named = []
    for key, kind in arrays.items():
        shape = _image_shape(kind.shape)
        layers = _layers(key, shape) if kind.dtype.kind == "c" and len(shape) > 2 else [key]
        named.append(f"{', '.join(layers)} {kind.shape}")
    return ", ".join(named[:MAX_LISTED]) + (" ..." if len(named) > MAX_LISTED else "")


def _layers(key: str, shape: tuple[int, ...]) -> list[str]:
    """The first images of a stack as one names them."""
    rest = "[0]" * (len(shape) - 3)
    count = shape[0] if shape[0] <= MAX_LAYERS_LISTED else 1
    return [f"{key}[{index}]{rest}" for index in range(max(count, 1))] + (
        ["..."] if shape[0] > MAX_LAYERS_LISTED else []
    )
