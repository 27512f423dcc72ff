"""The verification of some doses and views: every check in order, and the report of what they found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ptycho_compare.checks.check import Validation, below, without_hub
from ptycho_compare.checks.listing import Recompute, checks_of
from ptycho_compare.finding import Finding
from ptycho_compare.hub import Hub, utc_text
from ptycho_compare.storage.files import write_json_atomic, write_text_atomic
from ptycho_compare.study import Study


@dataclass(frozen=True)
class Verification:
    """The rows of a verification, one per check; its moment is in UTC."""

    doses: tuple[int, ...]
    views: tuple[str, ...]
    splits: tuple[str, ...]
    moment: str
    validations: tuple[Validation, ...]

    @property
    def findings(self) -> list[Finding]:
        """All that does not hold."""
        return [finding for each in self.validations for finding in each.findings]

    def to_json(self) -> dict[str, Any]:
        """The report."""
        n_valid = sum(each.valid for each in self.validations)
        return {
            "hub": ".",
            "generated_at": self.moment,
            "dose": self.doses[0] if len(self.doses) == 1 else list(self.doses),
            "view": self.views[0] if len(self.views) == 1 else list(self.views),
            "splits": list(self.splits),
            "all_valid": n_valid == len(self.validations),
            "n_checks": len(self.validations),
            "n_valid": n_valid,
            "n_invalid": len(self.validations) - n_valid,
            "validations": [each.to_json() for each in self.validations],
        }

    def lines(self) -> list[str]:
        """Say it, a line each."""
        rows = [
            line
            for each in self.validations
            for line in (str(each), *(f"    {one}" for one in (*each.findings, *_told(each.warnings))))
        ]
        valid = sum(each.valid for each in self.validations)
        return [*rows, f"{valid} of {len(self.validations)} checks are valid"]


def _told(warnings: Sequence[str]) -> Iterator[str]:
    return (f"warning: {text}" for text in warnings)


def verify(
    hub: Hub,
    dose: int | Sequence[int],
    view: str | Sequence[str],
    splits: Sequence[str],
    *,
    study: Study | None = None,
    recompute: Recompute | None = None,
) -> Verification:
    """Run every check of the list, light and deep: the same ones in the same order, whatever is missing.

    The splits are those that must have been compared. The study says which arms are required, when one is
    dead, and how the view was drawn; `recompute` is what computes comparisons again.
    """
    doses = (dose,) if isinstance(dose, int) else tuple(dose)
    views = (view,) if isinstance(view, str) else tuple(view)
    listed = checks_of(hub, doses, views, splits, study, recompute=recompute)
    validations = [check.judge() for check in listed]
    moment = utc_text()
    rows = tuple(
        replace(each, findings=below(hub, each.findings), warnings=without_hub(hub, each.warnings))
        for each in validations
    )
    return Verification(doses, views, tuple(splits), moment, rows)


def write_verification(hub: Hub, verification: Verification, *, report: Path | None = None) -> list[str]:
    """Write the report and its log; returns the lines of the log.

    What was found holds where a hub may only be read: then the last line says what was not written.
    """
    lines = verification.lines()
    files = hub.reports().verification if report is None else report, hub.reports().verification_log
    try:
        if report is not None:
            write_json_atomic(report, verification.to_json())
        hub.analysis().mkdir(parents=True, exist_ok=True)  # that nothing is there yet is a result too
        if report is None:
            write_json_atomic(files[0], verification.to_json())
        write_text_atomic(files[1], "\n".join([*lines, ""]))
    except OSError as error:
        return [*lines, f"not written: {error.filename or files[1]}: {error.strerror}"]
    return lines
