"""A faint arm on the edge of "flat": green in every tier, with its numbers and the verdict beside them."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from hubs import DOSE, light, make_quick_hub
from ptycho_compare.hub import Artifacts
from ptycho_compare.records.job_scores import RANGES
from ptycho_compare.records.tables.metrics_csv import read_metrics_csv, verdicts_in
from sessions import folder_of, run_here

TIERS = ("debug", "full")
WHICH = ("-m", "debug or full", "-k", "train")
PART = 0.042
"""Of the truth's contrast of phase, as a Baseline trained on 1,000 photons had it; the limit is 0.05."""


@dataclass(frozen=True)
class Judged:
    hub: Path
    session: subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Judged:
    hub = light(make_quick_hub(tmp_path_factory.mktemp("faint") / "hub"))  # nobody looks at figures
    path = hub / f"data/phase_f/dose_{DOSE}/dense/train/ptychi_reconstruction.npz"
    with np.load(path) as held:
        strong = held["reconstructed_object"]
    turn = np.exp(-1j * np.angle(strong.mean()))
    faint = np.abs(strong) * np.exp(1j * PART * np.angle(strong * turn))
    np.savez(path, reconstructed_object=faint.astype(np.complex64), algorithm="pty-chi")
    return Judged(hub, run_here(hub, *WHICH))


def test_it_is_green_in_debug_and_in_full(judged: Judged) -> None:
    for tier in TIERS:
        assert f"dose_{DOSE}-dense-train-{tier}" in judged.session.stdout
    assert " failed" not in judged.session.stdout, judged.session.stdout
    assert f"{len(TIERS)} passed" in judged.session.stdout


@pytest.mark.parametrize("tier", TIERS)
def test_it_has_its_numbers_and_the_verdict_beside_them(judged: Judged, tier: str) -> None:
    names = Artifacts(folder_of(judged.hub, "train", tier))
    rows = {row.metric: row for row in read_metrics_csv(names.metrics)}
    assert all(rows[name].phase is not None and rows[name].amplitude is not None for name in RANGES)
    ((arm, verdict),) = verdicts_in(rows.values())
    assert (arm, verdict.partition(":")[0]) == ("PtyChi", "flat in phase")
    share = rows["contrast"].phase
    assert share is not None
    assert share < 0.05
    manifest = json.loads(names.manifest.read_text())
    assert [each["kind"] for each in manifest["arms"]["PtyChi"]["details"]["verdicts"]] == ["flat in phase"]
    assert any("flat in phase" in text for text in manifest["warnings"])
    assert "PtyChi: flat in phase: phase contrast is" in names.log.read_text()


def test_the_session_warns_and_the_scientific_verdict_is_low(judged: Judged) -> None:
    assert f"dose_{DOSE}-dense-train-full: warning: PtyChi: flat in phase: " in judged.session.stdout
    # whatever it says of this hub's phase C, which has no record
    run_here(judged.hub, *WHICH, "--ptycho-verify")
    verdict = json.loads((judged.hub / "report/acceptance.json").read_text())
    judged_now = [each for each in verdict["comparisons"] if "train" in each["id"]]
    assert len(judged_now) == len(TIERS)
    for each in judged_now:
        assert each["scientific"] == "low"
        assert any(line.startswith("PtyChi: flat in phase: ") for line in each["low"])
