"""The record of a finished step of the pipeline: what it rests on and what it left behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import AliasChoices, ConfigDict, Field, ValidationError

from ptycho_compare.records.reading import Record
from ptycho_compare.untrusted.regular import read_bytes


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
    status: str
    command: tuple[str, ...]
    fingerprint: dict[str, Any] = Field(validation_alias=AliasChoices("fingerprint", "basis"))  # up to 0.1
    outputs: dict[str, tuple[str, int]]
    attempts: list[dict[str, Any]]
    seconds: float
    cpu_s: float
    peak_bytes: int
    ended: str

    @property
    def by_our_command(self) -> bool:
        """Whether a command of this program made it; a lab's own stands in the settings that it rests on."""
        return self.status == "made" and "command" not in self.fingerprint.get("settings", {})


def read_step_record(path: Path) -> StepRecord | None:
    """Read the record of a finished step; None where there is none, or none of this version."""
    try:
        return StepRecord.model_validate_json(read_bytes(path))
    except (OSError, ValidationError):
        return None
