"""Judge one comparison by the evidence it left, not by its exit status."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import ValidationError

from ptycho_compare.checks.finding import Finding
from ptycho_compare.errors import ArchiveError, InputError
from ptycho_compare.files import sha256_of
from ptycho_compare.hub import Artifacts
from ptycho_compare.reporting.manifest import ArmRecord, Manifest, read_manifest
from ptycho_compare.reporting.study.scores import RANGES, RANGES_WITHOUT_TRUTH
from ptycho_compare.reporting.tables.metrics_csv import MetricRow, read_metrics_csv
from ptycho_compare.scoring import CollapseLimits, find_collapse
from ptycho_compare.scoring.metrics.truth_view import NO_CONTRAST_NOTE
from ptycho_compare.untrusted.npz import open_npz


def judge_comparison(
    folder: Path,
    *,
    required: Sequence[str],
    limits: CollapseLimits | None = None,
) -> list[Finding]:
    """Collect what does not hold in a comparison's folder.

    Parameters
    ----------
    folder : Path
        The comparison's output.
    required : sequence of str
        Arms that must be scored. Other arms that are there are judged the same way.
    limits : CollapseLimits or None
        When a stored canvas counts as dead: the study's; None for the defaults.

    Returns
    -------
    list of Finding
        Empty when every arm is alive, scored, and every artifact is as it was written.
    """
    names = Artifacts(folder)
    try:
        manifest = read_manifest(names.manifest)
    except OSError:
        return [Finding("missing", f"{names.manifest}: the comparison did not complete")]
    except ValidationError as error:
        return [Finding("changed", f"{names.manifest}: is no manifest ({error.error_count()} problems)")]
    damaged = list(_changed(folder, manifest))
    findings = list(damaged)
    for arm in dict.fromkeys([*required, *manifest.arms]):
        record = manifest.arms.get(arm)
        if record is None:
            findings.append(Finding("missing", f"{names.metrics} has no such arm, and it is required", arm))
        elif record.status != "ok":
            findings.append(_of_failed_arm(arm, record))
    if not damaged:
        alive = [arm for arm, record in manifest.arms.items() if record.status == "ok"]
        findings += _blank(names.metrics, alive, manifest)
        findings += _dead_on_disk(names.reconstructions, alive, limits or CollapseLimits())
    return findings


def _changed(folder: Path, manifest: Manifest) -> Iterator[Finding]:
    for record in manifest.artifacts.values():
        path = folder / record.path
        if not path.is_file():
            yield Finding("missing", f"{path}: the manifest lists it and it is not there")
        elif sha256_of(path) != record.sha256:
            yield Finding("changed", f"{path}: differs from the digest in the manifest")


_COLLAPSES = ("non_finite:", "zero:", "mostly_empty:", "constant:", "flat:")


def _of_failed_arm(arm: str, record: ArmRecord) -> Finding:
    return Finding("dead" if record.reason.startswith(_COLLAPSES) else "failed", record.reason, arm)


def _blank(metrics: Path, arms: Sequence[str], manifest: Manifest) -> Iterator[Finding]:
    try:
        rows = {(row.model, row.metric): row for row in read_metrics_csv(metrics)}
    except InputError as error:
        yield Finding("changed", str(error))
        return
    without_truth = manifest.reference == "none"
    parts = ("value",) if without_truth else ("amplitude", "phase")
    for arm in arms:
        for metric, ends in (RANGES_WITHOUT_TRUTH if without_truth else RANGES).items():
            row = rows.get((arm, metric))
            if row is not None:
                yield from _blank_cells(metrics, row, parts, ends)
            elif not (without_truth and manifest.scan.get("probe") is False):
                yield Finding("blank", f"{metrics} has no {metric} row", arm)


def _blank_cells(
    metrics: Path, row: MetricRow, parts: Sequence[str], ends: tuple[float, float]
) -> Iterator[Finding]:
    low, high = ends
    for part in parts:
        number = getattr(row, part)
        name = "" if part == "value" else f" {part}"
        if number is None:
            # only a score that cannot exist may be left out, and its own note says so
            if f"{part}: {NO_CONTRAST_NOTE}" not in row.note:
                yield Finding("blank", f"{metrics}: {row.metric}{name} is empty", row.model)
        elif not low <= number <= high:
            yield Finding(
                "blank",
                f"{metrics}: {row.metric}{name} = {number:g} is outside [{low:g}, {high:g}]",
                row.model,
            )


def _dead_on_disk(reconstructions: Path, arms: Sequence[str], limits: CollapseLimits) -> Iterator[Finding]:
    """Look at the stored canvases themselves: a score alone would not show a blank picture."""
    if not reconstructions.is_file():
        return
    try:
        with open_npz(reconstructions) as archive:
            mask = archive.array("mask")
            for arm in arms:
                key = f"{arm.lower()}_complex"
                values = archive.array(key)
                if (values.dtype.kind, mask.dtype.kind, mask.shape) != ("c", "b", values.shape):
                    found = (
                        f"'{key}' of {values.dtype} {values.shape} and 'mask' of {mask.dtype} {mask.shape}"
                    )
                    yield Finding("changed", f"{reconstructions}: {found} are no canvas", arm)
                    continue
                collapse = find_collapse(values, mask, limits=limits)
                if collapse is not None:
                    yield Finding("dead", f"{collapse.kind}: {collapse.detail} ({reconstructions})", arm)
    except ArchiveError as error:
        yield Finding("changed", str(error))
