"""What computing the evidence of a hub's comparisons again takes, one by one.

    python benchmarks/verify.py --hub HUB

HUB is finished (`ptycho-hub demo`, then `ptycho-hub conditions`) and is left as it is. Prints a Markdown
table; docs/benchmarks.md holds the numbers of the last run.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from ptycho_compare.hub import Hub
from ptycho_compare.phases.comparison.verified import Recomputation
from ptycho_compare.study import load_study


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hub", type=Path, required=True)
    hub = Hub.open(parser.parse_args().hub)
    study = load_study(hub.study())
    recompute = Recomputation(hub, study)
    print("| comparison | CPU s | s | findings |")
    print("|---|---:|---:|---:|")
    for comparison in study.comparisons():
        began, worked = time.perf_counter(), time.process_time()
        findings = recompute.alone(comparison)
        seconds, cpu_s = time.perf_counter() - began, time.process_time() - worked
        print(f"| {comparison.id} | {cpu_s:.1f} | {seconds:.1f} | {len(findings)} |")


if __name__ == "__main__":
    main()
