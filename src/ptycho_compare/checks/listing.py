"""The one list of what must hold in a hub: `verify` runs all of it, the gate its light half."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Protocol

from ptycho_compare.checks.blocker.closing import judge_closings
from ptycho_compare.checks.canvases import judge_stored
from ptycho_compare.checks.check import Check, Validation
from ptycho_compare.checks.freshness import judge_in_place
from ptycho_compare.checks.highlights import delta_highlights, ssim_grid
from ptycho_compare.checks.inventory import artifact_inventory, listed_names
from ptycho_compare.checks.leaks import LEAKS, leaks
from ptycho_compare.checks.orphans import orphans
from ptycho_compare.checks.phase_c import judge_phase_c, judge_stages, phase_c_warnings
from ptycho_compare.checks.phase_d import judge_files, judge_phase_d
from ptycho_compare.checks.phase_e import judge_phase_e
from ptycho_compare.checks.phase_f import judge_phase_f
from ptycho_compare.checks.pipeline_logs import cli_logs
from ptycho_compare.checks.remade import named
from ptycho_compare.checks.rescored import judge_rescored
from ptycho_compare.checks.shared_images import shared_images
from ptycho_compare.checks.step_records import judge_step, judge_step_records
from ptycho_compare.checks.strangers import strangers
from ptycho_compare.checks.study_answers import ANSWERS, has_answers, study_answers
from ptycho_compare.checks.study_reports import (
    aggregate_highlights,
    comparison_list,
    delta_summary,
    metrics_digest,
    phase_c_metadata,
    summary_json,
    summary_text,
)
from ptycho_compare.finding import Finding
from ptycho_compare.hub import FULL_TIER, Artifacts, Cell, Hub, in_cell
from ptycho_compare.records.arm_names import STUDY_ARMS
from ptycho_compare.records.comparison_list import Place
from ptycho_compare.scan.reading import AS_FOUND, Reading
from ptycho_compare.scoring.collapse import limits_of
from ptycho_compare.study import Comparison, Study, in_cells_of, networks_of
from ptycho_compare.study.steps import OverlapStep, SimulateStep, transcript_name

BESIDE = "nothing stands beside the evidence"
STEPS = "records of steps"
RESCORED_SCORES = "scores made anew"
NOBODY_LEFT = "no process is left over"
DRAWN_AGAIN, CANVASES = "Phase D overlap view", "canvases"
IMAGES_OF_THEIR_OWN = "images of their own"
DEEP = (DRAWN_AGAIN, IMAGES_OF_THEIR_OWN, CANVASES)
"""How the deep checks are described: views drawn and measured again; images of splits compared; stored
canvases and all that follows from them, a check per split."""


class Recompute(Protocol):
    """Computes the evidence of a comparison again; see `phases.comparison.verified`."""

    def __call__(self, comparison: Comparison) -> Sequence[Finding]:
        """Say what does not follow."""

    def why_not(self, comparison: Comparison) -> str:
        """Say what was left out; empty where nothing was."""


def checks_of(
    hub: Hub,
    doses: Iterable[int],
    views: Iterable[str],
    splits: Sequence[str],
    study: Study | None,
    *,
    recompute: Recompute | None = None,
) -> Iterator[Check]:
    """Yield every check of some doses and views, always the same in the same order, whatever is missing.

    Phases come first, then the comparisons of the full tier, then what was reported of them. A study that
    compares no network has no check of phase E. The study says which arms are required, when one is dead, and
    how views were drawn; without it none is drawn again. Only with `recompute` are the deep checks of
    comparisons all that they can be.
    """
    pairs = [(dose, view) for dose in doses for view in views]
    for dose in dict.fromkeys(dose for dose, _ in pairs):
        yield _data(hub, dose, splits, study)
        for view in (view for other, view in pairs if other == dose):
            yield from _of_view(hub, dose, view, splits, study)
            for split, cell in product(splits, [()] if study is None else study.cells()):
                place = Comparison(dose, view, split, FULL_TIER, cell)
                yield from _of_comparison(hub, place, study, recompute)
    yield from _of_reports(hub, pairs, splits, study)
    yield Check(partial(leaks, hub, pairs, splits, study), "phases", LEAKS)
    steps = hub.step("").folder
    yield Check(lambda: named(hub, STEPS, steps, list(judge_step_records(hub))), "phases", STEPS)

    def beside() -> Validation:
        closings = judge_closings(hub, unshown=(NOBODY_LEFT,))
        return Validation(BESIDE, ".", [*strangers(hub, study), *closings])

    yield Check(beside, "phases", BESIDE)
    yield Check(lambda: Validation(NOBODY_LEFT, "jobs", orphans(hub)), "processes", NOBODY_LEFT)


def _data(hub: Hub, dose: int, splits: Sequence[str], study: Study | None) -> Check:
    def look() -> Validation:
        findings = [*judge_phase_c(hub, dose, splits), *judge_stages(hub, dose, splits)]
        findings += judge_step(SimulateStep(hub, dose), study)
        warnings = phase_c_warnings(hub, dose, splits)
        return replace(named(hub, "Phase C data", hub.phase_c(dose), findings), warnings=warnings)

    return Check(look, "phases", "Phase C data", name=f"phase C (dose={dose})")


def _of_view(hub: Hub, dose: int, view: str, splits: Sequence[str], study: Study | None) -> Iterator[Check]:
    where, place = f"{view} (dose={dose})", (dose, view)
    folder, step = hub.phase_d(*place), OverlapStep(hub, dose, view)

    def files() -> Validation:
        findings = [*judge_files(hub, *place, splits), *judge_step(step, study)]
        return named(hub, "Phase D files", folder, findings)

    def drawn_again() -> Validation:
        if study is None:
            return named(hub, DRAWN_AGAIN, folder, [], study=None)
        return named(hub, DRAWN_AGAIN, folder, judge_phase_d(hub, study, *place), study=study.name)

    def images() -> Validation:
        reading = AS_FOUND if study is None else Reading.of_study(study)
        findings = list(shared_images(hub, *place, splits, reading=reading))
        return named(hub, IMAGES_OF_THEIR_OWN, hub.split_data(*place, splits[0]), findings)

    def networks() -> Validation:
        findings = [each for at, how in trained for each in _of_networks(at, how, dose, view)]
        return named(hub, "Phase E networks", hub.phase_e(), findings)

    def reconstructions() -> Validation:
        limits = None if study is None else limits_of(study)
        findings = [
            each
            for at, how in _in_cells(hub, study, "reconstructions")
            for each in judge_phase_f(at, *place, splits, limits=limits, study=how)
        ]
        return named(hub, "Phase F reconstructions", hub.phase_f(), findings)

    trained = _in_cells(hub, study, "networks")
    made = folder.is_dir() or step.records.record.exists()
    yield Check(files, "phases", "Phase D files", name=f"phase D {where}", reached=made)
    yield Check(drawn_again, "phases", DRAWN_AGAIN, "deep", name=f"{DRAWN_AGAIN} {where}")
    yield Check(images, "phases", IMAGES_OF_THEIR_OWN, "deep", name=f"{IMAGES_OF_THEIR_OWN} {where}")
    if any(networks_of(how, at, *place) for at, how in trained):
        yield Check(networks, "phases", "Phase E networks", name=f"phase E {where}")
    yield Check(reconstructions, "iterative", "Phase F reconstructions", name=f"phase F {where}")


def _in_cells(hub: Hub, study: Study | None, differing: str) -> Sequence[tuple[Hub, Study | None]]:
    return [(hub, None)] if study is None else in_cells_of(hub, study, differing=differing)


def _of_networks(hub: Hub, study: Study | None, dose: int, view: str) -> list[Finding]:
    return judge_phase_e(hub, dose, view, networks_of(study, hub, dose, view), study=study)


def _of_comparison(
    hub: Hub, place: Comparison, study: Study | None, recompute: Recompute | None
) -> Iterator[Check]:
    tier = None if study is None else study.tiers.get(place.tier)
    required = STUDY_ARMS if tier is None else tier.required_arms
    limits = None if study is None else limits_of(study)
    names, about = Artifacts(place.folder(hub)), in_cell(place.split, place.cell)

    def evidence() -> Validation:
        findings = judge_in_place(hub, place, required=required, limits=limits, arrays=False)
        return named(hub, f"comparison {about}", names.folder, findings)

    def canvases() -> Validation:
        findings, left_out = list(judge_stored(names, limits)), "all: no study says how"
        if recompute is not None:
            findings = findings or list(recompute(place))
            left_out = recompute.why_not(place)
        return named(hub, f"{CANVASES} {about}", names.reconstructions, findings, not_computed_again=left_out)

    yield Check(evidence, "comparison", f"comparison {about}", name=place.id)
    yield Check(canvases, "comparison", f"{CANVASES} {about}", "deep", name=f"{CANVASES} {place.id}")


def _of_reports(
    hub: Hub, pairs: Sequence[tuple[int, str]], splits: Sequence[str], study: Study | None
) -> Iterator[Check]:
    """Yield the checks of reports and logs.

    Reached is what is there, what the inventory lists, and all of it once the pipeline took an inventory.
    """
    names, listed = hub.reports(), listed_names(hub)
    counted = hub.step("inventory").record.exists()
    cells: list[Cell] = [()] if study is None else study.cells()
    places: list[Place] = [(*pair, split, cell) for pair in pairs for split in splits for cell in cells]

    def report(path: Path, look: Callable[[], Validation], name: str = "") -> Check:
        reached = counted or path.is_file() or hub.relative(path) in listed
        return Check(look, "reports", hub.relative(path), name=name, reached=reached)

    yield report(hub.comparison_manifest(), partial(comparison_list, hub, places))
    yield report(names.summary, partial(summary_json, hub, places))
    yield report(names.summary_text, partial(summary_text, hub))
    yield report(names.highlights, partial(aggregate_highlights, hub))
    yield report(names.digest, partial(metrics_digest, hub))
    yield report(names.summary, partial(phase_c_metadata, hub))
    yield report(names.deltas, partial(delta_summary, hub))
    yield report(names.delta_highlights, partial(delta_highlights, hub))
    yield report(names.ssim_grid, partial(ssim_grid, hub))
    if study is not None and has_answers(hub):
        yield Check(partial(study_answers, hub, study), "reports", ANSWERS)
    for dose, view in pairs:
        yield report(
            hub.step_log(transcript_name(view)),
            partial(cli_logs, hub, dose, view, splits, study=study),
            f"CLI orchestrator logs {view} (dose={dose})",
        )
    scored_anew = hub.rescored("").exists()
    yield Check(partial(_rescored, hub), "reports", RESCORED_SCORES, reached=scored_anew)
    inventoried = counted or names.inventory.exists() or names.digests.exists()
    yield Check(partial(artifact_inventory, hub), "reports", "artifact inventory", reached=inventoried)


def _rescored(hub: Hub) -> Validation:
    return named(hub, RESCORED_SCORES, hub.rescored(""), list(judge_rescored(hub)))
