"""What an engine is: a way to run the checked graph of a trained network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.models.graph import Graph
from ptycho_compare.models.weights import Weights

Network = Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.complex64]]
"""From images, k * amplitude, (rows, N, N, C) and offsets, px, (rows, 1, 2, C) to patches (rows, N, N)."""


class Engine(Protocol):
    """A way to run networks.

    Attributes
    ----------
    device : str
        Name of the GPU that it runs on, or ``cpu``.
    """

    device: str

    def compile(
        self,
        graph: Graph,
        weights: Weights,
        *,
        kind: Literal["ptychopinn", "supervised"],
        input_scale: float,
        rows: int,
        label: str,
    ) -> Network:
        """Make a network of a graph, for batches of exactly `rows`.

        Parameters
        ----------
        kind : {"ptychopinn", "supervised"}
            As in `ModelFile`.
        input_scale : float
            s; multiplying by it happens inside.
        label : str
            What errors call it.

        Raises
        ------
        BundleError
            The engine cannot build what the file describes.
        OutOfMemoryError
            Not even the network itself fits.
        """
        ...
