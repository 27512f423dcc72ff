"""What the phase and its engine hand each other: files in one folder, and a line per event.

The engine is started as ``python -m ptycho_compare.phases.reconstruct.engine FOLDER``. It reads the task
and the input, writes its state after each segment, and prints events as JSON lines on its standard output.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from ptycho_compare.hub import JobFiles
from ptycho_compare.phases.reconstruct.start import InitialGuess
from ptycho_compare.storage.files import atomic_path, naming, write_json_atomic
from ptycho_compare.storage.fingerprint import Fingerprint
from ptycho_compare.storage.saved_work import Arrays, SavedWork
from ptycho_compare.study.making import Reconstruction


@dataclass(frozen=True)
class State:
    """How far a reconstruction is.

    Attributes
    ----------
    object : ndarray, (H, W), complex64
    probe : ndarray, (N, N), complex64
    losses : ndarray, (epochs done,), float64
        pty-chi's own, by epoch; its scale depends on the engine.
    seconds : float
        What these epochs took, over all attempts.
    """

    object: NDArray[np.complex64]
    probe: NDArray[np.complex64]
    losses: NDArray[np.float64]
    seconds: float

    @property
    def epochs(self) -> int:
        """How many are done."""
        return len(self.losses)


@dataclass(frozen=True)
class EngineTask:
    """The settings that the engine has to follow, and the fingerprint that its states rest on."""

    settings: Reconstruction
    fingerprint: Fingerprint


@dataclass(frozen=True)
class Exchange:
    """The folder that a phase and its engine share: that of a job's checkpoints."""

    folder: Path

    @property
    def task(self) -> Path:
        """The task that is to be done."""
        return self.folder / "task.json"

    @property
    def images(self) -> Path:
        """Intensities, (n, N, N) float32, DC in pixel [0, 0]."""
        return self.folder / "intensities.npy"

    @property
    def start(self) -> Path:
        """Positions, object, probe and good detector pixels."""
        return self.folder / "start.npz"

    @property
    def complaints(self) -> Path:
        """The engine's standard error."""
        return self.folder / "stderr.txt"

    def write_task(self, task: EngineTask) -> None:
        """Say what is to be done."""
        write_json_atomic(
            self.task, {"settings": task.settings.model_dump(), "fingerprint": task.fingerprint.to_json()}
        )

    def read_task(self) -> EngineTask:
        """Read what is to be done."""
        content = json.loads(self.task.read_text(encoding="utf-8"))
        return EngineTask(
            Reconstruction.model_validate(content["settings"]), Fingerprint.from_json(content["fingerprint"])
        )

    def write_images(self, shape: tuple[int, int, int], blocks: Iterable[NDArray[np.float32]]) -> float:
        """Write all images, a block at a time: together they may not fit into memory.

        Returns the mean over the images of the sum over their pixels.
        """
        total = 0.0
        header = {"descr": npy.dtype_to_descr(np.dtype(np.float32)), "fortran_order": False, "shape": shape}
        with naming(self.images), self.images.open("wb") as stream:
            npy.write_array_header_1_0(stream, header)
            for block in blocks:
                stream.write(np.ascontiguousarray(block).tobytes())
                total += float(block.sum(dtype=np.float64))
        return total / shape[0]

    def read_images(self) -> NDArray[np.float32]:
        """Read all images."""
        images: NDArray[np.float32] = np.load(self.images, allow_pickle=False)
        return images

    def write_start(self, start: InitialGuess) -> None:
        """Write where it begins."""
        _write(self.start, asdict(start))

    def read_start(self) -> InitialGuess:
        """Read where it begins."""
        with np.load(self.start, allow_pickle=False) as held:
            row, column = (int(each) for each in held["origin_yx"])
            return InitialGuess(
                held["positions_yx"], held["object"], held["probe"], (row, column), held["good"]
            )

    def write_state(self, state: State, fingerprint: Fingerprint) -> float:
        """Replace the checkpoint; the seconds it took."""
        arrays: Arrays = {"object": state.object, "probe": state.probe, "losses": state.losses}
        return self._saved(fingerprint).write(arrays, {"seconds": state.seconds})

    def read_state(self, fingerprint: Fingerprint, tell: Callable[[str], None]) -> State | None:
        """Read the checkpoint (see `SavedWork.read`); None where nothing can be gone on from."""
        return self._saved(fingerprint).read(
            lambda facts, arrays: State(
                arrays["object"], arrays["probe"], arrays["losses"], float(facts["seconds"])
            ),
            tell,
        )

    def _saved(self, fingerprint: Fingerprint) -> SavedWork:
        return SavedWork(self.folder, "state", fingerprint, JobFiles(self.folder.parent).set_aside)


def _write(path: Path, arrays: dict[str, Any]) -> None:
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        np.savez(stream, **arrays)
