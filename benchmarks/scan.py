"""Memory and time of opening a scan that is larger than memory, planning it and streaming its images.

    python benchmarks/scan.py [--gigabytes 20] [--written-every 16] [--groups 5000] [--json]

Makes an HDF5 file of that extent of which every 16th chunk is written (the others hold no bytes on
disk, but are read as any other), and reads it in a process of its own. Prints a Markdown table;
docs/benchmarks.md holds the numbers of the last run.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np

from ptycho_compare.scan.plan import draw_plan
from ptycho_compare.scan.read import open_scan

SIDE, CHUNK, BATCH = 128, 16, 16


def write_sparse_scan(path: Path, *, gigabytes: float, written_every: int) -> int:
    """Write counts, uint16, in chunks of which only some are on disk; return how many images there are."""
    images = int(gigabytes * 1e9) // (SIDE * SIDE * 2)
    generator = np.random.default_rng(0)
    axis = np.arange(SIDE) - SIDE // 2
    mean = 200 * np.exp(-(axis[:, None] ** 2 + axis**2) / (2 * (SIDE / 10) ** 2))
    block = generator.poisson(mean, (CHUNK, SIDE, SIDE)).astype(np.uint16)
    columns = int(np.ceil(np.sqrt(images)))
    with h5py.File(path, "w") as file:
        data = file.create_dataset("diffraction", (images, SIDE, SIDE), np.uint16, chunks=(CHUNK, SIDE, SIDE))
        for start in range(0, images - CHUNK, CHUNK * written_every):
            data[start : start + CHUNK] = block
        number = np.arange(images)
        file["xcoords"] = SIDE + 4.0 * (number % columns)
        file["ycoords"] = SIDE + 4.0 * (number // columns)
    return images


def peak_mib() -> float:
    """Peak resident memory of this process. Not getrusage: its peak is handed down by the parent."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line]
    return float(line.split()[1]) / 1024


def measure(path: Path, groups: int) -> dict[str, float]:
    """Open, plan and stream; seconds, MiB and counts."""
    imported = peak_mib()
    began = time.perf_counter()
    with open_scan(path) as scan:
        opened = time.perf_counter()
        plan = draw_plan(scan, group_size=4, groups=groups, neighbors=7, seed=1)
        planned = time.perf_counter()
        energy = 0.0
        for start in range(0, len(plan.groups), BATCH):
            batch = plan.network_input(scan.diffraction, plan.groups[start : start + BATCH])
            energy += float(np.einsum("brcg,brcg->", batch, batch))
        streamed = time.perf_counter()
        return {
            "images": scan.diffraction.count,
            "streamed_images": plan.groups.size,
            "mean_energy": energy / plan.groups.size,
            "open_s": opened - began,
            "plan_s": planned - opened,
            "stream_s": streamed - planned,
            "imports_mib": imported,
            "added_mib": peak_mib() - imported,
        }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--gigabytes", type=float, default=20.0)
    parser.add_argument("--written-every", type=int, default=16)
    parser.add_argument("--groups", type=int, default=5000)
    parser.add_argument("--json", action="store_true", help="print the numbers as one JSON object")
    parser.add_argument("--one-scan", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one_scan:
        print(json.dumps(measure(arguments.one_scan, arguments.groups)))
        return
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "scan.h5"
        images = write_sparse_scan(path, gigabytes=arguments.gigabytes, written_every=arguments.written_every)
        on_disk = path.stat().st_size
        command = [sys.executable, __file__, "--one-scan", str(path), "--groups", str(arguments.groups)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    found = json.loads(done.stdout)
    found["extent_bytes"], found["file_bytes"] = images * SIDE * SIDE * 2, on_disk
    if arguments.json:
        print(json.dumps(found))
        return
    rows = {
        f"extent of {images} images, {SIDE} x {SIDE} uint16": f"{found['extent_bytes'] / 1e9:.1f} GB",
        "of which lie on disk": f"{on_disk / 1e9:.1f} GB",
        "opened: every image checked and summed": f"{found['open_s']:.1f} s",
        f"{arguments.groups} groups of 4 planned": f"{found['plan_s']:.1f} s",
        f"{found['streamed_images']} images streamed": f"{found['stream_s']:.1f} s",
        "peak memory after imports": f"{found['imports_mib']:.0f} MiB",
        "peak memory that the scan adds": f"{found['added_mib']:.0f} MiB",
    }
    print("| what | measured |\n|---|---|")
    for what, value in rows.items():
        print(f"| {what} | {value} |")


if __name__ == "__main__":
    main()
