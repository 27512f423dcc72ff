"""A validation: one row of a verification report, with the findings that make it invalid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ptycho_compare.finding import Finding


@dataclass(frozen=True)
class Validation:
    """What was looked at and what does not hold.

    Attributes
    ----------
    description : str
    path : str
        The file it is about, POSIX below the hub.
    findings : sequence of Finding
    details : mapping
        What was counted and compared, for programs.
    """

    description: str
    path: str
    findings: Sequence[Finding]
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def valid(self) -> bool:
        """Whether all of it holds."""
        return not self.findings

    def __str__(self) -> str:
        return f"{'valid  ' if self.valid else 'INVALID'} {self.description}: {self.path}"

    def to_json(self) -> dict[str, Any]:
        """All of it, as the report holds it; `error` is None where there is none."""
        error = "; ".join(finding.text for finding in self.findings) or None
        return {
            "valid": self.valid,
            "description": self.description,
            "path": self.path,
            "error": error,
            **self.details,
        }
