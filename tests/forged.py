"""Evidence tampered with: by whoever forgets the manifest, or by whoever makes it agree."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ptycho_compare.hub import Artifacts
from ptycho_compare.jobs.states import append_state
from ptycho_compare.records.manifest import MANIFEST_DIGEST, PUBLISHED
from ptycho_compare.storage.files import sha256_of


def edit_manifest(folder: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    """Change a manifest in place, and log it as the one that was written."""
    manifest = json.loads((folder / "manifest.json").read_text())
    edit(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    log_again(folder)


def log_again(folder: Path) -> None:
    """Log the manifest that lies there, where its job has a log."""
    names = Artifacts(folder)
    if names.job.states.is_file():
        append_state(names.job.states, PUBLISHED, **{MANIFEST_DIGEST: sha256_of(names.manifest)})


def record_again(folder: Path, name: str) -> None:
    """Make the manifest agree with a changed artifact, as a careful forger would."""
    record = {"path": name, "sha256": sha256_of(folder / name), "bytes": (folder / name).stat().st_size}
    edit_manifest(folder, lambda manifest: manifest["artifacts"].update({name: record}))


def edit_table(
    folder: Path,
    edit: Callable[[str], str],
    *,
    name: str = "comparison_metrics.csv",
    recorded: bool = True,
) -> None:
    """Change a table line by line; a line that becomes empty is gone."""
    table = folder / name
    changed = "".join(f"{line}\n" for line in map(edit, table.read_text().splitlines()) if line)
    assert changed != table.read_text()
    table.write_text(changed)
    if recorded:
        record_again(folder, name)


def edit_arrays(
    folder: Path, edit: Callable[[dict[str, Any]], None], *, name: str = "reconstructions.npz"
) -> None:
    """Change the arrays of an NPZ file, which is recorded again."""
    with np.load(folder / name) as stored:
        arrays = dict(stored)
    edit(arrays)
    np.savez(folder / name, **arrays)
    record_again(folder, name)


def edit_canvas(folder: Path, arm: str, edit: Callable[[Any], object]) -> None:
    """Change an arm's canvas in all of its arrays."""

    def alike(held: dict[str, Any]) -> None:
        values = held[f"{arm}_complex"]
        edit(values)
        held.update({f"{arm}_amplitude": np.abs(values), f"{arm}_phase": np.angle(values)})

    edit_arrays(folder, alike)


def edit_plan(folder: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    """Change a plan, and what the manifest tells of it."""
    edit_arrays(folder, edit, name="plan.npz")
    with np.load(folder / "plan.npz") as stored:
        told = {key: stored[key].item() for key in stored if stored[key].ndim == 0}
        groups = stored["groups"]
    told |= {"groups": len(groups), "group_size": groups.shape[1], "images": len(np.unique(groups))}
    edit_manifest(folder, lambda manifest: manifest["plan"].update(told))


def edit_column(folder: Path, column: str, value: object) -> None:
    """Set a column of the table of scores in all of its rows; of those before the notes."""
    header = (folder / "comparison_metrics.csv").read_text().splitlines()[0].split(",")
    place = header.index(column)

    def edit(line: str) -> str:
        cells = line.split(",")
        return line if cells == header else ",".join([*cells[:place], str(value), *cells[place + 1 :]])

    edit_table(folder, edit)
