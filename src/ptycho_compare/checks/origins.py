"""What networks, reconstructions and comparisons were made from, by their own words: data of their place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from pydantic import ValidationError

from ptycho_compare.checks.held_files import Held, bundle_of, differs, digest_if_readable
from ptycho_compare.errors import InputError, ReportError
from ptycho_compare.finding import Finding
from ptycho_compare.hub import Artifacts, Hub, dose_of
from ptycho_compare.models.bundle import ModelFile, inspect_model
from ptycho_compare.records.manifest import read_manifest
from ptycho_compare.records.reconstruction_list import of_split, read_reconstruction_list, reconstruction_list
from ptycho_compare.records.step_record import read_step_record
from ptycho_compare.study import BASELINE, PTYCHI, PTYCHOPINN
from ptycho_compare.study.steps import BASELINE_NETWORK, TRAIN_SPLIT, TrainStep


def judge_network(step: TrainStep, held: Held, splits: Sequence[str]) -> tuple[list[Finding], list[str]]:
    """Compare what a bundle says of its training with its place, and with the data that lie there."""
    findings: list[Finding] = []
    warnings: list[str] = []
    path = bundle_of(step)
    try:
        model = None if path is None else inspect_model(path)
    except InputError:
        model = None  # which the check of phase E says
    if model is None:
        return findings, warnings
    trained = model.parameters.get("nphotons")
    data = step.data(TRAIN_SPLIT)
    scan = held.scans.get(data) or held.scans.get(step.hub.patched(step.dose, TRAIN_SPLIT))
    measured = None if scan is None else scan.photons
    if isinstance(trained, int | float) and not isinstance(trained, bool):
        said = f"{model.path}: was trained at {trained:g} photons per exposure"
        if scan is not None and measured is not None and differs(trained, measured):
            there = step.hub.relative(scan.path)
            findings.append(Finding("input", f"{said}, and {there} has {measured:g}: train it on these data"))
        elif measured is None and differs(trained, step.dose):
            warnings.append(f"{said}, and its place is that of {step}")
    return [*findings, *_of_its_file(step, model, splits)], warnings


def _of_its_file(step: TrainStep, model: ModelFile, splits: Sequence[str]) -> Iterator[Finding]:
    """Find another dose, view or split in the path of the file that a bundle says it was trained on."""
    text = model.parameters.get("train_data_file_path")
    parts = PurePosixPath(str(text).replace("\\", "/")).parts if isinstance(text, str) else ()
    phase = next((at for at, part in enumerate(parts) if part in ("phase_c", "phase_d")), None)
    if phase is None or len(parts) < phase + 3:
        return  # another program's, whose names tell nothing
    said = f"{model.path}: says that it was trained on {text!r:.200}, and its place is that of {step}"
    dose, name = dose_of(Path(parts[phase + 1])), PurePosixPath(parts[-1]).stem
    others = [split for split in splits if split != TRAIN_SPLIT]
    view = parts[phase + 2] if parts[phase] == "phase_d" and len(parts) == phase + 4 else None
    if dose is not None and dose != step.dose:
        yield Finding("input", f"{said}: another dose")
    elif any(re.search(rf"(^|_){re.escape(split)}$", name) for split in others):
        yield Finding("input", f"{said}: a split that it is tested on")
    elif view is not None and not step.single and view != step.network:
        yield Finding("input", f"{said}: another view")


def judge_records(held: Held) -> Iterator[Finding]:
    """What a step or a comparison was made from is not what lies in another's place now."""
    files = [*held.scans, *held.reconstructions]
    files += [path for step in held.networks if (path := bundle_of(step)) is not None]
    known: dict[str, Path] = {}
    for path in files:
        if (digest := digest_if_readable(path)) is not None:
            known.setdefault(digest, path)
    for where, name, own, sha256 in (*_of_steps(held.hub), *_of_comparisons(held), *_of_listed(held)):
        other = known.get(sha256)
        if other is not None and other != own and digest_if_readable(own) != sha256:
            text = f"{name} was {held.hub.relative(other)}, and {held.hub.relative(own)} belongs there"
            yield Finding("input", f"{where}: {text}; make it again from its own data")


Used = tuple[Path, str, Path, str]
"""The record, what is meant in it, the file that belongs there, and the digest of what was used."""


def _of_steps(hub: Hub) -> Iterator[Used]:
    for folder in sorted(hub.step("").folder.glob("*")):
        path = hub.step(folder.name).record
        record = read_step_record(path)
        if record is not None:
            for name, sha256 in record.fingerprint.inputs.items():
                yield path, f"input {name}", hub.root / name, sha256


def _of_comparisons(held: Held) -> Iterator[Used]:
    for hub, comparison in held.comparisons:
        path = Artifacts(comparison.folder(hub)).manifest
        try:
            inputs = read_manifest(path).inputs
        except (OSError, ValidationError):
            continue  # nothing is there, or its own check says so
        dose, view, split = comparison.dose, comparison.view, comparison.split
        own = {
            "test_data": hub.split_data(dose, view, split),
            PTYCHI: hub.ptychi(dose, view, split),
            PTYCHOPINN: bundle_of(TrainStep(hub, dose, view)),
            BASELINE: bundle_of(TrainStep(hub, dose, BASELINE_NETWORK)),
        }
        for name, file in own.items():
            if file is not None and name in inputs:
                yield path, f"input {name}", file, inputs[name].sha256


def _of_listed(held: Held) -> Iterator[Used]:
    path = reconstruction_list(held.hub)
    try:
        results = read_reconstruction_list(held.hub).execution_results if path.is_file() else []
    except ReportError:
        return  # which the check of phase F says
    for place in held.places:
        for result in of_split(results, *place):
            if result.input_sha256 is not None:
                name = f"the scan of {result.name}"
                yield path, name, held.hub.split_data(*place), result.input_sha256
