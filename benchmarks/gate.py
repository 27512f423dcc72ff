"""What the gate takes on a hub with many comparisons, beside what computing them took.

    python benchmarks/gate.py --hub HUB [--comparisons 100]

HUB is finished (`ptycho-hub demo`, then `ptycho-hub conditions`) and is copied: its full comparisons are
repeated as tiers of their own, evidence and all. Prints a Markdown table; docs/benchmarks.md holds the
numbers of the last run.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ptycho_compare.hub import FULL_TIER, Artifacts, Hub
from ptycho_compare.jobs.record import read_done
from ptycho_compare.study import load_study


def enlarge(hub: Hub, count: int) -> float:
    """Repeat the full comparisons until there are `count`; CPU seconds that computing all would take."""
    study = load_study(hub.study())
    have = study.comparisons()
    full = [each for each in have if each.tier == FULL_TIER]
    more = -(-(count - len(have)) // len(full))
    chunk = study.tiers[FULL_TIER].chunk
    with hub.study().open("a") as stream:
        for number in range(more):
            stream.write(f"\n[tiers.again{number:03}]\nchunk = {chunk}\n")
    for each in full:
        place = (each.dose, each.view, each.split)
        for number in range(more):
            shutil.copytree(
                hub.comparison_dir(*place, FULL_TIER), hub.comparison_dir(*place, f"again{number:03}")
            )
    records = [
        read_done(Artifacts(hub.comparison_dir(each.dose, each.view, each.split, each.tier)).job)
        for each in full
    ]
    each_s = sum(record.cpu_s for record in records if record is not None) / len(full)
    return each_s * (len(have) + more * len(full))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hub", type=Path, required=True)
    parser.add_argument("--comparisons", type=int, default=100)
    arguments = parser.parse_args()
    print("| comparisons | gate, s | evidence read, MB | computing them, CPU s | exit status |")
    print("|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        hub = Hub(Path(shutil.copytree(arguments.hub, Path(folder) / "hub")))
        computing_s = enlarge(hub, arguments.comparisons)
        count = len(load_study(hub.study()).comparisons())
        size = sum(path.stat().st_size for path in hub.analysis().rglob("*") if path.is_file())
        program = [sys.executable, "-m", "ptycho_compare.cli.ptycho_hub"]
        # a hub changed on purpose is listed anew
        subprocess.run([*program, "inventory", "--hub", str(hub.root)], capture_output=True, check=True)
        command = [*program, "gate", "--hub", str(hub.root)]
        began = time.perf_counter()
        done = subprocess.run(command, capture_output=True, check=False)
        seconds = time.perf_counter() - began
        print(f"| {count} | {seconds:.1f} | {size / 1e6:.0f} | {computing_s:.0f} | {done.returncode} |")


if __name__ == "__main__":
    main()
