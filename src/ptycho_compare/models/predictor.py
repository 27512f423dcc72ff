"""Trained networks as predictors: batches of images in, complex patches out.

A predictor owns its scale, its position input and its output form, so a caller feeds
every arm the same: normalised amplitudes and local offsets.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ArmError, BundleError, OutOfMemoryError
from ptycho_compare.models.bundle import ModelFile, read_model
from ptycho_compare.models.engines.choosing_engine import engine_named
from ptycho_compare.models.engines.engine import Network
from ptycho_compare.models.weights import Weights
from ptycho_compare.study import EngineName

# For one row TensorFlow's oneDNN picks another convolution kernel, whose sums differ by up to 1e-6. From two
# rows on, the rows of the reference networks are bit-equal in batches of every size that was tried.
MIN_COMPILED_ROWS = 2


class Predictor(Protocol):
    """One arm's network.

    Attributes
    ----------
    patch_px : int
        N, side of an input image and of an output patch, px.
    group_size : int
        C, images that make one patch.
    batch_rows : int
        Groups per call that cost least; any other number works.
    fault : str
        Values of weights that are not finite, with numbers; empty when all are. relu can turn the
        NaN of a broken weight into a plausible 0, so the output alone would not show it.
    device : str
        Name of the GPU, or ``cpu``.
    separate : bool
        A group gives a patch for each of its images, centred on that image's position, instead of one.
    """

    patch_px: int
    group_size: int
    batch_rows: int
    fault: str
    device: str
    separate: bool

    def predict(
        self, diffraction: NDArray[np.float32], local_offsets: NDArray[np.float32]
    ) -> NDArray[np.complex64]:
        """Return one complex patch per group, centred on the mean position of the group.

        Parameters
        ----------
        diffraction : ndarray, (B, N, N, C) float32
            k * amplitude: normalised, not multiplied by the network's own scale s.
        local_offsets : ndarray, (B, 1, 2, C) float32
            px, [x, y], minus the member's distance from the mean. Never scan positions.

        Returns
        -------
        ndarray, (B, N, N) complex64
            Row b belongs to group b, whatever the batch size. (B, C, N, N) of separate patches.

        Raises
        ------
        ArmError
            The network returned another number of rows, or the input has another shape.
        OutOfMemoryError
            A batch of this size did not fit.
        """
        ...

    def warm_up(self) -> float:
        """Compile what the first batch would, before anything is timed; return the seconds it took."""
        ...


@dataclass  # not frozen: the Protocol's attributes are plain ones
class NetworkPredictor:
    """A predictor that runs a compiled network on batches of one fixed size."""

    patch_px: int
    group_size: int
    batch_rows: int
    network: Network = field(repr=False)
    label: str
    fault: str = ""
    device: str = "cpu"
    separate: bool = False
    warm: bool = False

    def predict(
        self, diffraction: NDArray[np.float32], local_offsets: NDArray[np.float32]
    ) -> NDArray[np.complex64]:
        """See `Predictor.predict`."""
        count = len(diffraction)
        self._check_shapes(diffraction, local_offsets)
        try:
            patches = np.empty((count, *self._patch), np.complex64)
            for start in range(0, count, self._rows):
                part = slice(start, start + self._rows)
                patches[part] = self._predict_batch(diffraction[part], local_offsets[part])
        except MemoryError as error:  # the network reports its engine's own
            raise OutOfMemoryError(f"a batch of {self._rows} did not fit into memory ({error})") from error
        return patches

    def warm_up(self) -> float:
        """See `Predictor.warm_up`."""
        if self.warm:
            return 0.0
        begin = time.perf_counter()
        side, count = self.patch_px, self.group_size
        self.predict(np.zeros((1, side, side, count), np.float32), np.zeros((1, 1, 2, count), np.float32))
        return time.perf_counter() - begin

    @property
    def _patch(self) -> tuple[int, ...]:
        """Shape of what a group gives."""
        members = (self.group_size,) if self.separate else ()
        return (*members, self.patch_px, self.patch_px)

    @property
    def _rows(self) -> int:
        return max(self.batch_rows, MIN_COMPILED_ROWS)

    def _predict_batch(
        self, diffraction: NDArray[np.float32], local_offsets: NDArray[np.float32]
    ) -> NDArray[np.complex64]:
        rows, count = self._rows, len(diffraction)
        images = np.zeros((rows, *diffraction.shape[1:]), np.float32)
        offsets = np.zeros((rows, *local_offsets.shape[1:]), np.float32)
        images[:count] = diffraction
        if self.group_size > 1:  # an image alone lies at the mean of its group
            offsets[:count] = local_offsets
        patches = self.network(images, offsets)
        if patches.shape != (rows, *self._patch):
            raise ArmError(
                f"{self.label}: the network returned {patches.shape} for {rows} groups; "
                f"needed: {(rows, *self._patch)}"
            )
        return patches[:count]

    def _check_shapes(self, diffraction: NDArray[np.float32], local_offsets: NDArray[np.float32]) -> None:
        side, members, count = self.patch_px, self.group_size, len(diffraction)
        needed = (count, side, side, members), (count, 1, 2, members)
        if (diffraction.shape, local_offsets.shape) != needed:
            raise ArmError(
                f"{self.label}: images {diffraction.shape} and offsets {local_offsets.shape}; "
                f"needed: {needed[0]} and {needed[1]}"
            )


def load_predictor(model: ModelFile, *, batch_rows: int, engine: EngineName = "onnxruntime") -> Predictor:
    """Read a model's weights and compile its network; loads the engine's library.

    Raises
    ------
    BundleError
        The file is not the one that was inspected, or the engine cannot build it.
    DeviceError
        There is a GPU that cannot be used.
    OutOfMemoryError
        Not even the network itself fits.
    """
    if batch_rows < 1:
        raise ValueError(f"batch_rows is {batch_rows}; needed: at least 1")
    now, graph, weights = read_model(model.path, with_weights=True)
    if now.kind == "onnx":
        raise ValueError(f"{model.path}: an ONNX file is opened by `load_own`")
    if now.sha256 != model.sha256:
        raise BundleError(
            f"{model.path}: changed since it was inspected (sha256 {model.sha256[:9]}, now {now.sha256[:9]})"
        )
    compiled = engine_named(engine).compile(
        graph,
        weights,
        kind=now.kind,
        input_scale=now.input_scale,
        rows=max(batch_rows, MIN_COMPILED_ROWS),
        label=str(model.path),
    )
    return NetworkPredictor(
        now.patch_px,
        now.group_size,
        batch_rows,
        compiled.run,
        str(model.path),
        fault_of(weights),
        compiled.device,
        warm=compiled.warm,
    )


def fault_of(weights: Weights) -> str:
    """Name the layers whose weights are not finite."""
    bad = {
        layer: sum(int(np.count_nonzero(~np.isfinite(array))) for array in arrays)
        for layer, arrays in weights.items()
    }
    broken = [layer for layer, count in bad.items() if count]
    if not broken:
        return ""
    total = sum(array.size for arrays in weights.values() for array in arrays)
    return f"non_finite: {sum(bad.values())} of {total} weights are not finite (in {', '.join(broken[:3])})"
