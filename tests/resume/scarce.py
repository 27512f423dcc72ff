"""Run a module as ``python -m`` does, in which TensorFlow has no memory for batches above a size.

``python scarce.py LIMITS MODULE ARGUMENTS...``: LIMITS is JSON, by the number of images in a group:
``rows`` of the largest batch that fits, ``after`` how many batches the memory becomes so short, and
``error``, which is raised: TensorFlow's own, or Python's as numpy raises it.
"""

import json
import runpy
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import tensorflow as tf

ERRORS = {
    "ResourceExhaustedError": lambda text: tf.errors.ResourceExhaustedError(None, None, text),
    "MemoryError": MemoryError,
}
limits = {int(images): limit for images, limit in json.loads(sys.argv[1]).items()}
calls: Counter[int] = Counter()
constant = tf.constant


def short(value: Any, *arguments: Any, **more: Any) -> Any:
    """Stands for the place where a batch is handed to TensorFlow."""
    shape = getattr(value, "shape", ())
    if len(shape) == 4 and shape[1] == shape[2] and shape[3] in limits:  # images, and not their offsets
        images, limit = shape[3], limits[shape[3]]
        calls[images] += 1
        if calls[images] > limit["after"] and shape[0] > limit["rows"]:
            text = f"Graph execution error:\n\nOOM when allocating tensor with shape{[*shape]} and type float"
            raise ERRORS[limit["error"]](text)
    return constant(value, *arguments, **more)


tf.constant = short
sys.argv = sys.argv[2:]
sys.path[0] = str(Path.cwd())
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
