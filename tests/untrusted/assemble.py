"""Pickles that no Python object stands behind: any global, called and built with anything."""

import io
import pickle
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True)
class Named:
    """A global, by name; it need not exist here."""

    module: str
    name: str

    def __call__(self, *arguments):
        return Call(self, arguments)


@dataclass(frozen=True)
class Call:
    """REDUCE: what `function` gives for `arguments`."""

    function: Any
    arguments: Any


@dataclass(frozen=True)
class Built:
    """BUILD: `target` after it was handed `state`."""

    target: Any
    state: Any


@dataclass(frozen=True)
class New:
    """NEWOBJ: `cls.__new__(*arguments)`."""

    cls: Any
    arguments: Any


class _Assembler(pickle._Pickler):
    dispatch: ClassVar = dict(pickle._Pickler.dispatch)

    def save_named(self, value):
        self.save(value.module)
        self.save(value.name)
        self.write(pickle.STACK_GLOBAL)
        self.memoize(value)

    def save_call(self, value):
        self.save(value.function)
        self.save(value.arguments)
        self.write(pickle.REDUCE)
        self.memoize(value)

    def save_built(self, value):
        self.save(value.target)
        self.save(value.state)
        self.write(pickle.BUILD)
        self.memoize(value)

    def save_new(self, value):
        self.save(value.cls)
        self.save(value.arguments)
        self.write(pickle.NEWOBJ)
        self.memoize(value)

    dispatch[Named] = save_named
    dispatch[Call] = save_call
    dispatch[Built] = save_built
    dispatch[New] = save_new


def assemble(value):
    """Pickle `value`, protocol 4; the same Python object becomes the same pickled one."""
    buffer = io.BytesIO()
    _Assembler(buffer, 4).dump(value)
    return buffer.getvalue()


CONVERT = Named("tensorflow.python.framework.ops", "convert_to_tensor")
CREATE = Named("dill._dill", "_create_array")
DTYPE = Named("numpy", "dtype")
NDARRAY = Named("numpy", "ndarray")
RECONSTRUCT = Named("numpy._core.multiarray", "_reconstruct")


def dtype(code, order="<"):
    """A dtype as numpy pickles it."""
    return Built(DTYPE(code, False, True), (3, order, None, None, None, -1, -1, 0))


def state(array):
    """An array's state as numpy pickles it, C order."""
    return (1, array.shape, dtype(array.dtype.str[1:]), False, array.tobytes())


def dill_array(array):
    """An array as dill pickles it."""
    return CREATE(RECONSTRUCT, (NDARRAY, (0,), b"b"), state(array), None)
