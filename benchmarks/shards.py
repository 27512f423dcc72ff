"""What cutting a comparison into shards costs, as ratios measured in one run.

    python benchmarks/shards.py [--hub HUB] [--images 2000] [--shards 1 4]

Runs one comparison of both networks in one process, then again in shards, one after another, and what adds
them up; by hand and by one thread each, so that processor seconds count and not neighbours. Needs a hub with
real bundles (default: ../shared/reference/hub). Prints a Markdown table; docs/benchmarks.md holds the
numbers of the last run. Ends with 1 where the bytes of the canvases differ.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from compare import CHUNK, DOSE, VIEW, enlarge

from ptycho_compare.hub import Artifacts, Hub

ROOT = Path(__file__).parents[1]
SPLIT = "train"
ID = f"dose_{DOSE}-{VIEW}-{SPLIT}-full"
STUDY = f"""\
name = "shards"
doses = [{DOSE}]
views = ["{VIEW}"]
splits = ["{SPLIT}"]

[tiers.full]
chunk = {CHUNK // 4}
required_arms = ["PtychoPINN", "Baseline"]
"""


def made_hub(source: Path, hub: Path, images: int) -> Path:
    """Copy networks, enlarge the scan, and leave out what is no network."""
    shutil.copytree(source / "data/phase_e", hub / "data/phase_e", copy_function=shutil.copyfile)
    for path in hub.rglob("*"):
        path.chmod(path.stat().st_mode | 0o200)
    scan = Hub(hub).split_data(DOSE, VIEW, SPLIT)
    scan.parent.mkdir(parents=True)
    enlarge(Hub(source).split_data(DOSE, VIEW, SPLIT), scan, images)
    (hub / "study.toml").write_text(STUDY)
    return hub


def cpu_s(hub: Path, *words: str) -> float:
    """Processor seconds of one command on the hub, which must end well."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [
        sys.executable,
        "-m",
        "ptycho_compare.cli.ptycho_hub",
        "compare",
        ID,
        "--hub",
        str(hub),
        *words,
    ]
    threads = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=threads)
    if done.returncode:
        raise SystemExit(done.stderr)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hub", type=Path, default=ROOT.parent / "shared/reference/hub")
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--shards", type=int, nargs="+", default=[1, 4])
    arguments = parser.parse_args()
    same = True
    with tempfile.TemporaryDirectory() as name:
        hub = made_hub(arguments.hub, Path(name) / "hub", arguments.images)
        canvases = Artifacts(Hub(hub).comparison_dir(DOSE, VIEW, SPLIT, "full")).reconstructions
        whole = cpu_s(hub)
        expected = canvases.read_bytes()
        print("| shards | each, CPU s | adding up and scoring, CPU s | all / one process | same canvases |")
        print("|---|---|---|---|---|")
        print(f"| none | | {whole:.1f} | 1 | |")
        for count in arguments.shards:
            shutil.rmtree(hub / "analysis")
            each = [cpu_s(hub, "--shard", f"{number}/{count}") for number in range(1, count + 1)]
            rest = cpu_s(hub, "--shards-only")
            alike = canvases.read_bytes() == expected
            same &= alike
            spent = ", ".join(f"{seconds:.1f}" for seconds in each)
            ratio = (sum(each) + rest) / whole
            print(f"| {count} | {spent} | {rest:.1f} | **{ratio:.2f}** | {'yes' if alike else 'NO'} |")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
