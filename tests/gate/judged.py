"""Verdicts, and hubs that were judged: one comparison each, with a table, its manifest and the record."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ptycho_compare.hub import Artifacts, Hub
from ptycho_compare.records.acceptance import (
    Change,
    CheckVerdict,
    ComparisonVerdict,
    Verdict,
)
from ptycho_compare.records.tables.metrics_csv import COLUMNS, MetricRow
from ptycho_compare.storage.files import sha256_of

ID = "dose_1000-dense-test-full"
PLAIN = MetricRow(
    "Baseline", "mae", 0.25, 0.5, None, "ok", "ptycho-compare-3", 9000, 320, reference="truth"
)  # fmt: skip


def row(metric: str, arm: str = "Baseline", **cells: Any) -> MetricRow:
    """A row of a table; cells that are not given are empty."""
    return replace(PLAIN, model=arm, metric=metric, **{"amplitude": None, "phase": None, **cells})


def comparison(**changes: Any) -> ComparisonVerdict:
    """An accepted comparison, unless said otherwise."""
    given = {
        "id": ID, "dose": 1000, "view": "dense", "split": "test", "tier": "full", "required": True,
        "folder": "analysis/dose_1000/dense/test", "state": "accepted", "origin": "computed",
        "scientific": "ok", "manifest_sha256": "a" * 64,
    }  # fmt: skip
    return ComparisonVerdict.model_validate(given | changes)


def verdict(*compared: ComparisonVerdict, **changes: Any) -> Verdict:
    """A verdict on these, accepted unless said otherwise."""
    given = {
        "study": "small", "generated_at": "2026-11-25T05:00:00Z", "required_tiers": ("full",),
        "outcome": "accepted", "reason": "all 1 comparisons hold", "comparisons": compared,
    }  # fmt: skip
    return Verdict.model_validate(given | changes)


def judged_hub(root: Path, rows: Sequence[MetricRow], **changes: Any) -> Hub:
    """Write a hub with one comparison of these scores, and its verdict."""
    hub = Hub(root)
    names = Artifacts(hub.comparison_dir(1000, "dense", "test", "full"))
    names.folder.mkdir(parents=True, exist_ok=True)
    cells = [["" if (cell := getattr(row, name)) is None else str(cell) for name in COLUMNS] for row in rows]
    names.metrics.write_text("".join(f"{','.join(line)}\n" for line in [COLUMNS, *cells]))
    table = {"path": names.metrics.name, "sha256": sha256_of(names.metrics), "bytes": 1}
    names.manifest.write_text(json.dumps({"artifacts": {names.metrics.name: table}}))
    found = comparison(manifest_sha256=sha256_of(names.manifest), **changes)
    hub.verdict().folder.mkdir(exist_ok=True)
    hub.verdict().record.write_text(verdict(found).model_dump_json())  # not flushed to disk: laws write many
    return hub


WORSE = Change(
    id=ID, arm="Baseline", metric="mae", part="phase", before=0.5, now=0.625,
    tolerance="not within 0.01 of the accepted value", judged="worse",
)  # fmt: skip


def mixed() -> Verdict:
    """A verdict with one of everything, hostile texts included."""
    return verdict(
        comparison(origin="adopted", scientific="low", low=("Baseline: ms_ssim phase 0.300 is below 0.8",)),
        comparison(id="red-one", state="red", findings=(HOSTILE, "second")),
        comparison(id="goes-on", state="deferred", findings=("stopped at 3 of 9",), origin=""),
        comparison(id="not-asked", required=False, state="missing", findings=("no manifest.json",)),
        outcome="red",
        reason="red-one: it does not hold",
        checks=(
            CheckVerdict(description="phase C", path="data/phase_c/dose_1000"),
            CheckVerdict(
                description="reports", path="analysis/metrics_summary.json", findings=("n_jobs is 3",)
            ),
        ),
        blockers=("red/blocked_20261125T050000Z_zero_baseline.md",),
        compared_with="/earlier/report/acceptance.json",
        changes=(
            WORSE,
            WORSE.model_copy(update={"metric": "ssim", "now": None, "tolerance": "the score is gone"}),
            WORSE.model_copy(update={"metric": "psnr", "now": 0.75, "judged": "better"}),
            WORSE.model_copy(update={"metric": "mse", "judged": "same"}),
        ),
    )


HOSTILE = '</failure> & "a" \x00\x1b[31m | cell\r\n]]><script>`x`</script> \ufffe [l](u) \x85\u202e **b** \\'
