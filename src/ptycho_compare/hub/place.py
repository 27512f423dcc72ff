"""Recognise where in a hub a file lies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ptycho_compare.hub.layout import Hub


@dataclass(frozen=True)
class HubPlace:
    """Where in a hub a scan file lies."""

    hub: Hub
    dose: int
    split: str


def place_in_hub(test_data: Path) -> HubPlace | None:
    """Recognise ``HUB/data/phase_c/dose_D/patched_SPLIT.npz``; None for any other path."""
    path = test_data.resolve()
    dose = dose_of(path.parent)
    if dose is None or path.parent.parent.parts[-2:] != ("data", "phase_c"):
        return None
    split = path.stem.removeprefix("patched_")
    return HubPlace(Hub(path.parents[3]), dose, split) if path.stem.startswith("patched_") else None


def view_of_model(pinn_dir: Path) -> str | None:
    """The view in ``.../phase_e/dose_D/VIEW/gsN``; None for any other path."""
    parts = pinn_dir.resolve().parts
    if len(parts) < 4 or parts[-4] != "phase_e" or not parts[-1].startswith("gs"):
        return None
    return parts[-2]


def dose_of(folder: Path) -> int | None:
    """The dose in a folder called ``dose_D``, photons per exposure."""
    text = folder.name.removeprefix("dose_")
    return int(text) if folder.name.startswith("dose_") and text.isdecimal() else None
