"""Pickles of plain data, read by an unpickler that can call next to nothing.

PtychoPINN stores parameters with dill and text as 0-d object arrays. Both need a
handful of globals, which are replaced here by functions of our own; any other global
is refused before it is looked up.
"""

from __future__ import annotations

import io
import pickle  # every load goes through RestrictedUnpickler, which looks up no foreign name
from collections.abc import Callable
from typing import Any

import numpy as np

from ptycho_compare.errors import ArchiveError

_ALLOWED_DTYPE_KINDS = frozenset("biufcSU")


class _Ndarray(np.ndarray):
    """The array class handed to pickles; it takes plain dtypes only."""

    def __setstate__(self, state: Any) -> None:
        dtype = state[2]
        if not isinstance(dtype, np.dtype):
            raise pickle.UnpicklingError("array state without a dtype")
        if dtype.kind not in _ALLOWED_DTYPE_KINDS | {"O"}:  # its objects came through this reader too
            raise pickle.UnpicklingError(f"an array of dtype {dtype}")
        super().__setstate__(state)


def _reconstruct(_subtype: Any, shape: Any, _typecode: Any) -> Any:
    if tuple(shape) != (0,):
        raise pickle.UnpicklingError("an array stub of non-zero size")
    return _Ndarray.__new__(_Ndarray, (0,), dtype="b")


def _create_array(_function: Any, args: Any, state: Any, _npdict: Any = None) -> Any:
    array = _reconstruct(*args)
    array.__setstate__(state)
    return array


def _convert_to_tensor(value: Any, *_rest: Any) -> Any:
    return np.asarray(value)


def _scalar(dtype: Any, data: Any = None) -> Any:
    if (
        not isinstance(dtype, np.dtype)
        or dtype.kind not in _ALLOWED_DTYPE_KINDS
        or not isinstance(data, bytes)
    ):
        raise pickle.UnpicklingError("a numpy scalar of unusual kind")
    return np.frombuffer(data, dtype=dtype, count=1)[0]


def _dtype(spec: Any, *_flags: Any) -> np.dtype[Any]:
    if not isinstance(spec, str):
        raise pickle.UnpicklingError("a dtype given by something else than its name")
    return np.dtype(spec)


def _path(*parts: Any) -> str:
    return "/".join(str(part) for part in parts)


def _latin1(text: Any, encoding: Any = "latin1") -> bytes:
    # how protocol 2 writes the bytes of an array: _codecs.encode(text, "latin1")
    if not isinstance(text, str) or encoding != "latin1":
        raise pickle.UnpicklingError("bytes in an unusual encoding")
    return text.encode("latin1")


_NUMPY = ("numpy.core.multiarray", "numpy._core.multiarray")
_GLOBALS: dict[tuple[str, str], Callable[..., Any]] = {
    ("tensorflow.python.framework.ops", "convert_to_tensor"): _convert_to_tensor,
    ("dill._dill", "_create_array"): _create_array,
    ("numpy", "ndarray"): _Ndarray,  # only ever the ignored first argument of _reconstruct
    ("numpy", "dtype"): _dtype,
    ("_codecs", "encode"): _latin1,
    **{(module, "_reconstruct"): _reconstruct for module in _NUMPY},
    **{(module, "scalar"): _scalar for module in _NUMPY},
    **{("pathlib", name): _path for name in ("Path", "PosixPath", "WindowsPath", "PurePosixPath")},
    **{("pathlib._local", name): _path for name in ("Path", "PosixPath", "WindowsPath", "PurePosixPath")},
}


class RestrictedUnpickler(pickle.Unpickler):
    """Unpickler for plain containers, text, numbers and numeric arrays."""

    def find_class(self, module: str, name: str) -> Any:
        """Return our stand-in for an allowed global; refuse every other one."""
        try:
            stand_in = _GLOBALS[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it names {module}.{name}") from None
        # a fresh wrapper each time: the BUILD opcode can set attributes on whatever it is given
        return lambda *arguments: stand_in(*arguments)

    def persistent_load(self, pid: Any) -> Any:
        """Refuse references to objects outside the pickle."""
        raise pickle.UnpicklingError(f"it refers to an outside object ({type(pid).__name__})")


def load_plain(data: bytes, *, label: str) -> Any:
    """Read a pickle of plain data.

    Parameters
    ----------
    data : bytes
        The pickle; dill's own opcodes are plain pickle ones.
    label : str
        File and member, for the message.

    Raises
    ------
    ArchiveError
        The pickle names a global outside the list, or is damaged. Nothing was executed.
    """
    try:
        return RestrictedUnpickler(io.BytesIO(data)).load()
    except Exception as error:  # a hostile stream can raise anything; all of it means: refused
        raise ArchiveError(f"{label}: pickle refused, nothing was executed: {error}") from error
