"""Scorecards to draw and to write: three arms, one of them dead; and what a figure says."""

import dataclasses
from functools import cache

import numpy as np
from matplotlib.text import Annotation, Text

from ptycho_compare.scoring.metrics.estimate import Resampling
from ptycho_compare.scoring.placement import ArmImage
from ptycho_compare.scoring.scorecard import score_arms
from ptycho_compare.scoring.settings import ScoringSettings

SIDE = (96, 128)
FEW_DRAWS = ScoringSettings(resampling=Resampling(draws=50))


def blurred(seed, width):
    """Smooth noise, (H, W), zero mean, unit variance, from its spectrum."""
    rng = np.random.default_rng(seed)
    radius = np.hypot(np.fft.fftfreq(SIDE[0])[:, np.newaxis], np.fft.fftfreq(SIDE[1]))
    image = np.fft.ifft2(np.fft.fft2(rng.standard_normal(SIDE)) * np.exp(-((radius * width) ** 2))).real
    return (image - image.mean()) / image.std()


def truth_image():
    return (1.0 + 0.15 * blurred(1, 8)) * np.exp(0.5j * blurred(2, 8) + 2.5j)


def twin_image():
    """The conjugate truth, turned by 180 degrees."""
    return np.conj(truth_image()[::-1, ::-1])


def coverage():
    rows, columns = np.indices(SIDE)
    return ((abs(rows - 44) < 34) & (abs(columns - 66) < 46)).astype(float)


def noisy(strength, seed):
    noise = blurred(seed, 4) + 1j * blurred(seed + 1, 4)
    return (truth_image() + strength * noise) * 1.7 * np.exp(-1j)


def staying(values, weight=None):
    """An arm of our own: it has an origin and is never moved."""
    return ArmImage(values, coverage() if weight is None else weight, movable=False)


def many(number):
    """Arms that stay, each noisier than the one before."""
    return {f"Arm{index}": staying(noisy(0.02 * (index + 1), 10 * index)) for index in range(number)}


def card(*, truth=True, settings=None, **arms):
    """Score arms given by name; the default is a good, a dead and a noisy ready-made one."""
    images = arms or {
        "PtychoPINN": staying(noisy(0.03, 10)),
        "Baseline": staying(np.zeros(SIDE, complex)),
        "PtyChi": ArmImage(np.roll(noisy(0.08, 20), (1, -2), (0, 1)), coverage(), movable=True),
    }
    return score_arms(images, truth_image() if truth else None, settings=settings or FEW_DRAWS)


@cache
def scored(number):
    """The card of so many arms, scored once by a process that looks at it often."""
    return card(**many(number))


@cache
def three_scored():
    """The default card, likewise."""
    return card()


def with_arm(scorecard, name, **changes):
    """The scorecard with some fields of one arm replaced."""
    arms = (dataclasses.replace(arm, **(changes if arm.arm == name else {})) for arm in scorecard.arms)
    return dataclasses.replace(scorecard, arms=tuple(arms))


def of_phase(scorecard):
    """The scorecard with no ring curves but those of the phase."""
    arms = (
        dataclasses.replace(
            arm, curves={name: curve for name, curve in arm.curves.items() if name == "phase"}
        )
        for arm in scorecard.arms
    )
    return dataclasses.replace(scorecard, arms=tuple(arms))


def texts(drawn):
    """Whatever is written in a figure or an axis."""
    return [text.get_text() for text in drawn.findobj(Text) if text.get_text()]


def panels(figure):
    """The panels of a figure, row by row; colour bars and places without a panel left out."""
    return [axis for axis in figure.axes if axis.get_label() != "<colorbar>" and axis.axison]


def bars(figure):
    return [axis for axis in figure.axes if axis.get_label() == "<colorbar>"]


def above(axis):
    """What stands above a panel: (text, colour) of the name and of each line, top down."""
    held = [text for text in axis.texts if isinstance(text, Annotation)]
    return [(text.get_text(), text.get_color()) for text in sorted(held, key=lambda text: -text.xyann[1])]


def edge(axis, side):
    """What stands at an edge of a panel: places, the numbers at them, and the label."""
    held = {text.get_gid(): [] for text in axis.texts}
    for text in axis.texts:
        held[text.get_gid()].append(text)
    numbers = held.get(f"{side} number", [])
    places = np.array([text.get_position()[side == "left"] for text in numbers])
    return places, [text.get_text() for text in numbers], "".join(map(Text.get_text, held[f"{side} label"]))
