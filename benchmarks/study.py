"""What `ptycho-hub study` and `ptycho-hub page` take on a study of many comparisons.

    python benchmarks/study.py --hub HUB [--comparisons 25 50 100]

HUB is finished and is copied: its full comparisons are repeated at doses of their own, evidence and all.
Prints a Markdown table; docs/benchmarks.md holds the numbers of the last run.
"""

from __future__ import annotations

import argparse
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from ptycho_compare.hub import FULL_TIER, Hub
from ptycho_compare.study import load_study

PROGRAM = [sys.executable, "-m", "ptycho_compare.cli.ptycho_hub"]


def enlarge(hub: Hub, count: int) -> None:
    """Repeat the full comparisons at other doses until there are `count` of them."""
    study = load_study(hub.study())
    full = [each for each in study.comparisons() if each.tier == FULL_TIER]
    places = len(full) // len(study.doses)
    highest = max(study.doses)
    doses = [*study.doses, *(highest + n + 1 for n in range(-(-count // places) - len(study.doses)))]
    text = re.sub(r"(?m)^doses = .*$", f"doses = {doses}", hub.study().read_text())
    hub.study().write_text(text)
    for at, dose in enumerate(doses[len(study.doses) :]):
        like = study.doses[at % len(study.doses)]
        shutil.copytree(hub.analysis() / f"dose_{like}", hub.analysis() / f"dose_{dose}")


def cpu_s(command: str, hub: Hub) -> float:
    """Processor time of one command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([*PROGRAM, command, "--hub", str(hub.root)], capture_output=True, check=command != "gate")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hub", type=Path, required=True)
    parser.add_argument("--comparisons", type=int, nargs="+", default=[25, 50, 100])
    arguments = parser.parse_args()
    print("| comparisons | study, CPU s | page, CPU s | page, MiB |")
    print("|---:|---:|---:|---:|")
    for count in arguments.comparisons:
        with tempfile.TemporaryDirectory() as folder:
            hub = Hub(Path(shutil.copytree(arguments.hub, Path(folder) / "hub")))
            enlarge(hub, count)
            whole = len(load_study(hub.study()).comparisons())
            told_s = cpu_s("study", hub)
            cpu_s("gate", hub)  # the page shows its verdict
            shown_s = cpu_s("page", hub)
            size = hub.verdict().page.stat().st_size / 2**20
            print(f"| {whole} | {told_s:.1f} | {shown_s:.1f} | {size:.2f} |", flush=True)


if __name__ == "__main__":
    main()
