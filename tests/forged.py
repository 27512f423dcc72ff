"""Evidence tampered with: by whoever forgets the manifest, or by whoever makes it agree."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ptycho_compare.files import sha256_of


def edit_manifest(folder: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    """Change a manifest in place."""
    manifest = json.loads((folder / "manifest.json").read_text())
    edit(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest))


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
