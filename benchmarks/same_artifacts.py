"""Compare the artifacts of two hubs, made from one study by two versions of the code, byte by byte.

    make demo && mv .demo /tmp/before      # with the old code
    make demo                              # with the new one
    python benchmarks/same_artifacts.py /tmp/before .demo

Data, views, networks, reconstructions, canvases and tables must be the same bytes. What tells of the run
itself (when, how long, by which code) differs and is left out: logs, records of jobs and steps, and the
named fields of JSON and CSV files. Exit status 1, and a line per file, when anything else differs.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

OF_THE_RUN = re.compile(
    r"(^|/)(jobs|job|cli|red|green|archive|logs|steps|set_aside)/|\.log$|\.lock$|acceptance\.|\.html$"
)
"""Paths that tell of the run."""

FIELDS = re.compile(
    r"time|second|_s$|moment|generated|started|ended|timestamp|duration|code|version|python|host|pid|path"
    r"|sha256|bytes|memory|attempt|command|device|manifest|digest|peak|preview|launch"
)
"""Keys, columns and arrays that do; digests of files follow from what is in them."""


def main() -> int:
    """Say what differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    arguments = parser.parse_args()
    names = sorted(files_of(arguments.before) | files_of(arguments.after))
    different = [
        f"{name}: {reason}"
        for name in names
        for reason in differences(arguments.before / name, arguments.after / name)
    ]
    print("\n".join(different))
    print(f"{len(names)} files compared, {len(different)} differ")
    return 1 if different or not names else 0


def files_of(hub: Path) -> set[str]:
    """Return the files of a hub that do not tell of the run."""
    names = (path.relative_to(hub).as_posix() for path in hub.rglob("*") if path.is_file())
    return {name for name in names if not OF_THE_RUN.search(name)}


def differences(before: Path, after: Path) -> Iterator[str]:
    """Yield in what two files of one name differ."""
    if not before.is_file() or not after.is_file():
        yield f"is not in {(after if before.is_file() else before).parent}"
    elif before.read_bytes() == after.read_bytes():
        return
    elif before.suffix == ".json":
        if without_run(json.loads(before.read_text())) != without_run(json.loads(after.read_text())):
            yield "says something else"
    elif before.suffix == ".csv":
        if columns(before) != columns(after):
            yield "has other numbers"
    elif before.suffix in (".npz", ".zip"):
        yield from members(before, after)
    else:
        yield "has other bytes"


def without_run(value: Any) -> Any:
    """Return JSON without the fields that tell of the run."""
    if isinstance(value, dict):
        return {key: without_run(each) for key, each in value.items() if not FIELDS.search(key.lower())}
    return [without_run(each) for each in value] if isinstance(value, list) else value


def columns(path: Path) -> list[dict[str, str]]:
    """Return the rows of a table without what tells of the run."""
    with path.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    kept = [row for row in rows if not FIELDS.search(str(row.get("metric", "")).lower())]
    return [{key: cell for key, cell in row.items() if not FIELDS.search(str(key).lower())} for row in kept]


def members(before: Path, after: Path) -> Iterator[str]:
    """Compare archives member by member: a member's date is of the run."""
    with zipfile.ZipFile(before) as old, zipfile.ZipFile(after) as new:
        for name in sorted({*old.namelist(), *new.namelist()}):
            if name not in old.namelist() or name not in new.namelist():
                yield f"{name} is in one of them only"
            elif not FIELDS.search(name.lower()) and old.read(name) != new.read(name):
                yield f"{name} has other bytes"


if __name__ == "__main__":
    sys.exit(main())
