"""What each phase costs, and how that grows with the images.

    python benchmarks/phases.py [--images 500 5000]

Makes the demo study with so many images per split, one epoch, one step at a time, and reads
the records that the steps leave: CPU seconds and peak memory of the whole process tree. Needs
pty-chi for phase F (left out where it is missing). Prints a Markdown table; docs/benchmarks.md holds
the numbers of the last run.
"""

from __future__ import annotations

import argparse
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from ptycho_compare.hub import FULL_TIER, Hub
from ptycho_compare.phases.pipeline.pipeline import Pipeline
from ptycho_compare.phases.pipeline.run import Runner
from ptycho_compare.study import load_study

EPOCHS = 1


@dataclass(frozen=True)
class Cost:
    """Of one step."""

    cpu_s: float
    peak_bytes: int


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="What each phase costs.")
    parser.add_argument("--images", type=int, nargs="+", default=[500, 5000], help="images per split")
    counts: list[int] = parser.parse_args().images
    with tempfile.TemporaryDirectory() as folder:
        found = [costs(Path(folder) / str(count), count) for count in counts]
    print(table(counts, found))


def costs(root: Path, images: int) -> dict[str, Cost]:
    """Make a study of so many images per split and read what its steps took."""
    root.mkdir()
    text = files("ptycho_compare.study").joinpath("demo.toml").read_text("utf-8")
    text = re.sub(r"(?m)^images = .*$", f"images = {2 * images}", text)
    text = re.sub(r"(?m)^epochs = .*$", f"epochs = {EPOCHS}", text)
    (root / "study.toml").write_text(text)
    study = load_study(root / "study.toml")
    plan = Pipeline(Hub(root), study, root / "study.toml", study.doses[0], study.views[0], ("train",))
    steps = (*plan.making, *plan.comparing(FULL_TIER))
    outcomes = Runner(lambda line: print(line, flush=True), root / "archive").run(steps)
    # a network of one epoch may count as dead: what the step took is measured all the same
    return {
        outcome.step.title: Cost(outcome.done.cpu_s, outcome.done.peak_bytes)
        for outcome in outcomes
        if outcome.done is not None
    }


def table(counts: Sequence[int], found: Sequence[dict[str, Cost]]) -> str:
    """Lay out CPU seconds and peak memory, and how they grew from the first count to the last."""
    heads = [f"CPU s, {count} images" for count in counts] + [f"MiB, {count}" for count in counts]
    lines = [f"| step | {' | '.join(heads)} | CPU s grow |", "|---" * (len(heads) + 2) + "|"]
    for title in found[0]:
        steps = [each[title] for each in found if title in each]
        if len(steps) != len(found):
            continue
        cells = [f"{step.cpu_s:.1f}" for step in steps] + [f"{step.peak_bytes / 2**20:.0f}" for step in steps]
        growth = steps[-1].cpu_s / steps[0].cpu_s
        lines.append(f"| {title} | {' | '.join(cells)} | {growth:.1f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
