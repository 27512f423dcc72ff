"""Probes of the width asked for, inside their window, in its middle."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from ptycho_compare.errors import InputError, ScanError, StudyError
from ptycho_compare.phases.simulate.probes import make_probe, width_px
from ptycho_compare.study.making import Simulation

NOWHERE = Path("/nonexistent")


def built(kind: str, fwhm_px: float, side: int = 64) -> np.ndarray:
    return make_probe(
        Simulation(probe=kind, probe_fwhm_px=fwhm_px, patch_px=side, object_px=4 * side), NOWHERE
    )


@pytest.mark.parametrize("kind", ["zone_plate", "gaussian"])
@pytest.mark.parametrize(("fwhm_px", "side"), [(8, 64), (16, 64), (24, 64), (16, 128), (12, 32)])
def test_a_probe_has_its_width_and_lies_in_the_middle_of_its_window(
    kind: str, fwhm_px: float, side: int
) -> None:
    probe = built(kind, fwhm_px, side)
    assert (probe.dtype, probe.shape) == (np.complex64, (side, side))
    assert width_px(probe) == pytest.approx(fwhm_px, rel=0.05)  # a grid holds few radii
    energy = np.abs(probe.astype(complex)) ** 2
    assert np.abs(probe).max() == pytest.approx(1)
    axis = np.arange(side) - side // 2
    assert (energy.sum(axis=0) * axis).sum() / energy.sum() == pytest.approx(0, abs=0.1)
    assert (energy.sum(axis=1) * axis).sum() / energy.sum() == pytest.approx(0, abs=0.1)
    outside = np.hypot(axis[:, None], axis) > 0.45 * side
    assert energy[outside].sum() < 0.003 * energy.sum()


def test_a_gaussian_is_one() -> None:
    amplitude = np.abs(built("gaussian", 16))[32]
    assert amplitude[32] == 1
    assert amplitude[32 + 8] == pytest.approx(0.5)


def test_a_zone_plate_lights_a_ring_on_the_detector_and_is_out_of_focus() -> None:
    probe = built("zone_plate", 16)
    detector = np.fft.fftshift(np.abs(np.fft.fft2(probe)))
    axis = np.arange(64) - 32
    radius = np.hypot(axis[:, None], axis)
    ring = detector[(radius > 6) & (radius < 9)]
    assert ring.min() > 0.8 * detector.max()
    assert detector[radius < 2].max() < 0.2 * detector.max()  # the central stop
    assert detector[radius > 14].max() < 0.01 * detector.max()
    assert np.angle(probe).std() > 1  # a curved wave


def test_a_width_that_no_zone_plate_gives_is_named() -> None:
    with pytest.raises(
        StudyError, match=r"'simulation.probe_fwhm_px' is 3; needed .* more than 4, its width"
    ):
        built("zone_plate", 3)


def test_a_probe_wider_than_its_window_allows_is_refused_with_the_study() -> None:
    with pytest.raises(ValidationError, match="probe_fwhm_px is 40; needed: at most half of patch_px, 32"):
        Simulation(probe_fwhm_px=40)


def from_file(root: Path, name: str = "probe.npz", side: int = 16) -> np.ndarray:
    return make_probe(Simulation(probe="file", probe_file=name, patch_px=side, object_px=64), root)


def test_a_probe_from_a_file_keeps_its_shape(tmp_path: Path) -> None:
    held = built("zone_plate", 6, 16) * (3 - 4j)
    np.savez(tmp_path / "probe.npz", probeGuess=held)
    for name in ("probe.npz", str(tmp_path / "probe.npz")):
        np.testing.assert_allclose(from_file(tmp_path, name), held / 5, rtol=1e-5)


@pytest.mark.parametrize(
    ("held", "message"),
    [
        ({"probe": np.ones((16, 16), complex)}, "'probeGuess' is missing; found: probe"),
        ({"probeGuess": np.ones((16, 16))}, "'probeGuess' is float64 of shape"),
        ({"probeGuess": np.zeros((16, 16), complex)}, "'probeGuess' is zero or not finite"),
        ({"probeGuess": np.ones((32, 32), complex)}, "'probeGuess' is 32 x 32 px and .* is 16"),
    ],
)
def test_a_file_without_a_fitting_probe_is_named(
    tmp_path: Path, held: dict[str, np.ndarray], message: str
) -> None:
    np.savez(tmp_path / "probe.npz", **held)
    with pytest.raises(ScanError, match=message) as caught:
        from_file(tmp_path)
    assert str(caught.value).startswith(str(tmp_path / "probe.npz"))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"probe\.npz"):
        from_file(tmp_path)


def test_a_curved_gaussian_keeps_its_width_and_spreads_its_pattern(tmp_path: Path) -> None:
    """At a curvature of pi/N a pattern is as wide as the probe: a shadow image at the object's own size."""
    flat, curved = (
        make_probe(Simulation(probe="gaussian", probe_curvature=curvature), tmp_path)
        for curvature in (0.0, np.pi / 64)
    )
    np.testing.assert_allclose(np.abs(flat), np.abs(curved), atol=1e-6)
    pattern = np.fft.fftshift(np.fft.fft2(curved))
    assert width_px(pattern) == pytest.approx(width_px(curved), rel=0.05)
    assert width_px(np.fft.fftshift(np.fft.fft2(flat))) < width_px(curved) / 4
