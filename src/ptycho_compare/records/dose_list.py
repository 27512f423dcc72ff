"""The list of phase C, ``run_manifest.json``: which doses were made, and where their splits lie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ptycho_compare.hub import Hub
from ptycho_compare.records.renewing import NUMBER, Entry, SharedFile, entries_of
from ptycho_compare.storage.files import write_json_atomic
from ptycho_compare.untrusted.regular import read_json


def dose_entry(hub: Hub, dose: int, splits: Sequence[str]) -> Entry:
    """State what the list says of a dose."""
    return {
        "dose": dose,
        **{split: hub.relative(hub.patched(dose, split)) for split in splits},
        "intermediate_dir": hub.relative(hub.phase_c(dose)),
    }


def list_dose(hub: Hub, dose: int, splits: Sequence[str]) -> None:
    """Renew a dose's entry, and no other; HubError where what is there is no such list."""
    file = SharedFile(hub.phase_c_manifest(), hub.lock("dose_manifest"), "list of doses", {}, _doses)
    with file.renewing() as listed:  # doses may be simulated side by side
        entries = {**listed, f"dose_{dose}": dose_entry(hub, dose, splits)}
        write_json_atomic(file.path, dict(sorted(entries.items(), key=lambda item: item[1]["dose"])))


def _doses(content: Any) -> dict[str, Entry]:
    entries_of(list(content.values()), {"dose": NUMBER})
    return dict(content)


def read_dose(hub: Hub, dose: int, splits: Sequence[str]) -> Entry:
    """Read what the list says of a dose; ValueError, KeyError or TypeError where it says too little."""
    entry = read_json(hub.phase_c_manifest())[f"dose_{dose}"]
    return {key: entry[key] for key in dose_entry(hub, dose, splits)}
