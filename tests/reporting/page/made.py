"""Hubs to look at, without a network: evidence of small scorecards through the real writers."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptycho_compare.hub import AcceptedFiles, Artifacts, Hub, JobFiles
from ptycho_compare.records.acceptance import Change, CheckVerdict, ComparisonVerdict, Verdict
from ptycho_compare.records.accepted_runs import read_run, write_run
from ptycho_compare.records.accepted_scores import artifacts_of
from ptycho_compare.records.manifest import ArmRecord, FileRecord, Manifest, versions
from ptycho_compare.records.reconstructions_npz import write_reconstructions
from ptycho_compare.records.tables.frc_csv import write_frc_csv
from ptycho_compare.records.tables.metrics_csv import write_metrics_csv
from ptycho_compare.records.tables.pairs_csv import write_differences_csv
from ptycho_compare.scoring.scorecard import Scorecard
from ptycho_compare.storage.files import sha256_of
from ptycho_compare.study import Comparison, Study, load_study
from scorecards import card, coverage, noisy, staying, three_scored, truth_image
from sharing import shared

HOSTILE = "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'>\x07\x00"
STUDY = """\
name = "a study & <b>its</b> page"
doses = [1000]
views = ["dense"]
splits = ["train", "test", "blind"]
[tiers.debug]
required_arms = ["PtychoPINN", "Baseline"]
[tiers.full]
required_arms = ["PtychoPINN", "Baseline", "PtyChi", "Mine"]
"""
NOTE = "red/blocked_20261125T060000Z_zero_baseline.md"
START = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)


def made_hub(factory: pytest.TempPathFactory, root: Path) -> tuple[Hub, Study, Verdict]:
    """Copy the hub in which all goes wrong that the page must show, and what the gate would say of it."""
    hub = Hub(Path(shutil.copytree(shared(factory, "pictured", _make_hub), root)))
    study = load_study(hub.study())
    return hub, study, verdict_on(hub, study, **facts_of(hub))


def _make_hub(root: Path) -> None:
    hub = Hub(root)
    (root / "data").mkdir(parents=True)
    hub.study().write_text(STUDY)
    write_evidence(hub, Comparison(1000, "dense", "train", "debug"), whole_card())
    write_evidence(hub, Comparison(1000, "dense", "train", "full"), three_scored(), reason=HOSTILE)
    write_evidence(hub, Comparison(1000, "dense", "test", "debug"), card(truth=False))
    deferred = Artifacts(hub.comparison_dir(1000, "dense", "test", "full"))
    write_states(deferred.job, [("died", None), ("stopped", 75)])
    write_step(hub, "dose_1000-simulate")
    note = root / NOTE
    note.parent.mkdir()
    note.write_text(f"# Blocked: Baseline is zero\n{HOSTILE}\n")


@cache
def whole_card() -> Scorecard:
    """Three arms that are alive; two corners of the area were never measured."""
    weight = coverage()
    rows, columns = np.indices(weight.shape)
    weight[abs(rows + columns - 110) > 60] = 0.0
    names = ("PtychoPINN", "Baseline", "PtyChi")
    images = {name: staying(noisy(0.02 * (each + 1), 10 * each), weight) for each, name in enumerate(names)}
    return card(**images)


def make_short_hub(root: Path, *, arms: int) -> tuple[Hub, Study, Verdict]:
    """Write a hub of one accepted comparison of so many arms, and two runs that were accepted before."""
    names = ("PtychoPINN", "Baseline", "PtyChi", "my_unet-v2")[:arms]
    hub, place = Hub(root / "hub"), Comparison(1000, "dense", "train", "full")
    folders = [root / f"run-2{number}" for number in range(2)]
    for number, each in enumerate([*map(Hub, folders), hub]):
        (each.root / "data").mkdir(parents=True)
        images = {
            name: staying(noisy(0.02 * (index + 1) * (1 - 0.2 * number), 10 * index))
            for index, name in enumerate(names)
        }
        write_evidence(each, place, card(**images))
    hub.study().write_text(
        f'name = "{arms} arms"\ndoses = [1000]\nviews = ["dense"]\nsplits = ["train"]\n'
        f"[tiers.full]\nrequired_arms = {json.dumps(names)}\n"
    )
    study = load_study(hub.study())
    for folder in folders:
        accept_run(hub, folder.name, Hub(folder), verdict_on(Hub(folder), study))
    return hub, study, verdict_on(hub, study)


def facts_of(hub: Hub) -> dict[str, dict[str, Any]]:
    """What the gate says of some comparisons, by id."""
    return {
        "dose_1000-dense-train-full": {
            "state": "red",
            "findings": (f"dead: Baseline: |object| = 0 in 100 % of the mask {HOSTILE}",),
            "scientific": "low",
            "low": ("PtyChi: MS-SSIM phase 0.71 is below 0.80",),
        },
        "dose_1000-dense-test-full": {"state": "deferred", "findings": ("32 of 64 patches are safe",)},
        "dose_1000-dense-blind-full": {"required": False},
    }


def verdict_on(hub: Hub, study: Study, **facts: dict[str, Any]) -> Verdict:
    """Accept every comparison that has a manifest, but for what `facts` say of some, by id."""
    comparisons = []
    for each in study.comparisons():
        folder = hub.comparison_dir(each.dose, each.view, each.split, each.tier)
        there = Artifacts(folder).manifest.exists()
        held: dict[str, Any] = {
            "id": each.id,
            **{name: getattr(each, name) for name in ("dose", "view", "split", "tier")},
            "folder": hub.relative(folder),
            "required": True,
            "state": "accepted" if there else "missing",
            "origin": "computed" if there else "",
            "scientific": "ok" if there else "unscored",
        }
        comparisons.append(ComparisonVerdict(**{**held, **facts.get(each.id, {})}))
    holding = sum(each.state == "accepted" for each in comparisons)
    whole = holding == len(comparisons)
    return Verdict(
        study=study.name,
        generated_at="2026-11-25T06:00:00Z",
        required_tiers=tuple(study.tiers),
        outcome="accepted" if whole else "red",
        reason=f"{holding} of {len(comparisons)} comparisons hold",
        comparisons=tuple(comparisons),
        checks=(
            CheckVerdict(description="every file of phase C is whole", path="data/phase_c"),
            CheckVerdict(
                description="the inventory lists every file",
                path="analysis/artifact_inventory.txt",
                findings=() if whole else ("3 files are not listed",),
            ),
        ),
        blockers=tuple(hub.relative(path) for path in sorted((hub.root / "red").glob("*.md"))),
        compared_with="" if whole else "/elsewhere/report/acceptance.json",
        changes=() if whole else changes(),
    )


def accept_run(hub: Hub, name: str, there: Hub, verdict: Verdict) -> Path:
    """Keep in a hub's store what a verdict accepts of another one; the moment is that of the name."""
    compared = [
        each.model_copy(update={"manifest_sha256": sha256_of(artifacts_of(there, each).manifest)})
        for each in verdict.comparisons
        if each.state == "accepted"
    ]
    kept = verdict.model_copy(update={"comparisons": tuple(compared)})
    record = AcceptedFiles(write_run(hub.accepted_runs(), name, there, kept)).record
    read_run(record.parent).record.model_copy(update={"accepted": f"2026-11-{name[-2:]}T00:00:00Z"}).write(
        record
    )
    return record.parent


def changes() -> tuple[Change, ...]:
    """A worse, a lost and an equal score."""
    base = {"id": "dose_1000-dense-train-debug", "arm": "Baseline", "tolerance": "relative 0.01"}
    rows = (("mae", 0.02, 0.03, "worse"), ("ms_ssim", 0.9, None, "worse"), ("psnr", 30.0, 30.01, "same"))
    return tuple(
        Change(**base, metric=metric, part="amplitude", before=before, now=now, judged=judged)
        for metric, before, now, judged in rows
    )


def write_evidence(hub: Hub, comparison: Comparison, scorecard: Scorecard, *, reason: str = "") -> Artifacts:
    """Write what a comparison leaves, by the writers that a comparison uses; `reason` joins a failure's."""
    each = comparison
    names = Artifacts(each.folder(hub))
    names.folder.mkdir(parents=True)
    write_metrics_csv(names.metrics, scorecard, groups=64, seconds={})
    write_differences_csv(names.differences, scorecard.differences)
    for arm in scorecard.arms:
        if arm.curves:
            write_frc_csv(names.frc_curves(arm.arm), arm.arm, arm.curves)
    box = scorecard.box
    write_reconstructions(
        names.reconstructions_aligned,
        {arm.arm: arm.image[box] for arm in scorecard.arms},
        truth=None if scorecard.reference == "none" else truth_image()[box],
        extra={"mask": scorecard.mask[box], "origin": np.zeros(2, int)},
    )
    write_states(names.job, [("finished", 0)])
    table = names.metrics
    arms = {
        arm.arm: ArmRecord(
            status=arm.status,
            reason=f"{arm.reason} {reason}".strip() if arm.reason else "",
            seconds={},
            details={},
        )
        for arm in scorecard.arms
    }
    manifest = Manifest(
        started="2026-11-25T04:00:00Z",
        finished="2026-11-25T04:01:00Z",
        command=["ptycho-hub", "compare", each.id, "--hub", "a b"],
        settings={"crop_px": 20},
        inputs={"test_data": FileRecord(path="data/x.npz", sha256="0" * 64, bytes=10)},
        plan={"groups": 64, "normalization": 4.712682992293238},
        mask_pixels=int(scorecard.mask.sum()),
        reference=scorecard.reference,
        truth_range={},
        scan={},
        metric_version=scorecard.metric_version,
        arms=arms,
        warnings=["the scan has no probe"],
        versions=versions(),
        code="c" * 64,
        attempts=[],
        artifacts={
            table.name: FileRecord(path=table.name, sha256=sha256_of(table), bytes=table.stat().st_size)
        },
    )
    manifest.write(names.manifest)
    return names


def write_states(files: JobFiles, endings: list[tuple[str, int | None]]) -> None:
    """Write the state log of attempts of a minute each, an hour apart; None has no end."""
    files.folder.mkdir(parents=True)
    lines = []
    for number, (reason, returncode) in enumerate(endings, start=1):
        moment = START + timedelta(hours=number)
        facts: list[dict[str, Any]] = [
            {"state": "launched", "attempt": number, "host": f"node{number} {HOSTILE}"},
            {"state": "running"},
            {"state": "planned", "parts": {"PtychoPINN": [16 * (number - 1), 64]}},
            {"state": "working", "part": "PtychoPINN", "done": 16 * number, "seconds": 1.0},
            {"state": "checkpoint", "part": "PtychoPINN", "done": 16 * number, "seconds": 0.1},
        ]
        if returncode is not None:
            facts.append(
                {"state": "ended", "returncode": returncode, "reason": "" if returncode == 0 else reason}
            )
        for step, fact in enumerate(facts):
            lines.append(json.dumps({"time": (moment + timedelta(seconds=12 * step)).isoformat(), **fact}))
    files.states.write_text("\n".join([*lines, ""]))


def write_step(hub: Hub, step_id: str) -> None:
    """Write a finished step."""
    files = hub.step(step_id)
    write_states(files.job, [("killed", -9), ("bad", 1), ("finished", 0)])
    record = {
        "id": step_id,
        "title": f"Phase C {HOSTILE}",
        "status": "made",
        "command": ["ptycho-hub", "simulate"],
        "fingerprint": {},
        "outputs": {},
        "attempts": [],
        "seconds": 60.0,
        "cpu_s": 50.0,
        "peak_bytes": 2**28,
        "ended": "2026-11-25T05:00:00Z",
    }
    files.record.write_text(json.dumps(record))


def without(verdict: Verdict, **changed: Any) -> Verdict:
    """The verdict with some fields replaced."""
    return verdict.model_copy(update=changed)
