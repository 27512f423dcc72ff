"""An engine that has no memory for batches above a size: in this process, or in a module run as a script.

``python scarce.py LIMITS MODULE ARGUMENTS...`` runs a module as ``python -m`` does. LIMITS is JSON, by the
number of images in a group: ``rows`` of the largest batch that fits, ``after`` how many batches the memory
becomes so short, and ``error``, which is raised: an engine's own, or Python's as numpy raises it.
"""

import json
import runpy
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import onnxruntime
from onnxruntime.capi.onnxruntime_pybind11_state import Fail

_NODE = "Non-zero status code returned while running Conv node. Status Message: bfc_arena.cc:376 "


def _exhausted(text: str) -> Exception:
    from ptycho_compare.models.bare_tensorflow import tf

    error: Exception = tf.errors.ResourceExhaustedError(None, None, f"Graph execution error:\n\n{text}")
    return error


ERRORS: Mapping[str, Callable[[str], Exception]] = {
    "Fail": lambda text: Fail(f"{_NODE}Failed to allocate memory for requested buffer: {text}"),
    "ResourceExhaustedError": _exhausted,
    "MemoryError": MemoryError,
}


def _counted(limits: Mapping[int, Mapping[str, Any]]) -> Callable[[Any], None]:
    """Make what raises where a batch of images is too large by now."""
    calls: Counter[int] = Counter()

    def take(value: Any) -> None:
        shape = getattr(value, "shape", ())
        if len(shape) == 4 and shape[1] == shape[2] and shape[3] in limits:  # images, and not their offsets
            images, limit = shape[3], limits[shape[3]]
            calls[images] += 1
            if calls[images] > limit["after"] and shape[0] > limit["rows"]:
                text = f"OOM when allocating tensor with shape{[*shape]} and type float"
                raise ERRORS[limit["error"]](text)

    return take


def short_onnxruntime(limits: Mapping[int, Mapping[str, Any]]) -> Callable[..., Any]:
    """What stands for `onnxruntime.InferenceSession.run`."""
    run, take = onnxruntime.InferenceSession.run, _counted(limits)

    def short(session: Any, outputs: Any, fed: Mapping[str, Any], *more: Any) -> Any:
        for value in fed.values():
            take(value)
        return run(session, outputs, fed, *more)

    return short


def short_tensorflow(limits: Mapping[int, Mapping[str, Any]]) -> Callable[..., Any]:
    """What stands for `tf.constant`, the place where a batch is handed to TensorFlow."""
    from ptycho_compare.models.bare_tensorflow import tf

    constant, take = tf.constant, _counted(limits)

    def short(value: Any, *arguments: Any, **more: Any) -> Any:
        take(value)
        return constant(value, *arguments, **more)

    return short


if __name__ == "__main__":
    read = {int(images): limit for images, limit in json.loads(sys.argv[1]).items()}
    onnxruntime.InferenceSession.run = short_onnxruntime(read)
    sys.argv = sys.argv[2:]
    sys.path[0] = str(Path.cwd())
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
