"""Where a network is trained."""

from __future__ import annotations

from typing import Any, Literal

import tensorflow as tf

from ptycho_compare.errors import StudyError


def on_device(wanted: Literal["auto", "cpu", "gpu"]) -> Any:
    """Return a context in which variables and computations lie on that device.

    On a GPU TensorFlow is told, for the whole process, to use only kernels whose sums have a fixed order.

    Raises
    ------
    StudyError
        A GPU is asked for and TensorFlow finds none.
    """
    there = bool(tf.config.list_physical_devices("GPU"))
    if wanted == "gpu" and not there:
        raise StudyError("'training.device' is gpu and TensorFlow finds none; needed: auto or cpu, or a GPU")
    if wanted == "cpu" or not there:
        return tf.device("/CPU:0")
    tf.config.experimental.enable_op_determinism()
    return tf.device("/GPU:0")
