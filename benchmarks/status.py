"""What `ptycho-hub status` takes on hubs with many comparisons, of made evidence.

    python benchmarks/status.py [--comparisons 100 400]

Prints a Markdown table, and the ratio of the last row to the first. docs/benchmarks.md holds the numbers of
the last run.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from ptycho_compare.hub import Artifacts, Hub

_CHUNKS, _CHUNK = 40, 256


def make(root: Path, comparisons: int) -> Hub:
    """Write a hub of so many comparisons, in two tiers: half are finished, half stopped on their way."""
    views = [f"view{number}" for number in range(comparisons // 2)]
    hub = Hub(root)
    (root / "data" / "phase_c" / "dose_1000").mkdir(parents=True)
    tiers = "[tiers.debug]\ngroups = 320\n[tiers.full]\n"
    hub.study().write_text(
        f'name = "made"\ndoses = [1000]\nviews = {views}\nsplits = ["train"]\n{tiers}', encoding="utf-8"
    )
    for view in views:
        for tier, share in (("debug", 1.0), ("full", 0.5)):
            artifacts = Artifacts(hub.comparison_dir(1000, view, "train", tier))
            artifacts.job.folder.mkdir(parents=True)
            artifacts.job.states.write_text("".join(_lines(share)), encoding="utf-8")
            if tier == "debug":
                artifacts.manifest.touch()
    return hub


def _lines(share: float) -> list[str]:
    """State one attempt that did a share of its work, as jobs do."""
    total = _CHUNKS * _CHUNK
    events: list[dict[str, object]] = [
        {"state": "launched", "attempt": 1, "host": "made", "pid": 1},
        {"state": "running", "pid": 2},
        {"state": "planned", "parts": {"PtychoPINN": [0, total]}, "unit": "patches"},
    ]
    for done in range(_CHUNK, int(share * total) + 1, _CHUNK):
        events.append({"state": "working", "part": "PtychoPINN", "done": done, "seconds": done / 100})
        events.append({"state": "checkpoint", "part": "PtychoPINN", "done": done, "seconds": 0.01})
    events.append({"state": "ended", "attempt": 1, "returncode": 0 if share == 1.0 else 75})
    stamped = ({"time": f"2026-11-29T08:{n // 60:02}:{n % 60:02}.000Z", **e} for n, e in enumerate(events))
    return [f"{json.dumps(event)}\n" for event in stamped]


def cpu_s(hub: Hub) -> float:
    """CPU seconds of the command as it is typed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "ptycho_compare.cli.ptycho_hub", "status", "--hub", str(hub.root)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--comparisons", type=int, nargs="+", default=[100, 400])
    arguments = parser.parse_args()
    print("| comparisons | status, CPU s |")
    print("|---:|---:|")
    taken = []
    with tempfile.TemporaryDirectory() as folder:
        for count in arguments.comparisons:
            taken.append(cpu_s(make(Path(folder) / str(count), count)))
            print(f"| {count} | {taken[-1]:.2f} |", flush=True)
    print(f"\n{arguments.comparisons[-1] / arguments.comparisons[0]:g} times as many: ", end="")
    print(f"{taken[-1] / taken[0]:.1f} times the CPU seconds")


if __name__ == "__main__":
    main()
