"""What the plugin costs a suite that does not use it: paired runs with and without ``-p no:ptycho``.

    python benchmarks/plugin.py [--tests 2000] [--pairs 15] [--instructions]

The suite is written for this: plain tests, a hundred a file, a tenth of them parametrised. Each pair is run
in turns, so that whoever else is at work slows down both. Seconds of a shared machine still differ by a tenth
from run to run: ``--instructions`` counts what the processor is told to do, by valgrind, which is nearly the
same each time. Prints a Markdown table; docs/benchmarks.md holds the numbers of the last run.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

PER_FILE = 100
WITHOUT = ("-p", "no:ptycho")
PLAIN = ("-q", "-p", "no:cacheprovider")
RUNS = {
    "collection": ("--collect-only",),
    "run": (),
    "run by two workers": ("-n2",),
}


def write_suite(folder: Path, count: int) -> None:
    """Write a suite of so many tests that knows nothing of the plugin."""
    plain = "".join(f"def test_{number}(value):\n    assert value\n\n\n" for number in range(PER_FILE - 10))
    fixture = "import pytest\n\n\n@pytest.fixture\ndef value():\n    return 1\n\n\n"
    many = "@pytest.mark.parametrize('case', range(10))\ndef test_case(case):\n    assert case >= 0\n"
    for number in range(-(-count // PER_FILE)):
        (folder / f"test_{number:03}.py").write_text(fixture + plain + many)


def run(folder: Path, arguments: Sequence[str], *under: str) -> str:
    """Run pytest once, under another program if asked for; returns what was said on standard error."""
    ours = ("PYTEST_", "PTYCHO_", "COVERAGE_")
    plain = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    command = [*under, sys.executable, "-m", "pytest", *PLAIN, *arguments]
    variables = {**plain, "PYTHONHASHSEED": "0"}
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=True)
    return done.stderr


def processor_s(folder: Path, arguments: Sequence[str]) -> float:
    """Run pytest once and return the processor's seconds, those of its workers among them."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run(folder, arguments)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def instructions(folder: Path, arguments: Sequence[str]) -> int:
    """Run pytest once and return how many instructions it and its workers took."""
    counting = ("valgrind", "--tool=cachegrind", "--cache-sim=no", "--trace-children=yes")
    said = run(folder, arguments, *counting, "--cachegrind-out-file=/dev/null")
    return sum(int(each.replace(",", "")) for each in re.findall(r"I\s+refs:\s+([\d,]+)", said))


def counted(folder: Path, what: str) -> str:
    """Count one kind of run with and without; the first run writes the bytecode."""
    run(folder, RUNS[what])
    without, ours = (instructions(folder, (*RUNS[what], *chosen)) for chosen in (WITHOUT, ()))
    return f"| {what} | {without / 1e9:.2f} | {ours / 1e9:.2f} | **{ours / without - 1:+.1%}** |"


def row(folder: Path, what: str, pairs: int) -> str:
    """Measure one kind of run; the first of each is not counted: it writes the bytecode."""
    with_s, without_s = [], []
    for number in range(pairs + 1):
        order = (WITHOUT, ()) if number % 2 else ((), WITHOUT)
        seconds = {chosen: processor_s(folder, (*RUNS[what], *chosen)) for chosen in order}
        if number:
            without_s.append(seconds[WITHOUT])
            with_s.append(seconds[()])
    low, middle, high = statistics.quantiles(
        [ours / plain for ours, plain in zip(with_s, without_s, strict=True)], n=4
    )
    least = f"{min(without_s):.2f} | {min(with_s):.2f}"
    return f"| {what} | {least} | **{middle - 1:+.1%}** ({low - 1:+.1%} to {high - 1:+.1%}) |"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tests", type=int, default=2000)
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--instructions", action="store_true", help="count them, instead of seconds")
    arguments = parser.parse_args()
    seconds = "without, CPU s, the least | with, CPU s, the least | median of the pairs (quartiles)"
    counts = "without, 10^9 instructions | with | more"
    print(f"| what | {counts if arguments.instructions else seconds} |\n|---|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_suite(folder, arguments.tests)
        for what in RUNS:
            print(
                counted(folder, what) if arguments.instructions else row(folder, what, arguments.pairs),
                flush=True,
            )


if __name__ == "__main__":
    main()
