"""How phase C's data say they were made: by metadata that name the canonical conversion.

The study's contract asks that of what phase C made, and of whoever brings `_metadata`. Data that a lab
measured, or that another program made, claim nothing: then nothing is known of them, which is a warning.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ptycho_compare.errors import InputError
from ptycho_compare.finding import Finding
from ptycho_compare.hub import Hub
from ptycho_compare.records.reading import Record
from ptycho_compare.records.step_record import read_step_record
from ptycho_compare.scan.formats.arrays import read_metadata
from ptycho_compare.scan.formats.opening import open_container
from ptycho_compare.study.steps import SimulateStep

CANONICAL_TOOL = "transpose_rename_convert"
"""Name in PtychoPINN's metadata of the conversion to the canonical keys and axes."""


class SplitCompliance(Record):
    """The metadata of one split.

    Attributes
    ----------
    npz_path : str
        Below the hub.
    compliant : bool
        Whether nothing speaks against the split: data that claim nothing need no metadata.
    error : str
        Why the file could not be read; empty when it could.
    """

    npz_path: str
    has_metadata: bool
    has_canonical_transform: bool
    compliant: bool
    error: str = ""


Compliance = dict[str, dict[str, SplitCompliance]]
"""By ``dose_D`` and split."""


@dataclass(frozen=True)
class ToldHistory:
    """What a split says of how it came about.

    Attributes
    ----------
    claimed : bool
        Whether traces of phase C, or metadata, say that it is phase C's: then it keeps the contract.
    error : str
        Why the file could not be read; empty when it could.
    findings, warnings : tuple
        What does not hold, and what is not known.
    """

    claimed: bool = True
    has_metadata: bool = False
    canonical: bool = False
    error: str = ""
    findings: tuple[Finding, ...] = ()
    warnings: tuple[str, ...] = ()


def made_by_phase_c(hub: Hub, dose: int) -> bool:
    """Whether phase C made a dose's data here: its step left a record, or the hub has its list of doses."""
    path = SimulateStep(hub, dose).records.record
    record = read_step_record(path)
    made = path.exists() if record is None else record.status == "made"
    return made or hub.phase_c_manifest().is_file()


def history_of(hub: Hub, dose: int, split: str, *, made: bool | None = None) -> ToldHistory:
    """Judge a split's metadata.

    `made` says whether phase C made it, for callers who know that better than the traces do.
    """
    path = hub.patched(dose, split)
    made = made_by_phase_c(hub, dose) if made is None else made
    if not path.is_file():
        text = f"{path}: no such file"
        return ToldHistory(error=text, findings=(Finding("missing", f"{text}; phase C makes it"),))
    try:
        with open_container(path) as container:
            has_metadata, metadata = "_metadata" in container, read_metadata(container)
    except InputError as error:
        return ToldHistory(error=str(error), findings=(Finding("input", str(error)),))
    if not has_metadata:
        unknown = "nothing says how these data came about"
        if made:
            text = f"{path}: '_metadata' is missing: {unknown}; run phase C again"
            return ToldHistory(findings=(Finding("missing", text),))
        warning = f"{path}: there is no '_metadata', and no phase C of ours made these data: {unknown}"
        return ToldHistory(claimed=False, warnings=(warning,))
    tools = list(_tools(metadata))
    if CANONICAL_TOOL in tools:
        return ToldHistory(has_metadata=True, canonical=True)
    text = (
        f"{path}: '_metadata' lists no transformation by {CANONICAL_TOOL} "
        f"(found: {', '.join(tools) or 'none'}); canonicalize the data, or run phase C again"
    )
    return ToldHistory(has_metadata=bool(metadata), findings=(Finding("input", text),))


def _tools(metadata: Mapping[str, Any]) -> Iterator[str]:
    records = metadata.get("data_transformations")
    for record in records if isinstance(records, list) else []:
        if isinstance(record, dict) and isinstance(record.get("tool"), str):
            yield record["tool"].removesuffix(".py")


def phase_c_compliance(hub: Hub, places: Iterable[tuple[int, str]]) -> Compliance:
    """Look into phase C's data of these doses and splits."""
    found: Compliance = {}
    for dose, split in dict.fromkeys(places):
        history, path = history_of(hub, dose, split), hub.patched(dose, split)
        found.setdefault(f"dose_{dose}", {})[split] = SplitCompliance(
            npz_path=hub.relative(path),
            has_metadata=history.has_metadata,
            has_canonical_transform=history.canonical,
            compliant=not history.findings,
            error=history.error.replace(str(path), hub.relative(path)),
        )
    return found
