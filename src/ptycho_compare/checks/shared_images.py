"""The images of splits themselves: none of another split's is among those that networks are trained on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ptycho_compare.checks.stored_scan import IMAGES
from ptycho_compare.errors import InputError
from ptycho_compare.finding import Finding
from ptycho_compare.hub import Hub
from ptycho_compare.study.steps import TRAIN_SPLIT
from ptycho_compare.untrusted.npz import open_npz

_LIT_PX = 32
"""Of an image that is looked for: with fewer counted photons two exposures may be alike by chance."""


def shared_images(hub: Hub, dose: int, view: str, splits: Sequence[str]) -> Iterator[Finding]:
    """Find images of other splits that are, number by number, images of the training split too."""
    if TRAIN_SPLIT not in splits:
        return
    training = hub.split_data(dose, view, TRAIN_SPLIT)
    try:
        known = {digest: number for number, digest in _images(training)}
        for split in splits:
            path = hub.split_data(dose, view, split)
            if split == TRAIN_SPLIT or not path.is_file():
                continue
            shared = [(number, known[digest]) for number, digest in _images(path) if digest in known]
            if shared:
                here, there = shared[0]
                text = (
                    f"{len(shared)} images are images of {hub.relative(training)} too, the first is {here}, "
                    f"there {there}: a network that was trained on them is not tested by them"
                )
                yield Finding("input", f"{path}: {text}")
    except InputError:
        return  # which the checks of phases C and D say


def _images(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield number and digest of every image that holds enough to be known by, one at a time."""
    with open_npz(path) as archive:
        key = next((key for key in IMAGES if key in archive), None)
        header = None if key is None else archive.headers[key]
        # a Fortran-ordered array has no image in one piece; nobody's writer makes one
        if key is None or header is None or len(header.shape) != 3 or header.fortran_order:
            return
        size = header.nbytes // max(header.shape[0], 1)
        with archive.stream(key) as stream:
            for number in range(header.shape[0]):
                data = stream.read(size)
                if np.count_nonzero(np.frombuffer(data, header.dtype)) >= _LIT_PX:
                    yield number, hashlib.blake2b(data, digest_size=16).digest()
