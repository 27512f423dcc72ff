"""What people give as an image or a mask, made plain arrays; what is none is refused by its kind."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ScoringError
from ptycho_compare.scoring.alignment.registration import continued
from ptycho_compare.scoring.mask import ComplexImage, Mask

NEEDED_IMAGE = (
    "needed: an array of complex numbers, (h, w); from amplitude and phase: amplitude * exp(1j * phase)"
)
NEEDED_MASK = "needed: a mask, (h, w) real numbers, 0 where nothing is scored"


def image_of(given: object, name: str) -> tuple[ComplexImage, Mask]:
    """Take an image from an array, or from what numpy makes one of: nested lists, a tensor.

    Returns
    -------
    values : ndarray, (h, w), complex
        Without what a masked array masks: there it goes on as beside it.
    known : ndarray, (h, w), bool
        Where it is not masked.

    Raises
    ------
    ScoringError
        Something else, or all of it is masked.
    """
    values = _array(given, name, NEEDED_IMAGE)
    if values.ndim != 2 or values.size == 0:
        raise ScoringError(f"{name} has shape {values.shape}; an image has two dimensions")
    if values.dtype.kind != "c":
        raise ScoringError(f"{name} is {values.dtype} of shape {values.shape}; {NEEDED_IMAGE}")
    known = _unmasked(given, values.shape)
    if not known.any():
        raise ScoringError(f"{name}: every pixel is masked; no pixel is left to score")
    return (values if known.all() else continued(values, known)), known


def mask_of(given: object, name: str) -> Mask:
    """Take which pixels are scored: those that are not 0, and not masked.

    Raises
    ------
    ScoringError
        No numbers of which each is 0 or another: NaN is neither, and a complex image is nobody's mask.
    """
    values = _array(given, name, NEEDED_MASK)
    if values.dtype.kind not in "biuf":
        raise ScoringError(f"{name} is {values.dtype} of shape {values.shape}; {NEEDED_MASK}")
    known = _unmasked(given, values.shape)
    if unsaid := int((~np.isfinite(values) & known).sum()):
        raise ScoringError(
            f"{name} holds {unsaid} of {values.size} values that are not finite; {NEEDED_MASK}"
        )
    return np.asarray((values != 0) & known)


def _array(given: object, name: str, needed: str) -> NDArray[Any]:
    kind = type(given).__name__
    try:
        values = np.asarray(given)
    except ValueError:
        raise ScoringError(f"{name} is a {kind} of no one shape; {needed}") from None
    except (TypeError, RuntimeError) as error:  # a tensor on a GPU, or one that is being trained
        raise ScoringError(f"{name} is a {kind}, of which numpy makes no array ({error}); {needed}") from None
    if values.ndim == 0:
        raise ScoringError(f"{name} is a {kind}; {needed}")
    return values


def _unmasked(given: object, shape: tuple[int, ...]) -> Mask:
    return np.broadcast_to(~np.ma.getmaskarray(given), shape) if np.ma.isMA(given) else np.ones(shape, bool)
