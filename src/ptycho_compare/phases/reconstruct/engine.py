"""pty-chi at work, in a process of its own: segments of epochs, each from what the one before stored.

A segment builds pty-chi's task anew from the stored object and probe. So a run that was broken and
one that was not do the same, and what an engine holds beside both (momenta, exit waves) begins anew
with each segment. Nothing of torch or pty-chi is imported before `main` runs.

The end of its standard input means that whoever started it is gone, and ends it.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
import os
import sys
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import OUT_OF_MEMORY
from ptycho_compare.phases.reconstruct.exchange import Exchange, State
from ptycho_compare.phases.reconstruct.lazy_modules import UNUSED, load_compiler_lazily, loading_lazily
from ptycho_compare.phases.reconstruct.library import provide_torchvision, task_options
from ptycho_compare.phases.reconstruct.start import InitialGuess
from ptycho_compare.scoring.alignment.ramp import apply_ramp, fit_ramp
from ptycho_compare.storage.fingerprint import version_of
from ptycho_compare.study.making import Reconstruction

EXIT_REFUSED = 2
"""Exit status where the reason was said and somebody else has to act."""


def main(folder: Path) -> int:
    """Do a folder's task, or the rest of it."""
    threading.Thread(target=_end_with_whoever_started_us, daemon=True).start()
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    with contextlib.redirect_stdout(sys.stderr):  # what libraries print is no event
        return _work(Exchange(folder))


def _work(place: Exchange) -> int:
    task = place.read_task()
    engine = _Engine.build(task.settings, place)
    if engine is None:
        return EXIT_REFUSED
    state = place.read_state(task.fingerprint, lambda reason: _tell("set_aside", reason=reason))
    if state is None:
        state = State(engine.start.object, engine.start.probe, np.empty(0), 0.0)
    while (left := task.settings.epochs - state.epochs) > 0:
        try:
            state = engine.segment(state, min(left, task.settings.segment))
        except RuntimeError as error:
            if not short_of_memory(error):
                raise
            _tell("failed", reason=f"{OUT_OF_MEMORY}: {str(error).splitlines()[0]}")
            return EXIT_REFUSED
        if not all(np.isfinite(each).all() for each in (state.object, state.probe, state.losses)):
            _tell("failed", reason=f"diverged within {state.epochs} epochs: numbers that are not finite")
            return EXIT_REFUSED
        state = with_tilt_of(engine.start.probe, state)
        seconds = place.write_state(state, task.fingerprint)
        _tell("saved", done=state.epochs, seconds=seconds)
    return 0


@dataclass(frozen=True)
class _Engine:
    """pty-chi with its input, ready to run."""

    api: Any
    task_class: Any
    how: Reconstruction
    start: InitialGuess
    images: NDArray[np.float32]
    gpu: bool

    @classmethod
    def build(cls, how: Reconstruction, place: Exchange) -> _Engine | None:
        """Load the libraries and the input; None where the device is missing, and an event that says so."""
        import torch

        torch.set_num_threads(1)  # more are slower on such small images, and sum in another order
        there = bool(torch.cuda.is_available())
        if how.device == "gpu" and not there:
            _tell("refused", reason="device is 'gpu', and torch finds none; choose 'cpu' or 'auto'")
            return None
        gpu = there and how.device != "cpu"
        load_compiler_lazily()
        standin = provide_torchvision()
        with loading_lazily(*UNUSED):
            api = importlib.import_module("ptychi.api")
            task_class = importlib.import_module("ptychi.api.task").PtychographyTask
        _tell(
            "ready",
            device=torch.cuda.get_device_name() if gpu else "cpu",
            torch=version_of("torch"),
            ptychi=version_of("ptychi"),
            torchvision="stand-in" if standin else version_of("torchvision"),
        )
        return cls(api, task_class, how, place.read_start(), place.read_images(), gpu)

    def segment(self, state: State, epochs: int) -> State:
        """Run some epochs from a stored state."""
        task = self._task(state)
        losses, seconds = list(state.losses), state.seconds
        for _ in range(epochs):
            began = time.perf_counter()
            task.run(1)
            seconds += time.perf_counter() - began
            losses.append(float(task.reconstructor.loss_tracker.table["loss"].iloc[-1]))
            _tell("epoch", done=len(losses), loss=f"{losses[-1]:.5g}", seconds=round(seconds, 4))
        values, probe = (task.get_data_to_cpu(name, as_numpy=True) for name in ("object", "probe"))
        return State(
            np.ascontiguousarray(values[0], np.complex64),
            np.ascontiguousarray(probe[0, 0], np.complex64),
            np.array(losses),
            seconds,
        )

    def _task(self, state: State) -> Any:
        options = task_options(
            self.api,
            self.how,
            first=state.epochs == 0,
            probe_peak=float(np.abs(self.start.probe).max()),
            gpu=self.gpu,
        )
        rows, columns = self.start.positions_yx.T
        task = self.task_class(
            options,
            diffraction_data=self.images,
            object_data=state.object[None],
            probe_data=state.probe[None, None],
            probe_position_x_px=np.ascontiguousarray(columns),
            probe_position_y_px=np.ascontiguousarray(rows),
            # nothing is said of a whole detector, so that no arithmetic is done with it
            **({} if self.start.good.all() else {"valid_pixel_mask": self.start.good}),
        )
        # pty-chi draws the order of images by a generator that its own seed does not reach
        task.reconstructor.dataloader.generator.manual_seed((self.how.seed << 32) + state.epochs)
        return task


def short_of_memory(error: RuntimeError) -> bool:
    """Say if that is how torch says that there was nothing left, on a GPU or on a CPU."""
    said = str(error)
    return any(words in said for words in ("out of memory", "ALLOC_FAILED", "can't allocate memory"))


def _tell(event: str, **facts: Any) -> None:
    print(json.dumps({"event": event, **facts}), file=sys.__stdout__, flush=True)


def _end_with_whoever_started_us() -> None:
    while os.read(0, 1):
        pass
    os._exit(1)  # a checkpoint being written keeps its temporary name


def with_tilt_of(probe: NDArray[np.complex64], state: State) -> State:
    """Give a state's probe the mean phase gradient of another one, and its object the opposite.

    Parameters
    ----------
    probe : ndarray, (N, N), complex64
        The scan's.

    Returns
    -------
    State
        It predicts the same intensities. Where the probe has become another one, so that the two are
        more than a detector pixel (2 pi / N rad/px) apart, the state is returned as it is.
    """
    ramp = fit_ramp(state.probe, probe, np.ones(probe.shape, np.bool_))
    if max(map(abs, ramp)) > 2 * np.pi / len(probe):
        return state
    along_rows, along_columns = ramp
    return replace(
        state,
        object=apply_ramp(state.object, (-along_rows, -along_columns)).astype(np.complex64),
        probe=apply_ramp(state.probe, ramp).astype(np.complex64),
    )


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
