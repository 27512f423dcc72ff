"""A hub whose comparisons were run: tables of known scores, phase C's metadata, the pipeline's logs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ptycho_compare.cli.ptycho_hub import main
from ptycho_compare.hub import Hub
from ptycho_compare.records.comparison_list import read_job_list
from ptycho_compare.records.inventory import take_inventory, write_inventory
from ptycho_compare.reporting.study.write_reports import (
    SSIM_GRID,
    publish_summary,
)

DOSE, VIEW, SPLITS = 1000, "dense", ("train", "test")
Pair = tuple[float, float]

# study_contract.md 4.6: MS-SSIM and MAE, amplitude and phase; the averages are those stated there
SCORES: dict[str, dict[str, tuple[Pair, Pair]]] = {
    "train": {
        "PtychoPINN": ((0.95, 0.92), (0.025, 0.035)),
        "Baseline": ((0.93, 0.90), (0.030, 0.040)),
        "PtyChi": ((0.92, 0.89), (0.028, 0.038)),
    },
    "test": {
        "PtychoPINN": ((0.945, 0.915), (0.027, 0.037)),
        "Baseline": ((0.925, 0.895), (0.032, 0.042)),
        "PtyChi": ((0.918, 0.888), (0.029, 0.039)),
    },
}
OTHER_SCORES = {"mse": (0.002, 0.003), "psnr": (25.0, 22.0), "ssim": (0.91, 0.87)}
COLUMNS = "model,metric,amplitude,phase,value"
HELPERS = ("aggregate_report_cli", "metrics_digest_cli", "ssim_grid_cli")
BANNERS = [
    "Phase C: Dataset Generation",
    "Phase D: Overlap View Generation",
    "Phase E: Training Baseline (gs1)",
    "Phase E: Training Dense (gs2)",
    "Phase F: Reconstruction train",
    "Phase F: Reconstruction test",
    "Phase G: Comparison train",
    "Phase G: Comparison test",
]


def write_table(path: Path, scores: Mapping[str, tuple[Pair, Pair]]) -> Path:
    """Write a table of scores with PtychoPINN's own columns."""
    lines = [COLUMNS]
    for arm, (ms_ssim, mae) in scores.items():
        for metric, (amplitude, phase) in {"mae": mae, "ms_ssim": ms_ssim, **OTHER_SCORES}.items():
            lines.append(f"{arm},{metric},{amplitude},{phase},")
        lines.append(f"{arm},computation_time_s,,,0.0")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*lines, ""]))
    return path


def table_of(hub: Hub, split: str) -> Path:
    """Where the table of a split lies."""
    return hub.root / f"analysis/dose_{DOSE}/{VIEW}/{split}/comparison_metrics.csv"


def edit_cells(path: Path, model: str, metric: str, cells: str) -> None:
    """Change amplitude, phase and value of one row; "" removes the row."""
    lines = path.read_text().splitlines()
    head = f"{model},{metric},"
    found = [line for line in lines if line.startswith(head)]
    assert found, head
    kept = [f"{head}{cells}" if line.startswith(head) else line for line in lines]
    path.write_text("\n".join([*(line for line in kept if cells or not line.startswith(head)), ""]))


def write_metadata(path: Path, *, tool: str | None = "transpose_rename_convert", dtype: Any = None) -> None:
    """Write phase C data that hold nothing but their metadata."""
    path.parent.mkdir(parents=True, exist_ok=True)
    records = [] if tool is None else [{"tool": tool, "operation": "canonicalize"}]
    text = json.dumps({"schema_version": "1.0.0", "data_transformations": records})
    # two splits are no one file
    np.savez(path, _metadata=np.array(text, dtype=dtype), xcoords=np.full(1, len(path.stem)))


def write_list(hub: Hub, *, failed: tuple[str, ...] = (), splits: tuple[str, ...] = SPLITS) -> None:
    """Write the pipeline's list of comparisons."""
    places = [
        {"id": f"dose_{DOSE}-{VIEW}-{split}-full", "dose": DOSE, "view": VIEW, "split": split}
        for split in splits
    ]
    content = {
        "n_jobs": len(places),
        "n_success": len(places) - len(failed),
        "n_failed": len(failed),
        "jobs": [
            {**place, "output_dir": f"analysis/dose_{DOSE}/{VIEW}/{place['split']}"} for place in places
        ],
        "execution_results": [
            {
                **place,
                "returncode": int(place["split"] in failed),
                "log_path": f"cli/phase_g_{VIEW}_{place['split']}.log",
                "error": "no memory" if place["split"] in failed else None,
            }
            for place in places
        ],
    }
    hub.comparison_manifest().write_text(json.dumps(content))


def make_compared(root: Path) -> Hub:
    """Write a hub up to its comparisons."""
    hub = Hub(root)
    for split in SPLITS:
        write_table(table_of(hub, split), SCORES[split])
        write_metadata(hub.patched(DOSE, split))
    write_list(hub)
    return hub


def write_logs(hub: Hub) -> None:
    """Write the transcript and the logs that a pipeline without step records leaves."""
    for name in phase_log_names():
        log = hub.step_log(name)
        log.parent.mkdir(exist_ok=True)
        log.write_text("some output\nstep complete\n")
    for name in HELPERS:
        hub.step_log(name).write_text("")
    banners = [f"{'=' * 80}\n[{number}/8] {text}\n" for number, text in enumerate(BANNERS, start=1)]
    hub.step_log(f"run_phase_g_{VIEW}").write_text("".join(banners))


def phase_log_names() -> list[str]:
    """The eight logs of the phases."""
    split = [f"phase_{phase}_{VIEW}_{split}" for phase in "fg" for split in SPLITS]
    phase_e = [f"phase_e_baseline_gs1_dose{DOSE}", f"phase_e_{VIEW}_gs2_dose{DOSE}"]
    return ["phase_c_generation", f"phase_d_{VIEW}", *phase_e, *split]


def report_all(hub: Hub) -> Hub:
    """Write every report of a compared hub."""
    publish_summary(hub, read_job_list(hub.comparison_manifest()))
    for command in ("report", "digest"):  # the former writes the deltas too
        assert main([command, "--hub", str(hub.root)]) == 0
    SSIM_GRID.write(hub)
    write_inventory(hub, take_inventory(hub))
    return hub


def copy_of(hub: Hub, root: Path) -> Hub:
    """Return a copy that a test may damage."""
    return Hub(Path(shutil.copytree(hub.root, root)))


def read_tables(text: str) -> dict[str, list[list[str]]]:
    """Read the cells of every Markdown table, without its column names, by the heading above it."""
    tables: dict[str, list[list[str]]] = {}
    heading = ""
    for line in text.splitlines():
        if line.startswith("#"):
            heading = line.lstrip("#").strip()
        elif line.startswith("|"):
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            tables.setdefault(heading, []).append(cells)
    return {heading: lines[2:] for heading, lines in tables.items()}
