"""Single changes of a finished hub: how each is made, and how the hub becomes what it was."""

from __future__ import annotations

import json
import pickle
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from forged import record_again
from ptycho_compare.hub import JobFiles

Edit = Callable[..., object]


@dataclass(frozen=True)
class Mutation:
    """One change.

    Attributes
    ----------
    name : str
    paths : str
        Files that the edit takes, in its order, below the hub; ``{C}`` and so on are folders.
    edit : callable
    check : str
        The validation that finds it.
    said : str
        What its error says beside the name of the first file.
    retaken : bool
        Whether the inventory is taken again after it, so that the check finds it by itself.
    names : str
        What is named instead of the first file.
    """

    name: str
    paths: str
    edit: Edit
    check: str
    said: str
    retaken: bool = True
    names: str = ""


def text(old: str, new: str) -> Edit:
    """Replace the first place of a text."""

    def edit(path: Path, *_: Path) -> None:
        content = path.read_text()
        assert old in content, (path, old)
        path.write_text(content.replace(old, new, 1))

    return edit


def pattern(old: str, new: str, *, count: int = 1) -> Edit:
    """Replace what a pattern finds; 0 for all of it."""

    def edit(path: Path, *_: Path) -> None:
        content, changed = re.subn(old, new, path.read_text(), count=count, flags=re.MULTILINE)
        assert changed, (path, old)
        path.write_text(content)

    return edit


def digit(before: str) -> Edit:
    """Change the last digit of the number that follows a pattern."""

    def edit(path: Path, *_: Path) -> None:
        content = path.read_text()
        found = re.search(rf"{before}[-+]?\d+(?:\.\d+)?(?:e[-+]\d+)?", content, re.MULTILINE)
        assert found, (path, before)
        end = found.end() - 1
        other = str((int(content[end]) + 1) % 10)
        path.write_text(content[:end] + other + content[end + 1 :])

    return edit


def in_json(keys: str, value: Any) -> Edit:
    """Set a value; a callable takes what was there."""

    def edit(path: Path, *_: Path) -> None:
        content = json.loads(path.read_text())
        *way, last = [int(key) if key.isdecimal() else key for key in keys.split("/")]
        place = content
        for key in way:
            place = place[key]
        place[last] = value(place[last]) if callable(value) else value
        path.write_text(json.dumps(content, indent=2))

    return edit


def without(keys: str) -> Edit:
    """Remove a key or an entry of JSON."""
    above, _, last = keys.rpartition("/")
    key = int(last) if last.isdecimal() else last

    def taken_out(held: Any) -> Any:
        if isinstance(held, list):
            return [each for number, each in enumerate(held) if number != key]
        return {name: each for name, each in held.items() if name != key}

    return in_json(above, taken_out)


def in_npz(key: str, change: Callable[[np.ndarray], np.ndarray] | None) -> Edit:
    """Change an array of an NPZ file, or remove it."""

    def edit(path: Path, *_: Path) -> None:
        with np.load(path, allow_pickle=True) as stored:  # `_metadata` is text in an object array
            arrays = {name: stored[name] for name in stored}
        if change is None:
            del arrays[key]
        else:
            arrays[key] = change(arrays[key].copy())
        np.savez(path, **arrays)

    return edit


def first(value: complex, place: float = 0.5) -> Callable[[np.ndarray], np.ndarray]:
    """Set one value in the middle of an array, or at another part of each axis."""

    def change(array: np.ndarray) -> np.ndarray:
        array[tuple(int(length * place) for length in array.shape)] = value
        return array

    return change


def everywhere(value: complex) -> Callable[[np.ndarray], np.ndarray]:
    """Set all values."""
    return lambda array: np.full_like(array, value)


def forged(edit: Edit) -> Edit:
    """Change an artifact, and make its manifest agree, as a careful forger would."""

    def both(path: Path, manifest: Path) -> None:
        edit(path)
        record_again(manifest.parent, path.name)

    return both


def alike(arm: str, value: complex) -> Edit:
    """Make an arm's canvas a constant in all of its arrays."""

    def edit(path: Path, *_: Path) -> None:
        in_npz(f"{arm}_complex", everywhere(value))(path)
        in_npz(f"{arm}_amplitude", everywhere(abs(value)))(path)
        in_npz(f"{arm}_phase", everywhere(float(np.angle(value))))(path)

    return edit


def parameter(key: str, value: object) -> Edit:
    """Change a parameter of a bundle."""

    def edit(path: Path, *_: Path) -> None:
        with zipfile.ZipFile(path) as archive:
            members = {info.filename: archive.read(info) for info in archive.infolist()}
        for name in [name for name in members if name.endswith("params.dill")]:
            held = pickle.loads(members[name])  # our own
            members[name] = pickle.dumps({**held, key: value}, protocol=4)
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in members.items():
                archive.writestr(name, data)

    return edit


def gone(path: Path, *_: Path) -> None:
    """Delete it."""
    path.unlink()


def cut(path: Path, *_: Path) -> None:
    """Keep two thirds."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])


def flipped(path: Path, *_: Path) -> None:
    """Flip one bit in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def new(path: Path, *_: Path) -> None:
    """Make a file where none was."""
    assert not path.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x\n")


def swapped(path: Path, other: Path) -> None:
    """Exchange two files."""
    one, two = path.read_bytes(), other.read_bytes()
    path.write_bytes(two)
    other.write_bytes(one)


def copied(path: Path, other: Path) -> None:
    """Take another's content."""
    path.write_bytes(other.read_bytes())


@contextmanager
def restored(paths: Sequence[Path], backup: Path) -> Iterator[None]:
    """Bring files back as they were when the block ends, times included: what was not there, goes.

    With a comparison's manifest comes the log of its job, which tells that it was written.
    """
    manifests = [path for path in paths if path.name == "manifest.json"]
    paths = [*paths, *(JobFiles(path.parent / "job").states for path in manifests)]
    kept = {path: backup / str(number) for number, path in enumerate(paths) if path.exists()}
    for path, copy in kept.items():
        shutil.copy2(path, copy)
    try:
        yield
    finally:
        for path in paths:
            if path in kept:
                shutil.copy2(kept[path], path)
            else:
                path.unlink(missing_ok=True)
