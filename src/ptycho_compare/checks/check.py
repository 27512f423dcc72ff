"""A check of a hub, and what it found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ptycho_compare.errors import InputError
from ptycho_compare.finding import Finding
from ptycho_compare.hub import Hub
from ptycho_compare.printable import one_line

Depth = Literal["light", "deep"]
"""Light checks go by presence, digests and records; deep ones draw or measure again."""

Concern = Literal["phases", "iterative", "comparison", "reports", "processes"]
"""The subject of a check; iterative reconstructions are asked for only where an arm of them is."""


@dataclass(frozen=True)
class Validation:
    """One row of a verification report: the file that was looked at, and what does not hold in it.

    The path is POSIX, below the hub; the details are what was counted and compared, for programs. Warnings
    say what is unusual and may be meant: it holds all the same.
    """

    description: str
    path: str
    findings: Sequence[Finding]
    details: Mapping[str, Any] = field(default_factory=dict)
    warnings: Sequence[str] = ()

    @property
    def valid(self) -> bool:
        """True when all of it holds."""
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
            **({"warnings": [*self.warnings]} if self.warnings else {}),
            **self.details,
        }


@dataclass(frozen=True)
class Check:
    """A rule that must hold in a hub.

    Attributes
    ----------
    about : str
        How the check is described where it comes to no result.
    name : str
        Among the checks of all doses and views; empty where the description tells.
    reached : bool
        False where nothing in the hub says that what the check is about was ever made.
    """

    look: Callable[[], Validation]
    concerns: Concern
    about: str
    depth: Depth = "light"
    name: str = ""
    reached: bool = True

    def judge(self) -> Validation:
        """Look; what cannot be read at all, and was not expected so, is a finding too."""
        try:
            return self.look()
        except (OSError, InputError) as error:
            found = isinstance(error, OSError) and f"{error.filename}: {error.strerror}"
            return Validation(self.about, "", [Finding("changed", found or str(error))])


def without_hub(hub: Hub, texts: Sequence[str]) -> list[str]:
    """Name files in texts below the hub, wherever it lies today."""
    return [one_line(text.replace(f"{hub.root.as_posix()}/", "")) for text in texts]


def below(hub: Hub, findings: Sequence[Finding]) -> list[Finding]:
    """Name files in findings below the hub, wherever it lies today."""
    return [replace(each, text=each.text.replace(f"{hub.root.as_posix()}/", "")) for each in findings]
