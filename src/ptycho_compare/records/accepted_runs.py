"""Accepted runs: the verdict and the tables of a hub, kept so that later hubs can be compared with them.

A run is laid out as a hub that holds nothing else: what compares two hubs takes it as one. Its own record
holds the digest of the verdict, the verdict those of the manifests, and each manifest that of its table.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from ptycho_compare.errors import InputError, ReportError, StorageError
from ptycho_compare.hub import AcceptedFiles, Artifacts, Hub, utc_text
from ptycho_compare.records.acceptance import ComparisonVerdict, Verdict
from ptycho_compare.records.accepted_scores import HeldArtifacts, artifacts_of
from ptycho_compare.records.adoption import whoever
from ptycho_compare.records.reading import Record, read_json
from ptycho_compare.storage.files import atomic_path, digest_of
from ptycho_compare.untrusted.regular import read_bytes, why_unreadable

MADE_BY = "ptycho-hub accept"

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9_-])?")
_MOST_RUNS = 1000


class AcceptedRun(Record):
    """Contents of ``accepted.json``.

    Attributes
    ----------
    name : str
        Of the run.
    accepted, by, host : str
        When (UTC), by whom, on which machine.
    hub, study : str
        Folder of the hub, and the name of its study.
    outcome, reason : str
        Of the gate; other than ``accepted`` only where that was asked for.
    verdict_sha256 : str
        Of the verdict beside it.
    """

    schema_version: Literal[1] = 1
    name: str
    accepted: str
    by: str
    host: str
    hub: str
    study: str
    outcome: Literal["accepted", "red", "incomplete", "deferred"]
    reason: str
    verdict_sha256: str


@dataclass(frozen=True)
class Run:
    """A run that was read; `hub` takes it as a hub of verdict and tables alone."""

    record: AcceptedRun
    hub: Hub


def check_name(name: str) -> str:
    """Return a name that a run may have.

    Raises
    ------
    InputError
        It would not be the name of one folder on every file system.
    """
    if not _NAME.fullmatch(name):
        raise InputError(
            f"--name {name!r:.100}: letters, digits, '.', '_' and '-', at most 64, a letter or digit first "
            "and no '.' last"
        )
    return name


def is_run(folder: Path) -> bool:
    """True where a folder holds an accepted run, whole or not."""
    return AcceptedFiles(folder).record.is_file()


def is_named(store: Path, name: str) -> bool:
    """True where a store holds a run of this name."""
    return _NAME.fullmatch(name) is not None and is_run(store / name)


def write_run(store: Path, name: str, hub: Hub, verdict: Verdict) -> Path:
    """Keep the verdict, and manifest and table of every comparison that it accepts; return the run's folder.

    It is whole or not there.

    Raises
    ------
    InputError
        The name cannot be one, or is taken.
    ReportError
        A file is not the one that was judged.
    """
    folder = store / check_name(name)
    taken = {each.name.lower(): each for each in _folders(store)}
    if found := taken.get(name.lower()):
        raise InputError(f"{found}: there is a run of this name; name another by --name")
    store.mkdir(parents=True, exist_ok=True)
    begun = store / f".{name}.{os.getpid()}-{secrets.token_hex(4)}.tmp"
    try:
        _fill(Hub(begun), name, hub, verdict)
        try:
            begun.rename(folder)
        except OSError as error:
            raise StorageError(f"{folder}: cannot be made ({error.strerror})") from None
    finally:
        shutil.rmtree(begun, ignore_errors=True)
    return folder


def _fill(run: Hub, name: str, hub: Hub, verdict: Verdict) -> None:
    for each in verdict.comparisons:
        if each.state == "accepted":
            _copy(Artifacts(hub.root / each.folder), artifacts_of(run, each), each)
    record = run.verdict().record
    record.parent.mkdir(parents=True, exist_ok=True)
    verdict.write(record)
    by, host = whoever()
    AcceptedRun(
        name=name,
        accepted=utc_text(),
        by=by,
        host=host,
        hub=str(hub.root),
        study=verdict.study,
        outcome=verdict.outcome,
        reason=verdict.reason,
        verdict_sha256=digest_of(record),
    ).write(AcceptedFiles(run.root).record)


def _copy(there: Artifacts, here: Artifacts, comparison: ComparisonVerdict) -> None:
    here.folder.mkdir(parents=True)
    manifest = _bytes_of(there.manifest, comparison.manifest_sha256)
    try:
        held = HeldArtifacts.model_validate_json(manifest).artifacts.get(there.metrics.name)
    except ValidationError:
        held = None
    table = _bytes_of(there.metrics, "" if held is None else held.sha256)
    for path, content in ((here.manifest, manifest), (here.metrics, table)):
        with atomic_path(path) as temporary:
            temporary.write_bytes(content)


def _bytes_of(path: Path, sha256: str) -> bytes:
    try:
        content = read_bytes(path)
    except OSError as error:
        raise ReportError(f"{path}: cannot be read ({why_unreadable(error)}); judge the hub again") from None
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ReportError(f"{path}: was exchanged while the hub was judged; run {MADE_BY} again")
    return content


def read_run(folder: Path) -> Run:
    """Read a run's record.

    Raises
    ------
    ReportError
        It is missing or no such record, or the verdict beside it is not the one that was accepted.
    """
    record = read_json(AcceptedFiles(folder).record, AcceptedRun, made_by=MADE_BY)
    verdict = Hub(folder).verdict().record
    try:
        found = digest_of(verdict)
    except OSError as error:
        raise ReportError(
            f"{verdict}: cannot be read ({why_unreadable(error)}); {MADE_BY} writes it"
        ) from None
    if found != record.verdict_sha256:
        raise ReportError(
            f"{verdict}: is not the verdict that was accepted (SHA-256 {record.verdict_sha256[:12]}); "
            f"restore it, or accept a hub anew by {MADE_BY}"
        )
    return Run(record, Hub(folder))


def runs_in(store: Path) -> Iterator[Run | ReportError]:
    """Yield the runs of a store, the oldest first, and behind them what is wrong with others."""
    found: list[Run] = []
    wrong: list[ReportError] = []
    for folder in _folders(store)[:_MOST_RUNS]:
        try:
            found.append(read_run(folder))
        except ReportError as error:
            wrong.append(error)
    yield from sorted(found, key=lambda each: (each.record.accepted, each.record.name))
    yield from wrong


def _folders(store: Path) -> list[Path]:
    """Folders that may hold runs, by name; what a stopped writer left has no such name."""
    if not store.is_dir():
        return []
    return sorted(path for path in store.iterdir() if _NAME.fullmatch(path.name) and path.is_dir())
