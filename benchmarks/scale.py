"""What hubs of many finished comparisons cost: collected, judged by a session, told by status, gated.

    python benchmarks/scale.py --hub HUB [--tier debug] [--comparisons 100 1000]

HUB holds finished comparisons of the tier (`ptycho-hub demo`, then `pytest -m debug`) and is copied: they are
repeated as tiers of their own, evidence and all, until there are so many. Prints a Markdown table of CPU
seconds, and how many times the first row the last one is; docs/benchmarks.md holds the last run's numbers.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from pathlib import Path

from ptycho_compare.hub import Artifacts, Hub
from ptycho_compare.study import load_study

PROGRAM = (sys.executable, "-m", "ptycho_compare.cli.ptycho_hub")
PYTEST = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--no-header", "--tb=no", "-rN")
CASES = "pytest_ptycho.acceptance.test_compare_models"


def repeat(hub: Hub, tier: str, count: int) -> list[str]:
    """Repeat a hub's finished comparisons of a tier until there are so many; names the tiers."""
    study = load_study(hub.study())
    done = [each for each in study.comparisons() if each.tier == tier]
    folders = [hub.comparison_dir(each.dose, each.view, each.split, tier) for each in done]
    missing = [str(folder) for folder in folders if not Artifacts(folder).manifest.is_file()]
    if missing or not done:
        raise SystemExit(f"{hub.root}: finish the tier {tier!r} first: {', '.join(missing) or 'it has none'}")
    table = tomllib.loads(hub.study().read_text(encoding="utf-8")).get("tiers", {}).get(tier, {})
    text = "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items())
    names = [f"again{number:04}" for number in range(-(-count // len(done)) - 1)]
    with hub.study().open("a", encoding="utf-8") as stream:
        stream.writelines(f"\n[tiers.{name}]\n{text}" for name in names)
    for each, folder in zip(done, folders, strict=True):
        for name in names:
            shutil.copytree(folder, hub.comparison_dir(each.dose, each.view, each.split, name))
    return [tier, *names]


def cpu_s(command: Sequence[str], *, statuses: Sequence[int] = (0,)) -> float:
    """CPU seconds of a command and all that it starts."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode not in statuses:
        raise SystemExit(f"{' '.join(command)}: exit status {done.returncode}\n{done.stdout[-2000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measured(hub: Hub, tiers: Sequence[str]) -> dict[str, float]:
    """Measure each command once; tiers of the study that were not repeated are left out."""
    place = ("--hub", str(hub.root))
    others = [tier for tier in load_study(hub.study()).tiers if tier not in tiers]
    cases = (*PYTEST, "--pyargs", CASES, *place, "-m", " and ".join(f"not {tier}" for tier in others))
    return {
        "status": cpu_s([*PROGRAM, "status", *place]),
        "collection": cpu_s([*cases, "--collect-only"]),
        "session": cpu_s(cases),
        # whatever else the study asks for is not there
        "gate": cpu_s([*PROGRAM, "gate", *place, "--require", *tiers], statuses=(0, 1)),
    }


def files_of_a_comparison(hub: Hub, tier: str) -> float:
    """How many files a finished comparison has, in the mean."""
    folders = [
        hub.comparison_dir(each.dose, each.view, each.split, tier)
        for each in load_study(hub.study()).comparisons()
        if each.tier == tier
    ]
    return sum(path.is_file() for folder in folders for path in folder.rglob("*")) / len(folders)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hub", type=Path, required=True)
    parser.add_argument("--tier", default="debug")
    parser.add_argument("--comparisons", type=int, nargs="+", default=[100, 1000])
    arguments = parser.parse_args()
    print("| comparisons | status, CPU s | collection, CPU s | finished session, CPU s | gate, CPU s |")
    print("|---:|---:|---:|---:|---:|")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for count in arguments.comparisons:
            hub = Hub(Path(shutil.copytree(arguments.hub, Path(folder) / str(count))))
            rows.append(measured(hub, repeat(hub, arguments.tier, count)))
            print(f"| {count} | {' | '.join(f'{each:.1f}' for each in rows[-1].values())} |", flush=True)
        print(f"\n{files_of_a_comparison(hub, arguments.tier):.0f} files a comparison; ", end="")
    times = arguments.comparisons[-1] / arguments.comparisons[0]
    ratios = ", ".join(f"{name} {rows[-1][name] / rows[0][name]:.1f}" for name in rows[0])
    print(f"{times:g} times as many cost so many times the CPU seconds: {ratios}")


if __name__ == "__main__":
    main()
