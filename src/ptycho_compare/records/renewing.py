"""Lists that several processes write, each its own entries: locked, read, renewed, written whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from ptycho_compare.errors import HubError
from ptycho_compare.storage.locks import locked
from ptycho_compare.untrusted.regular import read_json

Entry = dict[str, Any]
Lists = TypeVar("Lists")


@dataclass(frozen=True)
class SharedFile(Generic[Lists]):
    """A JSON file whose entries belong to different jobs.

    Attributes
    ----------
    lock : Path
        Held while it is rewritten.
    kind : str
        What it is, for the message where it is something else.
    empty : object
        The JSON value that stands for a file that is not there yet.
    read_from : callable
        Takes the lists out of the JSON value; KeyError, TypeError or ValueError where they are not in it.
    """

    path: Path
    lock: Path
    kind: str
    empty: Any
    read_from: Callable[[Any], Lists]

    def read(self) -> Lists:
        """Read the lists; HubError where what is there is something else."""
        try:
            exists = self.path.exists()
            content = read_json(self.path) if exists else self.empty
            return self.read_from(content)
        except OSError as error:
            raise HubError(f"{self.path}: is no {self.kind} ({error.strerror}); move it away") from None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise HubError(
                f"{self.path}: is no {self.kind} ({type(error).__name__}: {error}); move it away"
            ) from None

    @contextmanager
    def renewing(self) -> Iterator[Lists]:
        """Keep other processes out while the lists that it yields are renewed and written."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with locked(self.lock):
            yield self.read()


NUMBER = (int, float)
TEXT = (str,)


def entries_of(entries: Any, kinds: Mapping[str, tuple[type, ...]]) -> list[Entry]:
    """Take entries as they are, each of which has values of these types under these keys.

    Raises KeyError or TypeError where one has not: what cannot be ordered is not ours to merge.
    """
    if not isinstance(entries, list):
        raise TypeError(f"{type(entries).__name__} in place of a list of entries")
    for entry in entries:
        for name, kind in kinds.items():
            if not isinstance(entry[name], kind):
                raise TypeError(f"'{name}' of an entry is {entry[name]!r:.40}")
        if not isinstance(entry.get("cell", {}), dict):
            raise TypeError(f"'cell' of an entry is {entry['cell']!r:.40}, which names no levels")
    return entries


def others(entries: Sequence[Entry], place: Mapping[str, Any]) -> list[Entry]:
    """Leave out the entries of a place; those of another cell, or of none, are not."""
    cell = place.get("cell")
    return [
        each
        for each in entries
        if any(each.get(key) != value for key, value in place.items()) or each.get("cell") != cell
    ]
