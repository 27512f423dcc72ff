"""What went into the Baseline and what came out of it, for `--baseline-debug-dir`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.files import atomic_path, write_json_atomic
from ptycho_compare.models.predictor import Predictor
from ptycho_compare.reconstruction.stream_state import Moments, Statistics

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
