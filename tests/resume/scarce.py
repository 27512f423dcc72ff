"""TensorFlow that has no memory for batches above a size: in this process, or in a module run as a script.

``python scarce.py LIMITS MODULE ARGUMENTS...`` runs a module as ``python -m`` does. LIMITS is JSON, by the
number of images in a group: ``rows`` of the largest batch that fits, ``after`` how many batches the memory
becomes so short, and ``error``, which is raised: TensorFlow's own, or Python's as numpy raises it.
"""

import json
import runpy
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ptycho_compare.models.bare_tensorflow import tf

ERRORS = {
    "ResourceExhaustedError": lambda text: tf.errors.ResourceExhaustedError(None, None, text),
    "MemoryError": MemoryError,
}


def short_of_memory(limits: Mapping[int, Mapping[str, Any]]) -> Callable[..., Any]:
    """What stands for `tf.constant`, the place where a batch is handed to TensorFlow."""
    calls: Counter[int] = Counter()
    constant = tf.constant

    def short(value: Any, *arguments: Any, **more: Any) -> Any:
        shape = getattr(value, "shape", ())
        if len(shape) == 4 and shape[1] == shape[2] and shape[3] in limits:  # images, and not their offsets
            images, limit = shape[3], limits[shape[3]]
            calls[images] += 1
            if calls[images] > limit["after"] and shape[0] > limit["rows"]:
                text = "Graph execution error:\n\nOOM when allocating tensor with shape"
                raise ERRORS[limit["error"]](f"{text}{[*shape]} and type float")
        return constant(value, *arguments, **more)

    return short


if __name__ == "__main__":
    tf.constant = short_of_memory({int(images): limit for images, limit in json.loads(sys.argv[1]).items()})
    sys.argv = sys.argv[2:]
    sys.path[0] = str(Path.cwd())
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
