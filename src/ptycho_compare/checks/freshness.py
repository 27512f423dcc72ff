"""Freshness: finished evidence is of the inputs, settings and code that are here now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from pydantic import ValidationError

from ptycho_compare.checks.adoption import is_adopted, judge_adoption
from ptycho_compare.checks.comparison import judge_comparison
from ptycho_compare.checks.job_records import judge_job_of
from ptycho_compare.finding import Finding
from ptycho_compare.hub import MODEL_NAMES, Artifacts, Hub
from ptycho_compare.records.manifest import FileRecord, Manifest, read_manifest
from ptycho_compare.scoring.collapse import CollapseLimits
from ptycho_compare.scoring.settings import ScoringSettings
from ptycho_compare.storage.files import digest_of
from ptycho_compare.storage.fingerprint import Fingerprint
from ptycho_compare.study import BASELINE, PTYCHI, PTYCHOPINN, Comparison
from ptycho_compare.study.factors import cell_in_hub


def stale(folder: Path, fingerprint: Fingerprint) -> Iterator[Finding]:
    """Yield what makes a comparison's evidence stale; its folder has a manifest.

    The fingerprint is what a run here and now would rest on. Adopted evidence was computed elsewhere and
    verified here: its code and libraries may be others.
    """
    names = Artifacts(folder)
    try:
        manifest = read_manifest(names.manifest)
    except (OSError, ValidationError) as error:
        yield Finding("missing", f"{names.manifest}: {' '.join(str(error).split())[:200]}")
        return
    if differs := other_definitions(manifest, fingerprint):
        yield Finding("stale", f"{names.manifest}: {differs}")
    adopted = is_adopted(folder, manifest)
    for difference in manifest.fingerprint().differences(fingerprint, made_elsewhere=adopted):
        yield Finding("stale", f"{names.manifest}: {difference}")


def other_definitions(manifest: Manifest, fingerprint: Fingerprint) -> str:
    """Say by which definitions a comparison was scored, where a run here would score by others.

    It is judged by its own all the same: their name stands in its rows.
    """
    metrics = fingerprint.settings.get("scoring", {}).get("metrics", "standard")
    here = ScoringSettings(metrics=metrics).metric_version
    if manifest.metric_version == here:
        return ""
    return f"scored by {manifest.metric_version}, and a run here scores by {here}"


_AGAIN = "run the comparison again"


def judge_in_place(
    hub: Hub,
    comparison: Comparison,
    *,
    required: Sequence[str],
    limits: CollapseLimits | None = None,
    arrays: bool = True,
) -> list[Finding]:
    """Collect what does not hold for a comparison of a hub: `judge_comparison`, its log, its inputs.

    That it is of the study's settings and of the code that is here is judged where a comparison is run,
    and by the gate.
    """
    names = Artifacts(comparison.folder(hub))
    findings = judge_comparison(names.folder, required=required, limits=limits, arrays=arrays)
    try:
        manifest = read_manifest(names.manifest)
    except (OSError, ValidationError):
        return findings  # said already
    if not names.log.is_file() and not names.adoption.is_file():
        findings.append(Finding("missing", f"{names.log}: is not there; {_AGAIN}"))
    findings += [*judge_adoption(names.folder, manifest), *judge_job_of(names.folder, manifest)]
    return [*findings, *stale_inputs(hub, comparison, names.manifest, manifest, required=required)]


def stale_inputs(
    hub: Hub, comparison: Comparison, path: Path, manifest: Manifest, *, required: Sequence[str]
) -> Iterator[Finding]:
    """Compare the digests of a comparison's inputs with the files that are in the hub now.

    An input is looked for where its dose, view and split say; a user's own arm by its recorded path,
    wherever the hub lies today.
    """
    places = _places(hub, comparison)
    for name, place in places.items():
        if name in manifest.inputs or name == PTYCHI:
            continue
        if name in ("test_data", *required) or place.is_file():
            yield Finding("changed", f"{path}: inputs has no {name}; {_AGAIN}")
    for name, record in manifest.inputs.items():
        file = places.get(name) or _in_hub(hub, record)
        if file is None:
            continue
        if not file.is_file():
            yield Finding("missing", f"{file}: is not there, and {path} rests on it as {name}")
        elif (size := file.stat().st_size) != record.bytes or digest_of(file) != record.sha256:
            text = f"input {name} was {record.bytes} bytes {record.sha256[:9]}"
            found = f" {digest_of(file)[:9]}" if size == record.bytes else ""
            now = f"{file} is {size} bytes{found}"
            yield Finding("stale", f"{path}: {text}, and {now}; {_AGAIN}")


def _places(hub: Hub, comparison: Comparison) -> Mapping[str, Path]:
    hub = replace(hub, cell=cell_in_hub(comparison.cell))
    dose, view, split = comparison.dose, comparison.view, comparison.split
    return {
        "test_data": hub.split_data(dose, view, split),
        PTYCHOPINN: _model(hub.pinn_dir(dose, view)),
        BASELINE: _model(hub.baseline_dir(dose)),
        PTYCHI: hub.ptychi(dose, view, split),
    }


def _model(folder: Path) -> Path:
    return next((folder / name for name in MODEL_NAMES if (folder / name).is_file()), folder / MODEL_NAMES[0])


def _in_hub(hub: Hub, record: FileRecord) -> Path | None:
    """Find a recorded path in the hub, even if the hub was moved; None for what lies elsewhere."""
    path = Path(record.path)
    if path.is_relative_to(hub.root):
        return path
    parts = PurePosixPath(record.path).parts
    tails = (hub.root.joinpath(*parts[start:]) for start, part in enumerate(parts) if part == "data")
    return next((tail for tail in tails if tail.is_file()), None)
