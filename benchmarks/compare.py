"""Where a comparison's time and memory go, both engines side by side in one run.

    python benchmarks/compare.py [--hub HUB] [--groups 5000] [--memory-groups 640 5120 20480]

Needs a hub with real bundles (default: ../shared/reference/hub). Prints Markdown tables;
docs/benchmarks.md holds the numbers of the last run.
"""

from __future__ import annotations

import argparse
import importlib
import json
import logging
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import numpy as np
from scipy import ndimage

from ptycho_compare.hub import Hub
from ptycho_compare.models.bundle import find_model, inspect_model
from ptycho_compare.models.predictor import load_predictor
from ptycho_compare.phases.comparison.compare import compare
from ptycho_compare.phases.comparison.log import LOGGER
from ptycho_compare.phases.comparison.request import ArmRequest, ArmSettings, CompareRequest
from ptycho_compare.reconstruction.canvas import Canvas
from ptycho_compare.reconstruction.image_source import ImageSource
from ptycho_compare.scan.plan import draw_plan
from ptycho_compare.scan.read import open_scan
from ptycho_compare.study import EngineName

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


def request_for(
    hub: Hub, scan: Path, output: Path, engine: EngineName, groups: int | None = None
) -> CompareRequest:
    """Compare both networks on a scan."""
    how = ArmSettings(chunk_groups=CHUNK, batch_rows=BATCH)
    folders = {"PtychoPINN": hub.pinn_dir(DOSE, VIEW), "Baseline": hub.baseline_dir(DOSE)}
    arms = tuple(ArmRequest(name, ImageSource(folder), how) for name, folder in folders.items())
    return CompareRequest(
        arms=arms, test_data=scan, output_dir=output, crop_px=CROP, engine=engine, groups=groups
    )


def run_job(request: CompareRequest) -> float:
    """CPU seconds of the whole job: inputs, plan, compilation, both arms, scores, artifacts."""
    began = time.process_time()
    scorecard = compare(request, command=["benchmark"], console_level=None)
    if scorecard.failed:
        raise SystemExit(f"an arm failed: {scorecard.failed[0].reason}")
    return time.process_time() - began


def run_networks(request: CompareRequest) -> float:
    """CPU seconds of the bare compiled networks on the same batches, already in memory."""
    total = 0.0
    models = [inspect_model(find_model(arm.source.path)) for arm in request.arms]
    with open_scan(request.test_data) as scan:
        plan = draw_plan(scan, group_size=4, groups=None, neighbors=7, seed=123)
        for model in models:
            predictor = load_predictor(model, batch_rows=BATCH, engine=request.engine)
            predictor.warm_up()
            units = plan.units(scan.positions, group_size=model.group_size)
            images = scan.diffraction.read(units.images.ravel()) * np.float32(plan.normalization)
            rows = images.reshape(*units.images.shape, *images.shape[1:]).transpose(0, 2, 3, 1)
            rows = np.ascontiguousarray(rows)
            began = time.process_time()
            for start in range(0, len(rows), BATCH):
                part = slice(start, start + BATCH)
                predictor.predict(rows[part], units.local_offsets[part])
            total += time.process_time() - began
    return total


class FirstChunk(logging.Handler):
    """Notes the CPU seconds since this process started when the first chunk is done."""

    seconds = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        """Look for the line that every chunk ends with."""
        if not self.seconds and record.getMessage().endswith(" of 320 groups"):
            self.seconds = time.process_time()


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


def in_a_process(hub: Path, what: str, engine: EngineName, scan: Path, output: Path) -> dict[str, float]:
    """Run one of `MEASURED` in a process of its own, on one thread."""
    threads = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OPENBLAS_NUM_THREADS")
    command = [sys.executable, __file__, "--hub", str(hub), "--one", what, engine, str(scan), str(output)]
    environment = os.environ | dict.fromkeys(threads, "1")
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def measure_start(hub: Hub, engine: EngineName, scan: Path, output: Path) -> dict[str, float]:
    """CPU seconds from the start of a process to the first chunk of a debug comparison."""
    first = FirstChunk()
    logging.getLogger(LOGGER).addHandler(first)
    run_job(request_for(hub, scan, output, engine, groups=320))
    return {"first_chunk_s": first.seconds, "loaded": float("tensorflow" in sys.modules)}


def measure_job(hub: Hub, engine: EngineName, scan: Path, output: Path) -> dict[str, float]:
    """A job after imports, its peak memory, and the bare networks."""
    importlib.import_module("matplotlib.figure")
    importlib.import_module(engine)
    request = request_for(hub, scan, output, engine)
    job = run_job(request)
    return {"job_s": job, "peak_mib": own_peak_mib(), "networks_s": run_networks(request)}


MEASURED = {"start": measure_start, "job": measure_job}


def engine_rows(hub: Path, groups: int, memory_groups: list[int], folder: Path) -> Iterator[list[str]]:
    """Yield the rows that compare the engines, taken in turns so that both see the same machine."""
    train = Hub(hub).split_data(DOSE, VIEW, "train")
    engines: tuple[EngineName, ...] = get_args(EngineName)
    starts = [in_a_process(hub, "start", each, train, folder / f"start_{each}") for each in engines]
    seconds = [f"{each['first_chunk_s']:.1f}" for each in starts]
    yield ["CPU s from start to the first chunk, 320 groups", *seconds]
    yield ["TensorFlow loaded", *("yes" if each["loaded"] else "no" for each in starts)]
    for count in dict.fromkeys([*memory_groups, groups]):
        scan = enlarge(train, folder / f"scan_{count}.npz", count)
        jobs = [in_a_process(hub, "job", each, scan, folder / f"{each}_{count}") for each in engines]
        scan.unlink()
        yield [f"peak memory at {count} groups, MiB", *(f"{each['peak_mib']:.0f}" for each in jobs)]
        if count == groups:
            pairs = [(each["job_s"], each["networks_s"]) for each in jobs]
            ratios = [f"{job:.1f} / {bare:.1f} = **{job / bare:.2f}**" for job, bare in pairs]
            yield [f"whole job after imports / bare networks, CPU s, {groups} groups", *ratios]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = Path(__file__).resolve().parents[2] / "shared" / "reference" / "hub"
    parser.add_argument("--hub", type=Path, default=default)
    parser.add_argument("--groups", type=int, default=5000)
    parser.add_argument("--memory-groups", type=int, nargs="*", default=[640])
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    hub = Hub.open(arguments.hub)
    if arguments.one:
        what, engine, scan, output = arguments.one
        print(json.dumps(MEASURED[what](hub, engine, Path(scan), Path(output))))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(f"Python {platform.python_version()}, {platform.machine()}, batch {BATCH}, one thread\n")
        print(f"| what | {' | '.join(get_args(EngineName))} |\n|---|---|---|")
        for row in engine_rows(hub.root, arguments.groups, arguments.memory_groups, folder):
            print(f"| {' | '.join(row)} |", flush=True)
        scan = enlarge(hub.split_data(DOSE, VIEW, "train"), folder / "scan.npz", arguments.groups)
        ours, resampled = stitching_rates(scan)
        ratio = f"{ours:.0f} / {resampled:.0f} = {ours / resampled:.0f}"
        print(f"\n| patches stitched per second / by full-canvas resampling | {ratio} |")


if __name__ == "__main__":
    main()
