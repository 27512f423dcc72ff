"""Phase F of one dose, view and split: pty-chi on all images of the split."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ptycho_compare.errors import EngineError, HubError
from ptycho_compare.hub import Hub
from ptycho_compare.phases.reconstruct.scan_run import Reconstructed, reconstruct_scan
from ptycho_compare.records.reconstruction_list import list_reconstruction, list_skipped
from ptycho_compare.scan.reading import Reading
from ptycho_compare.storage.files import sha256_of
from ptycho_compare.storage.fingerprint import versions_of
from ptycho_compare.study import Study
from ptycho_compare.study.steps import ReconstructStep

_PREVIEW = 200  # characters


def reconstruct(hub: Hub, study: Study, dose: int, view: str, split: str) -> list[Path]:
    """Reconstruct a split with pty-chi, as the study's `reconstruction` says.

    All of the split's images are used, none twice, and nothing of the true object. Work is saved in
    the hub after every segment of epochs, so that the same call goes on after a stop or a kill.

    `dose` is in photons per exposure.

    Returns
    -------
    list of Path
        The reconstruction, its figure and its log, the phase's manifest and its list of what
        could not run.

    Raises
    ------
    HubError
        Phase C or D has not made the split.
    MissingProgramError
        pty-chi is not installed.
    InputError
        The split or the settings cannot be used.
    EngineError
        pty-chi failed.
    Stopped
        Asked to stop.
    """
    step = ReconstructStep(hub, dose, view, split)
    if not step.data.is_file():
        (before,) = step.after
        reason = f"{step.data}: no such file; phase {before.phase} makes it, and phase F comes after it"
        list_skipped(step, reason)
        raise HubError(reason)
    files, how = step.files, study.reconstruction
    plan = {
        "input_npz": hub.relative(step.data),
        "output_dir": hub.relative(files.folder),
        "algorithm": how.engine,
        "num_epochs": how.epochs,
    }
    try:
        done = reconstruct_scan(
            step.data, how, files, step.records.job, reading=Reading.of_study(study), title=step.name
        )
    except EngineError as error:
        ended = {"returncode": error.returncode, "log_path": hub.relative(files.log), "error": str(error)}
        list_reconstruction(step, plan, ended)
        raise
    written = list_reconstruction(step, plan, _result(hub, done))
    return [files.reconstruction, files.figure, files.log, *written]


def _result(hub: Hub, done: Reconstructed) -> dict[str, Any]:
    output = done.files.reconstruction
    return {
        "returncode": done.ending.returncode,
        "log_path": hub.relative(done.files.log),
        "stdout_preview": done.ending.output[:_PREVIEW],
        "output_npz": hub.relative(output),
        "output_sha256": sha256_of(output),
        "output_bytes": output.stat().st_size,
        "engine": done.facts.how.engine,
        "epochs": done.state.epochs,
        "images": len(done.facts.images),
        "seconds": round(done.state.seconds, 3),
        "last_loss": float(done.state.losses[-1]),
        "origin_yx_px": list(done.facts.origin_yx),
        "input_sha256": done.scan_sha256,
        "versions": versions_of(ReconstructStep.libraries),
    }
