"""Where networks run, and how TensorFlow's ways to be short of memory become one."""

from __future__ import annotations

import pytest

from later import later
from ptycho_compare.errors import DeviceError, OutOfMemoryError

tf, device = later("tensorflow"), later("ptycho_compare.models.device")

OOM = "OOM when allocating tensor with shape[512,32,32,4]"
FULL = "cudaSetDevice() on GPU:0 failed. Status: out of memory"
NARROW = (
    "Profiling failure on CUDNN engine eng1{}: RESOURCE_EXHAUSTED: Out of memory while trying to allocate"
)
SEEN = (
    ("ResourceExhaustedError", f"Graph execution error:\n\nDetected at node a\n{OOM}\n", OOM),
    ("ResourceExhaustedError", "failed to allocate memory", "failed to allocate memory"),
    # on an H100 whose memory another process held: nearly all, and all but 650 MiB
    ("InternalError", FULL, FULL),
    ("NotFoundError", f"No algorithm worked!  Error messages:\n  {NARROW}", NARROW),
)


@pytest.mark.parametrize(("kind", "text", "line"), SEEN)
def test_a_want_of_memory_is_said_in_one_way(kind: str, text: str, line: str) -> None:
    with pytest.raises(OutOfMemoryError) as raised, device.fitting_memory("a batch of 512"):
        raise getattr(tf.errors, kind)(None, None, text)
    assert str(raised.value) == f"out_of_memory: a batch of 512 did not fit into memory ({line})"


def test_another_failure_stays_what_it_is() -> None:
    with pytest.raises(tf.errors.InvalidArgumentError), device.fitting_memory("a batch of 512"):
        tf.linalg.matmul(tf.zeros((2, 3)), tf.zeros((2, 3)))


def test_float32_stays_float32_wherever_networks_run() -> None:
    tf.config.experimental.enable_tensor_float_32_execution(True)
    found = device.choose_device()
    assert not tf.config.experimental.tensor_float_32_execution_enabled()
    assert found.name == "cpu"  # tests see no GPU, but for tests/gpu


def test_a_gpu_that_does_not_work_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """TensorFlow is made to believe in a GPU, and finds none when it has to compute there."""
    gpu = tf.config.PhysicalDevice("/physical_device:GPU:0", "GPU")
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _kind: [gpu])
    monkeypatch.setattr(tf.config.experimental, "enable_op_determinism", lambda: None)
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda _gpu: {"device_name": "Card"})
    # else it would compute on the CPU instead
    tf.config.set_soft_device_placement(False)
    try:
        with pytest.raises(DeviceError) as raised:
            device.choose_device()
    finally:
        tf.config.set_soft_device_placement(True)
    text = str(raised.value)
    assert text.startswith("Card: TensorFlow cannot use this GPU: ")
    assert text.endswith("or hide it: CUDA_VISIBLE_DEVICES=-1")
    assert "\n" not in text
