"""``report/acceptance.json``: what the gate found in a hub, comparison by comparison and check by check."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, ConfigDict, Field

from ptycho_compare.records.in_cell import InCell
from ptycho_compare.records.reading import Record, read_json
from ptycho_compare.study import Comparison

ComparisonState = Literal["accepted", "red", "stale", "missing", "deferred"]
"""Of one comparison: its evidence holds; it does not; it is of other inputs, settings or code; there is
none; it is being computed, or goes on where it was stopped."""


class _Part(Record):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ComparisonVerdict(_Part, InCell):
    """The findings on one comparison.

    Attributes
    ----------
    id, dose, view, split, tier, cell
        As in `study.Comparison`; the cell by the factors' names.
    folder : str
        Of its artifacts, below the hub.
    required : bool
        Whether the gate asks for it.
    state : str
        The integrity of its evidence.
    findings : tuple of str
        What does not hold; empty when accepted.
    origin : str
        ``computed`` here, or ``adopted`` from elsewhere and verified here; empty without evidence.
    scientific : {"ok", "low", "unscored"}
        Whether every arm's MS-SSIM reaches the study's line.
    low : tuple of str
        Which do not, with their numbers.
    manifest_sha256 : str
        Of the manifest, which holds the digests of all artifacts; empty without evidence.
    """

    id: str
    dose: int
    view: str
    split: str
    tier: str
    folder: str
    required: bool
    state: ComparisonState = Field(validation_alias=AliasChoices("state", "standing"))  # up to 0.1
    findings: tuple[str, ...] = ()
    origin: Literal["computed", "adopted", ""] = ""
    scientific: Literal["ok", "low", "unscored"] = "unscored"
    low: tuple[str, ...] = ()
    manifest_sha256: str = ""

    @property
    def comparison(self) -> Comparison:
        """The comparison of the study."""
        return Comparison(self.dose, self.view, self.split, self.tier, self.in_cell)


class CheckVerdict(_Part):
    """The findings of one check of the hub: of a phase's files, or of the reports.

    Attributes
    ----------
    path : str
        The file it is about, below the hub.
    warnings : tuple of str
        What is unusual and may be meant.
    """

    description: str
    path: str
    findings: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class Change(_Part):
    """How one score differs from that of an earlier accepted hub.

    Attributes
    ----------
    before, now : float or None
        None where a hub has no such score.
    tolerance : str
        The rule that was applied, with its number.
    """

    id: str
    arm: str
    metric: str
    part: str
    before: float | None
    now: float | None
    tolerance: str
    judged: Literal["worse", "same", "better"]


class Verdict(_Part):
    """Contents of ``acceptance.json``.

    Attributes
    ----------
    study : str
        Its name.
    generated_at : str
        UTC, to the second.
    required_tiers : tuple of str
        Whose comparisons must all be there.
    outcome : str
        ``accepted``; ``red`` (something does not hold); ``incomplete`` (evidence is missing or stale);
        ``deferred`` (all that is missing goes on).
    reason : str
        One line; why, or how many comparisons hold.
    comparisons : tuple of ComparisonVerdict
        All of the study, in its order.
    blockers : tuple of str
        Notes that say why the study stands still, and that are not closed; below the hub.
    compared_with : str
        The accepted record that the scores were compared with; empty when none was.
    """

    schema_version: Literal[1] = 1
    study: str
    generated_at: str
    required_tiers: tuple[str, ...]
    outcome: Literal["accepted", "red", "incomplete", "deferred"]
    reason: str
    comparisons: tuple[ComparisonVerdict, ...]
    checks: tuple[CheckVerdict, ...] = ()
    blockers: tuple[str, ...] = ()
    compared_with: str = ""
    changes: tuple[Change, ...] = ()

    @property
    def required(self) -> Sequence[ComparisonVerdict]:
        """Comparisons that the gate asks for."""
        return [each for each in self.comparisons if each.required]


def read_verdict(path: Path) -> Verdict:
    """Read a record; ReportError, with how it is made, where it is missing or no such record."""
    return read_json(path, Verdict, made_by="ptycho-hub gate")
