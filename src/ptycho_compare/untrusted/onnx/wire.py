"""The wire format of protocol buffers: fields of a message, one level at a time.

Stricter than a protobuf library: an unknown field, a known one of another wire type, and a single one
that comes twice are refused. So nothing can mean one thing here and another to whoever reads it next.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

MAX_FIELDS = 100_000
"""Of a whole file: a network has thousands, a file made to exhaust memory has millions."""

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5


class RefusedError(ValueError):
    """Why a file is not read on, without its name."""


@dataclass
class Budget:
    """Fields that may still be read."""

    left: int = MAX_FIELDS

    def take(self) -> None:
        """Count a field."""
        self.left -= 1
        if self.left < 0:
            raise RefusedError(
                f"holds more than {MAX_FIELDS} fields; a network has thousands (weights as raw_data)"
            )


@dataclass(frozen=True)
class Field:
    """A field that a message may have.

    Attributes
    ----------
    kind : {"int", "float", "double", "bytes", "text", "message"}
    many : bool
        It may come again and again.
    """

    name: str
    kind: str
    many: bool = False


@dataclass
class Message:
    """The fields of a message: single ones as they are, repeated ones as lists."""

    name: str
    fields: dict[str, Any] = field(default_factory=dict)

    def one(self, name: str, default: Any = None) -> Any:
        """Return a single field."""
        return self.fields.get(name, default)

    def all(self, name: str) -> list[Any]:
        """Return a repeated field."""
        return list(self.fields.get(name, ()))

    def __contains__(self, name: str) -> bool:
        return name in self.fields


_FORMATS = {FIXED32: "<f", FIXED64: "<d"}
_WIRE = {
    "int": VARINT,
    "float": FIXED32,
    "double": FIXED64,
    "bytes": LENGTH,
    "text": LENGTH,
    "message": LENGTH,
}


def read_message(name: str, data: memoryview, known: Mapping[int, Field], budget: Budget) -> Message:
    """Read the fields of one message; messages in it stay bytes.

    Raises
    ------
    RefusedError
        Truncated, a field that is not `known`, or one in another form than it has.
    """
    message = Message(name)
    for number, wire, value in _fields(name, data, budget):
        meant = known.get(number)
        if meant is None:
            raise RefusedError(f"{name} has field {number}, which is not read")
        for each in _values(meant, wire, value, name, budget):
            if meant.many:
                message.fields.setdefault(meant.name, []).append(each)
            elif meant.name in message.fields:
                raise RefusedError(f"{name} has '{meant.name}' twice")
            else:
                message.fields[meant.name] = each
    return message


def _values(meant: Field, wire: int, value: Any, name: str, budget: Budget) -> Iterator[Any]:
    needed = _WIRE[meant.kind]
    if meant.many and wire == LENGTH != needed:
        yield from unpacked(meant.kind, value, budget)
    elif wire != needed:
        raise RefusedError(f"{name} has '{meant.name}' in wire type {wire}; needed: {needed}")
    elif meant.kind == "text":
        try:
            yield bytes(value).decode()
        except UnicodeDecodeError:
            raise RefusedError(f"{name} has '{meant.name}' that is not UTF-8 text") from None
    else:
        yield _signed(value) if wire == VARINT else value


def unpacked(kind: str, data: memoryview, budget: Budget) -> Iterator[Any]:
    """Take packed numbers apart; raises RefusedError."""
    at, step = 0, {"float": 4, "double": 8}.get(kind)
    try:
        while at < len(data):
            budget.take()
            if step is None:
                value, at = _varint(data, at)
                yield _signed(value)
            else:
                yield _fixed(data, at, FIXED32 if step == 4 else FIXED64)
                at += step
    except (IndexError, struct.error):
        raise RefusedError("is truncated in packed numbers") from None


def _fields(name: str, data: memoryview, budget: Budget) -> Iterator[tuple[int, int, Any]]:
    at = 0
    try:
        while at < len(data):
            budget.take()
            tag, at = _varint(data, at)
            number, wire = tag >> 3, tag & 7
            if wire == VARINT:
                value, at = _varint(data, at)
                yield number, wire, value
            elif wire in (FIXED32, FIXED64):
                yield number, wire, _fixed(data, at, wire)
                at += 4 if wire == FIXED32 else 8
            elif wire == LENGTH:
                size, at = _varint(data, at)
                if size > len(data) - at:
                    raise RefusedError(
                        f"is truncated: a field of {name} states {size} bytes, {len(data) - at} are left"
                    )
                yield number, wire, data[at : at + size]
                at += size
            else:
                raise RefusedError(f"is no ONNX file: {name} has a field of wire type {wire}")
    except (IndexError, struct.error):
        raise RefusedError(f"is truncated in {name}") from None


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at
    raise RefusedError("is no ONNX file: a number of more than 10 bytes")


def _fixed(data: memoryview, at: int, wire: int) -> float:
    return float(struct.unpack_from(_FORMATS[wire], data, at)[0])


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value
