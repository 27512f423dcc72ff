"""Why a study stands still is noted once, with what is found again, and closed by what it waited for."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processes import PATIENCE_S
from ptycho_compare.checks.blocker import (
    EVERYTHING,
    Scope,
    close_blockers,
    close_by_hand,
    closing_of,
    open_blockers,
    read_blocker,
    topic_of,
    write_blocker,
)
from ptycho_compare.checks.blocker.causes import CAUSES, return_condition
from ptycho_compare.checks.comparison import finding_of_failed
from ptycho_compare.errors import HubError
from ptycho_compare.finding import Finding
from ptycho_compare.hub import Artifacts, Hub
from ptycho_compare.phases.comparison.arm import Arm, contained
from ptycho_compare.records.manifest import ArmRecord
from ptycho_compare.study import ARM_NAME, Comparison
from thorough import examples

SUBJECT = "dose_1-dense-train-debug"
MOMENT = datetime(2026, 11, 23, 10, 4, 11, tzinfo=UTC)
NAME = "blocked_20261123T100411Z_zero_baseline"
DEAD = Finding("dead", "|object| = 0 in 2400 of 2400 pixels", "Baseline")


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    return Hub(tmp_path / "hub")


def noted(
    hub: Hub, topic: str = "zero_baseline", findings: Sequence[Finding] = (DEAD,), **changes: Any
) -> Path:
    """Write a note; what was run left nothing, unless it is told where."""
    settings: dict[str, Any] = {
        "comparison_id": SUBJECT,
        "command": ["ptycho-hub", "compare", "a b"],
        "returncode": 1,
        "folder": hub.root / "none",
        "command_log": hub.root / "none.log",
        "moment": MOMENT,
    }
    return write_blocker(hub, topic, findings, **{**settings, **changes})


def section(note: Path, heading: str) -> list[str]:
    """Lines of a note below a heading."""
    (found,) = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", note.read_text(), re.MULTILINE | re.DOTALL)
    return str(found).strip().splitlines()


def names(hub: Hub) -> list[str]:
    return sorted(path.name for path in (hub.root / "red").iterdir())


def closed(hub: Hub, *, subject: str = SUBJECT, evidence: Sequence[Path] = ()) -> list[Path]:
    return close_blockers(hub, subject, closed_by="test_it", evidence=evidence)


# topics


TOPICS = [
    ([Finding("dead", "x", "PtychoPINN"), Finding("blank", "x", "Baseline")], "zero_baseline"),
    ([Finding("dead", "x", "Baseline")], "zero_baseline"),
    ([Finding("failed", "x", "Baseline")], "failed_baseline"),
    ([Finding("failed", "x", "PtychoPINN")], "failed_ptychopinn"),
    ([Finding("environment", "environment: OSError: x", "Baseline")], "environment_baseline"),
    ([Finding("environment", "x", "PtyChi")], "environment_ptychi"),
    ([Finding("environment", "x", "Baseline"), Finding("dead", "x", "Baseline")], "zero_baseline"),
    ([Finding("blank", "x", "PtychoPINN"), Finding("dead", "x", "PtyChi")], "dead_ptychi"),
    ([Finding("blank", "x", "PtyChi")], "blank_ptychi"),
    ([Finding("failed", "failed: out_of_memory: 3 GB", "Baseline")], "out_of_memory"),
    ([Finding("dead", "x", "Baseline"), Finding("input", "out_of_memory: one row")], "out_of_memory"),
    ([Finding("missing", "x"), Finding("orphan", "x")], "orphan_alive"),
    ([Finding("input", "x")], "bad_input"),
    ([Finding("prerequisite", "x")], "tier_gate"),
    ([Finding("own", "x")], "own_check"),
    ([Finding("window", "x")], "window_too_small"),
    ([Finding("stalled", "x")], "no_progress"),
    ([Finding("adoption", "x")], "refused_adoption"),
    ([Finding("stale", "x"), Finding("input", "x")], "bad_input"),
    ([Finding("stale", "x")], "stale_evidence"),
]


@pytest.mark.parametrize(("findings", "topic"), TOPICS)
@pytest.mark.parametrize("started", [True, False])
def test_what_is_found_names_the_topic(findings: list[Finding], topic: str, started: bool) -> None:
    assert topic_of(findings, started=started) == topic


def test_what_is_missing_blocks_only_what_was_not_started() -> None:
    missing = [Finding("missing", "wts.h5.zip: is not there")]
    assert topic_of(missing, started=False) == "missing_input"
    assert topic_of(missing, started=True) is None
    assert topic_of([*missing, Finding("stale", "x")]) == "stale_evidence"


@pytest.mark.parametrize(
    "findings",
    [[], [Finding("changed", "x")], [Finding("deferred", "x")], [Finding("failed", "exit status 1")]],
)
def test_what_stops_no_study_has_no_topic(findings: list[Finding]) -> None:
    """What failed and is no arm keeps the caller's own topic."""
    assert topic_of(findings) is None
    assert topic_of(findings, started=False) is None


def test_every_cause_is_told_of_here() -> None:
    topics = [topic for _, topic in TOPICS] + ["missing_input"]
    for cause in CAUSES:
        assert any(re.fullmatch(cause.topic.replace("{arm}", r"(?!baseline)\w+"), each) for each in topics)


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.topic)
def test_a_note_says_what_ends_each_cause(hub: Hub, cause: Any) -> None:
    topic = cause.topic.format(arm="ptychi")
    usual = f"The command above ends with exit status 0 and nothing is found: `{SUBJECT}` is green."
    first, last = section(noted(hub, topic), "Condition to return")
    assert first == (cause.returns or usual)
    assert last.startswith("Until then nothing that rests on it may be counted.")


# a note


def test_a_note_tells_what_was_found_run_and_left(hub: Hub) -> None:
    files = Artifacts(hub.root / "analysis/dose_1/dense/train")
    files.log.parent.mkdir(parents=True)
    files.log.write_bytes(
        b"INFO begins\nDIAGNOSTIC baseline_output stats: mean=0\nINFO \xff DIAGNOSTIC max=0\n"
    )
    files.metrics.touch()
    log = hub.command_log(SUBJECT)
    log.parent.mkdir()
    log.touch()
    note = noted(hub, findings=[DEAD, Finding("stale", "other")], folder=files.folder, command_log=log)
    assert hub.relative(note) == f"red/{NAME}.md"
    assert note.read_text().startswith(f"# Blocked: {SUBJECT}: zero_baseline\n\n**When:** 20261123T100411Z\n")
    assert section(note, "What was found") == [f"- {DEAD}", "- stale: other"]
    assert section(note, "Numbers") == [
        "```",
        "DIAGNOSTIC baseline_output stats: mean=0",
        "INFO � DIAGNOSTIC max=0",
        "```",
    ]
    assert section(note, r"Command \(exit status 1\)") == ["```bash", "ptycho-hub compare 'a b'", "```"]
    assert section(note, "Evidence") == [
        f"- `{hub.relative(path)}`" for path in (files.metrics, files.log, log)
    ]


def test_a_note_of_what_was_not_started_says_so(hub: Hub) -> None:
    note = noted(hub, "missing_input", returncode=None)
    assert section(note, r"Command \(not started\)")[1] == "ptycho-hub compare 'a b'"
    assert section(note, "Numbers") == ["```", "no DIAGNOSTIC lines were logged", "```"]
    assert section(note, "Evidence") == []


def test_what_is_found_again_is_added_to_the_open_note(hub: Hub) -> None:
    first = noted(hub)
    before = first.read_bytes()
    later = Finding("dead", "is zero again", "Baseline")
    assert noted(hub, findings=[later], moment=MOMENT + timedelta(minutes=5)) == first
    assert noted(hub, findings=[later], moment=MOMENT + timedelta(minutes=9)) == first
    assert first.read_bytes().startswith(before)
    (blocker,) = open_blockers(hub)
    assert (blocker.times, blocker.findings, blocker.moment) == (3, (str(later),), MOMENT)
    assert section(first, "Found again at 20261123T100911Z") == [f"- {later}"]


def test_each_cause_and_each_subject_has_a_note_of_its_own(hub: Hub) -> None:
    kept = noted(hub)
    others = [noted(hub, "no_progress"), noted(hub, comparison_id=f"{SUBJECT}-2")]
    assert len({kept, *others}) == 3
    assert noted(hub) == kept
    assert [blocker.times for blocker in open_blockers(hub)] == [1, 2, 1]


def test_a_cause_that_was_closed_and_comes_back_is_noted_anew(hub: Hub) -> None:
    first = noted(hub)
    closed(hub)
    before = first.read_bytes()
    again = noted(hub)
    assert again.stem == f"{NAME}_2"
    assert [blocker.note for blocker in open_blockers(hub)] == [again]
    assert first.read_bytes() == before
    assert closed(hub) == [closing_of(again)]
    assert open_blockers(hub) == []


def test_what_somebody_added_to_a_note_stays(hub: Hub) -> None:
    note = noted(hub)
    note.write_text(note.read_text() + "Beam time is on Friday.")
    assert noted(hub) == note
    assert "Beam time is on Friday.\n" in note.read_text()
    assert open_blockers(hub)[0].times == 2


# what a note concerns


HERE = Comparison(1, "dense", "train", "debug")
SCOPES = [
    (Scope.of(HERE), True),
    (EVERYTHING, True),
    (Scope(1), True),
    (Scope(1, tiers=("full", "debug")), True),
    (Scope(1, "dense", "train"), True),
    (Scope(2), False),
    (Scope(1, "sparse"), False),
    (Scope(1, "dense", "test"), False),
    (Scope(1, "dense", "train", ("full",)), False),
    (Scope(1, tiers=("full",)), False),
]


@pytest.mark.parametrize(("scope", "concerned"), SCOPES, ids=str)
def test_a_note_says_what_it_concerns(hub: Hub, scope: Scope, concerned: bool) -> None:
    note = noted(hub, scope=scope)
    assert read_blocker(note).scope == scope
    assert scope.concerns(HERE) == concerned
    # an earlier version's note says it by its subject alone
    note.write_text(re.sub(r"\*\*Concerns.*\n", "", note.read_text()))
    assert read_blocker(note).scope == Scope.of(HERE)


def test_a_blocker_of_one_cell_concerns_the_comparisons_of_its_levels() -> None:
    of_seed_1 = Scope(1, tiers=("full",), cell="seed_1")
    cells = ((("seed", 1), ("training_images", 64)), (("seed", 12), ("training_images", 64)), ())

    concerned = [of_seed_1.concerns(Comparison(1, "dense", "train", "full", cell)) for cell in cells]
    assert concerned == [True, False, False]
    assert Scope(1).concerns(Comparison(1, "dense", "train", "full", cells[0]))
    assert Scope.parse(str(of_seed_1)) == of_seed_1


@pytest.mark.parametrize(
    ("subject", "scope"),
    [
        ("dose_1000-dense-train-full", Scope(1000, "dense", "train", ("full",))),
        ("dose_1000-reconstruct-dense-train", Scope(1000)),
        ("dose_1000-train-baseline", Scope(1000)),
        ("dose_1000-train-baseline-seed_1", Scope(1000)),
        (
            "dose_1000-dense-train-full-reconstruction.epochs_5-seed_1",
            Scope(1000, "dense", "train", ("full",), "reconstruction.epochs_5-seed_1"),
        ),
        ("dose_1000-dense-condition-3", Scope(1000)),
        ("inventory", EVERYTHING),
        ("# Blocked: x", EVERYTHING),
    ],
)
def test_the_id_of_a_subject_tells_its_scope(subject: str, scope: Scope) -> None:
    assert Scope.of_subject(subject) == scope
    assert Scope.parse(str(scope)) == scope


@pytest.mark.parametrize("text", ["", "everything", "dose x", "view dense", "dose 1, tier"])
def test_what_is_no_scope_says_nothing(text: str) -> None:
    assert Scope.parse(text) is None


def test_a_note_is_read_as_it_was_written(hub: Hub) -> None:
    note = noted(hub)
    blocker = read_blocker(note)
    assert (blocker.note, blocker.subject, blocker.topic) == (note, SUBJECT, "zero_baseline")
    assert (blocker.moment, blocker.findings) == (MOMENT, (str(DEAD),))
    assert blocker.sha256 == hashlib.sha256(note.read_bytes()).hexdigest()


@pytest.mark.parametrize("arm", ["PtyChi", "LSQML-2", "rPIE_v1.5", "a.md"])
def test_a_note_about_any_arm_is_ours(hub: Hub, arm: str) -> None:
    findings = [Finding("dead", "is zero", arm)]
    topic = topic_of(findings)
    assert topic == f"dead_{arm.lower()}"
    note = noted(hub, topic, findings)
    blocker = read_blocker(note)
    assert (blocker.subject, blocker.topic, blocker.moment) == (SUBJECT, topic, MOMENT)
    assert closed(hub) == [note.with_name(f"blocked_20261123T100411Z_{topic}.closed.json")]
    assert open_blockers(hub) == []


HOSTILE = (
    *("## Numbers", "## What was found", "# Blocked: a: b", "- item", "```", "**bold** | `x`", ""),
    *("\r", "\u2028", "\x1c", "Unreadable: data/\udcff.npz"),
)
TEXTS = st.one_of(
    st.text(),
    st.text(st.characters(categories=["Cs", "Lu", "Zl", "Cc"])),
    st.lists(st.sampled_from(HOSTILE), max_size=5).map("\n".join),
)
FINDINGS = st.builds(
    Finding,
    st.sampled_from(["input", "missing", "dead", "blank", "failed", "stale", "changed"]),
    TEXTS,
    st.just("") | st.from_regex(ARM_NAME, fullmatch=True),
)
SUBJECTS = st.sampled_from([SUBJECT, "train_gs2: dose_1: dense", "ptycho-hub-reports", "# Blocked: x"])


@examples(100)
@given(st.lists(FINDINGS, max_size=4), SUBJECTS)
def test_whatever_is_found_is_one_item_each(findings: list[Finding], subject: str) -> None:
    with TemporaryDirectory() as folder:
        hub = Hub(Path(folder))
        topic = topic_of(findings, started=False) or "failed_step"
        note = noted(hub, topic, findings, comparison_id=subject)
        blocker = read_blocker(note)
    assert (blocker.subject, blocker.topic, blocker.moment) == (subject, topic, MOMENT)
    lines = [" ".join(str(finding).splitlines()) for finding in findings]
    assert list(blocker.findings) == [re.sub("[\ud800-\udfff]", "\ufffd", line) for line in lines]


# whose note it is


def is_empty(note: Path) -> None:
    note.touch()


def is_binary(note: Path) -> None:
    note.write_bytes(bytes(range(256)))


def has_another_heading(note: Path) -> None:
    note.write_text(f"# Waiting for beam time: {SUBJECT}\n\n## What was found\n- nothing\n")


def has_our_heading_further_down(note: Path) -> None:
    note.write_text(f"\n# Blocked: {SUBJECT}: zero_baseline\n")


def is_a_link_to_nowhere(note: Path) -> None:
    note.symlink_to(note.with_name("nowhere"))


@pytest.mark.parametrize(
    "made", [is_empty, is_binary, has_another_heading, has_our_heading_further_down, is_a_link_to_nowhere]
)
def test_a_note_of_somebody_else_stays_open_when_it(hub: Hub, made: Any) -> None:
    (hub.root / "red").mkdir(parents=True)
    note = hub.root / "red" / f"{NAME}.md"
    made(note)
    (blocker,) = open_blockers(hub)
    assert (blocker.note, blocker.subject, blocker.topic) == (note, "", "zero_baseline")
    assert (blocker.moment, blocker.findings) == (MOMENT, ())
    assert bool(blocker.sha256) == note.exists()
    for subject in ("", SUBJECT, "zero_baseline"):
        assert closed(hub, subject=subject) == []
    assert names(hub) == [note.name]


@pytest.mark.parametrize("stamp", ["20261123", "yesterday", "20261123T100411", "20261323T100411Z", ""])
def test_a_note_without_a_date_has_no_moment(hub: Hub, stamp: str) -> None:
    note = noted(hub)
    note = note.rename(note.with_name(f"blocked_{stamp}_x.md"))
    (blocker,) = open_blockers(hub)
    assert blocker.moment is None
    if stamp != "20261323T100411Z":  # that is one of our names, and no day
        assert (blocker.subject, blocker.topic) == ("", f"{stamp}_x")
        assert closed(hub) == []


def test_our_note_without_its_list_has_no_findings(hub: Hub) -> None:
    note = noted(hub)
    note.write_text(note.read_text().replace("## What was found", "## Found"))
    (blocker,) = open_blockers(hub)
    assert (blocker.subject, blocker.findings) == (SUBJECT, ())


def test_a_folder_of_that_name_is_named_as_a_damaged_note(hub: Hub) -> None:
    folder = hub.root / "red" / f"{NAME}.md"
    folder.mkdir(parents=True)
    (blocker,) = open_blockers(hub)
    assert blocker.damaged == "is a folder; a regular file is needed"
    assert (read_blocker(folder).subject, read_blocker(folder).sha256) == ("", "")
    note = noted(hub)
    assert note.stem == f"{NAME}_2"
    assert closed(hub) == [closing_of(note)]


def test_where_nothing_is_noted_nothing_is_closed(hub: Hub) -> None:
    assert open_blockers(hub) == []
    assert closed(hub) == []
    assert not hub.root.exists()


# closing


def test_only_the_notes_of_what_is_green_are_closed(hub: Hub) -> None:
    others = [
        noted(hub, "bad_input", comparison_id=subject)
        for subject in ("dose_1-dense-train-full", f"{SUBJECT}-2", f"x: {SUBJECT}")
    ]
    notes = [noted(hub), noted(hub, "no_progress")]
    assert set(closed(hub)) == set(map(closing_of, notes))
    assert [blocker.note for blocker in open_blockers(hub)] == others


def test_a_record_says_what_closed_the_note_and_leaves_it_as_it_is(hub: Hub) -> None:
    note = noted(hub)
    before, written = note.read_bytes(), note.stat().st_mtime_ns
    shown = hub.root / "analysis" / "manifest.json"
    shown.parent.mkdir()
    shown.write_text("{}")
    (record,) = closed(hub, evidence=[shown, hub.root / "none", hub.root])
    assert record.name == f"{NAME}.closed.json"
    values = json.loads(record.read_text())
    closed_at = datetime.fromisoformat(values.pop("closed_at"))
    assert abs((datetime.now(UTC) - closed_at).total_seconds()) < 600
    assert values == {
        "note": f"red/{note.name}",
        "note_sha256": hashlib.sha256(before).hexdigest(),
        "subject": SUBJECT,
        "topic": "zero_baseline",
        "closed_by": "test_it",
        "evidence": {"analysis/manifest.json": hashlib.sha256(b"{}").hexdigest()},
    }
    assert (note.read_bytes(), note.stat().st_mtime_ns) == (before, written)


def test_what_is_closed_is_not_closed_again(hub: Hub) -> None:
    noted(hub)
    (record,) = closed(hub)
    before, written = record.read_bytes(), record.stat().st_mtime_ns
    assert closed(hub) == []
    assert (record.read_bytes(), record.stat().st_mtime_ns) == (before, written)
    assert names(hub) == [record.name, f"{NAME}.md"]


def test_a_note_that_was_edited_after_closing_is_open_again(hub: Hub) -> None:
    note = noted(hub)
    (record,) = closed(hub)
    note.write_text(note.read_text() + "It is back.\n")
    assert [blocker.note for blocker in open_blockers(hub)] == [note]
    assert closed(hub) == [record]
    assert open_blockers(hub) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"note_sha256": "0" * 64},
        {"note_sha256": ""},
        {"subject": "another"},
        {"evidence": None},
        {"closed_by": 1},
        {"more": "x"},
    ],
    ids=str,
)
def test_a_record_of_something_else_closes_nothing(hub: Hub, changes: dict[str, Any]) -> None:
    noted(hub)
    (record,) = closed(hub)
    record.write_text(json.dumps({**json.loads(record.read_text()), **changes}))
    assert len(open_blockers(hub)) == 1
    assert closed(hub) == [record]
    assert open_blockers(hub) == []


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b"null", b"[]", b"\xff\xfe\x00", b"[" * 100_000])
def test_a_damaged_record_closes_nothing(hub: Hub, content: bytes) -> None:
    noted(hub)
    (record,) = closed(hub)
    record.write_bytes(content)
    assert len(open_blockers(hub)) == 1
    assert closed(hub) == [record]
    assert open_blockers(hub) == []


def test_a_record_closes_no_other_note(hub: Hub) -> None:
    note = noted(hub)
    (record,) = closed(hub)
    other = noted(hub, "bad_input")
    shutil.copy(record, closing_of(other))
    assert [blocker.note for blocker in open_blockers(hub)] == [other]
    assert note != other


def test_a_person_closes_a_note_for_a_reason_that_is_kept(hub: Hub) -> None:
    notes = [noted(hub), noted(hub, "bad_input")]
    by_hand = notes[0].with_name("blocked_by_the_weather.md")
    by_hand.write_text("It rains.\n")
    for name in (read_blocker(notes[0]).id, str(notes[1]), by_hand.name):
        record = close_by_hand(hub, name, closed_by="me", reason="the scan was taken anew")
        values = json.loads(record.read_text())
        assert (values["closed_by"], values["reason"]) == ("me", "the scan was taken anew")
    assert open_blockers(hub) == []
    with pytest.raises(HubError, match="no open blocker 'by_the_weather'; open are none"):
        close_by_hand(hub, "by_the_weather", closed_by="me", reason="x")


def test_a_record_by_itself_makes_nobodys_note_closed(hub: Hub) -> None:
    """What cannot be read has no digest, and no record can name it."""
    note = noted(hub)
    (record,) = closed(hub)
    note.unlink()
    note.symlink_to("nowhere")
    record.write_text(json.dumps({**json.loads(record.read_text()), "note_sha256": "", "subject": ""}))
    assert [blocker.note for blocker in open_blockers(hub)] == [note]


# several at once, and disks


AT_ONCE = """
import os, sys, traceback
from datetime import UTC, datetime
from pathlib import Path
from ptycho_compare.finding import Finding
from ptycho_compare.checks.blocker import close_blockers, write_blocker
from ptycho_compare.hub import Hub
what, root, subject, count = sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])

def act(name):
    if what == "close":
        close_blockers(Hub(root), subject, closed_by=name, evidence=[])
    else:
        write_blocker(
            Hub(root), "zero_baseline", [Finding("dead", name, "Baseline")], comparison_id=subject,
            command=[name], returncode=1, folder=root / "none", command_log=root / "none",
            moment=datetime(2026, 11, 23, 10, 4, 11, tzinfo=UTC),
        )

gate, opener = os.pipe()
children = [os.fork()]
while children[-1] and len(children) < count:
    children.append(os.fork())
os.close(opener)
if not children[-1]:
    os.read(gate, 1)  # returns when the last opener is closed
    status = 1
    try:
        act(f"process {len(children) - 1}")
        status = 0
    except BaseException:
        traceback.print_exc()
    os._exit(status)
sys.exit(any([os.waitpid(child, 0)[1] for child in children]))
"""


def at_once(what: str, hub: Hub, count: int) -> None:
    """Have several processes do the same at the same moment: one loads what they need, and forks."""
    command = [sys.executable, "-c", AT_ONCE, what, str(hub.root), SUBJECT, str(count)]
    subprocess.run(command, check=True, timeout=PATIENCE_S)


@pytest.mark.usefixtures("unmeasured")
def test_of_several_that_note_at_once_each_is_in_the_note(hub: Hub) -> None:
    at_once("write", hub, 4)
    (blocker,) = open_blockers(hub)
    assert (blocker.note.name, blocker.times) == (f"{NAME}.md", 4)
    text = blocker.note.read_text()
    assert all(f"- dead: arm Baseline: process {number}\n" in text for number in range(4))


@pytest.mark.usefixtures("unmeasured")
def test_several_that_close_at_once_leave_one_record(hub: Hub) -> None:
    notes = [noted(hub, topic) for topic in ("zero_baseline", "no_progress", "bad_input")]
    at_once("close", hub, 4)
    assert open_blockers(hub) == []
    assert names(hub) == sorted(path.name for note in notes for path in (note, closing_of(note)))
    for note in notes:
        assert json.loads(closing_of(note).read_text())["closed_by"].startswith("process ")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, with room for some notes: the kernel refuses what does not fit."""
    place = tmp_path / "disk"
    place.mkdir()
    try:
        command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)]
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no file system can be mounted here: {error}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True, capture_output=True)


def test_a_full_disk_leaves_no_empty_note(disk: Path) -> None:
    hub = Hub(disk)
    note = noted(hub)
    now = os.statvfs(disk)
    with (disk / "ballast").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, now.f_bavail * now.f_frsize)
    for write in (noted, closed):
        with pytest.raises(OSError, match=rf"No space left on device: '{disk}/red/{NAME}"):
            write(hub)
        assert names(hub) == [note.name]
    (disk / "ballast").unlink()
    assert noted(hub) == note
    assert len(closed(hub)) == 1


def test_a_read_only_disk_leaves_no_empty_note(disk: Path) -> None:
    hub = Hub(disk)
    note = noted(hub)
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    for write in (noted, closed):
        with pytest.raises(OSError, match="Read-only file system"):
            write(hub)
    assert [blocker.note for blocker in open_blockers(hub)] == [note]
    assert names(hub) == [note.name]


def test_where_no_note_can_be_written_the_error_says_where(hub: Hub) -> None:
    hub.root.mkdir()
    (hub.root / "red").touch()
    with pytest.raises(OSError, match=re.escape(str(hub.root / "red"))):
        noted(hub)
    assert open_blockers(hub) == []


@pytest.mark.parametrize(
    "error",
    [OSError(errno.ESTALE, "Stale file handle", "wts.h5.zip"), ImportError("libcudart.so.12: cannot open")],
    ids=["file system", "library"],
)
def test_what_the_environment_did_to_an_arm_is_no_dead_arm_and_has_a_way_back(error: Exception) -> None:
    """The study's own halt rule is for a Baseline that was computed and is dead."""

    def fail() -> Arm:
        raise error

    arm = contained("Baseline", None, fail, raise_if_stopped=lambda: None)
    assert arm.crash.startswith(f"environment: {type(error).__name__}: ")
    record = ArmRecord(status="failed", reason=arm.crash, seconds={}, details={})
    finding = finding_of_failed("Baseline", record)
    assert topic_of([finding]) == "environment_baseline"
    assert "works again" in return_condition("environment_baseline", SUBJECT)
    assert return_condition("zero_baseline", SUBJECT) != return_condition("environment_baseline", SUBJECT)
