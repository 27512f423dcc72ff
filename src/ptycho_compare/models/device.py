"""The device that networks run on, and settings of TensorFlow under which each gives the same numbers.

Left alone, TensorFlow on a GPU rounds the factors of a convolution to 10 bits, takes whichever of several
kernels was fastest just now, and gives all the memory to the process that came first.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Literal

from ptycho_compare.errors import DeviceError, OutOfMemoryError, StudyError
from ptycho_compare.models.bare_tensorflow import tf

_SHORT_OF_MEMORY = ("oom when", "out of memory", "alloc_failed")
"""In small letters, from TensorFlow's allocator, CUDA, or one of its libraries."""


@dataclass(frozen=True)
class Device:
    """A CPU or GPU: its name (``cpu``, or what the GPU is called), and TensorFlow's name for it."""

    name: str
    place: str

    @contextmanager
    def in_use(self) -> Iterator[Device]:
        """Put variables and computations there."""
        with tf.device(self.place):
            yield self


_CPU = Device("cpu", "/CPU:0")


def choose_device(wanted: Literal["auto", "cpu", "gpu"] = "auto") -> Device:
    """Choose a device, and set the whole process to float32 and a fixed order of operations.

    Memory of a GPU is taken as it is needed, so that several jobs can share one.

    Raises
    ------
    StudyError
        A GPU is asked for and TensorFlow finds none.
    DeviceError
        There is a GPU that does not work, or whose memory others hold.
    """
    gpus = tf.config.list_physical_devices("GPU")
    if wanted == "gpu" and not gpus:
        raise StudyError("'training.device' is gpu and TensorFlow finds none; needed: auto or cpu, or a GPU")
    tf.config.experimental.enable_tensor_float_32_execution(False)
    for gpu in gpus:
        with suppress(RuntimeError, ValueError):  # in use already: too late to change
            tf.config.experimental.set_memory_growth(gpu, True)
    if wanted == "cpu" or not gpus:
        return _CPU
    tf.config.experimental.enable_op_determinism()
    details = tf.config.experimental.get_device_details(gpus[0])
    device = Device(details.get("device_name", gpus[0].name), "/GPU:0")
    _try_out(device)
    return device


@contextmanager
def fitting_memory(what: str) -> Iterator[None]:
    """Raise OutOfMemoryError, naming `what`, for any of TensorFlow's ways to say that memory is short."""
    try:
        yield
    except tf.errors.OpError as error:
        # the line that says so; a traceback of the network's layers stands above it
        lines = str(error).splitlines() or [type(error).__name__]
        short = [line for line in lines if any(words in line.lower() for words in _SHORT_OF_MEMORY)]
        if not short and not isinstance(error, tf.errors.ResourceExhaustedError):
            raise
        raise OutOfMemoryError(f"{what} did not fit into memory ({[*short, *lines][0].strip()})") from error


def _try_out(device: Device) -> None:
    """Use every library that a network needs: else the first arm is blamed for what they lack."""
    try:
        with fitting_memory("what every network needs"), device.in_use():
            image = tf.zeros((1, 8, 8, 1))
            tf.nn.conv2d(image, tf.zeros((3, 3, 1, 1)), 1, "SAME")
            tf.linalg.matmul(image[..., 0], image[..., 0])
            tf.signal.fft2d(tf.complex(image, image)[..., 0])
    except (OutOfMemoryError, tf.errors.OpError) as error:
        reason = " ".join(str(error).split())[:300]
        raise DeviceError(
            f"{device.name}: TensorFlow cannot use this GPU: {reason}; wait until others have left it, "
            "mend CUDA and cuDNN, or hide it: CUDA_VISIBLE_DEVICES=-1"
        ) from error
