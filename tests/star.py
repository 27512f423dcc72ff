"""The real Siemens star, reconstructed from all of its images and from each half of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from epie import epie
from ptycho_compare.scan.read import open_scan

STAR_SCAN = "siemens_star/siemens-star-small.npz.bz2"
SHAPE = (480, 478)


def reconstruct_star(scan_path: Path, folder: Path) -> None:
    """Write all.npz, even.npz and odd.npz under pty-chi's keys; the halves share no image and no seed."""
    folder.mkdir(parents=True)
    with open_scan(scan_path) as scan:
        everything = np.arange(len(scan.positions))
        # where pty-chi puts them: the middle of all positions on the middle of the array
        middle = (scan.positions.min(axis=0) + scan.positions.max(axis=0)) / 2
        positions = scan.positions - middle + np.array(SHAPE[::-1]) / 2
        parts = {"all": everything, "even": everything[::2], "odd": everything[1::2]}
        for seed, (name, images) in enumerate(parts.items()):
            values, probe = epie(
                scan.diffraction.read(images) / scan.patch_px,
                positions[images],
                scan.probe,
                SHAPE,
                epochs=20,
                seed=seed,
                probe_step=0.1,
            )
            np.savez(folder / f"{name}.npz", reconstructed_object=values, reconstructed_probe=probe)
