"""An image that is a probe, under whatever name: no object, and refused as one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ReadyMadeError
from ptycho_compare.reconstruction.ready_made import ReadyMade

_ALIKE = 0.9


def require_object(
    ready_made: ReadyMade,
    modes: NDArray[np.complexfloating] | None,
    positions: NDArray[np.float64],
    *,
    patch_px: int,
) -> None:
    """Refuse a reconstruction that is the scan's probe, or no larger than what one image sees.

    Parameters
    ----------
    ready_made : ReadyMade
    modes : ndarray, (m, N, N), complex, or None
        Of the scan's probe.
    positions : ndarray, (n, 2), float64
        Of the scan, px.
    patch_px : int
        N.

    Raises
    ------
    ReadyMadeError
        It is; the message says what to name instead.
    """
    height, width = ready_made.values.shape
    found, advice = f"{ready_made.path}: its image of {height} x {width} px is", "name the object: FILE:KEY"
    if modes is not None and (alike := _likeness(ready_made.values, modes)) > _ALIKE:
        raise ReadyMadeError(f"{found} the scan's probe (overlap {alike:.3f}); {advice}")
    wide = np.ptp(positions, axis=0).max()
    if not ready_made.placed and max(height, width) <= patch_px <= wide:
        raise ReadyMadeError(
            f"{found} no larger than what one diffraction image sees ({patch_px} px), and the scan is "
            f"{wide:.0f} px wide; a probe? {advice}"
        )


def _likeness(values: NDArray[np.complexfloating], modes: NDArray[np.complexfloating]) -> float:
    """Overlap of an image with the mode that it is most like, middle on middle; what lies outside counts."""
    whole = float(np.linalg.norm(values.astype(np.complex128)))
    if not np.isfinite(whole) or whole == 0:
        return 0.0
    rows, columns = (min(a, b) for a, b in zip(values.shape, modes.shape[1:], strict=True))
    image, probes = _middle(values[np.newaxis], rows, columns), _middle(modes, rows, columns)
    sizes = np.maximum(np.linalg.norm(modes, axis=(1, 2)), np.finfo(np.float32).tiny)
    return float((np.abs((probes.conj() * image).sum(axis=(1, 2))) / (sizes * whole)).max())


def _middle(images: NDArray[np.complexfloating], rows: int, columns: int) -> NDArray[np.complex128]:
    top, left = images.shape[1] // 2 - rows // 2, images.shape[2] // 2 - columns // 2
    return images[:, top : top + rows, left : left + columns].astype(np.complex128)
