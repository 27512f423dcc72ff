"""Where networks run, and how TensorFlow's ways to be short of memory become one."""

from __future__ import annotations

import pytest
import tensorflow as tf

from ptycho_compare.errors import OutOfMemoryError
from ptycho_compare.models.device import choose_device, fitting_memory

OOM = "OOM when allocating tensor with shape[512,32,32,4]"
FULL = "cudaSetDevice() on GPU:0 failed. Status: out of memory"
NARROW = (
    "Profiling failure on CUDNN engine eng1{}: RESOURCE_EXHAUSTED: Out of memory while trying to allocate"
)
SEEN = (
    (tf.errors.ResourceExhaustedError, f"Graph execution error:\n\nDetected at node a\n{OOM}\n", OOM),
    (tf.errors.ResourceExhaustedError, "failed to allocate memory", "failed to allocate memory"),
    # on an H100 whose memory another process held: nearly all, and all but 650 MiB
    (tf.errors.InternalError, FULL, FULL),
    (tf.errors.NotFoundError, f"No algorithm worked!  Error messages:\n  {NARROW}", NARROW),
)


@pytest.mark.parametrize(("kind", "text", "line"), SEEN)
def test_a_want_of_memory_is_said_in_one_way(kind: type[Exception], text: str, line: str) -> None:
    with pytest.raises(OutOfMemoryError) as raised, fitting_memory("a batch of 512"):
        raise kind(None, None, text)
    assert str(raised.value) == f"out_of_memory: a batch of 512 did not fit into memory ({line})"


def test_another_failure_stays_what_it_is() -> None:
    with pytest.raises(tf.errors.InvalidArgumentError), fitting_memory("a batch of 512"):
        tf.linalg.matmul(tf.zeros((2, 3)), tf.zeros((2, 3)))


def test_float32_stays_float32_wherever_networks_run() -> None:
    tf.config.experimental.enable_tensor_float_32_execution(True)
    device = choose_device()
    assert not tf.config.experimental.tensor_float_32_execution_enabled()
    assert (device.name == "cpu") == (not tf.config.list_physical_devices("GPU"))
