"""What an attempt saves for the next one: two files, of which the second makes both count.

The arrays come first, under a name that holds their digest, so that no file that counts is ever
replaced by another; then the record, with their name, their digest and its own. A kill between the
two leaves what was saved before.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import StorageError
from ptycho_compare.hub import stamp, utc_now
from ptycho_compare.storage.files import atomic_path, plain_json, remedy, write_json_atomic
from ptycho_compare.storage.fingerprint import Fingerprint
from ptycho_compare.untrusted.regular import open_regular, read_json

Work = TypeVar("Work")
Facts = Mapping[str, Any]
Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class SavedWork:
    """Where one piece of work is saved, again and again.

    Attributes
    ----------
    name : str
        Begins the file names.
    fingerprint : Fingerprint
        What the work rests on; what was saved on another one is not used.
    set_aside : Path
        Where that goes.
    """

    folder: Path
    name: str
    fingerprint: Fingerprint
    set_aside: Path

    @property
    def record(self) -> Path:
        """Its existence makes what was saved count."""
        return self.folder / f"{self.name}.json"

    def write(self, arrays: Arrays, facts: Facts) -> float:
        """Save; the seconds it took.

        `facts` fit JSON. Raises StorageError when it cannot be written; what was saved before is intact.
        """
        began = time.perf_counter()
        try:
            self._write(arrays, facts)
        except OSError as error:
            before = "; the checkpoint before is intact" if self.folder.parent.exists() else ""
            raise StorageError(
                f"{self.folder}: {error.strerror}{before}: {remedy(error)}, and run the same command again"
            ) from error
        return time.perf_counter() - began

    def _write(self, arrays: Arrays, facts: Facts) -> None:
        self.folder.mkdir(exist_ok=True)  # no parents: where a hub was removed none is made anew
        buffer, held = io.BytesIO(), dict[str, Any](arrays)
        np.savez(buffer, **held)
        data = buffer.getvalue()
        digest = sha256(data).hexdigest()
        path = self.folder / f"{self.name}@{digest[:16]}.npz"
        with atomic_path(path) as temporary:
            temporary.write_bytes(data)
        record = {**facts, "arrays": path.name, "sha256": digest, "fingerprint": self.fingerprint.to_json()}
        write_json_atomic(self.record, {**record, "record_sha256": _digest(record)})
        for old in self._arrays():
            if old != path:
                old.unlink()

    def read(self, rebuild: Callable[[Facts, Arrays], Work], tell: Callable[[str], None]) -> Work | None:
        """Read what an earlier attempt saved.

        Parameters
        ----------
        rebuild : callable
            Makes of facts and arrays what they were taken from.
        tell : callable
            Given the reason when there is something that cannot be used; it is then set aside.

        Returns
        -------
        object or None
            What `rebuild` made; None when there is nothing, or nothing that can be used.
        """
        if not self.record.exists():
            return None
        try:
            record = read_json(self.record)
            if record.pop("record_sha256") != _digest(record):
                raise ValueError(f"{self.record.name} differs from its own digest")
            differences = Fingerprint.from_json(record["fingerprint"]).differences(self.fingerprint)
            if not differences:
                return rebuild(record, self._held(record["arrays"], record["sha256"]))
            reason = "; ".join(differences)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            reason = f"damaged: {' '.join(str(error).split())}"
        self._put_aside(reason)
        tell(reason)
        return None

    def _held(self, name: str, digest: str) -> dict[str, NDArray[Any]]:
        with open_regular(self.folder / name) as stream:
            data = stream.read()
        if sha256(data).hexdigest() != digest:
            raise ValueError(f"{name} differs from the digest in its record")
        with np.load(io.BytesIO(data), allow_pickle=False) as held:
            return {key: held[key] for key in held.files}

    def _put_aside(self, reason: str) -> None:
        """Move the files away: nobody's work is deleted because it does not fit here."""
        away = _aside_for(self.set_aside, self.name, reason)
        for path in (self.record, *self._arrays()):
            if path.exists():
                path.replace(away / path.name)

    def _arrays(self) -> list[Path]:
        return list(self.folder.glob(f"{self.name}@*.npz"))


def _digest(record: Facts) -> str:
    """SHA-256 of a record, however it is spaced."""
    return sha256(json.dumps(record, sort_keys=True, default=plain_json).encode()).hexdigest()


def _aside_for(set_aside: Path, name: str, reason: str) -> Path:
    """Make a folder of its own for what does not fit here, and write the reason into it.

    `name` is that of what is moved there; `reason` is one line.
    """
    first = f"{stamp(utc_now())}-{name}"
    away, number = set_aside / first, 2
    while away.exists():  # something else, within the same second
        away, number = set_aside / f"{first}_{number}", number + 1
    away.mkdir(parents=True)
    (away / "reason.txt").write_text(f"{reason}\n", encoding="utf-8")
    return away
