"""The scores of a comparison in a hub or an accepted run, and whether they are still what was accepted."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel

from ptycho_compare.errors import ReportError
from ptycho_compare.hub import Artifacts, Hub
from ptycho_compare.records.acceptance import ComparisonVerdict
from ptycho_compare.records.comparison_list import ListedJob
from ptycho_compare.records.job_scores import JobScores, read_scores
from ptycho_compare.records.manifest import FileRecord
from ptycho_compare.records.reading import read_json
from ptycho_compare.storage.files import digest_of


class HeldArtifacts(BaseModel):
    """The part of a manifest that says what its artifacts are, whatever version wrote it."""

    artifacts: dict[str, FileRecord]


def artifacts_of(hub: Hub, comparison: ComparisonVerdict) -> Artifacts:
    """Where a comparison lies, by what it is: a verdict from elsewhere may name any folder."""
    return Artifacts(comparison.comparison.folder(hub))


def scores_of(hub: Hub, comparison: ComparisonVerdict) -> JobScores:
    """Read the scores of a comparison; InputError where they cannot be."""
    place = {"dose": comparison.dose, "view": comparison.view, "split": comparison.split}
    place |= {"cell": comparison.cell}
    folder = artifacts_of(hub, comparison).folder
    return read_scores(hub, ListedJob(**place, output_dir=hub.relative(folder)))


def untouched_scores(hub: Hub, comparison: ComparisonVerdict, *, manifest_sha256: str) -> JobScores:
    """Read an accepted table, provided that it is still the one that was accepted.

    Raises
    ------
    ReportError
        The manifest or the table is another, or gone.
    """
    artifacts = artifacts_of(hub, comparison)
    _require_digest(artifacts.manifest, manifest_sha256)
    held = read_json(artifacts.manifest, HeldArtifacts, made_by="ptycho-hub compare").artifacts
    table = held.get(artifacts.metrics.name)
    _require_digest(artifacts.metrics, "" if table is None else table.sha256)
    return scores_of(hub, comparison)


def _require_digest(path: Path, sha256: str) -> None:
    if not path.is_file() or digest_of(path) != sha256:
        raise ReportError(
            f"{path}: is not the file that was accepted (SHA-256 {sha256[:12] or 'not recorded'}); "
            "restore it, or judge and accept that hub again"
        )
