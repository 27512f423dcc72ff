"""docs/kinds_of_faults.md: a row for every case and enough of each kind, and tests that there are."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CASES = [1, 2, 4, 6, 8, 10, 12, 14, 16, 17, 18, 19, 21, 22, 23, 25, 26, 28, 30]
ROW = re.compile(r"\| (?P<kind>[A-F]\d?) \| (?P<input>.+?) \| (?P<right>.+) \| `(?P<test>[^`]+)` \|")
TEXT = (ROOT / "docs" / "kinds_of_faults.md").read_text(encoding="utf-8")
LINES = [line for line in TEXT.splitlines() if re.match(r"\| [A-F]", line)]


def rows() -> list[re.Match[str]]:
    found = [ROW.fullmatch(line) for line in LINES]
    assert None not in found, [line for line, row in zip(LINES, found, strict=True) if row is None]
    return [row for row in found if row is not None]


def test_every_case_and_three_more_of_each_kind_have_a_row() -> None:
    cases = {int(number) for row in rows() for number in re.findall(r"case_(\d\d)", row["input"])}
    assert sorted(cases) == CASES
    more = Counter(row["kind"] for row in rows() if "case_" not in row["input"])
    assert {f"A{number}": more[f"A{number}"] >= 3 for number in range(1, 10)} == {
        f"A{number}": True for number in range(1, 10)
    }


def test_every_row_names_a_test_that_there_is() -> None:
    for row in rows():
        name, _, parameter = row["test"].partition("[")
        path, *inside = name.split("::")
        source = (ROOT / path).read_text(encoding="utf-8")
        body: list[ast.stmt] = ast.parse(source).body
        for each in inside:
            (found,) = [node for node in body if getattr(node, "name", "") == each]
            body = getattr(found, "body", [])
        label = parameter.removesuffix("]")
        assert not label or f'"{label}"' in source, row["test"]


@pytest.mark.slow
def test_every_row_is_collected() -> None:
    named = sorted({row["test"] for row in rows()})
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *named]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
