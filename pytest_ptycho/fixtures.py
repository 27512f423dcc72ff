"""Fixtures: the hub, the comparison under test, and the evidence that running it leaves."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ptycho_compare.errors import HubError
from ptycho_compare.hub import Hub
from pytest_ptycho.cases import study_for, study_path
from pytest_ptycho.options import HUB_VARIABLE, OPTIONS

if TYPE_CHECKING:
    from ptycho_compare.checks import Finding
    from ptycho_compare.jobs import ChildResult
    from ptycho_compare.study import Comparison, Study

EVIDENCE = pytest.StashKey["Evidence"]()

_ONE_THREAD = dict.fromkeys(("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"), "1")


@dataclass(frozen=True)
class Evidence:
    """What one comparison left behind, judged.

    Attributes
    ----------
    comparison : Comparison
    folder : Path
        Its artifacts.
    run : ChildResult
        The command, its exit status, its time and its log.
    findings : list of Finding
        What does not hold; empty when the comparison can be trusted.
    """

    comparison: Comparison
    folder: Path
    run: ChildResult
    findings: list[Finding]


@pytest.fixture(scope="session")
def hub(pytestconfig: pytest.Config) -> Hub:
    """The hub that is judged."""
    chosen = pytestconfig.stash[OPTIONS].hub
    if chosen is None:
        pytest.fail(f"no hub: give --hub DIR, or set {HUB_VARIABLE} or the ini key ptycho_hub", pytrace=False)
    try:
        return Hub.open(chosen.root)
    except HubError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture
def study(request: pytest.FixtureRequest) -> Study:
    """The study that this test belongs to."""
    return study_for(request.config, request.path)


@pytest.fixture
def evidence(request: pytest.FixtureRequest, hub: Hub, study: Study, comparison: Comparison) -> Evidence:
    """Run the comparison in a child process and judge what it left."""
    from ptycho_compare.checks import judge_comparison
    from ptycho_compare.jobs import run_child
    from ptycho_compare.phases.request import scoring_of

    tier = study.tiers[comparison.tier]
    folder = hub.comparison_dir(comparison.dose, comparison.view, comparison.split, comparison.tier)
    started = datetime.now(UTC)
    run = run_child(
        [
            *(sys.executable, "-m", "ptycho_compare.cli.ptycho_hub", "compare", comparison.id),
            *("--hub", str(hub.root), "--study", str(study_path(request.config, request.path))),
        ],
        log=hub.command_log(comparison.id),
        # workers share the cores: one thread each, or they slow each other down
        environment=_ONE_THREAD if "PYTEST_XDIST_WORKER" in os.environ else None,
    )
    findings = _refusal(run) or judge_comparison(
        folder, required=tier.required_arms, since=started, limits=scoring_of(study).placing.limits
    )
    evidence = Evidence(comparison, folder, run, findings)
    request.node.stash[EVIDENCE] = evidence
    return evidence


def _refusal(run: ChildResult) -> list[Finding]:
    """Findings about a command that never came to compute, from its last line."""
    from ptycho_compare.checks import Finding

    if run.returncode in (0, 1):
        return []
    lines = run.log.read_text(encoding="utf-8", errors="replace").splitlines() or ["no output"]
    text = f"exit status {run.returncode}: {lines[-1]}"
    return [Finding("input", text) if run.returncode == 2 else Finding("failed", text)]
