"""Find out where zero frequency (DC) lies in the images: in their centre or in the corner."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ScanError
from ptycho_compare.scan.reading import DcPlace

_MARGIN = 10.0
"""How much brighter one place must be than the other; measured scans give 700 and more."""


def brightness(pattern: NDArray[np.float64]) -> tuple[float, float]:
    """Mean of the half-width window around the centre, and of the same window around the corner.

    Parameters
    ----------
    pattern : ndarray, (N, N), float64
        Mean of all images, as stored.
    """
    side = len(pattern)
    window = slice(side // 4, side - side // 4)
    centre = float(pattern[window, window].mean())
    corner = float(np.fft.fftshift(pattern)[window, window].mean())
    return max(centre, 0.0), max(corner, 0.0)


def resolve_dc(
    pattern: NDArray[np.float64], said: DcPlace | None, by_format: DcPlace | None, *, label: str
) -> tuple[DcPlace, tuple[str, ...]]:
    """Decide between what the mean pattern shows, the user says and the format states.

    A beam is brightest at low frequency, so the brighter place is DC; it is certain when it is
    ten times as bright. The user's word comes first (a beam whose middle is blocked can be dark
    there), then what is certain, then the format.

    Returns
    -------
    str, tuple of str
        The place, and a warning where the mean pattern was overruled or overrules.

    Raises
    ------
    ScanError
        Nobody knows.
    """
    centre, corner = brightness(pattern)
    seen: DcPlace | None = None
    if max(centre, corner) > _MARGIN * min(centre, corner):
        seen = "centre" if centre > corner else "corner"
    shown = (
        f"{label}: the mean pattern is {centre:.3g} bright around its centre and {corner:.3g} at the corner"
    )
    if said is not None:
        overruled = seen not in (None, said)
        return said, (
            f"{shown}; DC read at the {said} because --diffraction-dc says so",
        ) if overruled else ()
    if seen is not None:
        overrules = by_format not in (None, seen)
        return seen, (f"{shown}; DC read at the {seen}",) if overrules else ()
    if by_format is None:
        raise ScanError(f"{shown}, which shows no DC; say where it lies: --diffraction-dc centre|corner")
    return by_format, ()
