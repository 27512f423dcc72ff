"""ONNX Runtime as an engine for the checked graph of a Keras bundle. Importing this module imports onnx."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.models.engines.engine import Compiled
from ptycho_compare.models.engines.onnx_graph import IMAGES, IMAGINARY, OFFSETS, REAL, write_onnx
from ptycho_compare.models.engines.onnx_session import open_onnx
from ptycho_compare.models.graph import Graph
from ptycho_compare.models.weights import Weights


class OnnxRuntime:
    """The engine: a network is written as an ONNX graph, and opened."""

    def compile(
        self,
        graph: Graph,
        weights: Weights,
        *,
        kind: Literal["ptychopinn", "supervised"],
        input_scale: float,
        rows: int,
        label: str,
    ) -> Compiled:
        """See `Engine.compile`."""
        written = write_onnx(graph, weights, kind=kind, input_scale=input_scale, rows=rows, label=label)
        session = open_onnx(written, label=label)

        def predict(images: NDArray[np.float32], offsets: NDArray[np.float32]) -> NDArray[np.complex64]:
            fed = {IMAGES: images, OFFSETS: offsets}
            found = session.run({name: fed[name] for name in session.inputs})
            patches = np.empty(found[REAL].shape, np.complex64)
            patches.real, patches.imag = found[REAL], found[IMAGINARY]
            return patches

        return Compiled(predict, session.device, warm=session.device == "cpu")
