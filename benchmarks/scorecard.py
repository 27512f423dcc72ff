"""What a scorecard costs in CPU seconds, and where they go.

    python benchmarks/scorecard.py [--side 512] [--draws 1000] [--blocks 200]

Scores three reconstructions (two with a frame, one that must be registered) of a synthetic
object on one thread, without and with intervals, and prints a Markdown table;
docs/benchmarks.md holds the numbers of the last run.
"""

from __future__ import annotations

import argparse
import cProfile
import platform
import pstats
import time

import numpy as np
from scipy import ndimage
from threadpoolctl import threadpool_limits

from ptycho_compare.scoring.metrics.estimate import Resampling
from ptycho_compare.scoring.placement import ArmImage
from ptycho_compare.scoring.scorecard import score_arms
from ptycho_compare.scoring.settings import ScoringSettings

PARTS = {
    "registration": ("registration.py", "register"),
    "twin": ("twin.py", "find_twin"),
    "dead arms": ("collapse.py", "find_collapse"),
    "smooth part of phases": ("smooth_phase.py", "of_field"),
    "the truth, once": ("truth_view.py", "build"),
    "pixel and structure metrics": ("arm_metrics.py", "_averages"),
    "ring correlation": ("frc.py", "ring_correlation"),
    "sums over blocks": ("image_metrics.py", "estimate"),
    "sums over rings": ("arm_metrics.py", "_ring_estimates"),
    "drawing again": ("uncertainty.py", "with_uncertainty"),
}
"""Part -> file and function whose cumulative time it is."""


def make_object(side: int, seed: int) -> np.ndarray:
    """Draw a complex object with detail down to a few pixels."""
    generator = np.random.default_rng(seed)
    amplitude, phase = (
        ndimage.gaussian_filter(generator.standard_normal((side, side)), 2.0, mode="wrap") for _ in range(2)
    )
    return (0.75 + 0.8 * amplitude) * np.exp(4j * phase)


def make_arms(truth: np.ndarray) -> dict[str, ArmImage]:
    """Spoil the object in three ways: noise, blur, and noise in another place."""
    generator = np.random.default_rng(1)
    noise = generator.standard_normal((2, 2, *truth.shape))
    weight = np.ones(truth.shape)
    blurred = ndimage.gaussian_filter(truth, 1.5)
    moved = ndimage.fourier_shift(np.fft.fft2(truth), (1.3, -0.7))
    return {
        "noisy": ArmImage(truth + 0.05 * (noise[0, 0] + 1j * noise[0, 1]), weight, movable=False),
        "blurred": ArmImage(1.4j * blurred, weight, movable=False),
        "moved": ArmImage(
            np.fft.ifft2(moved) + 0.05 * (noise[1, 0] + 1j * noise[1, 1]), weight, movable=True
        ),
    }


def cpu_seconds(arms: dict[str, ArmImage], truth: np.ndarray, how: Resampling) -> float:
    """CPU seconds of one whole scorecard, the least of three: other work on the machine only adds to it."""
    found = []
    for _ in range(3):
        began = time.process_time()
        card = score_arms(arms, truth, settings=ScoringSettings(resampling=how))
        found.append(time.process_time() - began)
        if card.failed:
            raise SystemExit(f"an arm failed: {card.failed[0].reason}")
    return min(found)


def parts(arms: dict[str, ArmImage], truth: np.ndarray, how: Resampling) -> dict[str, float]:
    """Seconds spent in each part; parts within parts are counted in both."""
    profile = cProfile.Profile()
    profile.runcall(score_arms, arms, truth, settings=ScoringSettings(resampling=how))
    spent: dict[str, float] = {}
    for (file, _, function), row in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        for part, (module, name) in PARTS.items():
            if name == function and "/scoring/" in file and file.endswith(f"/{module}"):
                spent[part] = spent.get(part, 0.0) + row[3]
    return spent


def report(arguments: argparse.Namespace) -> None:
    """Measure, and print the table."""
    truth = make_object(arguments.side, 0)
    arms = make_arms(truth)
    plain = Resampling(draws=0)
    # the smallest blocks that are still this many
    many = Resampling(draws=arguments.draws, block_px=int(arguments.side / np.sqrt(arguments.blocks)))
    cpu_seconds(arms, truth, plain)  # warm-up
    print(f"Python {platform.python_version()}, {platform.machine()}, one thread\n")
    print("| what | CPU s |\n|---|---|")
    size = f"three arms, {arguments.side} x {arguments.side} px"
    without = min(cpu_seconds(arms, truth, plain) for _ in range(3))
    print(f"| scorecard of {size}, without intervals | {without:.2f} |")
    by_default = Resampling(draws=arguments.draws)
    print(f"| with intervals, {arguments.draws} draws | {cpu_seconds(arms, truth, by_default):.2f} |")
    label = f"with intervals from {arguments.blocks} blocks, {arguments.draws} draws"
    print(f"| {label} | {cpu_seconds(arms, truth, many):.2f} |")
    for part, seconds in sorted(parts(arms, truth, many).items(), key=lambda item: -item[1]):
        print(f"| of it: {part} | {seconds:.2f} |")


def main() -> None:
    """Read the arguments."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--blocks", type=int, default=200)
    arguments = parser.parse_args()
    with threadpool_limits(limits=1):  # CPU seconds are counted, and waiting threads would add theirs
        report(arguments)


if __name__ == "__main__":
    main()
