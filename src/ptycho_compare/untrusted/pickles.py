"""Pickles of plain data, read by an unpickler that can call next to nothing.

PtychoPINN stores parameters with dill and text as 0-d object arrays. Both need a
handful of globals, which are replaced here by functions of our own; any other global
is refused before it is looked up.
"""

from __future__ import annotations

import io
import pickle  # every load goes through RestrictedUnpickler, which looks up no foreign name
import pickletools
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from ptycho_compare.errors import ArchiveError
from ptycho_compare.untrusted.bounds import why_unbounded

_ALLOWED_DTYPE_KINDS = frozenset("biufcSU")
MAX_REASON_CHARACTERS = 300
MAX_TYPE_CHARACTERS = 16
MAX_OPCODES = 100_000
"""How many steps a pickle may have; parameters have hundreds, and an array's data are one step."""
_FRAME_BYTES = 9


class _Dtype:
    """Stand-in for a dtype: a type code and a byte order, nothing else.

    A real `numpy.dtype` must not be handed to a pickle. BUILD calls its ``__setstate__``,
    which takes any item size, fields and flags: that makes arrays that read foreign memory.
    And on the shared builtin dtypes it silently does nothing, so big-endian data would be
    read in the wrong order.
    """

    def __init__(self, spec: Any = None, *_flags: Any) -> None:
        if not isinstance(spec, str):
            raise pickle.UnpicklingError("a dtype given by something else than its name")
        if len(spec) > MAX_TYPE_CHARACTERS:
            raise pickle.UnpicklingError("a dtype with a long name")
        dtype = np.dtype(spec)
        if dtype.kind not in _ALLOWED_DTYPE_KINDS | {"O"}:
            raise pickle.UnpicklingError(f"an array of dtype {dtype}")
        self._dtype = dtype

    def __setstate__(self, state: Any) -> None:
        """Take what numpy writes for a plain dtype: version, byte order, None, None, None, sizes."""
        _version, order, subarray, names, fields = state[:5]
        if order not in ("<", ">", "=", "|") or any(part is not None for part in (subarray, names, fields)):
            raise pickle.UnpicklingError("a dtype with fields or a shape")
        if order in ("<", ">"):
            self._dtype = self._dtype.newbyteorder(order)

    def resolve(self) -> np.dtype[Any]:
        """The dtype meant; a fresh value, so that nothing later in the pickle can change it."""
        return self._dtype


class _Ndarray(np.ndarray):
    """The array class that pickles fill, once; it takes plain dtypes only.

    numpy reads the elements of an object array as addresses, as many as its shape states, whatever the
    list holds that came with it. So it never builds one here: its list stays a list, in `objects`.
    """

    _filled = False
    objects: list[Any] | None = None
    without_axes = False

    def __setstate__(self, state: Any) -> None:
        version, shape, dtype, fortran_order, data = state
        # numpy would free the old data, which a tensor made from it still reads
        if self._filled:
            raise pickle.UnpicklingError("an array that is filled twice")
        if not isinstance(dtype, _Dtype):
            raise pickle.UnpicklingError("array state without a dtype")
        self._filled = True
        plain = dtype.resolve()
        if plain.hasobject:
            self.objects, self.without_axes = _objects(shape, data), tuple(shape) == ()
        else:
            super().__setstate__((version, shape, plain, fortran_order, data))


def _objects(shape: Any, held: Any) -> list[Any]:
    """Return the elements of an object array with one axis or none, which is all that texts need."""
    sides = tuple(shape)
    if len(sides) > 1 or type(held) is not list or len(held) != (sides[0] if sides else 1):
        raise pickle.UnpicklingError(f"an array of objects of shape {sides!r:.80} that holds others")
    return list(held)


def _reconstruct(_subtype: Any, shape: Any, _typecode: Any) -> Any:
    if tuple(shape) != (0,):
        raise pickle.UnpicklingError("an array stub of non-zero size")
    return _Ndarray.__new__(_Ndarray, (0,), dtype="b")


def _create_array(_function: Any, args: Any, state: Any, _npdict: Any = None) -> Any:
    array = _reconstruct(*args)
    array.__setstate__(state)
    return array


def _frombuffer(data: Any, dtype: Any, shape: Any, order: Any) -> Any:
    # how protocol 5 writes an array
    if not isinstance(data, bytes | bytearray) or not isinstance(dtype, _Dtype) or order not in ("C", "F"):
        raise pickle.UnpicklingError("an array of unusual form")
    return np.frombuffer(data, dtype=dtype.resolve()).reshape(shape, order=order)


def _no_call(*_arguments: Any) -> Any:
    raise pickle.UnpicklingError("it builds an array by a direct call")


def _convert_to_tensor(value: Any, *_rest: Any) -> Any:
    # lists are refused: ten small nested ones can stand for billions of numbers
    if not isinstance(value, np.ndarray | np.generic | bool | int | float | str | bytes):
        raise pickle.UnpicklingError("a tensor of something else than an array or a number")
    return np.asarray(value)


def _scalar(dtype: Any, data: Any = None) -> Any:
    if not isinstance(dtype, _Dtype) or dtype.resolve().hasobject or not isinstance(data, bytes):
        raise pickle.UnpicklingError("a numpy scalar of unusual kind")
    return np.frombuffer(data, dtype=dtype.resolve(), count=1)[0]


def _complex(real: Any, imaginary: Any) -> complex:
    return complex(float(real), float(imaginary))


def _bytes() -> bytes:
    # protocol 2 writes empty bytes as a call without arguments
    return b""


def _path(*parts: Any) -> str:
    if not all(isinstance(part, str) for part in parts):
        raise pickle.UnpicklingError("a path of something else than text")
    return str(PurePosixPath(*parts))


def _latin1(text: Any, encoding: Any = "latin1") -> bytes:
    # how protocol 2 writes the bytes of an array: _codecs.encode(text, "latin1")
    if not isinstance(text, str) or encoding != "latin1":
        raise pickle.UnpicklingError("bytes in an unusual encoding")
    return text.encode("latin1")


_NUMPY = ("numpy.core.multiarray", "numpy._core.multiarray")
_GLOBALS: dict[tuple[str, str], Callable[..., Any]] = {
    ("tensorflow.python.framework.ops", "convert_to_tensor"): _convert_to_tensor,
    ("dill._dill", "_create_array"): _create_array,
    ("numpy", "ndarray"): _no_call,  # only ever the ignored first argument of _reconstruct
    ("numpy", "dtype"): _Dtype,
    ("builtins", "complex"): _complex,
    ("__builtin__", "complex"): _complex,
    ("builtins", "bytes"): _bytes,
    ("__builtin__", "bytes"): _bytes,
    ("_codecs", "encode"): _latin1,
    **{(module, "_reconstruct"): _reconstruct for module in _NUMPY},
    **{(module, "scalar"): _scalar for module in _NUMPY},
    **{(module, "_frombuffer"): _frombuffer for module in ("numpy.core.numeric", "numpy._core.numeric")},
    **{("pathlib", name): _path for name in ("Path", "PosixPath", "WindowsPath", "PurePosixPath")},
    **{("pathlib._local", name): _path for name in ("Path", "PosixPath", "WindowsPath", "PurePosixPath")},
}


class RestrictedUnpickler(pickle.Unpickler):
    """Unpickler for plain containers, text, numbers and numeric arrays."""

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data))
        self._arrays: list[_Ndarray] = []

    def find_class(self, module: str, name: str) -> Any:
        """Return our stand-in for an allowed global; refuse every other one."""
        try:
            stand_in = _GLOBALS[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it names {module}.{name}") from None
        # a fresh wrapper each time: the BUILD opcode can set attributes on whatever it is given
        return lambda *arguments: self._noted(stand_in(*arguments))

    def _noted(self, value: Any) -> Any:
        if isinstance(value, _Ndarray):
            self._arrays.append(value)
        return value

    def load_plain(self) -> Any:
        """Load; an array of objects comes out as their list, one without axes as its object."""
        value = self.load()
        objects = [each for each in self._arrays if each.objects is not None]
        if any(each is not value for each in objects):
            raise pickle.UnpicklingError("an array of objects inside something else")
        if objects:
            held = objects[0].objects or []
            value = held[0] if objects[0].without_axes else held
        why = why_unbounded(value)
        if why:
            raise pickle.UnpicklingError(why)
        return value

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
        return RestrictedUnpickler(_inspected(data)).load_plain()
    except Exception as error:  # a hostile stream can raise anything; all of it means: refused
        text = repr(str(error))[1:-1][:MAX_REASON_CHARACTERS]  # its names may hold line ends and escapes
        raise ArchiveError(f"{label}: pickle refused, nothing was executed: {text}") from error


def _inspected(data: bytes) -> bytes:
    """Refuse a memo index that no honest pickle of this length reaches, and steps without end.

    The C unpickler allocates its memo up to the largest index, 16 bytes each: nine bytes
    of pickle can ask for 64 GB.

    Returns
    -------
    bytes
        The pickle without its frames. They only say how far to read ahead, and where one ends within a
        step the C unpickler loses its place and goes on by other steps than those looked at here.
    """
    parts, begin = [], 0
    for step, (opcode, argument, position) in enumerate(pickletools.genops(data)):
        if step >= MAX_OPCODES:
            raise pickle.UnpicklingError(f"it has more than {MAX_OPCODES} steps")
        if opcode.name in ("PUT", "BINPUT", "LONG_BINPUT") and int(argument or 0) > len(data):
            raise pickle.UnpicklingError("a memo index beyond the pickle's length")
        if opcode.name == "FRAME" and position is not None:
            parts.append(data[begin:position])
            begin = position + _FRAME_BYTES
    return b"".join([*parts, data[begin:]])
