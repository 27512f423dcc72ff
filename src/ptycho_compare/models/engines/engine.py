"""What an engine is: a way to run the checked graph of a trained network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.models.graph import Graph
from ptycho_compare.models.weights import Weights

Network = Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.complex64]]
"""From images, k * amplitude, (rows, N, N, C) and offsets, px, (rows, 1, 2, C) to patches (rows, N, N)."""


@dataclass(frozen=True)
class Compiled:
    """A network that can be run.

    Attributes
    ----------
    device : str
        What it runs on: the name of a GPU, or ``cpu``.
    warm : bool
        Nothing of it is left to be made when the first batch comes.
    """

    run: Network
    device: str
    warm: bool = False


class Engine(Protocol):
    """A way to run networks."""

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
        DeviceError
            There is a GPU that cannot be used.
        OutOfMemoryError
            Not even the network itself fits.
        """
        ...
