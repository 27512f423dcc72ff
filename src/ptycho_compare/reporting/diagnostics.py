"""DIAGNOSTIC lines: the per-arm statistics that readers of PtychoPINN's logs search for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.hub import short_name
from ptycho_compare.reconstruction.stream import Chunk
from ptycho_compare.reconstruction.stream_state import Moments, Statistics


def chunk_lines(arm: str, chunk: Chunk) -> list[str]:
    """Lines for one finished chunk of an arm."""
    subject = "PINN patches" if short_name(arm) == "pinn" else f"{short_name(arm)}_output"
    lines = [f"DIAGNOSTIC chunk {chunk.number} {subject} stats: {_moments(chunk.statistics.outputs)}"]
    if chunk.first_patch is not None:
        lines += _first_patch_lines(chunk.first_patch)
    return lines


def arm_lines(arm: str, statistics: Statistics) -> list[str]:
    """Lines for a finished arm, over all its chunks."""
    name = short_name(arm)
    return [
        f"DIAGNOSTIC {name}_input stats: {_moments(statistics.inputs)}",
        f"DIAGNOSTIC {name}_output stats: {_moments(statistics.outputs)}",
    ]


def _first_patch_lines(patch: NDArray[np.complex64]) -> list[str]:
    amplitude, phase = np.abs(patch), np.angle(patch)
    size = f"mean={amplitude.mean():.6f}, max={amplitude.max():.6f}"
    spread = f"mean={phase.mean():.6f}, std={phase.std():.6f}, min={phase.min():.6f}, max={phase.max():.6f}"
    nonzero = f"nonzero={np.count_nonzero(amplitude)}/{amplitude.size}"
    return [
        f"DIAGNOSTIC first patch amplitude: shape={patch.shape}, {size}, {nonzero}",
        f"DIAGNOSTIC first patch phase: shape={patch.shape}, {spread}",
    ]


def _moments(moments: Moments) -> str:
    return (
        f"mean={moments.mean:.6f}, max={moments.maximum:.6f}, nonzero_count={moments.nonzero}/{moments.size}"
    )
