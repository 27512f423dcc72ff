"""A finding: one sentence about one thing that does not hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ptycho_compare.printable import one_line

Kind = Literal[
    "input",  # refused before anything was computed
    "missing",  # an artifact or an arm is not there
    "stale",  # evidence of other inputs, settings or code
    "stalled",  # attempts end without having gained anything
    "changed",  # an artifact differs from its recorded digest
    "prerequisite",  # what comes before, such as an earlier tier, is not green
    "deferred",  # not finished, goes on
    "window",  # no window of this length can gain anything
    "adoption",  # results made elsewhere do not hold
    "orphan",  # a process outlived its job
    "environment",  # a file system or a library failed while an arm ran
    "failed",  # an arm gave no usable reconstruction
    "dead",  # an arm is zero, constant, mostly empty or not finite
    "blank",  # a score is missing or out of its range
    "own",  # a check of the user's own does not hold
]


@dataclass(frozen=True)
class Finding:
    """One thing that does not hold.

    `text` is the sentence, with numbers; `arm` is empty when it is not about one.
    """

    kind: Kind
    text: str
    arm: str = ""

    def __post_init__(self) -> None:
        """Keep the sentence one line, whatever names and records it quotes."""
        object.__setattr__(self, "text", one_line(self.text))

    def __str__(self) -> str:
        who = f"arm {self.arm}: " if self.arm else ""
        return f"{self.kind}: {who}{self.text}"

    # a failed assertion prints a list of findings: it should read like sentences
    __repr__ = __str__
