"""Files that are whole or absent: digests, writing that a kill cannot tear.

Owns how a file gets its final name. Knows nothing of what stands in it.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from itertools import chain, count
from pathlib import Path
from typing import Any

from ptycho_compare.untrusted.regular import open_regular

STORAGE_ERRORS = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EROFS))
"""How the system says that a disk is full or read-only: the user's to mend, like bad input."""
UNWRITABLE = STORAGE_ERRORS | {errno.EACCES, errno.EPERM}
"""The same, and that somebody else's files may only be read."""
_BROKEN = frozenset(
    (errno.EIO, errno.ESTALE, errno.ENODEV, errno.ENXIO, errno.ENOTCONN, errno.ETIMEDOUT, errno.ECONNRESET)
)
DISK_ERRORS = STORAGE_ERRORS | _BROKEN
"""The first, and that a disk or the way to it fails."""
_NO_FLUSH = frozenset((errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EACCES))
_NO_TEXT = re.compile("[\ud800-\udfff]")


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, 64 hex digits; the file is streamed, never held whole."""
    with open_regular(path) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digest_of(path: Path) -> str:
    """`sha256_of`, read once by a process for as long as the file stays as it is."""
    now = path.stat()
    return _digest_of(path, now.st_size, now.st_mtime_ns, now.st_ino)


@lru_cache(maxsize=2**16)  # a hub of hundreds of comparisons is judged by several checks
def _digest_of(path: Path, _size: int, _mtime_ns: int, _inode: int) -> str:
    return sha256_of(path)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let the error of a disk name `path`: of what is open the system names nothing."""
    try:
        yield
    except OSError as error:
        if error.errno in DISK_ERRORS:
            error.filename = str(path)
        raise


def remedy(error: OSError) -> str:
    """Say what people can do about an error of a disk, before the same command is run again."""
    if error.errno in _BROKEN:
        return "see to the disk, or to the way to the server that holds it"
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return "see who removed its folder meanwhile"
    return "make room" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "make it writable"


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a name to write to; it becomes `path` when the block ends well.

    The file and then its folder are flushed to disk, so that after a power loss the name
    holds either the old content or the new one. When the block raises, the temporary
    file is removed and `path` stays as it was.

    Parameters
    ----------
    path : Path
        Final name, in a folder that exists. A link of that name is replaced, not followed.

    Yields
    ------
    Path
        Hidden name in the same folder, not yet created. It ends in ``.tmp``, so that no
        pattern for real files matches what a killed process leaves behind. `numpy.save`
        and others append endings to names they do not know: open the file yourself and
        hand it to them.

    Raises
    ------
    FileNotFoundError
        The folder is missing, or the block wrote nothing.
    """
    # pid and random part: two processes, or two threads of one, never share a name
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        with naming(path):
            yield temporary
            _flush(temporary)
            temporary.replace(path)
    except BaseException:  # also Ctrl-C and a deadline's exit
        with suppress(OSError):  # on a disk that became read-only the error under way says so
            temporary.unlink(missing_ok=True)
        raise
    with naming(path):
        _flush_folder(path.parent)  # the new name itself


_LEFT_OVER = re.compile(r"\..+\.[0-9]+-[0-9a-f]{8}\.tmp")


def is_left_over(name: str) -> bool:
    """True for the name of a file that a writer left which was killed: `atomic_path` gives such names."""
    return _LEFT_OVER.fullmatch(name) is not None


@contextmanager
def if_writable() -> Iterator[None]:
    """Leave out the rest of the block where a full, read-only or foreign disk refuses it."""
    try:
        yield
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise


def reserve(path: Path) -> Path:
    """Take a name that nobody has: an empty file of this name or, where it is taken, ``NAME_2`` and so on."""
    others = (path.with_name(f"{path.stem}_{number}{path.suffix}") for number in count(2))
    return next(free for free in chain([path], others) if _is_taken(free))


def _is_taken(path: Path) -> bool:
    try:
        path.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def plain_text(text: str) -> str:
    """Return a text that has a UTF-8 form: bytes of file names that are none become replacement marks."""
    return _NO_TEXT.sub("\ufffd", text)


def plain_values(value: Any) -> Any:
    """Return JSON values of which every text is a `plain_text`: readers refuse others."""
    match value:
        case str():
            return plain_text(value)
        case dict():
            return {plain_values(key): plain_values(each) for key, each in value.items()}
        case list() | tuple():
            return [plain_values(each) for each in value]
    return value


def write_text_atomic(path: Path, text: str) -> None:
    """Write `text` as UTF-8 with the line ends it has; names of files that are no text stand with marks."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(plain_text(text).encode("utf-8"))


def write_json_atomic(path: Path, obj: object) -> None:
    """Write `obj`, numpy scalars and paths included, as JSON: indent 2, keys in their own order.

    Raises
    ------
    ValueError
        A number is NaN or infinite: JSON has neither, and readers disagree on both.
    TypeError
        Something else that JSON has no form for.
    """
    write_text_atomic(path, json_text(obj))


def json_text(obj: object) -> str:
    """Return what `write_json_atomic` writes, whose exceptions it raises."""
    return json.dumps(obj, indent=2, allow_nan=False, default=plain_json) + "\n"


def plain_json(value: object) -> Any:
    """Turn a numpy scalar or a path into what `json` takes; for its argument ``default``."""
    import numpy as np  # only writers that hold numpy scalars need it, and they have it loaded

    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, np.floating):
        return float(value)
    raise TypeError(f"no JSON form for {type(value).__name__}: {value!r}")


def _flush_folder(path: Path) -> None:
    """Flush a folder where its file system can: some that are mounted over a network refuse it."""
    try:
        _flush(path)
    except OSError as error:
        if error.errno not in _NO_FLUSH:
            raise


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
