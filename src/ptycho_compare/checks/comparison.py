"""Judge one comparison by the evidence it left, not by its exit status."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from ptycho_compare.checks.accounting import judge_log, judge_plan
from ptycho_compare.checks.canvases import judge_canvases, judge_finite
from ptycho_compare.checks.figure import judge_figure
from ptycho_compare.checks.patch_table import judge_patches
from ptycho_compare.checks.score_table import judge_table
from ptycho_compare.errors import ENVIRONMENT
from ptycho_compare.finding import Finding
from ptycho_compare.hub import Artifacts
from ptycho_compare.records.inventory import why_no_path
from ptycho_compare.records.manifest import ArmRecord, FileRecord, Manifest, read_manifest
from ptycho_compare.scoring.collapse import CollapseLimits
from ptycho_compare.storage.files import digest_of

_AGAIN = "run the comparison again"


def judge_comparison(
    folder: Path,
    *,
    required: Sequence[str],
    limits: CollapseLimits | None = None,
    arrays: bool = True,
) -> list[Finding]:
    """Collect what does not hold in a comparison's folder.

    Empty when every arm is alive, scored on the pixels and groups that all share, and every artifact is as it
    was written, with none beside them.

    Parameters
    ----------
    required : sequence of str
        Arms that must be scored. Other arms that are there are judged the same way.
    limits : CollapseLimits or None
        When a stored canvas counts as dead: the study's; None for the defaults.
    arrays : bool
        True reads stored canvases; otherwise the manifest is believed where the files have its digests.
    """
    names = Artifacts(folder)
    try:
        manifest = read_manifest(names.manifest)
    except FileNotFoundError:
        return [Finding("missing", f"{names.manifest}: the comparison did not complete; {_AGAIN}")]
    except OSError as error:
        return [Finding("changed", f"{names.manifest}: {error.strerror}; {_AGAIN}")]
    except ValidationError as error:
        return [Finding("changed", f"{names.manifest}: is no manifest ({error.error_count()} problems)")]
    damaged = list(changed_artifacts(names.manifest, manifest.artifacts))
    findings = [*damaged, *_extra(names, manifest)]
    if manifest.finished < manifest.started:  # both ISO, UTC
        text = f"finished {manifest.finished}, and started {manifest.started}"
        findings.append(Finding("changed", f"{names.manifest}: {text}; {_AGAIN}"))
    for arm in dict.fromkeys([*required, *manifest.arms]):
        record = manifest.arms.get(arm)
        if record is None:
            findings.append(Finding("missing", f"{names.metrics} has no such arm, and it is required", arm))
        elif record.status != "ok":
            findings.append(finding_of_failed(arm, record))
    if not damaged:  # what a changed file says is of no interest
        findings += judge_table(names.metrics, manifest)
        findings += judge_patches(names, manifest)
        if arrays:
            findings += judge_canvases(names.reconstructions, manifest, limits or CollapseLimits())
            findings += judge_finite(names, manifest)
        findings += judge_plan(names.plan, manifest)
        figures = (folder / name for name in manifest.artifacts if name.endswith(".png"))
        findings += [found for figure in figures for found in judge_figure(figure, "the comparison")]
    return [*findings, *judge_log(names.log, manifest)]


def changed_artifacts(
    listing: Path, artifacts: Mapping[str, FileRecord], *, again: str = _AGAIN
) -> Iterator[Finding]:
    """Find listed artifacts that are not as they were written; `listing` lies beside them."""
    for name, record in artifacts.items():
        path = listing.parent / name
        if record.path != name or why_no_path(name):
            text = f"artifacts.{name} lies at {record.path}, and an artifact lies beside its manifest"
            yield Finding("changed", f"{listing}: {text}; {again}")
        elif not path.is_file():
            yield Finding("missing", f"{path}: the {listing.stem} lists it and it is not there; {again}")
        elif (size := path.stat().st_size) != record.bytes:  # nobody digests what is of another size
            said = f"holds {size} bytes, and the {listing.stem} says {record.bytes}"
            yield Finding(
                "changed", f"{path}: differs from the digest in the {listing.stem}: {said}; {again}"
            )
        elif digest_of(path) != record.sha256:
            yield Finding("changed", f"{path}: differs from the digest in the {listing.stem}; {again}")


_BESIDE = frozenset(("baseline_debug.npz", "baseline_debug_stats.json"))
"""What `--baseline-debug-dir` leaves, which may be named inside the folder."""


def _extra(names: Artifacts, manifest: Manifest) -> Iterator[Finding]:
    """Find what this comparison did not write: an old file beside new ones is taken for one of them."""
    folder = names.folder
    listed = {folder / record.path for record in manifest.artifacts.values()}
    known = {*listed, names.manifest, names.adoption, names.log}
    rooms = {names.job.folder}
    if manifest.settings.get("save_debug_images"):
        rooms |= {names.debug_images(arm) for arm in manifest.arms}
    if manifest.settings.get("baseline_debug_dir"):
        known |= {folder / name for name in _BESIDE}
    for path in sorted(folder.rglob("*")):
        if path in known or rooms.intersection((path, *path.parents)):
            continue
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                yield Finding("changed", f"{path}: is a folder that holds nothing; remove it")
        else:
            yield Finding("changed", f"{path}: the manifest does not list it; move it away")


# "flat" is of tables before ptycho-compare-3
_COLLAPSES = ("non_finite:", "zero:", "mostly_empty:", "constant:", "flat:")


def finding_of_failed(arm: str, record: ArmRecord) -> Finding:
    """Say why an arm has no scores: dead by its canvas, failed by itself, or by what is around it."""
    if record.reason.startswith(f"{ENVIRONMENT}:"):
        return Finding("environment", record.reason, arm)
    return Finding("dead" if record.reason.startswith(_COLLAPSES) else "failed", record.reason, arm)
