"""A lab's own commands in place of phases E and F, quick and without a framework.

``python lab.py train HUB DOSE NETWORK`` writes an untrained but living bundle of the split's size;
``python lab.py reconstruct HUB DOSE VIEW SPLIT`` a noisy object as pty-chi would lay it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from bundles import write_bundle
from hubs import write_ptychi
from ptycho_compare.hub import Hub


def train(root: str, dose: str, network: str) -> None:
    """Write the network's bundle."""
    hub, photons = Hub(Path(root)), int(dose)
    single = network == "baseline"
    folder = hub.baseline_dir(photons) if single else hub.pinn_dir(photons, network)
    with np.load(hub.patched(photons, "train")) as scan:
        side = scan["probeGuess"].shape[0]
    gridsize = 1 if single else 2
    write_bundle(folder / "wts.h5.zip", gridsize=gridsize, patch_px=side, nphotons=photons, seed=gridsize)
    print(f"trained {network}")


def reconstruct(root: str, dose: str, view: str, split: str) -> None:
    """Write the split's reconstruction."""
    hub = Hub(Path(root))
    with np.load(hub.split_data(int(dose), view, split)) as scan:
        arrays = {key: scan[key] for key in ("objectGuess", "xcoords", "ycoords")}
    write_ptychi(hub.ptychi(int(dose), view, split), arrays)
    print(f"reconstructed {split}")


if __name__ == "__main__":
    {"train": train, "reconstruct": reconstruct}[sys.argv[1]](*sys.argv[2:])
