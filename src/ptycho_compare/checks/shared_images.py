"""The images of splits themselves: none of another split's is among those that networks are trained on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ptycho_compare.errors import InputError
from ptycho_compare.finding import Finding
from ptycho_compare.hub import Hub
from ptycho_compare.scan.read import open_images
from ptycho_compare.scan.reading import AS_FOUND, Reading
from ptycho_compare.study.steps import TRAIN_SPLIT

_LIT_PX = 32
"""Of an image that is looked for: with fewer counted photons two exposures may be alike by chance."""


def shared_images(
    hub: Hub, dose: int, view: str, splits: Sequence[str], *, reading: Reading = AS_FOUND
) -> Iterator[Finding]:
    """Find images of other splits that are, number by number, images of the training split too."""
    if TRAIN_SPLIT not in splits:
        return
    training = hub.split_data(dose, view, TRAIN_SPLIT)
    try:
        known = {digest: number for number, digest in _images(training, reading)}
        for split in splits:
            path = hub.split_data(dose, view, split)
            if split == TRAIN_SPLIT or not path.is_file():
                continue
            shared = [(number, known[digest]) for number, digest in _images(path, reading) if digest in known]
            if shared:
                here, there = shared[0]
                text = (
                    f"{len(shared)} images are images of {hub.relative(training)} too, the first is {here}, "
                    f"there {there}: a network that was trained on them is not tested by them"
                )
                yield Finding("input", f"{path}: {text}")
    except InputError:
        return  # which the checks of phases C and D say


def _images(path: Path, reading: Reading) -> Iterator[tuple[int, bytes]]:
    """Yield number and digest of every image that holds enough to be known by, a few at a time."""
    with open_images(path, reading=reading) as images:
        number = 0
        for block in images.blocks():
            for image in block.astype(np.float32, copy=False):  # alike, however they are stored
                if np.count_nonzero(image) >= _LIT_PX:
                    yield number, hashlib.blake2b(image.tobytes(), digest_size=16).digest()
                number += 1
