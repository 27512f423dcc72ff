"""Small files that harm their reader: a builder for each, by what they do."""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from .assemble import CREATE, DTYPE, NDARRAY, RECONSTRUCT, assemble
from .test_npz import header

Builder = Callable[[Path], Path]
SIDE = 16


def member(text: str, data: bytes = b"") -> bytes:
    """An NPY member with this very header."""
    raw = text.encode()
    return b"\x93NUMPY" + bytes((2, 0)) + struct.pack("<I", len(raw)) + raw + data


def npz(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return path


def plain(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def objects(shape: tuple[int, ...], held: list[Any], stated: tuple[int, ...] | None = None) -> bytes:
    """A member of dtype object whose pickle states `shape` and holds this list."""
    array = CREATE(RECONSTRUCT, (NDARRAY, (0,), b"b"), (1, shape, DTYPE("O"), False, held), None)
    return member(header("|O", shape if stated is None else stated), assemble(array))


def nested(value: Any, depth: int) -> Any:
    for _ in range(depth):
        value = {"a": value}
    return value


def laughs(levels: int = 9) -> list[Any]:
    value: list[Any] = ["ha"] * 10
    for _ in range(levels):
        value = [value] * 10
    return value


def image(folder: Path, **more: bytes) -> Path:
    """A reconstruction as good as any, and what else is in its file."""
    rng = np.random.default_rng(0)
    good = np.exp(1j * rng.random((SIDE, SIDE)))
    return npz(folder / "recon.npz", object=plain(good), **more)


def scan(folder: Path, **more: bytes) -> Path:
    """A scan as good as any, and what else is in its file."""
    rng = np.random.default_rng(0)
    places = rng.uniform(20, 40, (2, 9))
    held = {
        "xcoords": plain(places[0]),
        "ycoords": plain(places[1]),
        "diffraction": plain(rng.random((9, SIDE, SIDE)).astype(np.float32)),
        "probeGuess": plain(np.ones((SIDE, SIDE), complex)),
    }
    return npz(folder / "scan.npz", **{**held, **more})


def hdf5(folder: Path, fill: Callable[[h5py.File], object], name: str = "recon.h5") -> Path:
    with h5py.File(folder / name, "w") as file:
        fill(file)
    return folder / name


def _text(text: str) -> bytes:
    return plain(np.array(text))


def _many_attributes(file: h5py.File) -> None:
    file["object"] = np.ones((SIDE, SIDE), complex)
    for index in range(2000):
        file["object"].attrs[f"a{index}"] = index


def _reference(file: h5py.File) -> None:
    file["x"] = 1
    file.create_dataset("object", data=file["x"].ref, dtype=h5py.ref_dtype)


def _large_elements(file: h5py.File) -> None:
    kind = h5py.h5t.array_create(h5py.h5t.IEEE_F64LE, (2**28,))
    h5py.h5d.create(file.id, b"object", kind, h5py.h5s.create_simple((1,)))


IMAGES: dict[str, Builder] = {
    "objects whose list is shorter than their shape": lambda at: image(at, metadata=objects((3,), ["x"])),
    "objects of 2**40": lambda at: image(at, metadata=objects((2**40,), [])),
    "objects of no axis and none": lambda at: image(at, metadata=objects((), [])),
    "objects in two axes": lambda at: image(at, metadata=objects((2, 2), ["x"] * 4)),
    "object array in an object array": lambda at: image(
        at,
        metadata=objects(
            (1,), [CREATE(RECONSTRUCT, (NDARRAY, (0,), b"b"), (1, (9,), DTYPE("O"), False, ["x"]), None)]
        ),
    ),
    "objects nested 150 deep": lambda at: image(at, metadata=objects((), [nested("x", 150)])),
    "a thousand million laughs": lambda at: image(at, metadata=objects((), [laughs()])),
    "a number of 5000 digits": lambda at: image(at, metadata=objects((), [{"n": 10**5000}])),
    "fifty arrays of objects": lambda at: image(
        at, **{f"a{index}": objects((), ["x"]) for index in range(50)}
    ),
    "objects without end": lambda at: image(
        at, metadata=member(header("|O", (200_000,)), pickle.dumps([None] * 200_000))
    ),
    "texts of 2**31 - 1 characters": lambda at: npz(
        at / "r.npz", object=member(header("<U2147483647", (0,)))
    ),
    "sides beyond every product": lambda at: npz(
        at / "r.npz", object=member(header("<c16", (0, 9223372036854775807)))
    ),
    "65 axes": lambda at: npz(at / "r.npz", object=member(header("<c16", (1,) * 65), bytes(16))),
    "a dtype in tuples": lambda at: npz(at / "r.npz", object=member(header(("<c16", ("<c16", (2,))), (1,)))),
    "a dtype that aligns": lambda at: npz(
        at / "r.npz", object=member(header({"names": ["a"], "formats": ["<c16"], "itemsize": 2**40}, (1,)))
    ),
    "an element of 2**40": lambda at: npz(
        at / "r.npz", object=member(header([("a", "V1099511627776")], (1,)))
    ),
    "a text in place of an image": lambda at: npz(
        at / "r.npz", object=member(header("<U4194304", (1, 1)), bytes(2**24))
    ),
    "3.9 GiB that were never written": lambda at: hdf5(
        at, lambda file: file.create_dataset("object", (16_000, 16_000), complex, chunks=(1000, 1000))
    ),
    "a reference in place of an image": lambda at: hdf5(at, _reference),
    "elements of 2 GiB": lambda at: hdf5(at, _large_elements),
    "a named type in place of an image": lambda at: hdf5(
        at, lambda file: file.__setitem__("object", np.dtype("f8"))
    ),
    "names of 60 000 characters": lambda at: hdf5(
        at, lambda file: [file.create_dataset(f"{index}" + "n" * 60_000, data=1.0) for index in range(9)]
    ),
}
SCANS: dict[str, Builder] = {
    "metadata whose list is shorter than its shape": lambda at: scan(at, _metadata=objects((3,), ["{}"])),
    "metadata nested 100 000 deep": lambda at: scan(
        at, _metadata=_text('{"a":' * 100_000 + "1" + "}" * 100_000)
    ),
    "metadata nested 900 deep": lambda at: scan(at, _metadata=_text('{"a":' * 900 + "1" + "}" * 900)),
    "metadata of a list": lambda at: scan(at, _metadata=_text("[1]")),
    "photons of 10**400": lambda at: scan(at, _metadata=_text('{"nphotons": 1' + "0" * 400 + "}")),
    "photons of 10**5000": lambda at: scan(at, _metadata=_text('{"nphotons": 1' + "0" * 5000 + "}")),
    "a million images that are not there": lambda at: hdf5(at, _unfilled, "scan.h5"),
}


def _unfilled(file: h5py.File) -> None:
    file.create_dataset("diffraction", (10**6, 8192, 8192), np.uint16, chunks=(1, 8192, 8192))
    file["xcoords"] = np.arange(10**6) % 1000.0
    file["ycoords"] = np.arange(10**6) // 1000.0


READ: dict[str, Builder] = {
    "two thousand attributes": lambda at: hdf5(at, _many_attributes),
    "a tuple beside the image": lambda at: image(
        at, metadata=member(header("|O", (1,)), pickle.dumps(np.array([{"algorithm": "tike"}], object)))
    ),
}
