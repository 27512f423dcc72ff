"""A lab's own commands in place of phases E and F, quick and without a framework.

``python lab.py train HUB DOSE NETWORK CELL`` writes an untrained but living bundle of the split's size;
``python lab.py reconstruct HUB DOSE VIEW SPLIT CELL`` a noisy object as pty-chi would lay it. The cell may be
left out, or be empty, where the study has no factors. No two of one study are equal.
"""

from __future__ import annotations

import sys
import zlib
from pathlib import Path

import numpy as np

from bundles import write_bundle, write_ptychi
from ptycho_compare.hub import Hub


def train(root: str, dose: str, network: str, cell: str = "") -> None:
    """Write the network's bundle."""
    hub, photons = Hub(Path(root)), int(dose)
    single = network == "baseline"
    folder = _in(cell, hub.baseline_dir(photons) if single else hub.pinn_dir(photons, network))
    with np.load(hub.patched(photons, "train")) as scan:
        side = scan["probeGuess"].shape[0]
    gridsize = 1 if single else 2
    seed = _seed(dose, network, cell)
    write_bundle(folder / "wts.h5.zip", gridsize=gridsize, patch_px=side, nphotons=photons, seed=seed)
    print(f"trained {network}")


def reconstruct(root: str, dose: str, view: str, split: str, cell: str = "") -> None:
    """Write the split's reconstruction."""
    hub = Hub(Path(root))
    with np.load(hub.split_data(int(dose), view, split)) as scan:
        arrays = {key: scan[key] for key in ("objectGuess", "xcoords", "ycoords")}
    path = hub.ptychi(int(dose), view, split)
    write_ptychi(_in(cell, path.parent) / path.name, arrays, seed=_seed(dose, view, split, cell))
    print(f"reconstructed {split}")


def _seed(*words: str) -> int:
    return zlib.crc32(" ".join(words).encode())


def _in(cell: str, folder: Path) -> Path:
    return folder.with_name(f"{folder.name}-{cell}") if cell else folder


if __name__ == "__main__":
    {"train": train, "reconstruct": reconstruct}[sys.argv[1]](*sys.argv[2:])
