"""An ONNX network as a predictor: images made as it expects them, complex patches of what it gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ArmError, BundleError, OutOfMemoryError
from ptycho_compare.models.bundle import ModelFile
from ptycho_compare.models.own.declaration import Declaration, NetworkOutput
from ptycho_compare.models.own.ends import LEAST_ROWS, Ends, Plane, offsets_shape, shape_of
from ptycho_compare.models.own.inspect_own import OwnFile, read_own
from ptycho_compare.models.own.trial import open_tried
from ptycho_compare.models.own.turning import turned, undoing
from ptycho_compare.models.predictor import MIN_COMPILED_ROWS, NetworkPredictor, Predictor, fault_of

MAX_BATCH_BYTES = 1 << 30
"""Of one tensor of a batch: systems promise more than they have, so that no allocation fails in time."""
_IMAGE_AXES = "BCHW"


class OpenNetwork(Protocol):
    """What runs a graph; `OnnxSession` is one."""

    @property
    def label(self) -> str:
        """What errors call it."""

    @property
    def device(self) -> str:
        """Name of the GPU, or ``cpu``."""

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Compute all outputs, by name."""


def load_own(
    model: ModelFile,
    *,
    batch_rows: int,
    normalization: float,
    zero_frequency: Literal["centre", "corner"] | None = None,
) -> Predictor:
    """Open an inspected network; loads ONNX Runtime.

    Parameters
    ----------
    normalization : float
        k, by which the images that the predictor is given are multiplied.
    zero_frequency : str or None
        In place of what the toml says.

    Raises
    ------
    BundleError
        The file or its toml are not those that were inspected, or ONNX Runtime cannot run it.
    OutOfMemoryError
        Not even the network itself fits.
    """
    own = read_own(model.path)
    if own.file.sha256 != model.sha256:
        raise BundleError(f"{model.path}: the network or its toml changed since they were inspected")
    rows = own.ends.rows or max(batch_rows, MIN_COMPILED_ROWS)
    if rows > MIN_COMPILED_ROWS and not own.ends.rows and rows * own.ends.row_bytes > MAX_BATCH_BYTES:
        size = rows * own.ends.row_bytes
        raise OutOfMemoryError(f"a batch of {rows} makes a tensor of {size} bytes; at most {MAX_BATCH_BYTES}")
    session = open_tried(own.graph, _least_fed(own), label=str(model.path))
    if zero_frequency is not None:
        fed = own.said.input.model_copy(update={"zero_frequency": zero_frequency})
        own = replace(own, said=own.said.model_copy(update={"input": fed}))
    return own_predictor(own, session, batch_rows=batch_rows, normalization=normalization)


def _least_fed(own: OwnFile) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the smallest batch."""
    ends, said = own.ends, own.said
    rows = ends.rows or LEAST_ROWS
    fed = {ends.image: shape_of(ends.axes, rows, said.group.size, ends.patch_px)}
    return fed | ({ends.offsets: offsets_shape(said, rows)} if ends.offsets else {})


def own_predictor(
    own: OwnFile, session: OpenNetwork, *, batch_rows: int, normalization: float
) -> NetworkPredictor:
    """Make a predictor of an open network and what is said of it."""
    said, ends = own.said, own.ends
    rows = ends.rows or max(batch_rows, MIN_COMPILED_ROWS)

    def network(images: NDArray[np.float32], offsets: NDArray[np.float32]) -> NDArray[np.complex64]:
        made = [
            _call(session, said, ends, images[at : at + rows], offsets[at : at + rows], rows, normalization)
            for at in range(0, len(images), rows)
        ]
        return np.concatenate(made)

    weights = {name: [each.values] for name, each in own.graph.weights.items() if each.dtype.kind == "f"}
    return NetworkPredictor(
        own.file.patch_px,
        own.file.group_size,
        batch_rows,
        network,
        str(own.file.path),
        fault_of(weights),
        session.device,
        separate=said.group.patches == "separate",
        warm=session.device == "cpu",
    )


def _call(
    session: OpenNetwork,
    said: Declaration,
    ends: Ends,
    images: NDArray[np.float32],
    offsets: NDArray[np.float32],
    rows: int,
    normalization: float,
) -> NDArray[np.complex64]:
    """Run one batch, filled up to the rows that the network takes."""
    count = len(images)
    fed = network_images(said, images.transpose(0, 3, 1, 2), normalization)
    inputs = {ends.image: _arranged(_filled(fed, rows), ends.axes)}
    if ends.offsets:
        # (B, 1, 2, C), or a member a row
        ordered = offsets if said.group.offsets == "(1, 2, C)" else offsets.transpose(0, 3, 1, 2)
        inputs[ends.offsets] = np.ascontiguousarray(_filled(ordered, rows)).reshape(offsets_shape(said, rows))
    outputs = session.run(inputs)
    parts = [_part(outputs, plane, rows, ends, str(session.label))[:count] for plane in ends.planes]
    patches = complex_patches(said.output, parts)
    turn = said.output.orientation or undoing(said.input.orientation)
    patches = turned(patches, turn)
    return patches if said.group.patches == "separate" else patches[:, 0]


def network_images(
    said: Declaration, images: NDArray[np.float32], normalization: float
) -> NDArray[np.float32]:
    """Make images (B, C, N, N) as a network expects them, of k times the amplitude."""
    how = said.input
    values = images if how.scale == "k" else images / np.float32(normalization)
    if how.values != "amplitude":
        values = values * values
    if how.scale in ("image sum", "image maximum"):
        taken: Callable[..., Any] = np.sum if how.scale == "image sum" else np.max
        size = taken(values, axis=(-2, -1), keepdims=True)
        values = values / np.where(size > 0, size, np.float32(1))
    times = how.factor * (1.0 if isinstance(how.scale, str) else how.scale)
    values = turned(values if times == 1.0 else values * np.float32(times), how.orientation)
    if how.zero_frequency == "corner":
        values = np.fft.ifftshift(values, axes=(-2, -1))
    return np.asarray(values, np.float32)


def complex_patches(how: NetworkOutput, parts: list[NDArray[np.float32]]) -> NDArray[np.complex64]:
    """Make patches of their parts, (B, P, N, N) each."""
    if how.values == "real and imaginary":
        return np.asarray(parts[0] + 1j * parts[1], np.complex64)
    if how.values == "amplitude":
        return parts[0].astype(np.complex64)
    phase = parts[-1]
    if isinstance(how.phase_range, tuple):
        low, high = (np.float32(each) for each in how.phase_range)
        phase = (phase - low) * np.float32(2 * np.pi / (high - low)) - np.float32(np.pi)
    turn = np.cos(phase) + 1j * np.sin(phase)
    return np.asarray(turn if how.values == "phase" else parts[0] * turn, np.complex64)


def kept_part(model: ModelFile, values: NDArray[np.complex64]) -> NDArray[np.complex64]:
    """Leave of a canvas what its network tells: patches that overlap would else invent the other part.

    A mean of phases that disagree a little is shorter than 1, and one of amplitudes stays real.
    """
    if model.kind != "onnx" or model.parameters["output"]["values"] != "phase":
        return values
    size = np.abs(values)
    return np.asarray(values / np.where(size > 0, size, np.float32(1)), np.complex64)


def _filled(values: NDArray[np.float32], rows: int) -> NDArray[np.float32]:
    if len(values) == rows:
        return values
    padded = np.zeros((rows, *values.shape[1:]), np.float32)
    padded[: len(values)] = values
    return padded


def _arranged(images: NDArray[np.float32], axes: str) -> NDArray[np.float32]:
    """Bring (B, C, N, N) into a network's own order; axes that it lacks are of length 1."""
    for letter in "CB":
        if letter not in axes:
            images = images[:, 0] if letter == "C" else images[0]
    kept = [letter for letter in _IMAGE_AXES if letter in axes]
    return np.ascontiguousarray(images.transpose([kept.index(letter) for letter in axes]))


def _part(
    outputs: dict[str, NDArray[Any]], plane: Plane, rows: int, ends: Ends, label: str
) -> NDArray[np.float32]:
    """Bring an output into the order (B, C, N, N), and take its channels."""
    values = outputs[plane.output]
    side = ends.patch_px
    if values.ndim != len(plane.axes) or values.dtype.kind != "f":
        raise ArmError(f"{label}: output '{plane.output}' came as {values.dtype} {values.shape}")
    kept = [letter for letter in _IMAGE_AXES if letter in plane.axes]
    ordered = values.transpose([plane.axes.index(letter) for letter in kept]).astype(np.float32, copy=False)
    for number, letter in enumerate(_IMAGE_AXES):
        if letter not in plane.axes:
            ordered = np.expand_dims(ordered, number)
    if len(ordered) != rows or ordered.shape[2:] != (side, side):
        raise ArmError(f"{label}: output '{plane.output}' came as {values.shape} for {rows} rows")
    return ordered[:, plane.channels]
