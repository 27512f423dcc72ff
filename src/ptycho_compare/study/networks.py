"""Which of the two built-in networks a study compares in a hub.

Comparisons, checks, the pipeline and the tests all ask here.
"""

from __future__ import annotations

from pathlib import Path

from ptycho_compare.hub import MODEL_NAMES, Hub
from ptycho_compare.study.comparing import BASELINE, PTYCHOPINN
from ptycho_compare.study.study import Study

NETWORKS = (PTYCHOPINN, BASELINE)


def networks_of(study: Study | None, hub: Hub, dose: int, view: str) -> dict[str, Path]:
    """Return the folders of the networks that are compared at a dose and view, by arm.

    An arm joins when a tier of the study requires it, or when its bundle lies in the hub. Without a
    study both are asked for.
    """
    folders = {PTYCHOPINN: hub.pinn_dir(dose, view), BASELINE: hub.baseline_dir(dose)}
    return {
        arm: folder
        for arm, folder in folders.items()
        if study is None or study.requires(arm) or holds_bundle(folder)
    }


def holds_bundle(folder: Path) -> bool:
    """Whether a trained network lies in a folder or below it."""
    return any(path.is_file() for name in MODEL_NAMES for path in folder.rglob(name))
