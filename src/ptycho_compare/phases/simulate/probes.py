"""Probes: the wave that lights the object, its middle on pixel [N//2, N//2], its largest modulus 1.

What they light is round and lies well inside the N x N window: outside of it a simulation by FFT
would fold the wave back.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import scipy
from numpy.typing import NDArray

from ptycho_compare.errors import ScanError, StudyError
from ptycho_compare.scan.formats.arrays import read_probe
from ptycho_compare.scan.formats.npz_container import NpzContainer
from ptycho_compare.study.making import Simulation
from ptycho_compare.untrusted.npz import open_npz

_APERTURE = 1 / 6
"""Radius of the zone plate's aperture, cycles/px."""
_STOP = 0.4
"""Radius of its central stop, as a part of that."""


def make_probe(simulation: Simulation, root: Path) -> NDArray[np.complex64]:
    """Make the probe that a study asks for, (N, N), complex64; a relative `probe_file` lies below `root`.

    Raises
    ------
    StudyError
        No zone plate gives a probe of that width.
    ScanError, ArchiveError
        The file has no probe of N x N.
    """
    side, fwhm_px = simulation.patch_px, simulation.probe_fwhm_px
    probe: NDArray[np.complexfloating]
    if simulation.probe == "file":
        probe = _from_file(root / simulation.probe_file, side)
    elif simulation.probe == "gaussian":
        width = 4 * np.log(2) / fwhm_px**2
        probe = np.exp((1j * simulation.probe_curvature - width) * _radius(side) ** 2)
    else:
        probe = _zone_plate(side, fwhm_px)
    return np.asarray(probe / np.abs(probe).max(), np.complex64)


def width_px(probe: NDArray[np.complexfloating]) -> float:
    """Full width at half maximum of the Gaussian amplitude that has the probe's half-energy radius.

    A defocused probe has rings and a bright spot in its middle: the width of its own profile at half
    height says little. Of a Gaussian, half of the energy lies within 1 / (2 sqrt 2) of that width.
    """
    radius = _radius(len(probe)).ravel()
    order = np.argsort(radius, kind="stable")
    energy = np.cumsum(np.abs(probe.ravel()[order]) ** 2)
    return float(2 * np.sqrt(2) * np.interp(energy[-1] / 2, energy, radius[order]))


def _zone_plate(side: int, fwhm_px: float) -> NDArray[np.complex128]:
    """Light of a zone plate with a central stop, so far from its focus that it has the width."""

    def excess(edge_px: float) -> float:
        return width_px(_defocused(side, edge_px)) - fwhm_px

    focus, widest = (width_px(_defocused(side, edge_px)) for edge_px in (0.0, side / 2))
    if not focus < fwhm_px < widest:
        raise StudyError(
            f"'simulation.probe_fwhm_px' is {fwhm_px:g}; needed for a zone_plate with patch_px {side}: "
            f"more than {focus:.3g}, its width in focus, and less than {widest:.3g}"
        )
    edge_px = float(scipy.optimize.brentq(excess, 0.0, side / 2, xtol=1e-3))
    return _defocused(side, edge_px)


def _defocused(side: int, edge_px: float) -> NDArray[np.complex128]:
    """Wave near the focus of an annular aperture: by ray optics its edge is `edge_px` off the axis.

    The quadratic phase pi e f^2 / a has its slope, which is where a ray of frequency f goes,
    in proportion to f, and equal to e at the aperture's edge a.
    """
    frequency = scipy.fft.fftfreq(side)
    frequency2 = frequency[:, None] ** 2 + frequency**2
    soft = 0.5 / side  # hard edges would ring through the whole window
    radius = np.sqrt(frequency2)
    aperture = scipy.special.expit((_APERTURE - radius) / soft) * scipy.special.expit(
        (radius - _STOP * _APERTURE) / soft
    )
    wave = scipy.fft.ifft2(aperture * np.exp(-1j * np.pi * edge_px * frequency2 / _APERTURE))
    return np.asarray(scipy.fft.fftshift(wave), np.complex128)


def _radius(side: int) -> NDArray[np.float64]:
    axis = np.arange(side) - side // 2
    return np.hypot(axis[:, None], axis)


def _from_file(path: Path, side: int) -> NDArray[np.complex64]:
    with open_npz(path) as archive:
        container = NpzContainer(archive, label=str(path), spool_folder=None)
        if "probeGuess" not in container:
            raise ScanError(f"{path}: 'probeGuess' is missing; found: {container.listing()}")
        modes, _ = read_probe(container, "probeGuess")
    probe: NDArray[np.complex64] = modes[0]
    if len(probe) != side:
        raise ScanError(
            f"{path}: 'probeGuess' is {probe.shape[0]} x {probe.shape[1]} px and "
            f"'simulation.patch_px' is {side}; needed: the same"
        )
    return probe
