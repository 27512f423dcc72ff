"""Trained networks as predictors: batches of images in, complex patches out.

A predictor owns its scale, its position input and its output form, so a caller feeds
every arm the same: normalised amplitudes and local offsets.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ArmError, BundleError, OutOfMemoryError
from ptycho_compare.models.bundle import ModelFile, read_model
from ptycho_compare.models.engines.choosing_engine import engine_named
from ptycho_compare.models.engines.engine import Network
from ptycho_compare.models.weights import Weights
from ptycho_compare.models.without_border import room_px, without_border
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
            Zero outside the pixels that the predictor was loaded for.

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
    """A predictor that runs a compiled network on batches of one fixed size.

    Attributes
    ----------
    used : slice
        The pixels, along either axis, that are wanted of a patch.
    inner : Network or None
        One that gives the same there while no offset is longer than `inner_reach_px`, and costs less.
    """

    patch_px: int
    group_size: int
    batch_rows: int
    network: Network = field(repr=False)
    label: str
    fault: str = ""
    device: str = "cpu"
    separate: bool = False
    warm: bool = False
    used: slice = field(default_factory=lambda: slice(None))
    inner: Network | None = field(default=None, repr=False)
    inner_reach_px: int = 0

    def predict(
        self, diffraction: NDArray[np.float32], local_offsets: NDArray[np.float32]
    ) -> NDArray[np.complex64]:
        """See `Predictor.predict`."""
        count = len(diffraction)
        self._check_shapes(diffraction, local_offsets)
        try:
            patches = np.zeros((count, *self._patch), np.complex64)
            used = np.s_[..., self.used, self.used]
            for start in range(0, count, self._rows):
                part = slice(start, start + self._rows)
                patches[part][used] = self._predict_batch(diffraction[part], local_offsets[part])[used]
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
        patches = self._network_for(offsets)(images, offsets)
        if patches.shape != (rows, *self._patch):
            raise ArmError(
                f"{self.label}: the network returned {patches.shape} for {rows} groups; "
                f"needed: {(rows, *self._patch)}"
            )
        return patches[:count]

    def _network_for(self, offsets: NDArray[np.float32]) -> Network:
        if self.inner is not None and np.abs(offsets).max() <= self.inner_reach_px:
            return self.inner
        return self.network

    def _check_shapes(self, diffraction: NDArray[np.float32], local_offsets: NDArray[np.float32]) -> None:
        side, members, count = self.patch_px, self.group_size, len(diffraction)
        needed = (count, side, side, members), (count, 1, 2, members)
        if (diffraction.shape, local_offsets.shape) != needed:
            raise ArmError(
                f"{self.label}: images {diffraction.shape} and offsets {local_offsets.shape}; "
                f"needed: {needed[0]} and {needed[1]}"
            )


def load_predictor(
    model: ModelFile, *, batch_rows: int, engine: EngineName = "onnxruntime", used: slice = slice(None)
) -> Predictor:
    """Read a model's weights and compile its network; loads the engine's library.

    Parameters
    ----------
    used : slice
        The pixels, along either axis, that are wanted of a patch: what they do not need is not computed.

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

    compiled = partial(
        engine_named(engine).compile,
        weights=weights,
        kind=now.kind,
        input_scale=now.input_scale,
        rows=max(batch_rows, MIN_COMPILED_ROWS),
        label=str(model.path),
    )
    room, inner = room_px(now.patch_px, used), without_border(graph)
    if inner is not None and now.group_size == 1 and room >= 0:  # an image alone lies at its mean
        graph, inner = inner, None
    network = compiled(graph)
    return NetworkPredictor(
        now.patch_px,
        now.group_size,
        batch_rows,
        network.run,
        str(model.path),
        fault_of(weights),
        network.device,
        warm=network.warm,
        used=used,
        inner=compiled(inner).run if inner is not None and room > 0 else None,
        inner_reach_px=max(room, 0),
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
