"""Tensors in an ONNX file: their bytes are in the file, and as many as their shape says."""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np

from ptycho_compare.untrusted.onnx.contents import OnnxTensor
from ptycho_compare.untrusted.onnx.schema import NUMBERS, TENSOR
from ptycho_compare.untrusted.onnx.wire import Budget, Message, RefusedError, read_message, unpacked

MAX_DIMS, MAX_DIM = 8, 1 << 31

_TYPED = {
    "float_data": ("float", "<f4"),
    "int32_data": ("int", "<i4"),
    "int64_data": ("int", "<i8"),
    "double_data": ("double", "<f8"),
}
_DATA_OF = {1: "float_data", 6: "int32_data", 7: "int64_data", 9: "int32_data", 11: "double_data"}


def number_type(code: int, what: str) -> np.dtype[Any]:
    """Return the type that ONNX numbers so."""
    if code not in NUMBERS:
        raise RefusedError(
            f"{what} has element type {code}; needed: float32, float64, float16, int32, int64 or bool"
        )
    return np.dtype(NUMBERS[code])


def read_tensor(data: memoryview, budget: Budget, what: str) -> tuple[str, OnnxTensor]:
    """Read one tensor and its name.

    Raises
    ------
    RefusedError
        It is kept in another file, holds no numbers, or another number of them than its shape says.
    """
    message = read_message("TensorProto", data, TENSOR, budget)
    name = str(message.one("name", ""))
    what = f"{what} {quoted(name)}"
    if "external_data" in message or message.one("data_location", 0) != 0:
        raise RefusedError(
            f"{what} is kept in another file; write the network as one file (external_data=False)"
        )
    if "segment" in message or "string_data" in message or "uint64_data" in message:
        raise RefusedError(f"{what} holds segments or text; needed: numbers")
    code = int(message.one("data_type", 0))
    dtype = number_type(code, what)
    dims = tuple(message.all("dims"))
    if len(dims) > MAX_DIMS or any(not 0 <= side < MAX_DIM for side in dims):
        raise RefusedError(
            f"{what} has the shape {dims}; needed: at most {MAX_DIMS} axes from 0 to {MAX_DIM}"
        )
    held = _bytes_of(message, code, dtype, budget, what)
    needed = math.prod(dims) * dtype.itemsize
    if len(held) != needed:
        raise RefusedError(f"{what} has the shape {dims}, which is {needed} bytes, and holds {len(held)}")
    return name, OnnxTensor(dtype, dims, held)


def quoted(name: str) -> str:
    """Return a name from the file, fit for one line."""
    return os.fsdecode(repr(name[:60]))


def _bytes_of(message: Message, code: int, dtype: np.dtype[Any], budget: Budget, what: str) -> memoryview:
    typed = [name for name in _TYPED if name in message]
    if "raw_data" in message:
        if typed:
            raise RefusedError(f"{what} holds raw_data and {typed[0]}")
        raw: memoryview = message.one("raw_data")
        return raw
    if not typed:
        return memoryview(b"")
    if typed != [_DATA_OF.get(code)] or len(parts := message.all(typed[0])) != 1:
        raise RefusedError(
            f"{what} of element type {code} holds {', '.join(typed)} in {len(message.all(typed[0]))} parts"
        )
    kind, stored = _TYPED[typed[0]]
    if kind == "int":
        values = np.fromiter(unpacked(kind, parts[0], budget), np.int64).astype(stored)
    elif len(parts[0]) % np.dtype(stored).itemsize:
        raise RefusedError(f"{what} is truncated")
    else:
        values = np.frombuffer(parts[0], stored)
    return memoryview(values.astype(dtype).tobytes())
