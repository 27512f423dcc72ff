"""Amplitudes or counts, and where zero frequency (DC) lies: proved from the numbers, or asked for by name.

A network fed with counts instead of their square root gives a plausible picture that is
wrong everywhere, so neither is ever guessed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ScanError
from ptycho_compare.scan.reading import DcPlace, Values
from ptycho_compare.scan.survey import Survey

_SAMPLES = 16
# One reading must explain the data (nearly) fully before it is believed, and better than the other by
# more than the noise of few photons does. Correlations: with a known object, with a constant one.
_KNOWN_OBJECT, _CONSTANT_OBJECT = 0.9, 0.98
_VALUES_MARGIN = 0.01

ReadImages = Callable[[NDArray[np.integer[Any]]], tuple[NDArray[np.float32], NDArray[np.bool_]]]


@dataclass(frozen=True)
class AmplitudeEvidence:
    """Proof from the numbers.

    Attributes
    ----------
    values : {"amplitude", "counts"}
    strong : bool
        It outweighs what the user says.
    reason : str
        Continues a sentence that begins with the file and the key.
    """

    values: Values
    strong: bool
    reason: str


def resolve_values(
    evidence: AmplitudeEvidence | None, said: Values | None, by_format: Values | None, *, label: str
) -> tuple[Values, tuple[str, ...]]:
    """Decide between what the numbers prove, the user says and the format states.

    Strong evidence stands against everything: if the user says the contrary, one of the two is a
    mistake that would spoil every result. Otherwise the user's word counts, then weak evidence, then
    the format. A warning says where evidence was overruled or overrules.

    Raises
    ------
    ScanError
        The user contradicts strong evidence, or nobody knows.
    """
    if evidence is not None and said not in (None, evidence.values):
        if evidence.strong:
            raise ScanError(
                f"{label} {evidence.reason}, and --diffraction-values says {said}; "
                f"say {evidence.values}, or leave it out"
            )
        return said, (f"{label} {evidence.reason}; read as {said} because --diffraction-values says so",)
    if said is not None:
        return said, ()
    if evidence is not None:
        overrules = by_format not in (None, evidence.values)
        return evidence.values, (f"{label} {evidence.reason}; read as such",) if overrules else ()
    if by_format is None:
        raise ScanError(
            f"{label} may hold amplitudes or counts, and nothing in the file tells which; "
            "say it: --diffraction-values amplitude|counts"
        )
    return by_format, ()


def find_evidence(
    found: Survey,
    read: ReadImages,
    positions: NDArray[np.float64],
    probe: NDArray[np.complex64] | None,
    truth: NDArray[np.complex64] | None,
) -> AmplitudeEvidence | None:
    """Look for a proof in the numbers.

    Integers and whole numbers are counts. Otherwise a few images are compared with the forward model
    A = |FFT(probe * patch)|: whichever of A and A^2 explains them is what they are.

    Parameters
    ----------
    found : Survey
        Of all images.
    read : callable
        Gives images (b, N, N) by number, as stored but with DC in the centre, and where they were
        measured, as `Diffraction.read_measured` does.
    positions : ndarray, (n, 2), float64
        x, y in px.
    probe : ndarray, (N, N), complex, or None
        Without it only whole numbers prove anything.
    truth : ndarray, (H, W), complex, or None
        Without it the object is taken as constant, and the proof is not strong.

    Returns
    -------
    AmplitudeEvidence or None
        None when the numbers fit neither, or both.
    """
    if found.dtype.kind != "f":
        return AmplitudeEvidence("counts", True, f"is {found.dtype}, which is how counts are stored")
    if found.integral:
        # floats that are all 0 or 1 can be anything
        reason = f"holds whole numbers up to {found.maximum:g}, which are counts"
        return AmplitudeEvidence("counts", True, reason) if found.maximum > 1 else None
    scores = _scores(read, positions, probe, truth) if probe is not None else []
    if not scores:
        return None
    as_amplitude, as_counts = (float(score) for score in np.median(scores, axis=0))
    least = _CONSTANT_OBJECT if truth is None else _KNOWN_OBJECT
    reason = (
        f"looks like {{}}: it correlates {as_counts:.4f} with |FFT|^2 of probe and object "
        f"and {as_amplitude:.4f} with |FFT|"
    )
    if as_counts > max(least, as_amplitude + _VALUES_MARGIN):
        return AmplitudeEvidence("counts", truth is not None, reason.format("intensity"))
    if as_amplitude > max(least, as_counts + _VALUES_MARGIN):
        return AmplitudeEvidence("amplitude", truth is not None, reason.format("amplitude"))
    return None


def _scores(
    read: ReadImages,
    positions: NDArray[np.float64],
    probe: NDArray[np.complex64],
    truth: NDArray[np.complex64] | None,
) -> list[tuple[float, float]]:
    """Correlations with |FFT| and |FFT|^2 of the images whose patches lie inside the object."""
    chosen = np.unique(np.linspace(0, len(positions) - 1, _SAMPLES).astype(int))
    scores = []
    for image, good, position in zip(*read(chosen), positions[chosen], strict=True):
        patch = _patch(position, probe, truth)
        if patch is not None and image.any():
            model = np.abs(np.fft.fftshift(np.fft.fft2(probe.astype(np.complex128) * patch)))
            model /= model.max() or 1.0  # correlation has no scale, and a square could overflow
            pairs = ((image[good], each[good]) for each in (model, model**2))
            amplitude, counts = (_correlation(*pair) for pair in pairs)
            scores.append((amplitude, counts))
    return scores


def _patch(
    position: NDArray[np.float64], probe: NDArray[np.complex64], truth: NDArray[np.complex64] | None
) -> NDArray[np.complex64] | None:
    if truth is None:
        return np.ones_like(probe)
    side = len(probe)
    column, row = np.rint(position).astype(int) - side // 2
    patch = truth[max(row, 0) : row + side, max(column, 0) : column + side]
    return patch if patch.shape == probe.shape else None


def _correlation(image: NDArray[np.float32], model: NDArray[np.floating]) -> float:
    """Correlate two rows of numbers."""
    if np.ptp(image) == 0 or np.ptp(model) == 0:
        return 0.0  # what never changes agrees with nothing
    return float(np.corrcoef(image, model)[0, 1])


_DC_MARGIN = 10.0
"""How much brighter one place must be than the other; measured scans give 700 and more."""


def brightness(pattern: NDArray[np.float64]) -> tuple[float, float]:
    """Mean of the half-width window around the centre, and of the same window around the corner.

    Parameters
    ----------
    pattern : ndarray, (N, N), float64
        Mean of all images, as stored; NaN, and left out, where none measured a pixel.
    """
    side = len(pattern)
    window = slice(side // 4, side - side // 4)
    windows = (each[window, window] for each in (pattern, np.fft.fftshift(pattern)))
    means = [float(each[np.isfinite(each)].mean()) if np.isfinite(each).any() else 0.0 for each in windows]
    return max(means[0], 0.0), max(means[1], 0.0)


def resolve_dc(
    pattern: NDArray[np.float64], said: DcPlace | None, by_format: DcPlace | None, *, label: str
) -> tuple[DcPlace, tuple[str, ...]]:
    """Decide between what the mean pattern shows, the user says and the format states.

    A beam is brightest at low frequency, so the brighter place is DC; it is certain when it is
    ten times as bright. The user's word comes first (a beam whose middle is blocked can be dark
    there), then what is certain, then the format. A warning says where the mean pattern was overruled
    or overrules.

    Raises
    ------
    ScanError
        Nobody knows.
    """
    centre, corner = brightness(pattern)
    seen: DcPlace | None = None
    if max(centre, corner) > _DC_MARGIN * min(centre, corner):
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
