"""What a reconstruction leaves: object and probe with their frame, a figure, and the engine's output."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.hub import ReconstructionFiles
from ptycho_compare.phases.reconstruct.child import Ending
from ptycho_compare.phases.reconstruct.exchange import State
from ptycho_compare.records.reconstructions_npz import write_arrays
from ptycho_compare.reporting.figures.one_arm import plot_object
from ptycho_compare.storage.files import write_text_atomic
from ptycho_compare.study.making import Reconstruction

ALGORITHM = "pty-chi"
"""What PtychoPINN's own files call it; which engine stands beside it."""


@dataclass(frozen=True)
class Facts:
    """What was reconstructed.

    Attributes
    ----------
    images : ndarray, (n,), int64
        Numbers of the images that were used.
    origin_yx : tuple of int
        Row and column of the object's pixel [0, 0] on the scan's grid.
    """

    title: str
    scan_file: Path
    how: Reconstruction
    images: NDArray[np.int64]
    origin_yx: tuple[int, int]


def publish(files: ReconstructionFiles, facts: Facts, state: State, positions: NDArray[np.float64]) -> None:
    """Write the figure, and then the reconstruction itself.

    Its keys: ``reconstructed_object`` (H, W) and ``reconstructed_probe`` (N, N), complex64;
    ``origin_yx_px``, row and column of the object's pixel [0, 0] on the scan's grid;
    ``reconstruction_time``, s; ``losses``, pty-chi's own, by epoch; ``image_numbers``, what it was made
    from; ``algorithm`` and ``engine``, text.

    Parameters
    ----------
    state : State
        After the last epoch.
    positions : ndarray, (n, 2), float64
        x, y in px, of the images that were used; the figure shows what lies between them.
    """
    low, high = positions.min(axis=0)[::-1], positions.max(axis=0)[::-1]
    plot_object(
        files.figure,
        state.object,
        state.probe,
        state.losses,
        origin_yx=facts.origin_yx,
        scanned=(slice(int(low[0]), int(high[0]) + 1), slice(int(low[1]), int(high[1]) + 1)),
        title=f"{facts.title}: {facts.how.engine}, {len(facts.images)} images, {state.epochs} epochs",
    )
    write_arrays(
        files.reconstruction,
        {
            "reconstructed_object": state.object,
            "reconstructed_probe": state.probe,
            "origin_yx_px": np.array(facts.origin_yx, np.float64),
            "reconstruction_time": np.array(state.seconds),
            "losses": state.losses,
            "image_numbers": facts.images,
            "algorithm": np.array(ALGORITHM),
            "engine": np.array(facts.how.engine),
        },
    )


def write_log(path: Path, facts: Facts, ending: Ending) -> None:
    """Write what was run and what came of it: a header, and the engine's standard output and error."""
    settings = ", ".join(f"{key} {value}" for key, value in facts.how.model_dump().items())
    write_text_atomic(
        path,
        f"job: {facts.title}\n"
        f"input: {facts.scan_file} ({len(facts.images)} images)\n"
        f"settings: {settings}\n"
        f"command: {shlex.join(ending.command)}\n"
        f"return code: {ending.returncode}\n"
        f"\n--- STDOUT ---\n{ending.output}"
        f"\n--- STDERR ---\n{ending.complaints}",
    )
