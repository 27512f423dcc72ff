"""A detector mask that takes the light away is most likely read the wrong way round."""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import NDArray

from ptycho_compare.errors import ScanError
from ptycho_compare.scan.bad_pixels import BadPixels
from ptycho_compare.scan.formats.contents import Images

_SAMPLES = 32
_MOST = 0.5


def check_mask(images: Images, mask: NDArray[np.bool_], *, said: bool, label: str) -> tuple[str, ...]:
    """Refuse or warn of a mask (N, N) under which most of the light of some images lies.

    Parameters
    ----------
    said : bool
        The user said which of its values is good: then it is only warned of.

    Returns
    -------
    tuple of str
        The warning, if there is one.

    Raises
    ------
    ScanError
        It calls most of the pixels bad as well, or leaves no light at all.
    """
    if not mask.any():
        return ()
    chosen = np.unique(np.linspace(0, images.count - 1, _SAMPLES).astype(int))
    values, good = BadPixels.of(None, images.side).split(images.read(chosen))
    values = np.where(good & np.isfinite(values), np.maximum(values, 0), 0)
    pattern = values.mean(axis=0, dtype=np.float64)
    kept, hidden = pattern[~mask], pattern[mask]
    # hot pixels, which a mask is for, are no light
    taken = float(np.minimum(hidden, kept.max(initial=0)).sum()) if kept.any() else float(hidden.sum())
    share = taken / (taken + float(kept.sum()) or 1.0)
    if share <= _MOST and mask.mean() > _MOST:
        # read the wrong way round, it keeps what is bad: hot pixels and lines, whose neighbours are dark
        smooth = scipy.ndimage.median_filter(pattern, size=3, mode="wrap")
        share = float(smooth[mask].sum() / (smooth.sum() or 1.0))
    if share <= _MOST:
        return ()
    text = (
        f"{label}: its mask calls {mask.sum()} of {mask.size} px bad, and {share:.1%} of the light lies there"
    )
    if not said and (mask.mean() > _MOST or not kept.any()):
        raise ScanError(f"{text}; say which of its values is good: --mask-good 0|1 (now 0)")
    return (text + ("" if said else "; --mask-good 1 if 1 is good"),)
