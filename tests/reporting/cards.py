"""Scorecards to draw and to write: three arms, one of them dead."""

import numpy as np

from ptycho_compare.scoring import ArmImage, ScoringSettings, score_arms

SIDE = (96, 128)


def blurred(seed, width):
    """Smooth noise, (H, W), zero mean, unit variance, from its spectrum."""
    rng = np.random.default_rng(seed)
    radius = np.hypot(np.fft.fftfreq(SIDE[0])[:, np.newaxis], np.fft.fftfreq(SIDE[1]))
    image = np.fft.ifft2(np.fft.fft2(rng.standard_normal(SIDE)) * np.exp(-((radius * width) ** 2))).real
    return (image - image.mean()) / image.std()


def truth_image():
    return (1.0 + 0.15 * blurred(1, 8)) * np.exp(0.5j * blurred(2, 8) + 2.5j)


def coverage():
    rows, columns = np.indices(SIDE)
    return ((abs(rows - 44) < 34) & (abs(columns - 66) < 46)).astype(float)


def noisy(strength, seed):
    noise = blurred(seed, 4) + 1j * blurred(seed + 1, 4)
    return (truth_image() + strength * noise) * 1.7 * np.exp(-1j)


def card(*, truth=True, **arms):
    """Score arms given by name; the default is a good, a dead and a noisy ready-made one."""
    images = arms or {
        "PtychoPINN": ArmImage(noisy(0.03, 10), coverage(), movable=False),
        "Baseline": ArmImage(np.zeros(SIDE, complex), coverage(), movable=False),
        "PtyChi": ArmImage(np.roll(noisy(0.08, 20), (1, -2), (0, 1)), coverage(), movable=True),
    }
    return score_arms(images, truth_image() if truth else None, settings=ScoringSettings())
