"""DIAGNOSTIC lines: the per-arm statistics that readers of PtychoPINN's logs search for.

Those of a network's output are of the middle of its patches, from which the canvas is interpolated.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.hub import short_name
from ptycho_compare.models.predictor import Predictor
from ptycho_compare.reconstruction.stream import Chunk
from ptycho_compare.reconstruction.stream_state import Moments, Statistics
from ptycho_compare.storage.files import atomic_path, write_json_atomic


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


_ROWS_KEPT = 64


class BaselineDebug:
    """A predictor that keeps the first rows it sees; the statistics cover all rows."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor
        self.patch_px = predictor.patch_px
        self.group_size = predictor.group_size
        self.batch_rows = predictor.batch_rows
        self.fault = predictor.fault
        self.device = predictor.device
        self.separate = predictor.separate
        self._kept: dict[str, list[NDArray[np.inexact]]] = {"input": [], "offsets": [], "output": []}
        self._rows = 0

    def warm_up(self) -> float:
        """Compile; see the wrapped predictor."""
        return self._predictor.warm_up()

    def predict(
        self, diffraction: NDArray[np.float32], local_offsets: NDArray[np.float32]
    ) -> NDArray[np.complex64]:
        """Predict, and keep a copy of the first rows."""
        patches = self._predictor.predict(diffraction, local_offsets)
        room = max(0, _ROWS_KEPT - self._rows)
        for name, values in (("input", diffraction), ("offsets", local_offsets), ("output", patches)):
            self._kept[name].append(values[:room].copy())
        self._rows += len(patches)
        return patches

    def write(self, folder: Path, seen: Statistics, *, seconds: float) -> None:
        """Write ``baseline_debug.npz`` and ``baseline_debug_stats.json``."""
        folder.mkdir(parents=True, exist_ok=True)
        arrays = {name: np.concatenate(kept) for name, kept in self._kept.items()}
        with atomic_path(folder / "baseline_debug.npz") as temporary, temporary.open("wb") as stream:
            np.savez_compressed(
                stream,
                baseline_input=arrays["input"],
                baseline_offsets=arrays["offsets"],
                baseline_output=arrays["output"],
            )
        offsets = Moments()
        offsets.add(arrays["offsets"])
        statistics = {"input": seen.inputs, "offsets": offsets, "output": seen.outputs}
        write_json_atomic(
            folder / "baseline_debug_stats.json",
            {
                "rows": self._rows,
                "rows_kept": len(arrays["output"]),
                **{
                    name: {"mean": m.mean, "max": m.maximum, "nonzero_count": m.nonzero, "size": m.size}
                    for name, m in statistics.items()
                },
                "inference_time_seconds": seconds,
            },
        )
