"""What stopping and going on costs, as ratios measured in one run.

    python benchmarks/long_runs.py [--hub HUB] [--images 10000] [--timeout 20]

Runs one full comparison three times over, as its users do: let alone, under a deadline that it does
not fit until it is green, and again when it is done. Needs a hub with real bundles (default:
../shared/reference/hub). Prints a Markdown table; docs/benchmarks.md holds the numbers of the last run.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from compare import DOSE, VIEW, enlarge

from ptycho_compare.hub import Artifacts, Hub
from ptycho_compare.jobs.states import read_states
from ptycho_compare.sigterm import EXIT_STOPPED

ROOT = Path(__file__).parents[1]
SPLIT = "train"


@dataclass(frozen=True)
class Attempts:
    """All attempts at the full comparison of a hub.

    Attributes
    ----------
    count : int
    patches, total : int
        Computed in all, and those there are.
    work_s, checkpoint_s, cpu_s : float
        Seconds spent on patches and on checkpoints; processor seconds of the commands.
    """

    count: int
    patches: int
    total: int
    work_s: float
    checkpoint_s: float
    cpu_s: float

    @classmethod
    def of(cls, hub: Path) -> Attempts:
        """Add up what the state log tells."""
        folder = Hub(hub).comparison_dir(DOSE, VIEW, SPLIT, "full")
        found = list(read_states(Artifacts(folder).job.states))
        patches, reached, seconds = 0, {}, {}
        for event in found:
            if event["state"] == "planned":
                reached = {part: start for part, (start, _) in event["parts"].items()}
            elif event["state"] == "working":
                patches += event["done"] - reached[event["part"]]
                reached[event["part"]] = event["done"]
                seconds[event["part"]] = event["seconds"]
        return cls(
            count=len(_events(found, "launched")),
            patches=patches,
            total=sum(total for _, total in _events(found, "planned")[0]["parts"].values()),
            work_s=sum(seconds.values()),
            checkpoint_s=sum(event["seconds"] for event in _events(found, "checkpoint")),
            cpu_s=sum(event["cpu_s"] for event in _events(found, "ended")),
        )


def _events(found: Sequence[dict[str, Any]], state: str) -> list[dict[str, Any]]:
    return [event for event in found if event["state"] == state]


def run_full(hub: Path, report: Path, timeout_s: float) -> int:
    """Run the tests of the full tier; pytest's exit status."""
    return _pytest(hub, "-m", "full", f"--timeout={timeout_s:g}", f"--junitxml={report}").returncode


def _pytest(hub: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-k", SPLIT, f"--hub={hub}"]
    return subprocess.run([*command, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def prepared_hub(source: Path, folder: Path, images: int) -> Path:
    """Copy a hub, enlarge its scan, and bring its debug tier to green."""
    hub = folder / "hub"
    shutil.copytree(source, hub, copy_function=shutil.copyfile)
    for path in (hub, *hub.rglob("*")):
        path.chmod(path.stat().st_mode | 0o200)
    scan = Hub(hub).split_data(DOSE, VIEW, SPLIT)
    scan.unlink()
    enlarge(Hub(source).split_data(DOSE, VIEW, SPLIT), scan, images)
    done = _pytest(hub, "-m", "debug")
    if done.returncode:
        raise SystemExit(done.stdout)
    return hub


def test_seconds(report: Path) -> float:
    """Seconds that junit tells of the one test."""
    (case,) = ElementTree.parse(report).getroot().iter("testcase")
    return float(case.get("time", "nan"))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hub", type=Path, default=ROOT.parent / "shared/reference/hub")
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--timeout", type=float, default=20.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        whole = prepared_hub(arguments.hub, folder, arguments.images)
        staged = Path(shutil.copytree(whole, folder / "staged"))
        if run_full(whole, folder / "whole.xml", 0):
            raise SystemExit("the unbroken run is not green")
        statuses = [run_full(staged, folder / "staged.xml", arguments.timeout)]
        while statuses[-1] == EXIT_STOPPED:
            statuses.append(run_full(staged, folder / "staged.xml", arguments.timeout))
        again = run_full(whole, folder / "again.xml", 0)
        one, many = Attempts.of(whole), Attempts.of(staged)
        for line in table(one, many):
            print(line)
        print(f"| exit status of each `--timeout={arguments.timeout:g}` | 75 ... 0 | {statuses} |")
        done_s, computed_s = (test_seconds(folder / f"{name}.xml") for name in ("again", "whole"))
        print(f"| seconds of a test: done (exit {again}), computed | < 1 | {done_s:.2f}, {computed_s:.1f} |")


def table(one: Attempts, many: Attempts) -> Iterator[str]:
    """Compare an unbroken run with one in many rounds."""
    start_s = (many.cpu_s - one.cpu_s) / max(1, many.count - 1)
    patches, seconds = many.patches / many.total, many.work_s / one.work_s
    yield "| what | goal | measured |"
    yield "|---|---|---|"
    count = f"{many.patches} / {many.total} = **{patches:.3f}**"
    yield f"| patches computed in {many.count} rounds / there are | <= 1.1 | {count} |"
    spent = f"{many.work_s:.1f} / {one.work_s:.1f} = **{seconds:.2f}**"
    yield f"| seconds spent on them / unbroken | <= 1.1 | {spent} |"
    yield f"| CPU seconds of a further round: start, inputs, compiling | | {start_s:.1f} |"
    yield f"| checkpoints / time worked | < 2 % | **{one.checkpoint_s / one.work_s:.2%}** |"


if __name__ == "__main__":
    main()
