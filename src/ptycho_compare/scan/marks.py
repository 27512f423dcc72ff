"""Marks of bad detector pixels that no mask names: what is certain is read as bad, the rest warned of.

A detector marks its gaps and dead pixels with a number that no count reaches. In a wider type than the
detector's own nothing but the numbers tells: one value at the same pixels in all images, which counting never
gives, or one far above all others.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import scipy
from numpy.typing import NDArray

from ptycho_compare.scan.stuck import LEAST_IMAGES, dark_pixels
from ptycho_compare.scan.survey import Survey

_LARGEST = [2**bits - 1 for bits in (15, 16, 20, 31, 32, 63, 64)]
KNOWN = np.array([*_LARGEST, 2**16 - 2, 2**32 - 2], np.float64)
"""Largest numbers of whole types and of counters, and what some detectors write next to them."""

KNOWN_STORED = np.concatenate([KNOWN, np.sqrt(KNOWN)]).astype(np.float32)
"""The same where somebody took the root of everything."""

FAR = 100.0
"""By less than this factor do the sorted pixels of a pattern follow each other."""

_LOCALLY = 2.0
_NEAR_PX = 7
"""A pixel that is full of light has neighbours that are nearly so; one that is marked need not."""

_AT_MOST = 0.1
"""Part of the pixels in which a set far above the others is looked for."""

_LEAST_IMAGES = 3
_MANY_COUNTS = 100.0
"""So many counts are not the same in all images."""

_BEAM_PX = 2


@dataclass(frozen=True, eq=False)
class Marks:
    """What was found: pixels (N, N) that are bad in all images, and from which number on in one image."""

    everywhere: NDArray[np.bool_]
    mark_from: float = np.inf
    notes: tuple[str, ...] = field(default=())

    @property
    def certain(self) -> bool:
        """Something was found that must be left out."""
        return bool(self.everywhere.any()) or self.mark_from < np.inf


def find_marks(found: Survey, *, label: str) -> Marks:
    """Look for marks among the pixels that a survey took as measured.

    Certain are negative numbers that a pixel holds in all images; what is dark in all of them amid light; a
    number of `KNOWN` that pixels hold in all images while others hold more, or their neighbours far less,
    or that lies far above all others; and any number far above all others, or in ten images and more
    above all around, that pixels hold in all images, unless it is the direct beam. Nothing is certain of
    images that are all alike.

    Returns
    -------
    Marks
        Its notes say by name what was read as bad, and what may be and was not.
    """
    alive = np.isfinite(found.pattern)
    steady = alive & (found.floor == found.peak)
    below = steady & (found.peak < 0)
    if found.count < _LEAST_IMAGES or not _varies(found, alive & ~steady, alive & ~below):
        return Marks(np.zeros_like(alive))
    if below.any():
        note = f"{label}: {_held(found, below)} in all images; read as bad pixels"
        return Marks(below, notes=(note,))
    dark = dark_pixels(found, steady)
    if dark.any():
        note = (
            f"{label}: {_held(found, dark)} in all images amid light: gaps, dead pixels or a beam stop; "
            "read as bad pixels"
        )
        return Marks(dark, notes=(note,))
    overtaken = steady & np.isin(found.peak, KNOWN_STORED) & (found.peak < found.peak[alive].max())
    if overtaken.any():  # a full pixel would hold the largest number of all
        note = f"{label}: {_held(found, overtaken)} in all images: a mark; read as bad pixels"
        return Marks(overtaken, notes=(note,))
    marks = _above(found, alive, steady, label)
    if marks.certain or found.count < LEAST_IMAGES:
        return marks
    others = alive & ~steady
    around = _around(found, others, float(found.peak[others].max(initial=0)))
    stuck = steady & (found.peak > 0) & (found.peak >= _LOCALLY * around)
    if stuck.any() and not _is_beam(stuck):
        note = (
            f"{label}: {_held(found, stuck)} in all images, far above all around: a mark; read as bad pixels"
        )
        return Marks(stuck, notes=(note,))
    many = steady & (found.peak >= _MANY_COUNTS) & found.integral
    if marks.notes or not many.any():
        return marks
    note = (
        f"{label}: {_held(found, many)} in all images, which counting does not give; "
        "if they are bad, name a mask: --scan-key mask=KEY"
    )
    return Marks(marks.everywhere, notes=(note,))


def _varies(found: Survey, changing: NDArray[np.bool_], alive: NDArray[np.bool_]) -> bool:
    """Say if most of the lit pixels change from image to image."""
    lit = alive & (found.peak > 0)
    return 2 * int(np.count_nonzero(changing & lit)) > int(np.count_nonzero(lit))


def _above(found: Survey, alive: NDArray[np.bool_], steady: NDArray[np.bool_], label: str) -> Marks:
    none = np.zeros_like(alive)
    largest = float(found.peak[alive].max())
    top = alive & (found.peak == largest)
    rest = float(found.peak[alive & ~top].max(initial=0))
    known = bool(np.isin(np.float32(largest), KNOWN_STORED))
    held = f"{label}: {_held(found, top)}"
    beyond = f"{largest / rest:.3g} times the next" if rest > 0 else "and nothing else"
    marked = top & steady & (largest >= _LOCALLY * _around(found, alive & ~top, rest))
    if known and marked.any():
        note = f"{label}: {_held(found, marked)} in all images, {beyond}: a mark; read as bad pixels"
        return Marks(marked, notes=(note,))
    if known and largest >= FAR * rest > 0:
        note = f"{held} in some images, {beyond}: a mark; left out of these images"
        return Marks(none, _stored(largest), (note,))
    if known and found.integral and largest > rest:
        note = (
            f"{held}: the largest number of a narrower type, so they are full or marked; "
            f"--bad-from {_stored(largest):.10g} leaves them out"
        )
        return Marks(none, notes=(note,))
    far = _far_set(found, alive)
    if not far.any() or _is_beam(far):
        return Marks(none)
    rest, lowest = float(found.peak[alive & ~far].max()), float(found.peak[far].min())
    beyond = f"{lowest / rest:.3g} times the next"
    if (far & steady).sum() == far.sum():
        note = f"{label}: {_held(found, far)} in all images, {beyond}: a mark; read as bad pixels"
        return Marks(far, notes=(note,))
    note = f"{label}: {_held(found, far)}, {beyond}; if they are bad: --bad-from {10 * rest:.3g}"
    return Marks(none, notes=(note,))


def _around(found: Survey, others: NDArray[np.bool_], rest: float) -> NDArray[np.float64]:
    """The largest number that others near a pixel (N, N) hold; that of all others where none is near."""
    near = scipy.ndimage.maximum_filter(np.where(others, found.peak, 0), size=_NEAR_PX, mode="wrap")
    return np.where(near > 0, near, rest).astype(np.float64)


def _stored(number: float) -> float:
    """Return a number that what is stored reaches: in single precision 2^32 - 1 is 2^32."""
    return number if number < 2**24 else float(np.nextafter(np.float32(number), np.float32(0)))


def _far_set(found: Survey, alive: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Take the pixels above the widest gap among the brightest, where it is a gap; else none."""
    peaks = np.sort(found.peak[alive])[::-1].astype(np.float64)
    first = max(1, int(_AT_MOST * len(peaks)))
    upper, lower = peaks[:first], peaks[1 : first + 1]
    ratios = np.where(lower > 0, upper[: len(lower)] / np.where(lower > 0, lower, 1), 0)
    if not ratios.size or ratios.max() < FAR:
        return np.zeros_like(alive)
    return np.asarray(alive & (found.peak >= upper[ratios.argmax()]))


def _is_beam(pixels: NDArray[np.bool_]) -> bool:
    """Say if they all lie next to zero frequency, in the centre or in the corner."""
    places, side = np.argwhere(pixels), len(pixels)
    for dc in (side // 2, 0):
        away = np.abs(places - dc)
        if (np.minimum(away, side - away) <= _BEAM_PX).all():
            return True
    return False


def _held(found: Survey, pixels: NDArray[np.bool_]) -> str:
    rows = np.argwhere(pixels)
    low, high = float(found.peak[pixels].min()), float(found.peak[pixels].max())
    values = f"{low:.10g}" if low == high else f"up to {low:.6g} to {high:.6g}"
    place = f"pixel ({rows[0][0]}, {rows[0][1]})"
    if len(rows) == 1:
        return f"{place} holds {values}"
    return f"{len(rows)} pixels, the first of them {place[6:]}, hold {values}"
