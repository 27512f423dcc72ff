"""Steps behind the phases: reports over all comparisons, and their verification."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from ptycho_compare.finding import Finding
from ptycho_compare.hub import FULL_TIER, Artifacts
from ptycho_compare.phases.pipeline.step import PhaseStep
from ptycho_compare.phases.pipeline.study_plan import Reported, scope_of

_REPORTS = "ptycho_compare.reporting.study.write_reports"
_WRITERS = ("numpy",)


def report_steps(plan: Reported) -> list[PhaseStep]:
    """Summary, report, digest, grid and inventory, each made from what those before it wrote."""
    return [summarize_step(plan), report_step(plan), digest_step(plan), *_look_again(plan)]


def verify_steps(plan: Reported) -> list[PhaseStep]:
    """Verification of all artifacts, and the check of what the highlights say; run each time."""
    return [
        _reporting(
            plan,
            "verify",
            "Verification of the artifacts",
            f"verify_{plan.name}",
            *("--dose", *map(str, plan.doses), "--view", *plan.views, "--splits", *plan.splits),
            outputs=(plan.hub.reports().verification,),
            needs=("inventory",),
            always=True,
        ),
        _reporting(
            plan,
            "check-highlights",
            "Check of the highlights",
            f"check_{plan.name}_highlights",
            needs=("verify",),
            always=True,
        ),
    ]


def post_verify_steps(plan: Reported) -> list[PhaseStep]:
    """Grid, inventory and verification, where nothing else is asked for."""
    return [*_look_again(plan), *verify_steps(plan)]


def _look_again(plan: Reported) -> list[PhaseStep]:
    names = plan.hub.reports()
    return [
        _reporting(
            plan,
            "ssim-grid",
            "SSIM Grid Summary (phase-only)",
            "ssim_grid_cli",
            inputs=(names.deltas, names.delta_preview),
            outputs=(names.ssim_grid,),
            needs=("report",),
        ),
        _reporting(
            plan,
            "inventory",
            "Artifact inventory",
            "artifact_inventory_cli",
            outputs=(names.inventory, names.digests),
            needs=("digest", "ssim-grid"),
            always=True,
        ),
    ]


def summarize_step(plan: Reported) -> PhaseStep:
    """Scores of all comparisons that were run, and their averages."""
    names = plan.hub.reports()
    tables = [Artifacts(step.job.folder).metrics for step in plan.comparing(FULL_TIER)]
    return _reporting(
        plan,
        "summarize",
        "Summary of all comparisons",
        "metrics_summary_cli",
        *("--study", str(plan.study_file)),
        *where_of(plan),
        inputs=(plan.hub.comparison_manifest(), *tables),
        outputs=(names.summary, names.summary_text),
        needs=tuple(step.id for step in plan.comparing(FULL_TIER)),
        label="metrics summarization",
    )


def report_step(plan: Reported) -> PhaseStep:
    """Averages, differences and highlights."""
    names = plan.hub.reports()
    outputs = (names.report, names.highlights, names.deltas, names.delta_highlights, names.delta_preview)
    return _reporting(
        plan,
        "report",
        "Report and highlights",
        "aggregate_report_cli",
        *("--study", str(plan.study_file)),
        settings={"ms_ssim": plan.study.acceptance.ms_ssim},
        inputs=(names.summary,),
        outputs=outputs,
        needs=("summarize",),
    )


def digest_step(plan: Reported) -> PhaseStep:
    """One page on all of it."""
    names = plan.hub.reports()
    return _reporting(
        plan,
        "digest",
        "Metrics digest",
        "metrics_digest_cli",
        inputs=(names.summary, names.highlights),
        outputs=(names.digest,),
        needs=("report",),
    )


def where_of(plan: Reported) -> tuple[str, ...]:
    """Options of `run` and `summarize` for just this plan."""
    dose = ("--dose", str(plan.doses[0])) if len(plan.doses) == 1 else ()
    view = ("--view", plan.views[0]) if len(plan.views) == 1 else ()
    return (*dose, *view, "--splits", *plan.splits)


def _reporting(
    plan: Reported,
    command: str,
    title: str,
    log_name: str,
    *words: str,
    settings: Mapping[str, float] = MappingProxyType({}),
    inputs: tuple[Path, ...] = (),
    outputs: tuple[Path, ...] = (),
    needs: tuple[str, ...] = (),
    always: bool = False,
    label: str = "",
) -> PhaseStep:
    return PhaseStep(
        plan.hub,
        id=command,
        title=title,
        command=(
            *(sys.executable, "-m", "ptycho_compare.cli.ptycho_hub", command),
            *("--hub", str(plan.hub.root), *words),
        ),
        log_name=log_name,
        inputs=inputs,
        outputs=outputs,
        settings={"splits": plan.splits, **settings},
        computed_by=_REPORTS,
        check=list[Finding],
        libraries=_WRITERS,
        needs=needs,
        always=always,
        derived=True,
        label=label,
        kind=command,
        scope=scope_of(plan),
    )
