"""An NPZ file as a container of named arrays; its images go once into an unnamed spool file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ptycho_compare.scan.formats.contents import Images
from ptycho_compare.scan.formats.spooled_images import spool_images
from ptycho_compare.untrusted.npz import ArrayHeader, NpzFile


class NpzContainer:
    """An open NPZ file; its images go through a spool file in `spool_folder`."""

    def __init__(self, archive: NpzFile, *, label: str, spool_folder: Path | None) -> None:
        self._archive = archive
        self._spool_folder = spool_folder
        self.label = label
        self.roles: dict[str, str] = {}

    def __contains__(self, key: str) -> bool:
        if key not in self._archive:
            return False
        # an array that holds None is how PtychoPINN stores an absent object
        return not (self._archive.headers[key].dtype.hasobject and self._archive.plain(key) is None)

    def array(self, key: str) -> NDArray[Any]:
        """Read an array of numbers whole."""
        return self._archive.array(key)

    def in_order(self, key: str) -> NDArray[Any]:
        """Read an array of numbers whole: an NPZ file has its axes as they are."""
        return self._archive.array(key)

    def shape(self, key: str) -> tuple[int, ...]:
        """Shape of an array."""
        return self._archive.headers[key].shape

    def text(self, key: str) -> Any:
        """Read text, also from an object array; nothing in it is executed."""
        return self._archive.plain(key)

    def unit(self, key: str) -> str:  # noqa: ARG002
        """Return "": an NPZ file states no unit."""
        return ""

    def images(self, key: str, *, count: int, side: int | None) -> Images:
        """Copy the images to where any of them can be reached."""
        return spool_images(
            self._archive, key, label=self.label, count=count, side=side, folder=self._spool_folder
        )

    @property
    def headers(self) -> Mapping[str, ArrayHeader]:
        """Shape and type of every array, none of which is read."""
        return self._archive.headers

    def checksum(self, key: str) -> tuple[int, int] | None:
        """CRC-32 and bytes of an array, as the archive states them."""
        return self._archive.checksum(key)

    def listing(self) -> str:
        """Name the keys."""
        return ", ".join(sorted(self._archive.headers)) or "nothing"
