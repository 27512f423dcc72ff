"""Files that a result is made from: digested before they are read, and looked at again when it is made.

Whoever trains anew while a comparison runs exchanges its input. Its scores are then the old file's, and
a digest taken at the end would name the new one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ptycho_compare.errors import ExchangedError, InputError
from ptycho_compare.storage.files import digest_of


@dataclass(frozen=True)
class _Look:
    """A file as it was found; its content is known without being read again while the rest is the same."""

    inode: int
    bytes: int
    mtime_ns: int

    @classmethod
    def at(cls, path: Path) -> _Look:
        found = path.stat()
        return cls(found.st_ino, found.st_size, found.st_mtime_ns)


class WatchedFiles:
    """Files by name, as they are now.

    Attributes
    ----------
    digests : dict of Path to str
        SHA-256 of each.

    Raises
    ------
    InputError
        One is not there, or cannot be read.
    """

    def __init__(self, files: Mapping[str, Path]) -> None:
        self._files = dict(files)
        try:
            # in this order: what is exchanged while it is digested shows at the end
            self._looks = {path: _Look.at(path) for path in self._files.values()}
            self.digests = {path: digest_of(path) for path in self._looks}
        except OSError as error:
            raise InputError(f"{error.filename}: {error.strerror}") from None

    def size(self, path: Path) -> int:
        """Return the size that a file had, bytes."""
        return self._looks[path].bytes

    def exchanged(self) -> Iterator[str]:
        """Say of each file that is another one by now which it is, and as what it was used."""
        for name, path in self._files.items():
            try:
                same = _Look.at(path) == self._looks[path]
            except OSError as error:
                yield f"{path}: {error.strerror}, and it was used as {name}"
                continue
            if not same:
                yield f"{path}: was exchanged or written to while it was used as {name}"

    def require_same(self) -> None:
        """Refuse, by an ExchangedError, to make a result of files that were exchanged meanwhile."""
        for text in self.exchanged():
            raise ExchangedError(
                f"{text}; this attempt is void, and nothing of it counts: run the same command again"
            )
