"""Scores made anew from stored canvases: whole, and of the evidence that is there now."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ptycho_compare.checks.comparison import changed_artifacts
from ptycho_compare.errors import ReportError
from ptycho_compare.finding import Finding
from ptycho_compare.hub import Artifacts, Hub
from ptycho_compare.records.rescoring import MADE_BY, read_rescoring
from ptycho_compare.storage.files import digest_of


def judge_rescored(hub: Hub) -> Iterator[Finding]:
    """Say what does not hold in scores that were made anew; nothing where there are none.

    Their digests, and that of the evidence whose canvases were scored. `ptycho-hub rescore --name NAME
    --check` scores them again.
    """
    again = f"run {MADE_BY} again, or remove the folder"
    for folder in _kept(hub):
        path = Artifacts(folder).rescoring
        try:
            record = read_rescoring(path)
        except ReportError as error:
            yield Finding("changed", str(error))
            continue
        yield from changed_artifacts(path, record.artifacts, again=again)
        known = {path, *(folder / name for name in record.artifacts)}
        for other in sorted(set(folder.iterdir()) - known):
            yield Finding("changed", f"{other}: {path.name} does not list it; move it away")
        evidence = Artifacts(hub.analysis() / folder.relative_to(_name_folder(hub, folder))).manifest
        if not evidence.is_file():
            yield Finding("missing", f"{path}: the evidence whose canvases were scored is gone; {again}")
        elif digest_of(evidence) != record.manifest_sha256:
            yield Finding("stale", f"{path}: rests on evidence that was computed anew since; {again}")


def _kept(hub: Hub) -> list[Path]:
    """Folders that hold scores made anew, or whatever lies where they may."""
    return sorted(path.parent for path in hub.rescored("").glob(f"*/**/{Artifacts(hub.root).rescoring.name}"))


def _name_folder(hub: Hub, folder: Path) -> Path:
    root = hub.rescored("")
    return root / folder.relative_to(root).parts[0]
