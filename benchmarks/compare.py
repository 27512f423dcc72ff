"""Where a comparison's time and memory go, as ratios measured in one run.

    python benchmarks/compare.py [--hub HUB] [--groups 5000] [--memory-groups 640 5120 20480]

Needs a hub with real bundles (default: ../shared/reference/hub). Prints a Markdown table;
docs/benchmarks.md holds the numbers of the last run.
"""

from __future__ import annotations

import argparse
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from scipy import ndimage

from ptycho_compare.hub import Hub
from ptycho_compare.models.bundle import find_model, inspect_model
from ptycho_compare.models.predictor import load_predictor
from ptycho_compare.phases.comparison.compare import compare
from ptycho_compare.phases.comparison.request import ArmRequest, ArmSettings, CompareRequest
from ptycho_compare.reconstruction import Canvas, ImageSource
from ptycho_compare.scan import draw_plan, open_scan

DOSE, VIEW = 1_000_000_000, "dense"
BATCH, CHUNK, CROP = 16, 256, 20


def enlarge(source: Path, target: Path, images: int) -> Path:
    """Write a scan of `images` patterns: the source's, again and again, positions jittered by 0.2 px."""
    with np.load(source, allow_pickle=True) as scan:
        arrays = {key: scan[key] for key in ("probeGuess", "objectGuess", "xcoords", "ycoords", "diff3d")}
    generator = np.random.default_rng(0)
    index = np.arange(images) % len(arrays["xcoords"])
    for key in ("xcoords", "ycoords"):
        arrays[key] = arrays[key][index] + generator.uniform(-0.2, 0.2, images)
    arrays["diff3d"] = arrays["diff3d"][index]
    np.savez(target, **arrays)
    return target


def request_for(hub: Hub, scan: Path, output: Path) -> CompareRequest:
    """Compare both networks on a scan, all groups."""
    how = ArmSettings(chunk_groups=CHUNK, batch_rows=BATCH)
    folders = {"PtychoPINN": hub.pinn_dir(DOSE, VIEW), "Baseline": hub.baseline_dir(DOSE)}
    arms = tuple(ArmRequest(name, ImageSource(folder), how) for name, folder in folders.items())
    return CompareRequest(arms=arms, test_data=scan, output_dir=output, crop_px=CROP)


def time_job(request: CompareRequest) -> float:
    """Wall seconds of the whole job: inputs, plan, compilation, both arms, scores, artifacts."""
    import matplotlib.figure  # noqa: F401 - the job is timed after imports
    import tensorflow as tf  # noqa: F401

    began = time.perf_counter()
    scorecard = compare(request, command=["benchmark"], console_level=None)
    seconds = time.perf_counter() - began
    if scorecard.failed:
        raise SystemExit(f"an arm failed: {scorecard.failed[0].reason}")
    return seconds


def time_networks(request: CompareRequest) -> float:
    """Wall seconds of the bare compiled networks on the same batches, already in memory."""
    total = 0.0
    models = [inspect_model(find_model(arm.source.path)) for arm in request.arms]
    with open_scan(request.test_data) as scan:
        plan = draw_plan(scan, group_size=4, groups=None, neighbors=7, seed=123)
        for model in models:
            predictor = load_predictor(model, batch_rows=BATCH)
            predictor.warm_up()
            units = plan.units(scan.positions, group_size=model.group_size)
            images = scan.diffraction.read(units.images.ravel()) * np.float32(plan.normalization)
            rows = images.reshape(*units.images.shape, *images.shape[1:]).transpose(0, 2, 3, 1)
            rows = np.ascontiguousarray(rows)
            began = time.perf_counter()
            for start in range(0, len(rows), BATCH):
                part = slice(start, start + BATCH)
                predictor.predict(rows[part], units.local_offsets[part])
            total += time.perf_counter() - began
    return total


def stitching_rates(scan_path: Path) -> tuple[float, float]:
    """Patches per second: ours, and moving each patch on the full canvas by bilinear resampling."""
    with open_scan(scan_path) as scan:
        positions, side = scan.positions, scan.patch_px
    patches = np.ones((len(positions), side, side), np.complex64)
    canvas = Canvas.covering(positions, crop_px=CROP)
    began = time.perf_counter()
    for start in range(0, len(positions), BATCH):
        canvas.add(patches[start : start + BATCH], positions[start : start + BATCH])
    ours = len(positions) / (time.perf_counter() - began)
    few = positions[:40]
    total = np.zeros(canvas.grid.shape, np.complex128)
    began = time.perf_counter()
    for patch, (x, y) in zip(patches, few, strict=False):
        padded = np.zeros(canvas.grid.shape, np.complex64)
        padded[:CROP, :CROP] = patch[:CROP, :CROP]
        shift = (y - canvas.origin[0] - CROP // 2, x - canvas.origin[1] - CROP // 2)
        total += ndimage.shift(padded.real, shift, order=1) + 1j * ndimage.shift(padded.imag, shift, order=1)
    return ours, len(few) / (time.perf_counter() - began)


def own_peak_mib() -> float:
    """Peak resident memory of this process. Not getrusage: its peak is handed down by the parent."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line]
    return float(line.split()[1]) / 1024


def peak_memory_mib(hub: Path, groups: int, folder: Path) -> float:
    """Peak resident memory of a whole job in a process of its own."""
    scan = enlarge(Hub(hub).split_data(DOSE, VIEW, "train"), folder / f"scan_{groups}.npz", groups)
    command = [
        sys.executable,
        __file__,
        "--hub",
        str(hub),
        "--one-job",
        str(scan),
        str(folder / f"out_{groups}"),
    ]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    scan.unlink()
    return float(done.stdout.split()[-1])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = Path(__file__).resolve().parents[2] / "shared" / "reference" / "hub"
    parser.add_argument("--hub", type=Path, default=default)
    parser.add_argument("--groups", type=int, default=5000)
    parser.add_argument("--memory-groups", type=int, nargs="*", default=[640, 5120, 20480])
    parser.add_argument("--one-job", nargs=2, type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    hub = Hub.open(arguments.hub)
    if arguments.one_job:
        scan, output = arguments.one_job
        time_job(request_for(hub, scan, output))
        print(own_peak_mib())
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scan = enlarge(hub.split_data(DOSE, VIEW, "train"), folder / "scan.npz", arguments.groups)
        request = request_for(hub, scan, folder / "out")
        job, networks = time_job(request), time_networks(request)
        ours, resampled = stitching_rates(scan)
        print(f"Python {platform.python_version()}, {platform.machine()}, batch {BATCH}\n")
        print("| what | measured |\n|---|---|")
        ratio = f"{job:.1f} s / {networks:.1f} s = {job / networks:.2f}"
        print(f"| whole job after imports / bare networks, {arguments.groups} groups | {ratio} |")
        ratio = f"{ours:.0f} / {resampled:.0f} = {ours / resampled:.0f}"
        print(f"| patches stitched per second / by full-canvas resampling | {ratio} |")
        peaks = [peak_memory_mib(hub.root, groups, folder) for groups in arguments.memory_groups]
        for groups, peak in zip(arguments.memory_groups, peaks, strict=True):
            print(f"| peak memory at {groups} groups | {peak:.0f} MiB |")
        if peaks:
            print(f"| spread of the peaks | {max(peaks) - min(peaks):.0f} MiB |")


if __name__ == "__main__":
    main()
