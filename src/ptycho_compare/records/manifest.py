"""The manifest: what a comparison was made from, with which versions, and what it left.

It is written last; its existence means that every artifact it lists is complete.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ptycho_compare.models.engines import libraries_of, with_engine
from ptycho_compare.records.reading import Record
from ptycho_compare.storage.files import sha256_of
from ptycho_compare.storage.fingerprint import NUMERIC_LIBRARIES, OF_RECONSTRUCTOR, Fingerprint, version_of
from ptycho_compare.untrusted.regular import read_bytes

LOGGED_SINCE = 4
PUBLISHED, MANIFEST_DIGEST = "published", "manifest_sha256"
"""What the job's log of states says before a manifest is written, and the digest that it tells."""

_VERSIONS_OF = ("pytest-ptycho", *NUMERIC_LIBRARIES, "onnxruntime", "onnx", "h5py", "matplotlib")


class FileRecord(Record):
    """One file, by content."""

    path: str
    sha256: str
    bytes: int


class ArmRecord(Record):
    """How one arm came out.

    Attributes
    ----------
    reason : str
        One sentence with the measured numbers; empty when ok.
    details : dict
        Gauge, shift, model parameters: echoed, not judged.
    """

    status: Literal["ok", "failed", "unscored"]
    reason: str
    seconds: dict[str, float]
    details: dict[str, Any]

    @property
    def verdicts(self) -> list[str]:
        """What is said beside the scores of an arm that shows too little, a sentence each."""
        found = self.details.get("verdicts", [])
        known = [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
        return [f"{each.get('kind')}: {each.get('detail')}" for each in known]


class Manifest(Record):
    """Contents of ``manifest.json``.

    Attributes
    ----------
    schema_version : int
        From `LOGGED_SINCE` on, the job's log of states holds the digest of this file.
    reference : str
        What the arms were compared with: "truth", "independent_half", "same_data", or "none".
    truth_range : dict
        The data ranges behind psnr, ssim and ms_ssim: ``amplitude``, ``phase`` in rad, ``complex``.
    scan : dict
        How the scan file was read, and its lengths in m as far as they are known.
    code : str
        Digest of this package's sources.
    attempts : list of dict
        Which processes computed it: number, host, start, and how many patches became safe in each.
    """

    schema_version: Literal[3, 4] = 4
    started: str
    finished: str
    command: list[str]
    settings: dict[str, Any]
    inputs: dict[str, FileRecord]
    plan: dict[str, Any]
    mask_pixels: int
    reference: str
    truth_range: dict[str, float]
    scan: dict[str, Any]
    metric_version: str
    arms: dict[str, ArmRecord]
    warnings: list[str]
    versions: dict[str, str]
    code: str
    attempts: list[dict[str, Any]]
    artifacts: dict[str, FileRecord]

    @property
    def sha256(self) -> str:
        """Of the file that `write` writes."""
        return hashlib.sha256(self.text().encode()).hexdigest()

    def fingerprint(self) -> Fingerprint:
        """What the results rest on."""
        settings = with_engine(self.settings)
        libraries = libraries_of(settings, (Path(record.path) for record in self.inputs.values()))
        versions = {name: self.versions[name] for name in libraries if name in self.versions}
        versions |= {name: text for name, text in self.versions.items() if name.startswith(OF_RECONSTRUCTOR)}
        python = ".".join(self.versions.get("python", "").split(".")[:2])
        inputs = {name: record.sha256 for name, record in self.inputs.items()}
        return Fingerprint(inputs, settings, self.code, {"python": python, **versions})


def record_file(path: Path, *, below: Path | None = None) -> FileRecord:
    """Digest a file; its path is stored relative to `below` when it lies there."""
    inside = below is not None and path.is_relative_to(below)
    name = path.relative_to(below).as_posix() if inside and below is not None else path.as_posix()
    return FileRecord(path=name, sha256=sha256_of(path), bytes=path.stat().st_size)


def record_artifacts(folder: Path, artifacts: Iterable[Path]) -> dict[str, FileRecord]:
    """Digest the artifacts of a comparison, by file name."""
    return {path.relative_to(folder).as_posix(): record_file(path, below=folder) for path in artifacts}


def versions() -> dict[str, str]:
    """Versions of Python and of the libraries that numbers depend on."""
    found: dict[str, str] = {"python": platform.python_version(), "platform": platform.platform()}
    return found | {name: version_of(name) for name in _VERSIONS_OF}


def read_manifest(path: Path) -> Manifest:
    """Read a manifest; pydantic's error names what does not fit."""
    return Manifest.model_validate_json(read_bytes(path))


if TYPE_CHECKING:  # scoring loads scipy and scikit-image
    from ptycho_compare.scoring.scorecard import ArmScore


def alignment_record(score: ArmScore) -> dict[str, Any]:
    """Return ``verdicts``, ``gauge``, ``shift`` and ``twin`` of an arm, as far as there are any."""
    record: dict[str, Any] = {}
    if score.verdicts:
        record["verdicts"] = [{"kind": each.kind, "detail": each.detail} for each in score.verdicts]
    if score.gauge is not None:
        record["gauge"] = {
            "gain": abs(score.gauge.scale),
            "phase_rad": score.gauge.phase,
            "ramp_rad_per_px": list(score.gauge.ramp),
            "ramp_removed": score.gauge.freed,
            "ramp_because": score.gauge.because,
            "amplitude_gain": score.amplitude_gain,
            "overlap_before": score.gauge.overlap_before,
            "overlap_after": score.gauge.overlap_after,
        }
    if score.shift is not None:
        record["shift"] = {
            "dy_px": score.shift.dy,
            "dx_px": score.shift.dx,
            "ramp_rad_per_px": list(score.shift.ramp),
            "registered": score.shift.registered,
            "applied": score.moved,
            "confidence": score.shift.confidence,
            "reason": score.shift.reason,
        }
    if score.distortion is not None:
        record["distortion"] = asdict(score.distortion)
    if score.twin is not None:
        record["twin"] = {"overlap": score.twin.overlap, "direct_overlap": score.twin.direct_overlap}
    return record
