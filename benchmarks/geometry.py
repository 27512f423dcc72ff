"""CPU seconds of the check of a scan's geometry, as it is and with x and y exchanged.

    python benchmarks/geometry.py [--scan FILE] [--images 5000]

Checks the scan through its own true object, then the same scan with its images repeated, written as HDF5
in chunks of one image. Prints a Markdown table; docs/benchmarks.md holds the numbers of the last run.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np

from ptycho_compare.reconstruction.canvas import Grid
from ptycho_compare.reconstruction.geometry import check_geometry
from ptycho_compare.scan.read import open_scan

SHARED = Path(__file__).resolve().parents[2] / "shared"
REFERENCE = SHARED / "reference/hub/data/phase_c/dose_1000000000/patched_test.npz"


def repeat(source: Path, target: Path, count: int) -> None:
    """Write a scan again with its images repeated up to a count."""
    with open_scan(source) as scan, h5py.File(target, "w") as file:
        side, numbers = scan.patch_px, np.arange(count) % scan.diffraction.count
        data = file.create_dataset("diffraction", (count, side, side), np.float32, chunks=(1, side, side))
        amplitudes, _ = scan.diffraction.read_measured(np.arange(scan.diffraction.count))
        for place, number in enumerate(numbers):
            data[place] = amplitudes[number]
        file["xcoords"], file["ycoords"] = scan.positions[numbers].T
        file["probeGuess"], file["objectGuess"] = scan.probe, scan.truth


def measure(path: Path) -> tuple[int, list[tuple[float, str]]]:
    """Images of a scan; CPU seconds and finding of the check as given and with positions exchanged."""
    found = []
    with open_scan(path) as scan:
        truth, probe = scan.truth, scan.probe
        if truth is None or probe is None:
            raise SystemExit(f"{path}: needs a probe and a true object")
        for positions in (scan.positions, scan.positions[:, ::-1]):
            began = time.process_time()
            check = check_geometry(
                truth,
                np.ones(truth.shape, np.bool_),
                scan.diffraction,
                positions,
                probe,
                grid=Grid((0, 0), truth.shape),
                images=np.arange(len(positions)),
                movable=False,
                through="the truth",
            )
            found.append((time.process_time() - began, check.better or "as given"))
        return scan.diffraction.count, found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scan", type=Path, default=REFERENCE)
    parser.add_argument("--images", type=int, default=5000)
    arguments = parser.parse_args()
    measure(arguments.scan)  # loads what is loaded once
    print("| images | as given, CPU s | x and y exchanged, CPU s | found then |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        larger = Path(name) / "scan.h5"
        repeat(arguments.scan, larger, arguments.images)
        for path in (arguments.scan, larger):
            count, ((right, _), (wrong, said)) = measure(path)
            print(f"| {count} | {right:.2f} | {wrong:.2f} | {said} |")


if __name__ == "__main__":
    main()
