"""How phase C's data say they were made: by metadata that name the canonical conversion."""

from __future__ import annotations

from collections.abc import Iterable

from ptycho_compare.errors import InputError
from ptycho_compare.hub import Hub
from ptycho_compare.records.reading import Record
from ptycho_compare.scan.formats.arrays import read_metadata
from ptycho_compare.scan.formats.npz_container import NpzContainer
from ptycho_compare.untrusted.npz import open_npz

CANONICAL_TOOL = "transpose_rename_convert"
"""Name in PtychoPINN's metadata of the conversion to the canonical keys and axes."""


class SplitCompliance(Record):
    """The metadata of one split.

    Attributes
    ----------
    npz_path : str
        Below the hub.
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


def phase_c_compliance(hub: Hub, places: Iterable[tuple[int, str]]) -> Compliance:
    """Look into phase C's data of these doses and splits."""
    found: Compliance = {}
    for dose, split in dict.fromkeys(places):
        found.setdefault(f"dose_{dose}", {})[split] = _of_split(hub, dose, split)
    return found


def _of_split(hub: Hub, dose: int, split: str) -> SplitCompliance:
    path = hub.patched(dose, split)
    error, metadata = "", {}
    try:
        with open_npz(path) as archive:
            metadata = dict(read_metadata(NpzContainer(archive, label=str(path), spool_folder=None)))
    except InputError as problem:
        error = str(problem).replace(str(path), hub.relative(path))
    steps = metadata.get("data_transformations", [])
    tools = [step.get("tool") for step in steps if isinstance(step, dict)] if isinstance(steps, list) else []
    canonical = any(str(tool).removesuffix(".py") == CANONICAL_TOOL for tool in tools)
    return SplitCompliance(
        npz_path=hub.relative(path),
        has_metadata=bool(metadata),
        has_canonical_transform=canonical,
        compliant=canonical,
        error=error,
    )
