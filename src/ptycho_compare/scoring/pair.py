"""Any two complex arrays scored against each other, without a study."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ScoringError
from ptycho_compare.scoring.collapse import CollapseLimits
from ptycho_compare.scoring.given import image_of, mask_of
from ptycho_compare.scoring.mask import ComplexImage, Mask
from ptycho_compare.scoring.placement import ArmImage
from ptycho_compare.scoring.scorecard import Scorecard, score_arms
from ptycho_compare.scoring.settings import ScoringSettings

PAIR_SETTINGS = ScoringSettings(free_ramp=True)
"""Two codes rarely agree on where the detector's middle is, so that a ramp between them is free."""

ALIGNED_SETTINGS = ScoringSettings(free_ramp=False)

ANY_IMAGE = CollapseLimits(max_zero_fraction=1.0, min_contrast=0.0, min_relative_contrast=0.0)
"""PtychoPINN's definitions count uncovered pixels as zeros; only a constant is no image for them."""


def score_pair(
    reconstruction: ComplexImage,
    truth: ComplexImage,
    *,
    aligned: bool = False,
    mask: Mask | None = None,
    name: str = "reconstruction",
    settings: ScoringSettings | None = None,
) -> Scorecard:
    """Score one complex array against another.

    Parameters
    ----------
    reconstruction, truth : ndarray, (h, w) and (H, W), complex
        Or what numpy makes such an array of. Where shapes differ, the middles are laid on each other to
        begin with. What a masked array masks is not scored.
    aligned : bool
        Take them pixel for pixel: no registration, and no ramp is removed unless `settings` say
        so. Otherwise the reconstruction is moved to where it fits, within the search radius.
    mask : ndarray, (H, W), bool, optional
        Pixels of the truth that are scored (not 0); all where not given.
    name : str
        What the result calls the reconstruction.
    settings : ScoringSettings, optional
        `PAIR_SETTINGS`, or `ALIGNED_SETTINGS` for aligned arrays, where not given.

    Returns
    -------
    Scorecard
        Of one arm; its reason says why it has no scores, if so.

    Raises
    ------
    ScoringError
        No two complex images, no mask, shapes that differ although aligned, or no pixel in common.

    Examples
    --------
    >>> import numpy as np
    >>> y, x = np.mgrid[:64, :64]
    >>> truth = (1 + 0.3 * np.sin(x / 3) * np.cos(y / 5)) * np.exp(1j * np.sin(y / 4))
    >>> (arm,) = score_pair(2 * truth, truth, aligned=True).arms
    >>> numbers = {metric.name: metric for metric in arm.metrics}
    >>> round(numbers["ssim"].phase, 3)
    1.0
    """
    image, there = image_of(reconstruction, name)
    reference, known = image_of(truth, "truth")
    if aligned and image.shape != reference.shape:
        raise ScoringError(
            f"{name} has shape {image.shape} and the truth {reference.shape}; aligned images have one shape"
        )
    area = None if mask is None else mask_of(mask, "the mask")
    if not known.all():
        area = known if area is None or area.shape != known.shape else area & known
    settings = settings or (ALIGNED_SETTINGS if aligned else PAIR_SETTINGS)
    if settings.metrics == "ptychopinn":
        settings = replace(settings, placing=replace(settings.placing, limits=ANY_IMAGE))
    values, weight = _laid(image, there, reference.shape)
    return score_arms(
        {name: ArmImage(values, weight, movable=not aligned)},
        reference,
        area=None if area is None else area.astype(np.float64),
        settings=settings,
    )


def _laid(
    values: ComplexImage, there: Mask, shape: tuple[int, ...]
) -> tuple[ComplexImage, NDArray[np.float64]]:
    """Lay an image on a grid, middle on middle, to the whole pixel; it weighs where it is there."""
    if values.shape == shape:
        return values, there.astype(np.float64)
    laid, weight = np.zeros(shape, values.dtype), np.zeros(shape)
    to, of = [], []
    for ours, theirs in zip(shape, values.shape, strict=True):
        start = ours // 2 - theirs // 2
        low, high = max(start, 0), min(start + theirs, ours)
        to.append(slice(low, high))
        of.append(slice(low - start, high - start))
    laid[tuple(to)] = values[tuple(of)]
    weight[tuple(to)] = there[tuple(of)]
    return laid, weight
