"""What lies in a hub by its names alone: scans, models, reconstructions, results of tiers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import NamedTuple

from ptycho_compare.hub import Hub
from ptycho_compare.study.comparing import BASELINE, PTYCHI, PTYCHOPINN
from ptycho_compare.study.factors import cell_in_hub
from ptycho_compare.study.held_cells import HeldCells, held_cells
from ptycho_compare.study.study import holds_bundle

_IMAGES = frozenset((".npz", ".npy", ".h5", ".hdf5", ".cxi", ".mat"))
_WHOLE = "dense"
_FIRST_SPLITS = ("train", "test")


class ScanPlace(NamedTuple):
    """Where in a study a scan belongs."""

    dose: int
    view: str
    split: str


@dataclass(frozen=True)
class Holdings:
    """What lies in a hub.

    Attributes
    ----------
    scans : dict of ScanPlace to Path
    doses, views, splits : tuple
        Of the scans: doses ascending, ``dense`` and ``train`` first.
    cells : HeldCells
        What the names of networks, reconstructions and comparisons tell of factors.
    """

    hub: Hub
    scans: dict[ScanPlace, Path]
    doses: tuple[int, ...]
    views: tuple[str, ...]
    splits: tuple[str, ...]
    cells: HeldCells

    def gaps(self) -> list[ScanPlace]:
        """List the doses, views and splits that have no scan together, though each has one."""
        places = (ScanPlace(*place) for place in product(self.doses, self.views, self.splits))
        return [place for place in places if place not in self.scans]

    def arms_of(self, place: ScanPlace) -> list[dict[str, Path]]:
        """Return what lies there of the built-in arms for a scan, in each cell.

        A network is its folder, pty-chi's reconstruction the file.
        """
        return [self._arms(replace(self.hub, cell=cell_in_hub(cell)), place) for cell in self.cells.cells()]

    @staticmethod
    def _arms(hub: Hub, place: ScanPlace) -> dict[str, Path]:
        networks = {
            PTYCHOPINN: hub.pinn_dir(place.dose, place.view),
            BASELINE: hub.baseline_dir(place.dose),
        }
        found = {arm: folder for arm, folder in networks.items() if holds_bundle(folder)}
        reconstruction = hub.ptychi(*place)
        return found | ({PTYCHI: reconstruction} if reconstruction.is_file() else {})

    def other_images(self) -> dict[str, list[Path]]:
        """Return images beside pty-chi's files, by their path as a study writes it, and where they lie."""
        found: dict[str, list[Path]] = {}
        for place in self.scans:
            theirs = self.hub.ptychi(*place)
            for path in sorted(theirs.parent.glob("*")):
                if path.suffix.lower() in _IMAGES and path != theirs and path.is_file():
                    pattern = f"dose_{{dose}}/{{view}}/{{split}}/{_escaped(path.name)}"
                    name = f"{self.hub.relative(self.hub.phase_f())}/{pattern}"
                    found.setdefault(name, []).append(path)
        return found

    def own_networks(self) -> list[Path]:
        """List ONNX files, wherever in the hub a study may name them."""
        return self.hub.brought(".onnx")

    def tiers(self) -> list[str]:
        """List tiers, beside ``full``, of which results lie here."""
        found = set()
        for (dose, view, split), cell in product(self.scans, self.cells.cells()):
            any_tier = self.hub.comparison_dir(dose, view, split, "*", cell)
            before, _, after = any_tier.name.partition("*")
            names = (path.name for path in any_tier.parent.glob(any_tier.name))
            found |= {name.removeprefix(before).removesuffix(after) for name in names}
        return sorted(found)


def holdings_of(hub: Hub) -> Holdings:
    """Look what lies in a hub; no file is opened."""
    scans = {place: path for dose in hub.doses() for place, path in _scans(hub, dose)}
    doses = sorted({place.dose for place in scans})
    views = sorted({place.view for place in scans}, key=lambda view: (view != _WHOLE, view))
    splits = sorted(
        {place.split for place in scans},
        key=lambda split: (*(split != first for first in _FIRST_SPLITS), split),
    )
    return Holdings(hub, scans, tuple(doses), tuple(views), tuple(splits), held_cells(hub))


def _scans(hub: Hub, dose: int) -> Iterator[tuple[ScanPlace, Path]]:
    """Yield a dose's scans; views of phase D have the splits of phase C, where that has any."""
    whole = [path.stem.removeprefix("patched_") for path in hub.phase_c(dose).glob("patched_*.npz")]
    for split in sorted(whole):
        yield ScanPlace(dose, _WHOLE, split), hub.patched(dose, split)
    for folder in sorted(hub.phase_d(dose, _WHOLE).parent.glob("*/")):
        view = folder.name
        for split in sorted({path.stem.removeprefix(f"{view}_") for path in folder.glob("*.npz")}):
            if view != _WHOLE and (split in whole or not whole):
                yield ScanPlace(dose, view, split), hub.overlap_view(dose, view, split)


def _escaped(name: str) -> str:
    """A name between whose braces nothing is filled in."""
    return name.replace("{", "{{").replace("}", "}}")
