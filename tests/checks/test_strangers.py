"""What the gate says of single things changed, put or taken in a finished hub, by name.

Digests that a forger can renew are renewed: the inventory is taken again after each change, so that what
finds it is a rule of its own.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from forged import record_again
from lab_runs import DOSE
from mutations import in_json
from ptycho_compare.cli.ptycho_hub import main
from ptycho_compare.hub import Hub
from ptycho_compare.storage.files import sha256_of

VIEW = f"analysis/dose_{DOSE}/dense"
G = f"{VIEW}/test"
LIST, SUMMARY = "analysis/comparison_manifest.json", "analysis/metrics_summary.json"
Change = Callable[[Path], object]


def put(name: str, text: str = "x\n") -> Change:
    def change(root: Path) -> None:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    return change


def room(name: str) -> Change:
    return lambda root: (root / name).mkdir(parents=True)


def copied(name: str, to: str) -> Change:
    return lambda root: shutil.copytree(root / name, root / to)


def linked(name: str) -> Change:
    """Move it out of the hub, and leave a link to it."""

    def change(root: Path) -> None:
        away = root.parent / "away" / name
        away.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(root / name, away)
        (root / name).symlink_to(away)

    return change


def link_beside(to: str) -> Change:
    return lambda root: (root / G / "old").symlink_to(to)


def bytes_of(name: str, edit: Callable[[bytes], bytes]) -> Change:
    return lambda root: (root / name).write_bytes(edit((root / name).read_bytes()))


def artifact(name: str, edit: Callable[[bytes], bytes]) -> Change:
    """Edit an artifact, and its digest in the manifest."""

    def change(root: Path) -> None:
        bytes_of(f"{G}/{name}", edit)(root)
        record_again(root / G, name)

    return change


def row_twice(root: Path) -> None:
    in_json("jobs", lambda jobs: [*jobs, jobs[0]])(root / LIST)
    in_json("n_jobs", 3)(root / LIST)


def strange_row(root: Path) -> None:
    def more(rows: list[dict[str, object]]) -> list[dict[str, object]]:
        return [*rows, {**rows[0], "id": "dose_5-dense-train-full", "dose": 5, "output_dir": ""}]

    for key in ("jobs", "execution_results"):
        in_json(key, more)(root / LIST)
    in_json("n_jobs", 3)(root / LIST)
    in_json("n_success", 3)(root / LIST)


def windows(content: bytes) -> bytes:
    return content.replace(b"\n", b"\r\n")


def closed_by_anyone(**facts: str) -> Change:
    def change(root: Path) -> None:
        note = root / "red" / "blocked_20261128T000000Z_failed_step.md"
        note.parent.mkdir(exist_ok=True)
        note.write_text("# Blocked: some-step: failed_step\n\n## What was found\n- failed: x\n")
        said = {
            "note": f"red/{note.name}",
            "note_sha256": sha256_of(note),
            "subject": "some-step",
            "topic": "failed_step",
            "closed_at": "2026-11-29T00:00:00Z",
            "closed_by": "me",
            "evidence": {},
        } | facts
        note.with_suffix(".closed.json").write_text(json.dumps(said))

    return change


OUT, STRANGE, BESIDE = "out of the hub or to nothing", "is of no comparison of the study", "does not list it"
NO_JOB, NO_STEP, NO_VERDICT = "is no file of a job", "is no file of a step", "is no file of a verdict"
NO_NAME = "holds characters that no terminal"
CHANGES: dict[str, tuple[Change, str]] = {
    **{f"link in place of {name}": (linked(name), OUT) for name in (
        "data", "cli", "jobs", VIEW, G, f"{G}/manifest.json", f"{G}/comparison_metrics.csv", f"{G}/job",
        f"{G}/logs/logs/debug.log", f"data/phase_c/dose_{DOSE}/patched_test.npz", "study.toml",
        "analysis/metrics_summary.json", f"jobs/steps/dose_{DOSE}-simulate/record.json")},
    "link to nothing beside": (link_beside("/nowhere"), OUT),
    "link to another comparison beside": (link_beside("../train"), BESIDE),
    "link in a ring in place of the scan": (
        lambda root: [(path := root / f"data/phase_c/dose_{DOSE}/patched_test.npz").unlink(),
                      path.symlink_to(path.name)], OUT),
    "hidden results": (put(f"{G}/.results.csv"), BESIDE),
    "hidden results called unfinished": (put(f"{G}/.results.csv.tmp"), BESIDE),
    "unfinished file of a writer of ours": (put(f"{G}/.plan.npz.17-0123abcd.tmp"), BESIDE),
    "images that nobody asked for": (put(f"{G}/debug_images_Baseline/scores.csv"), BESIDE),
    "baseline's raw output that nobody asked for": (put(f"{G}/baseline_debug.npz"), BESIDE),
    "empty folder": (room(f"{G}/old"), "holds nothing"),
    "empty folder beside the log": (room(f"{G}/logs/old"), "holds nothing"),
    "table in other case": (put(f"{G}/Comparison_Metrics.csv"), BESIDE),
    "results below the job": (put(f"{G}/job/scores.csv"), NO_JOB),
    "hidden results below the job": (put(f"{G}/job/.scores.csv"), NO_JOB),
    "results below a step's job": (put(f"jobs/steps/dose_{DOSE}-simulate/job/scores.csv"), NO_JOB),
    "results beside a step's record": (put(f"jobs/steps/dose_{DOSE}-simulate/scores.csv"), NO_STEP),
    "results beside the steps": (put("jobs/scores.csv"), "is no record of jobs"),
    "results in a folder called job": (put("analysis/job/scores.csv"), STRANGE),
    "results beside the verdict": (put("report/scores.csv"), NO_VERDICT),
    "another split": (copied(G, f"{VIEW}/validation"), STRANGE),
    "another tier": (copied(G, f"{VIEW}/test_quick_v4"), STRANGE),
    "another view": (copied(VIEW, f"analysis/dose_{DOSE}/sparse"), STRANGE),
    "another dose": (copied(f"analysis/dose_{DOSE}", "analysis/dose_5"), STRANGE),
    "comparison in other case": (copied(G, f"{VIEW}/TEST"), STRANGE),
    "name that steers a terminal": (put("cli/a\x1b[31mb.log"), NO_NAME),
    "name with a verdict of its own": (put("green/x\nACCEPTED: all holds.log"), NO_NAME),
    "name that is read backwards": (put("red/a\u202eb.log"), NO_NAME),
    "bytes behind the end of a figure": (
        artifact("comparison_plot.png", lambda held: held + b"x"), "1 bytes follow"),
    "figure that is none": (artifact("frc_plot.png", lambda _: b"GIF89a"), "is no PNG file"),
    "figure that is cut": (artifact("residual_plot.png", lambda held: held[:-20]), "breaks off"),
    "list with a comparison that is not there": (strange_row, "the hub has no such comparison"),
    "list with a row twice": (row_twice, "(dose=1000000) 2 times"),
    "list with another id": (lambda root: in_json("jobs/0/id", "x")(root / LIST), "calls dense/train"),
    "list with another folder": (
        lambda root: in_json("jobs/0/output_dir", f"{VIEW}/test")(root / LIST), "and its place is"),
    "list with a key nobody knows": (
        lambda root: in_json("jobs/0/verdict", "good")(root / LIST), "jobs.0.verdict is a key that"),
    "summary with a key nobody knows": (
        lambda root: in_json("jobs/0/verdict", "good")(root / SUMMARY), "jobs.0.verdict is a key that"),
    "closing of no note": (put("red/blocked_20261128T000000Z_x.closed.json", "{}"), "closes no note"),
    "closing by anyone": (closed_by_anyone(), "for no reason and by no evidence"),
    "closing of another note": (closed_by_anyone(note="red/other.md", reason="x"), "which is another"),
    "closing at no time": (closed_by_anyone(closed_at="now", reason="x"), "closed_at is 'now'"),
    "text with other line ends": (
        bytes_of("analysis/metrics_summary.md", windows), "its line ends are others"),
    "list with a key of no name": (
        lambda root: in_json("jobs/0/", "good")(root / LIST), "jobs.0.'' is a key that"),
    "summary with a key of no name": (lambda root: in_json("", "x")(root / SUMMARY), "'' is a key that"),
}  # fmt: skip
TRIED = [
    pytest.param(change, said, id=name.replace(" ", "-"), marks=[] if place % 4 == 0 else pytest.mark.slow)
    for place, (name, (change, said)) in enumerate(CHANGES.items())
]


def judged(root: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    capsys.readouterr()
    status = main(["gate", "--hub", str(root)])
    told = capsys.readouterr()
    record = root / "report" / "acceptance.json"
    return status, json.dumps(json.loads(record.read_text())) + told.err


@pytest.mark.parametrize(("change", "said"), TRIED)
def test_the_gate_names_what_was_changed(
    own: Hub, change: Change, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    change(own.root)
    main(["inventory", "--hub", str(own.root)])
    status, told = judged(own.root, capsys)
    assert status == 1
    assert said in told


def test_a_digest_list_that_another_program_wrote_is_named(
    own: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["inventory", "--hub", str(own.root)])
    bytes_of("analysis/artifact_digests.tsv", windows)(own.root)
    status, told = judged(own.root, capsys)
    assert (status, "is written otherwise" in told) == (1, True)


def test_a_link_within_the_hub_is_no_stranger(own: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    (own.root / "data" / "newest").symlink_to("phase_c")
    main(["inventory", "--hub", str(own.root)])
    assert judged(own.root, capsys)[0] == 0


def test_what_observers_of_a_claim_note_is_no_stranger(own: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    put(f"{G}/job/.claim.json.seen-elsewhere")(own.root)
    put(f"{G}/job/.claim.json.lock", "")(own.root)
    main(["inventory", "--hub", str(own.root)])
    assert judged(own.root, capsys)[0] == 0
