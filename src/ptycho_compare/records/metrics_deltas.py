"""Average distance of PtychoPINN from the other arms: ``metrics_delta_summary.json``."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from ptycho_compare.errors import ReportError
from ptycho_compare.hub import utc_text
from ptycho_compare.records.arm_names import COMPARED_WITH
from ptycho_compare.records.measures import MEASURES, PARTS, Measure, Part
from ptycho_compare.records.metrics_summary import MetricsSummary, Number
from ptycho_compare.records.reading import Record, read_json
from ptycho_compare.study import PTYCHOPINN


class Deltas(Record):
    """Contents of ``metrics_delta_summary.json``.

    Attributes
    ----------
    generated_at : str
        UTC, to the second, with a trailing Z.
    source_metrics : str
        The summary that they were made from, below the hub.
    source_sha256 : str
        Its digest; empty in PtychoPINN's own files.
    deltas : dict
        PtychoPINN minus the other arm, by ``vs_ARM``, measure and part; None where either has no score.
    """

    generated_at: str
    source_metrics: str
    deltas: dict[str, dict[str, dict[str, Number]]]
    source_sha256: str = ""

    def value(self, arm: str, measure: Measure, part: Part) -> float | None:
        """Return one of them."""
        return self.deltas[versus(arm)][measure.name][part]


def versus(arm: str) -> str:
    """Return the key of an arm that PtychoPINN is compared with."""
    return f"vs_{arm}"


def delta(
    summary: MetricsSummary, arm: str, measure: Measure, part: Part, statistic: str = "mean"
) -> float | None:
    """Subtract an arm's average from PtychoPINN's; None where either is missing."""
    ours = summary.average(PTYCHOPINN, measure, part, statistic)
    theirs = summary.average(arm, measure, part, statistic)
    return None if ours is None or theirs is None else ours - theirs


def deltas_of(
    summary: MetricsSummary, *, source: str, source_sha256: str = "", moment: datetime | None = None
) -> Deltas:
    """Compute all differences."""
    return Deltas(
        generated_at=utc_text(moment),
        source_metrics=source,
        source_sha256=source_sha256,
        deltas={
            versus(arm): {
                measure.name: {part: delta(summary, arm, measure, part) for part in PARTS}
                for measure in MEASURES
            }
            for arm in COMPARED_WITH
        },
    )


def read_deltas(path: Path) -> Deltas:
    """Read them.

    Raises
    ------
    ReportError
        Missing, no JSON, a number that is NaN, or an arm, measure or part is not there.
    """
    deltas = read_json(path, Deltas, made_by="ptycho-hub report")
    for arm in COMPARED_WITH:
        for measure in MEASURES:
            for part in PARTS:
                if part not in deltas.deltas.get(versus(arm), {}).get(measure.name, {}):
                    raise ReportError(f"{path}: key 'deltas.{versus(arm)}.{measure.name}.{part}' is missing")
    return deltas
