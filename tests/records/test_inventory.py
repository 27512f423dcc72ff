"""The inventory lists every file that says something about results, with digest and size."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ptycho_compare.errors import ReportError
from ptycho_compare.hub import Hub
from ptycho_compare.records.inventory import (
    enter,
    files_to_list,
    read_digests,
    take_inventory,
    why_no_path,
    write_inventory,
)
from reported import make_compared, report_all, write_logs


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    hub = make_compared(tmp_path)
    write_logs(hub)
    return report_all(hub)


def test_each_file_once_in_order_with_digest_and_size(hub: Hub) -> None:
    lines = hub.reports().inventory.read_text().splitlines()
    assert lines == sorted(lines)
    assert "data/phase_c/dose_1000/patched_train.npz" in lines
    entries = read_digests(hub.reports().digests)
    assert [entry.path for entry in entries] == lines
    for entry in entries:
        content = (hub.root / entry.path).read_bytes()
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (entry.sha256, entry.bytes)


def test_it_is_complete_but_for_what_is_no_result(hub: Hub) -> None:
    """What verification writes, what processes keep while they work, and what a kill left."""
    there = {path.relative_to(hub.root).as_posix() for path in hub.root.rglob("*") if path.is_file()}
    before = set(files_to_list(hub))
    assert there - before == {"analysis/artifact_inventory.txt", "analysis/artifact_digests.tsv"}
    for name in (
        "analysis/verification_report.json",
        "analysis/verify_dense_stdout.log",
        "analysis/check_dense_highlights.log",
        "analysis/blocker.log",
        "jobs/steps/report/record.json",
        "analysis/dose_1000/dense/train/job/claim.json",
        "analysis/.metrics_digest.md.12-0123abcd.tmp",
    ):
        path = hub.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    assert set(files_to_list(hub)) == before
    (hub.root / "archive/old").mkdir(parents=True)
    (hub.root / "archive/old/job").write_text("a file that is called so")
    (hub.root / "summary.md").write_text("x")
    assert set(files_to_list(hub)) - before == {"archive/old/job", "summary.md"}


def test_taken_again_it_is_the_same(hub: Hub) -> None:
    first = take_inventory(hub)
    write_inventory(hub, first)
    assert take_inventory(hub) == first


def test_a_log_that_grew_still_begins_as_it_did(hub: Hub) -> None:
    entry = enter(hub, "cli/phase_d_dense.log")
    with (hub.root / entry.path).open("a") as stream:
        stream.write("another attempt\n")
    assert enter(hub, entry.path, size=entry.bytes) == entry
    assert enter(hub, entry.path) != entry


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("data/a b.npz", ""),
        ("data/µ.npz", ""),
        ("/data/a.npz", "is absolute"),
        ("C:/data/a.npz", "is absolute"),
        ("data\\a.npz", "has a backslash"),
        ("data/../../a.npz", "leaves the hub"),
        ("", "is blank"),
        (" data/a.npz", "blanks at its ends"),
        ("data/a\tb", "control characters"),
    ],
)
def test_what_may_stand_on_a_line(text: str, reason: str) -> None:
    found = why_no_path(text)
    assert reason in found
    assert bool(found) is bool(reason)


@pytest.mark.parametrize("name", ["two\nlines", "back\\slash", "tab\t"])
def test_a_file_that_no_line_can_name_is_refused(hub: Hub, name: str) -> None:
    (hub.analysis() / name).write_text("x")
    with pytest.raises(ReportError, match="rename it"):
        take_inventory(hub)


@pytest.mark.parametrize(
    "text", ["", "sha256\tbytes\n", "sha256\tbytes\tpath\nab\tmany\tx\n", "sha256\tbytes\tpath\nab\n"]
)
def test_damaged_digests_are_refused(hub: Hub, text: str) -> None:
    hub.reports().digests.write_text(text)
    with pytest.raises(ReportError, match="is no list of digests"):
        read_digests(hub.reports().digests)
