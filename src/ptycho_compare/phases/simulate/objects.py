"""Objects to be scanned: complex transmission, known in every pixel.

All have amplitudes up to 1, edges a few pixels wide (so that moving them by a part of a pixel loses
nothing), and so much contrast that a constant in their place has a large error.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy
from numpy.typing import NDArray

from ptycho_compare.study import Simulation

Field = NDArray[np.float64]

_EDGE_PX = 0.5  # scale of a logistic edge: 10 % to 90 % in 2.2 px
_STRETCH = 1.4  # two standard deviations reach 94 % of the way to either end


def make_object(simulation: Simulation, generator: np.random.Generator) -> NDArray[np.complex64]:
    """Draw the object that a study asks for, (H, H), complex64."""
    absorption, delay = _KINDS[simulation.object](simulation.object_px, generator)
    (least, most), (first, last) = simulation.amplitude, simulation.phase_rad
    amplitude = 1.0 if absorption is None else most + (least - most) * absorption
    return np.asarray(amplitude * np.exp(1j * (first + (last - first) * delay)), np.complex64)


def _lines(side: int, generator: np.random.Generator) -> tuple[Field, Field]:
    """Straight lines across the object, each of its own width, absorption and phase shift."""
    count = side // 2
    rows, columns = np.indices((side, side)) - (side - 1) / 2
    thickness, delay = np.zeros((2, side, side))
    for angle, offset, half_width, absorption, shift in zip(
        generator.uniform(0, np.pi, count),
        generator.uniform(-side / np.sqrt(2), side / np.sqrt(2), count),
        generator.uniform(1, 3, count),
        generator.uniform(0.2, 1, count),
        generator.uniform(-1, 1, count),
        strict=True,
    ):
        distance = np.abs(columns * np.cos(angle) + rows * np.sin(angle) - offset)
        line = scipy.special.expit((half_width - distance) / _EDGE_PX)
        thickness += absorption * line
        delay += shift * line
    return _spread(thickness), _spread(delay)


def _broadband(side: int, generator: np.random.Generator) -> tuple[Field, Field]:
    """Detail on every scale, as in natural images, for amplitude and phase alike."""
    return _spread(-_natural(side, generator)), _spread(_natural(side, generator))


def _phase_only(side: int, generator: np.random.Generator) -> tuple[None, Field]:
    return None, _spread(_natural(side, generator))


def _siemens(side: int, generator: np.random.Generator) -> tuple[Field, Field]:
    """A Siemens star with two rings cut out, on faint natural texture; turned at random."""
    spokes = 32
    rows, columns = np.indices((side, side)) - (side - 1) / 2
    radius = np.hypot(rows, columns)
    turned = spokes * (np.arctan2(rows, columns) + generator.uniform(0, 2 * np.pi))
    from_edge = radius / spokes * np.sin(turned)  # px, inside a spoke
    # towards the middle spokes become finer than pixels: at spokes/2 px a pair of them takes 3 px
    fade = scipy.special.expit((radius - spokes / 2) / 2)
    inside = scipy.special.expit(fade * from_edge / _EDGE_PX)
    for share, half_width in ((0.35, 0.01), (0.65, 0.015)):
        from_ring = np.abs(radius - share * side / 2) - half_width * side
        inside *= scipy.special.expit(from_ring / _EDGE_PX)
    inside *= scipy.special.expit((0.97 * side / 2 - radius) / _EDGE_PX)
    texture = 0.1 * np.tanh(_natural(side, generator))
    return 0.1 + 0.8 * inside - texture, 0.1 + 0.8 * inside + texture


def _natural(side: int, generator: np.random.Generator) -> Field:
    """Noise whose amplitude spectrum falls as 1/f, the law of natural images [1]_.

    Mean 0, variance 1. Below 4 cycles per side it is flat, so that every part of the object has most of
    the contrast; beyond a quarter cycle/px it falls faster: see the head of the module.

    References
    ----------
    .. [1] Field, J. Opt. Soc. Am. A 4, 2379-2394 (1987), doi:10.1364/JOSAA.4.002379
    """
    frequency = np.hypot(scipy.fft.fftfreq(side)[:, None], scipy.fft.rfftfreq(side))
    spectrum = scipy.fft.rfft2(generator.standard_normal((side, side)))
    spectrum *= np.exp(-((frequency / 0.25) ** 2)) / np.maximum(frequency, 4 / side)
    spectrum[0, 0] = 0
    field = scipy.fft.irfft2(spectrum, s=(side, side))
    return np.asarray(field / field.std(), np.float64)


def _spread(field: Field) -> Field:
    """Bring a field of any scale between 0 and 1, most of it well between them."""
    return np.asarray(scipy.special.expit(_STRETCH * (field - field.mean()) / field.std()), np.float64)


_KINDS: dict[str, Callable[[int, np.random.Generator], tuple[Field | None, Field]]] = {
    "lines": _lines,
    "broadband": _broadband,
    "siemens": _siemens,
    "phase": _phase_only,
}
"""Each gives absorption, if there is any, and delay of every pixel, both from 0 to 1."""
