"""Scans, networks and reconstructions of a hub by their places, and what each says of itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ptycho_compare.checks.stored_scan import StoredScan, read_stored
from ptycho_compare.errors import InputError
from ptycho_compare.hub import DEBUG_TIER, FULL_TIER, Cell, Hub
from ptycho_compare.models.bundle import find_model
from ptycho_compare.storage.files import digest_of
from ptycho_compare.study import Comparison, Study, in_cells_of, networks_of
from ptycho_compare.study.factors import trial_of
from ptycho_compare.study.steps import TrainStep, train_steps

Place = tuple[int, str, str]
"""Dose, view and split."""
_PHOTONS = 1e-5
"""Relative; a dose is a whole number, and a bundle may hold it in single precision."""


@dataclass(frozen=True)
class Held:
    """What a hub holds at some doses, views and splits.

    Attributes
    ----------
    scans : dict of Path to StoredScan
        Splits of phase C, and views of phase D.
    networks : list of TrainStep
        Those that are compared.
    reconstructions : dict of Path to tuple
        Of phase F; of which place, and of which seed where the study has several.
    comparisons : list of tuple
        Each with the hub in its cell, where its networks and reconstructions lie.
    """

    hub: Hub
    places: Sequence[Place]
    scans: Mapping[Path, StoredScan]
    networks: Sequence[TrainStep]
    reconstructions: Mapping[Path, tuple[Place, Cell]]
    comparisons: Sequence[tuple[Hub, Comparison]]

    @classmethod
    def of(
        cls, hub: Hub, pairs: Sequence[tuple[int, str]], splits: Sequence[str], study: Study | None
    ) -> Held:
        """Look what is there of some doses and views."""
        places = [(*pair, split) for pair in pairs for split in splits]
        scans: dict[Path, StoredScan] = {}
        for dose, view, split in places:
            for path in (hub.patched(dose, split), hub.overlap_view(dose, view, split)):
                if path.is_file() and path not in scans:
                    with suppress(InputError):  # which the checks of phases C and D say
                        scans[path] = read_stored(path, dose, split)
        networks = {
            step.id: step
            for at, how in _in_cells(hub, study, "networks")
            for dose, view in pairs
            for step in train_steps(at, dose, view, networks_of(how, at, dose, view))
        }
        reconstructions = {
            path: (place, trial_of(at.cell.ptychi))
            for at, _ in _in_cells(hub, study, "reconstructions")
            for place in places
            if (path := at.ptychi(*place)).is_file()
        }
        tiers = (FULL_TIER, DEBUG_TIER) if study is None else tuple(study.tiers)
        comparisons = [
            (at, Comparison(*place, tier, at.cell.levels))
            for at, _ in _in_cells(hub, study, "comparisons")
            for place in places
            for tier in tiers
        ]
        return cls(hub, places, scans, list(networks.values()), reconstructions, comparisons)


def _in_cells(hub: Hub, study: Study | None, differing: str) -> list[tuple[Hub, Study | None]]:
    return [(hub, None)] if study is None else [*in_cells_of(hub, study, differing=differing)]


def digest_if_readable(path: Path) -> str | None:
    """SHA-256 of a file; None where it cannot be read, which whoever judges it says."""
    with suppress(OSError):
        return digest_of(path)
    return None


def bundle_of(step: TrainStep) -> Path | None:
    """The one bundle of a network; None where there is none, or several."""
    with suppress(InputError):
        return find_model(step.files.folder)
    return None


def differs(one: float, other: float) -> bool:
    """Say if two doses are different ones."""
    return not abs(one - other) <= _PHOTONS * abs(other)
