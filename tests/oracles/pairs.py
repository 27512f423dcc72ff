"""Pairs of images with a known resolution, and the reference study's own pair."""

from pathlib import Path

import numpy as np

from scoring.objects import make_object, noisy

BORDER_PX = 20


def open_object(shape, seed, *, cutoff=0.12):
    """A complex object that is not periodic, as no reconstruction is: the middle of a larger one."""
    whole = make_object(tuple(side + 2 * BORDER_PX for side in shape), seed, cutoff=cutoff)
    return whole[BORDER_PX:-BORDER_PX, BORDER_PX:-BORDER_PX]


def half_data_pair(shape, seed, *, level, cutoff=0.12):
    """One object under two independent noises of `level` times its spread."""
    common = open_object(shape, seed, cutoff=cutoff)
    return noisy(common, level, 1000 + seed), noisy(common, level, 2000 + seed)


def reconstructed_pair(reference: Path, *, shape=(97, 181)):
    """The true object and pty-chi's object of the reference study's train split, same pixels.

    The middle of the positions' bounding box is pixel (H/2, W/2) of the reconstruction;
    its fraction of a pixel, the phase and the scale are left as they are. Odd sides without a
    common divisor put no frequency on the edge between two rings.
    """
    with np.load(next(reference.glob("hub/data/phase_c/*/patched_train.npz"))) as scan:
        truth = scan["objectGuess"]
        middle = [round((scan[name].min() + scan[name].max()) / 2) for name in ("ycoords", "xcoords")]
    with np.load(next(reference.glob("hub/data/phase_f/*/*/train/ptychi_reconstruction.npz"))) as arm:
        image = arm["reconstructed_object"]
    return crop(truth, middle, shape), crop(image, [side // 2 for side in image.shape], shape)


def crop(values, middle, shape):
    """The pixels of a rectangle about a pixel."""
    rows, cols = (
        slice(at - side // 2, at - side // 2 + side) for at, side in zip(middle, shape, strict=True)
    )
    return values[rows, cols].astype(np.complex128)
