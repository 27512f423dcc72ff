"""ONNX Runtime: a checked ONNX graph, given as bytes, is run on the CPU, or on a GPU where the build has one.

The graph must have passed the checks of its reader before: nothing here looks at what is in it.
ONNX Runtime is loaded when a graph is opened.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import BundleError, OutOfMemoryError
from ptycho_compare.models.engines.identity import OPTIMISATION

_SHORT_OF_MEMORY = ("failed to allocate memory", "bad_alloc", "out of memory", "alloc_failed")
"""In small letters, from its arena, C++, CUDA, or one of its libraries: the message is the only sign."""
_CUDA = "CUDAExecutionProvider"
# float32 without rounding of factors, and always the same kernel, as on a CPU
_CUDA_OPTIONS = {"use_tf32": "0", "cudnn_conv_algo_search": "DEFAULT"}


@dataclass(frozen=True)
class OnnxSession:
    """An opened graph.

    Attributes
    ----------
    inputs, outputs : tuple of str
        Names, in the graph's order.
    label : str
        What errors call it.
    device : str
        ``cpu``, or ``cuda`` where the graph runs on a GPU.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    label: str
    device: str
    _session: Any = field(repr=False)

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Compute all outputs, by name.

        Raises
        ------
        OutOfMemoryError
            They did not fit into memory; a smaller batch may.
        BundleError
            ONNX Runtime cannot compute them.
        """
        rows = max((len(values) for values in inputs.values() if values.ndim), default=0)
        with _own_errors(self.label, f"a batch of {rows}"):
            values = self._session.run(list(self.outputs), dict(inputs))
        return {name: np.asarray(each) for name, each in zip(self.outputs, values, strict=True)}


def open_onnx(content: bytes, *, label: str, threads: int | None = None, on_gpu: bool = True) -> OnnxSession:
    """Open a serialised graph.

    Parameters
    ----------
    content : bytes
        Of an ONNX model that was checked; what it refers to in other files is never read.
    threads : int or None
        None: as ``OMP_NUM_THREADS`` says, else one for each core that this process may use. The numbers
        are the same.
    on_gpu : bool
        Whether a GPU is used where this build of ONNX Runtime can.

    Raises
    ------
    BundleError
        ONNX Runtime cannot open it.
    OutOfMemoryError
        Not even the network itself fits.
    """
    # a graph could otherwise ask for threads of its own, and write a profile into the working directory
    os.environ.pop("ORT_LOAD_CONFIG_FROM_MODEL", None)
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = told_threads() if threads is None else threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    level = f"ORT_ENABLE_{OPTIMISATION['onnxruntime'].upper()}"
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
    options.use_deterministic_compute = True
    options.log_severity_level = 4  # errors are raised; its own lines beside them say nothing more
    for kind in ("intra_op", "inter_op"):  # waiting threads would burn the cores that others need
        options.add_session_config_entry(f"session.{kind}.allow_spinning", "0")
    providers: list[Any] = ["CPUExecutionProvider"]
    if on_gpu and _CUDA in onnxruntime.get_available_providers():
        providers.insert(0, (_CUDA, _CUDA_OPTIONS))
    with _own_errors(label, "the network"):
        session = onnxruntime.InferenceSession(content, options, providers=providers)
    return OnnxSession(
        inputs=tuple(each.name for each in session.get_inputs()),
        outputs=tuple(each.name for each in session.get_outputs()),
        label=label,
        device="cuda" if _CUDA in session.get_providers() else "cpu",
        _session=session,
    )


def told_threads() -> int:
    """Return how many threads a network may use: ``OMP_NUM_THREADS``, else one for each usable core."""
    told = os.environ.get("OMP_NUM_THREADS", "")
    if told.isdecimal() and int(told) > 0:
        return int(told)
    usable = getattr(os, "sched_getaffinity", None)  # macOS has none
    return len(usable(0)) if usable is not None else os.cpu_count() or 1


@contextmanager
def _own_errors(label: str, what: str) -> Iterator[None]:
    """Turn any of ONNX Runtime's errors, which share no base, into one of this package's."""
    try:
        yield
    except MemoryError as error:
        raise OutOfMemoryError(f"{what} did not fit into memory ({error})") from error
    except Exception as error:
        text = " ".join(str(error).split())
        for words in _SHORT_OF_MEMORY:
            place, _, rest = text.lower().partition(words)
            if len(place) < len(text):
                said = (words + rest)[:200]
                raise OutOfMemoryError(f"{what} did not fit into memory ({said})") from error
        raise BundleError(f"{label}: ONNX Runtime cannot run this network ({text[:300]})") from error
