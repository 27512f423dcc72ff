"""``study_stitched.json``: the splits of a place put together into one object, and its scores.

It tells of which comparisons each object is, by the digests of their manifests: of others it says nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import Field

from ptycho_compare.hub import Artifacts, Hub
from ptycho_compare.records.in_cell import InCell
from ptycho_compare.records.reading import Record, read_json
from ptycho_compare.records.tables.metrics_csv import MetricRow
from ptycho_compare.records.tables.tidy_rows import numbers_of
from ptycho_compare.storage.files import digest_of
from ptycho_compare.study import Comparison

MADE_BY = "ptycho-hub study --stitch"


class StitchedNumber(Record):
    """A score of an arm on the whole object; `low` and `high` are the ends of its interval over pixels."""

    arm: str
    metric: str
    component: str
    value: float | None
    low: float | None = None
    high: float | None = None
    status: str = ""
    note: str = ""


class StitchedObject(InCell):
    """The splits of one dose and view, put together.

    Attributes
    ----------
    parts : dict of str to str
        SHA-256 of the manifest of each comparison.
    shared_pixels : int
        Pixels that the splits have in common: there the factor between them was fitted.
    factors : dict of str to list of float
        By arm, modulus and phase in rad by which each split after the first was multiplied.
    mask_pixels : int
        Scored ones.
    why_not : str
        Why there is no such object; empty where there is.
    """

    dose: int
    view: str
    tier: str
    parts: dict[str, str]
    shared_pixels: int = 0
    factors: dict[str, list[float]] = Field(default={})
    mask_pixels: int = 0
    reference: str = ""
    numbers: list[StitchedNumber] = Field(default=[])
    why_not: str = ""


class StitchedObjects(Record):
    """All of a study."""

    objects: list[StitchedObject]


def read_stitched(hub: Hub) -> Sequence[StitchedObject]:
    """Read them; none where nobody asked for any. ReportError where the file is damaged."""
    path = hub.answers().stitched_record
    return read_json(path, StitchedObjects, made_by=MADE_BY).objects if path.is_file() else ()


def stitched_numbers(rows: Sequence[MetricRow]) -> Iterator[StitchedNumber]:
    """Yield the numbers of a table of scores."""
    for row in rows:
        for each in numbers_of(row):
            yield StitchedNumber(
                arm=row.model,
                metric=row.metric,
                component=each.component,
                value=each.value,
                low=each.low,
                high=each.high,
                status=row.status,
                note=row.note,
            )


def changed_parts(hub: Hub, found: StitchedObject, comparisons: Sequence[Comparison]) -> Iterator[str]:
    """Yield the comparisons of an object whose evidence is another by now, or gone."""
    known = {each.id: Artifacts(each.folder(hub)).manifest for each in comparisons}
    for name, sha256 in found.parts.items():
        path: Path | None = known.get(name)
        if path is None or not path.is_file() or digest_of(path) != sha256:
            yield name
