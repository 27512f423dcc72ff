"""The record of a finished step of the pipeline: what it rests on and what it left behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import AliasChoices, ConfigDict, Field, ValidationError

from ptycho_compare.records.reading import Record
from ptycho_compare.storage.fingerprint import Fingerprint
from ptycho_compare.untrusted.regular import read_bytes


class StepFingerprint(Record):
    """What a step rests on, as JSON holds a `Fingerprint`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    inputs: dict[str, str]
    settings: dict[str, Any]
    code: str
    versions: dict[str, str]

    def as_one(self) -> Fingerprint:
        """Return it as such."""
        return Fingerprint(self.inputs, self.settings, self.code, self.versions)


class StepRecord(Record):
    """What a finished step rests on and left behind, as JSON holds it.

    Attributes
    ----------
    status : str
        ``made`` by its command, or ``given``: brought from elsewhere and checked here.
    outputs : dict
        Path below the hub to SHA-256 and size in bytes.
    seconds, cpu_s, peak_bytes : float or int
        Of the attempt that finished it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    title: str
    status: Literal["made", "given"]
    command: tuple[str, ...]
    fingerprint: StepFingerprint = Field(validation_alias=AliasChoices("fingerprint", "basis"))  # up to 0.1
    outputs: dict[str, tuple[str, int]]
    attempts: list[dict[str, Any]]
    seconds: float
    cpu_s: float
    peak_bytes: int
    ended: str

    @property
    def by_our_command(self) -> bool:
        """Whether a command of this program made it; a lab's own stands in the settings that it rests on."""
        return self.status == "made" and "command" not in self.fingerprint.settings


def read_step_record(path: Path) -> StepRecord | None:
    """Read the record of a finished step; None where there is none, or none of this version."""
    try:
        return StepRecord.model_validate_json(read_bytes(path))
    except (OSError, ValidationError):
        return None
