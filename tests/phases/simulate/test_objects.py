"""Objects with contrast that no constant imitates, and without detail that a sub-pixel move would lose."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ptycho_compare.phases.simulate.objects import make_object
from ptycho_compare.study import Simulation

KINDS = ("lines", "broadband", "siemens", "phase")


def draw(kind: str, seed: int = 42, side: int = 256, **more: Any) -> np.ndarray:
    simulation = Simulation(object=kind, object_px=side, patch_px=16, probe_fwhm_px=8, **more)
    return make_object(simulation, np.random.default_rng(seed))


def error_of_best_constant(values: np.ndarray) -> float:
    """sqrt(min_c sum|o - c|^2 / sum|o|^2); the best c is the mean."""
    values = values.astype(np.complex128)
    return float(np.sqrt(1 - np.abs(values.mean()) ** 2 / (np.abs(values) ** 2).mean()))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", [1, 42])
def test_a_constant_in_its_place_has_a_large_error(kind: str, seed: int) -> None:
    drawn = draw(kind, seed)
    assert error_of_best_constant(drawn) >= 0.4
    assert error_of_best_constant(drawn[32:128, 32:-32]) >= 0.4  # each split sees one half
    assert error_of_best_constant(drawn[128:-32, 32:-32]) >= 0.4


@pytest.mark.parametrize("kind", KINDS)
def test_amplitude_and_phase_use_their_range_and_keep_to_it(kind: str) -> None:
    drawn = draw(kind)
    assert (drawn.dtype, drawn.shape) == (np.complex64, (256, 256))
    amplitude, phase = np.abs(drawn), np.angle(drawn)
    assert phase.min() >= -1.0001
    assert phase.max() <= 1.0001
    assert phase.std() > 0.35
    if kind == "phase":
        np.testing.assert_allclose(amplitude, 1, atol=1e-6)
    else:
        assert amplitude.min() >= 0.3999
        assert amplitude.max() <= 1.0001
        assert amplitude.std() > 0.1


@pytest.mark.parametrize("kind", KINDS)
def test_little_lies_near_the_nyquist_frequency(kind: str) -> None:
    drawn = draw(kind)
    window = np.hanning(256)[:, None] * np.hanning(256)
    power = np.abs(np.fft.fft2((drawn - drawn.mean()) * window)) ** 2
    axis = np.fft.fftfreq(256)
    frequency = np.hypot(axis[:, None], axis)
    assert power[frequency > 0.4].sum() < 0.01 * power.sum()


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_gives_one_object_and_another_seed_another(kind: str) -> None:
    np.testing.assert_array_equal(draw(kind, 3, 64), draw(kind, 3, 64))
    assert np.abs(draw(kind, 3, 64) - draw(kind, 4, 64)).mean() > 0.05


def test_a_star_shows_its_spokes() -> None:
    """Along a circle through the spokes the amplitude goes up and down once per spoke."""
    drawn = np.abs(draw("siemens"))
    angle = np.linspace(0, 2 * np.pi, 2048, endpoint=False)
    radius = 0.82 * 128
    rows, columns = (np.rint(127.5 + radius * f(angle)).astype(int) for f in (np.sin, np.cos))
    spectrum = np.abs(np.fft.rfft(drawn[rows, columns]))
    assert spectrum[1:].argmax() + 1 == 32


@pytest.mark.parametrize("kind", KINDS)
def test_contrast_is_what_the_study_asks_for(kind: str) -> None:
    drawn = draw(kind, amplitude=(0.15, 0.9), phase_rad=(-0.8, 0.1))
    phase = np.angle(drawn)
    assert -0.81 < phase.min() < -0.6
    assert -0.1 < phase.max() < 0.11
    if kind != "phase":
        assert 0.14 < np.abs(drawn).min() < 0.3
        assert 0.75 < np.abs(drawn).max() < 0.91
