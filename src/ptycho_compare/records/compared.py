"""What the comparisons of a study left, read together: their tables, and how far their probes overlap.

Only a table that is the one its comparison wrote counts, as the manifest says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import Field

from ptycho_compare.errors import InputError, ResultsError
from ptycho_compare.hub import Artifacts, Hub
from ptycho_compare.records.accepted_scores import HeldArtifacts
from ptycho_compare.records.arm_costs import ArmCost, arm_costs, step_costs
from ptycho_compare.records.manifest import FileRecord
from ptycho_compare.records.reading import read_json
from ptycho_compare.records.tables.csv_cells import finite
from ptycho_compare.records.tables.metrics_csv import MetricRow, read_metrics_csv
from ptycho_compare.records.tables.pairs_csv import DifferenceRow, read_differences_csv
from ptycho_compare.records.tables.patches_csv import PatchRow, read_patches_csv
from ptycho_compare.storage.files import digest_of
from ptycho_compare.study import Comparison, Level
from ptycho_compare.untrusted import regular

OVERLAP = "overlap"
_MEASURED_OVERLAP = "metric_2_image_based_avg"
"""Of phase D: the mean overlap of an image's probe with those of its neighbours."""


class _HeldPlan(HeldArtifacts):
    inputs: dict[str, FileRecord] = Field(default={})
    plan: dict[str, Any] = Field(default={})
    attempts: list[dict[str, Any]] = Field(default=[])


@dataclass(frozen=True)
class Compared:
    """A comparison that has evidence.

    Attributes
    ----------
    overlap : float or None
        Mean overlap of a probe with its neighbours', 0 to 1, as phase D measured it; None where it did not.
    images : int or None
        Diffraction patterns that were reconstructed.
    rows, differences : tuple
        Of its two tables.
    costs : tuple of ArmCost
        What its arms took.
    patches : tuple of PatchRow
        Of networks, each scored before it was stitched, where that was asked for.
    inputs : dict of str to str
        SHA-256 of what each arm was made from, and of ``test_data``.
    """

    comparison: Comparison
    overlap: float | None
    images: int | None
    rows: tuple[MetricRow, ...]
    differences: tuple[DifferenceRow, ...]
    costs: tuple[ArmCost, ...] = ()
    inputs: Mapping[str, str] = field(default_factory=dict)
    patches: tuple[PatchRow, ...] = ()

    @property
    def levels(self) -> dict[str, Level]:
        """Level of each factor."""
        return self.comparison.levels


def read_compared(hub: Hub, comparisons: Iterable[Comparison]) -> list[Compared]:
    """Read all comparisons that have a manifest, in the order given.

    Raises
    ------
    ReportError
        A table is not the one that its comparison wrote, or a manifest is damaged.
    InputError
        A table is damaged.
    """
    return [found for each in comparisons if (found := _compared(hub, each)) is not None]


def _compared(hub: Hub, comparison: Comparison) -> Compared | None:
    each = comparison
    names = Artifacts(each.folder(hub))
    if not names.manifest.is_file():
        return None
    held = read_json(names.manifest, _HeldPlan, made_by=f"ptycho-hub compare {each.id}")
    planned = held.plan.get("images")
    images = planned if isinstance(planned, int) else None
    rows = read_metrics_csv(_whole(names.metrics, held, each.id))
    hosts = [str(attempt.get("host", "")) for attempt in held.attempts]
    differences: list[DifferenceRow] = []
    if names.differences.name in held.artifacts:
        differences = read_differences_csv(_whole(names.differences, held, each.id))
    patches: list[PatchRow] = []
    if names.patch_scores.name in held.artifacts:
        patches = read_patches_csv(_whole(names.patch_scores, held, each.id))
    return Compared(
        each,
        _overlap(hub.overlap_metrics(each.dose, each.view, each.split)),
        images,
        tuple(rows),
        tuple(differences),
        tuple(arm_costs(rows, images=images, host=(hosts or [""])[-1], steps=step_costs(hub, each))),
        {name: record.sha256 for name, record in held.inputs.items()},
        tuple(patches),
    )


def _whole(path: Path, held: HeldArtifacts, comparison_id: str) -> Path:
    record = held.artifacts.get(path.name)
    if record is None or not path.is_file() or digest_of(path) != record.sha256:
        raise ResultsError(
            f"{path}: is not the file of its manifest; ptycho-hub compare {comparison_id} writes it"
        )
    return path


def _overlap(path: Path) -> float | None:
    """Read the measured overlap; a file that is damaged is for the checks of phase D to tell of."""
    try:
        facts = regular.read_json(path)
    except (OSError, ValueError, InputError):
        return None
    value = facts.get(_MEASURED_OVERLAP) if isinstance(facts, Mapping) else None
    return finite(value) if isinstance(value, float) else None
