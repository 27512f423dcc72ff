"""What scores that were made anew from stored canvases rest on: ``rescoring.json`` beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from ptycho_compare.records.manifest import FileRecord
from ptycho_compare.records.reading import Record, read_json

MADE_BY = "ptycho-hub rescore"


class RescoringRecord(Record):
    """Contents of ``rescoring.json``.

    Attributes
    ----------
    comparison : str
        Whose canvases were scored.
    manifest_sha256 : str
        Of that comparison's evidence.
    scored, by, host, command
        When (UTC), by whom, on which machine, by which words.
    changed : dict of str to list
        Keys of the study, each with the value that the comparison was scored by and the one used here.
    within : str
        The image whose pixels other than 0 could be scored, as it was named; empty for all pixels.
    mask_pixels : int
        How many pixels were scored.
    left_out : list of str
        What cannot be scored without running a network or a lab's own code.
    metric_version, code : str
        By which definitions, and the digest of this package's sources.
    """

    schema_version: Literal[1] = 1
    comparison: str
    manifest_sha256: str
    scored: str
    by: str
    host: str
    command: list[str]
    changed: dict[str, list[Any]]
    within: str
    mask_pixels: int
    left_out: list[str]
    metric_version: str
    code: str
    versions: dict[str, str]
    artifacts: dict[str, FileRecord]


def read_rescoring(path: Path) -> RescoringRecord:
    """Read one; raises ReportError when it is missing or damaged."""
    return read_json(path, RescoringRecord, made_by=MADE_BY)
