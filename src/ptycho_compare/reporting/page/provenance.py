"""Inputs, settings, steps and notes of a comparison and its study, as lines of a page."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ptycho_compare.duration import duration_text
from ptycho_compare.hub import Hub, StepFiles
from ptycho_compare.records.manifest import FileRecord, Manifest
from ptycho_compare.records.step_record import StepRecord, read_step_record
from ptycho_compare.reporting.page.words import number_text, readable, text_of
from ptycho_compare.untrusted.regular import read_json


@dataclass(frozen=True)
class Provenance:
    """Of one comparison.

    Attributes
    ----------
    facts : dict of str to str
        One line each.
    command : str
        As it can be typed.
    inputs : dict of str to FileRecord
        By what they were used as.
    settings : str
        All of them, as JSON.
    """

    facts: Mapping[str, str]
    command: str
    inputs: Mapping[str, FileRecord]
    versions: Mapping[str, str]
    warnings: tuple[str, ...]
    settings: str


@dataclass(frozen=True)
class StepLine:
    """One finished step of the pipeline, as text."""

    title: str
    status: str
    ended: str
    seconds: str
    cpu: str
    memory: str
    command: str


def provenance_of(manifest: Manifest, *, origin: str, adoption: Path, manifest_sha256: str) -> Provenance:
    """Return what a manifest tells of how a comparison was made."""
    plan = manifest.plan
    facts = {
        "Made": f"{manifest.started} to {manifest.finished}",
        "Origin": origin or "not judged",
        "Adopted": _adopted(adoption),
        "Metrics": manifest.metric_version,
        "Scored pixels": str(manifest.mask_pixels),
        "Pixels that the scan lit": _plain(manifest.scan.get("lit_pixels", "")),
        "Plan": ", ".join(f"{key} {_plain(value)}" for key, value in plan.items()),
        "Geometry": "; ".join(_geometry(manifest)),
        "Attempts": str(len(manifest.attempts)),
        "Artifacts": f"{len(manifest.artifacts)} files with digests in the manifest",
        "Digest of the manifest": manifest_sha256,
        "Digest of the code": manifest.code,
    }
    return Provenance(
        {name: readable(text) for name, text in facts.items() if text},
        readable(shlex.join(manifest.command)),
        manifest.inputs,
        manifest.versions,
        tuple(readable(warning) for warning in manifest.warnings),
        readable(json.dumps(manifest.settings, indent=2)),
    )


def read_steps(hub: Hub) -> tuple[StepLine, ...]:
    """Read the records of finished steps, in the order in which they ended."""
    folders = [files.folder.parent for files in hub.jobs()]
    records = [read_step_record(StepFiles(folder).record) for folder in folders]
    known = sorted((record for record in records if record is not None), key=lambda each: each.ended)
    return tuple(_step_line(record) for record in known)


def _step_line(record: StepRecord) -> StepLine:
    return StepLine(
        title=readable(record.title),
        status=readable(record.status),
        ended=readable(record.ended),
        seconds=duration_text(record.seconds),
        cpu=duration_text(record.cpu_s),
        memory=f"{record.peak_bytes / 2**20:.0f} MiB",
        command=readable(shlex.join(record.command)),
    )


def _geometry(manifest: Manifest) -> Iterator[str]:
    """What the check of the geometry found, object by object."""
    found = manifest.scan.get("geometry")
    for each in found if isinstance(found, list) else ():
        if isinstance(each, dict):
            yield f"through {each.get('through')}: {each.get('reason')}"


def _adopted(path: Path) -> str:
    """Who took the results over, when they were made elsewhere."""
    if not path.is_file():
        return ""
    try:
        record = read_json(path)
        pieces = len(record["pieces"])
        return (
            f"{record['adopted']} by {record['by']} on {record['host']} from {record['source']}; "
            f"{pieces} pieces computed again"
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        return f"{path.name} cannot be read ({type(error).__name__})"


def _plain(value: Any) -> str:
    return number_text(value) if isinstance(value, float) else str(value)


@dataclass(frozen=True)
class Note:
    """A note that says why the study stands still.

    Attributes
    ----------
    path : str
        Below the hub.
    link : str
        From the page to it; empty where it lies outside the hub.
    text : str
        What it says; of people and programs, and shown as it is.
    """

    path: str
    link: str
    text: str


def read_notes(hub: Hub, paths: Sequence[str], *, page: Path) -> tuple[Note, ...]:
    """Read the notes of a verdict."""
    return tuple(_note(hub, path, page) for path in paths)


def link_to(hub: Hub, path: Path, *, page: Path) -> str:
    """Return a link from a page to a file of the hub; empty where the file lies outside it."""
    target = path.resolve()
    if not target.is_relative_to(hub.root.resolve()):
        return ""
    return quote(Path(os.path.relpath(target, page.resolve().parent)).as_posix())


def _note(hub: Hub, path: str, page: Path) -> Note:
    link = link_to(hub, hub.root / path, page=page)
    return Note(path, link, text_of(hub.root / path) if link else "not shown: it lies outside the hub")
