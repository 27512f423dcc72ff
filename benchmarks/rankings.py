"""How scores fall along ways of spoiling an arm, for objects of little and of much phase.

    python benchmarks/rankings.py [--phase 0.5 6 30]

Prints a Markdown table; docs/rankings.md holds that of the last run, and tests/scoring/test_rankings.py
holds scores to their order.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from ptycho_compare.scoring.metrics.estimate import Resampling
from ptycho_compare.scoring.pair import score_pair
from ptycho_compare.scoring.settings import ScoringSettings
from scoring.degradations import WAYS, inside, object_with

SHOWN = {"fienup": "value", "ssim": "phase", "frc50": "value", "frt50": "value"}
SETTINGS = ScoringSettings(resampling=Resampling(draws=0))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--phase", type=float, nargs="+", default=[0.5, 6.0, 30.0])
    phases = parser.parse_args().phase
    print("| spoilt by | how much |", *(f" {name}, {rad:g} rad |" for rad in phases for name in SHOWN))
    print("|---|" + "---|" * (1 + len(phases) * len(SHOWN)))
    objects = {rad: object_with(rad) for rad in phases}
    for way, (spoil, levels) in WAYS.items():
        for level in levels:
            cells = [cell for whole in objects.values() for cell in _cells(spoil(whole, level), whole)]
            print(f"| {way} | {level:g} |", *(f" {cell} |" for cell in cells), flush=True)


def _cells(spoilt, whole) -> list[str]:
    (arm,) = score_pair(inside(spoilt), inside(whole), aligned=True, settings=SETTINGS).arms
    rows = {row.name: row for row in arm.metrics}
    numbers = [rows[name].number(column) for name, column in SHOWN.items()]
    return ["" if number is None else f"{number:.3f}" for number in numbers]


if __name__ == "__main__":
    main()
