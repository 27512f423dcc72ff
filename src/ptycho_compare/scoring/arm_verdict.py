"""What is found about a living arm beside its numbers: flat, or without a component."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ArmVerdictKind = Literal["flat", "flat in phase", "flat in amplitude", "phase only", "amplitude only"]


@dataclass(frozen=True)
class ArmVerdict:
    """The kind of a verdict on an arm that is scored, and the measured number behind it in one sentence."""

    kind: ArmVerdictKind
    detail: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.detail}"
