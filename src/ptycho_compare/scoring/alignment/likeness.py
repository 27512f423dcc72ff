"""What an image that fits nowhere is instead: the truth mirrored, turned, conjugated or of another scale.

Another code's conventions are the usual reason why a good image is not registered. They are named, never
undone: which of the two is wrong, the image does not tell.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from ptycho_compare.errors import ScoringError
from ptycho_compare.scoring.alignment.orientation import AS_GIVEN, ORIENTATIONS, Orientation
from ptycho_compare.scoring.alignment.registration import register
from ptycho_compare.scoring.alignment.twin import CLEAR_GAIN
from ptycho_compare.scoring.mask import ComplexImage, Mask, bounding_box

_SCALES = tuple(float(each) for each in np.geomspace(0.4, 2.5, 46))
"""4 % apart, which is enough for a first look, and an even number, so that 1 is none of them."""
_FINER = tuple(1 + 0.005 * step for step in (-4, -3, -2, -1, 0, 1, 2, 3, 4))
_QUICK_PX = 128
"""Side to which images are averaged for a first look."""

Field = NDArray[np.complex128]


@dataclass(frozen=True)
class Likeness:
    """How an image must be changed to fit the truth.

    Attributes
    ----------
    orientation : Orientation
    conjugate : bool
    magnification : float
        By which it is to be enlarged.
    overlap : float
        With the truth then, means removed, in [0, 1].
    direct_overlap : float
        Of the image itself.
    """

    orientation: Orientation
    conjugate: bool
    magnification: float = 1.0
    overlap: float = 0.0
    direct_overlap: float = 0.0

    @property
    def is_twin(self) -> bool:
        """The conjugate, turned by 180 degrees."""
        return self.conjugate and self.orientation == Orientation(rows=True, columns=True)

    def of(self, image: Field, inside: Mask) -> tuple[Field, Mask]:
        """Change an image and its mask, with zeros outside."""
        kept = np.where(inside, image, 0)
        turned, mask = self.orientation.of_image(kept), self.orientation.of_image(inside)
        if self.magnification != 1:
            turned, mask = (
                scipy.ndimage.zoom(each, self.magnification, order=1, grid_mode=True, mode="nearest")
                for each in (turned, mask.astype(np.float64))
            )
            mask = mask > 0.99
        return turned.conj() if self.conjugate else turned, mask

    def __str__(self) -> str:
        said = [] if self.orientation == AS_GIVEN else [str(self.orientation)]
        if self.magnification != 1:
            said.append(f"enlarged by {self.magnification:.3g}")
        what = "its complex conjugate" if self.conjugate else "it"
        how = f"{', '.join(said)}, " if said else ""
        return f"{how}{what} overlaps the truth by {self.overlap:.3f}, as it is by {self.direct_overlap:.3f}"


def find_likeness(
    image: ComplexImage, truth: ComplexImage, mask: Mask, *, direct_overlap: float, registered: bool = False
) -> Likeness | None:
    """Find what makes an image fit the truth clearly better than it does.

    Parameters
    ----------
    image, truth : ndarray, (H, W), complex
    mask : ndarray, (H, W), bool
    direct_overlap : float
        Of the image itself, in [0, 1].
    registered : bool
        It fits somewhat as it is: then another scale is a distortion and a twin is one, which are
        measured elsewhere, and only another orientation is looked for.
    """
    if direct_overlap > 1.0 - CLEAR_GAIN:
        return None
    box = bounding_box(mask)
    inside = mask[box]
    known = np.isfinite(truth[box])
    shown = np.where(inside, image[box], 0).astype(np.complex128)
    true = np.where(known, truth[box], 0).astype(np.complex128)
    whole = _ImageAndTruth(shown, inside, true, known)
    small = whole.averaged(-(-max(inside.shape) // _QUICK_PX))
    found = [max(_turns(), key=small.quick)]
    if registered and found[0].is_twin:
        return None
    if not registered:
        scaled = max((Likeness(AS_GIVEN, False, scale) for scale in _SCALES), key=small.quick)
        found.append(max(_near(scaled), key=whole.quick))
    for each in found:
        overlap = whole.overlap(each)
        if overlap >= direct_overlap + CLEAR_GAIN:
            return replace(each, overlap=overlap, direct_overlap=direct_overlap)
    return None


def _turns() -> Iterator[Likeness]:
    for orientation in ORIENTATIONS:
        for conjugate in (False, True):
            if conjugate or orientation != AS_GIVEN:
                yield Likeness(orientation, conjugate)


def _near(scaled: Likeness) -> Iterator[Likeness]:
    for factor in _FINER:
        yield replace(scaled, magnification=scaled.magnification * factor)


@dataclass(frozen=True, eq=False)
class _ImageAndTruth:
    """An image and the truth, zero outside their masks."""

    image: Field
    inside: Mask
    truth: Field
    known: Mask

    def averaged(self, block: int) -> _ImageAndTruth:
        """Average over blocks of pixels."""
        if block == 1:
            return self
        image, truth = (_blocks(each, block) for each in (self.image, self.truth))
        inside, known = (_blocks(each.astype(np.float64), block) > 0.99 for each in (self.inside, self.known))
        return _ImageAndTruth(np.where(inside, image, 0), inside, np.where(known, truth, 0), known)

    def quick(self, likeness: Likeness) -> float:
        """Highest correlation over all whole shifts, of what both hold."""
        image, inside = likeness.of(self.image, self.inside)
        if not inside.any() or not self.known.any():
            return 0.0
        shape = [scipy.fft.next_fast_len(a + b) for a, b in zip(image.shape, self.truth.shape, strict=True)]
        one = np.where(inside, image - image[inside].mean(), 0)
        other = np.where(self.known, self.truth - self.truth[self.known].mean(), 0)
        spectrum = scipy.fft.fft2(other, shape) * scipy.fft.fft2(one, shape).conj()
        under = scipy.fft.fft2(np.abs(other) ** 2, shape) * scipy.fft.fft2(inside.astype(float), shape).conj()
        energy = scipy.fft.ifft2(under).real
        # where little of the two overlaps, chance alone correlates
        norm = np.sqrt(np.maximum(energy, energy.max() / 2) * (np.abs(one) ** 2).sum())
        return float((np.abs(scipy.fft.ifft2(spectrum)) / np.maximum(norm, np.finfo(np.float64).tiny)).max())

    def overlap(self, likeness: Likeness) -> float:
        """Overlap once it is registered; 0 where it is not."""
        image, inside = (_centred(each, self.truth.shape) for each in likeness.of(self.image, self.inside))
        try:
            radius = max(min(self.truth.shape) // 4, 8)
            found = register(image, self.truth, inside & self.known, radius_px=radius)
        except ScoringError:  # nothing to register: nothing like it either
            return 0.0
        return found.confidence if found.registered else 0.0


def _blocks(values: NDArray[Any], block: int) -> NDArray[Any]:
    rows, columns = (length // block for length in values.shape)
    cut = values[: rows * block, : columns * block]
    return np.asarray(cut.reshape(rows, block, columns, block).mean(axis=(1, 3)))


def _centred(values: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Lay an array on the middle of zeros of a shape; what lies outside is cut off."""
    laid = np.zeros(shape, values.dtype)
    ours, theirs = [], []
    for length, size in zip(shape, values.shape, strict=True):
        kept = min(length, size)
        ours.append(slice((length - kept) // 2, (length - kept) // 2 + kept))
        theirs.append(slice((size - kept) // 2, (size - kept) // 2 + kept))
    laid[tuple(ours)] = values[tuple(theirs)]
    return laid
