"""The log of one comparison: our own logger to a file and to the console, nothing else touched."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ptycho_compare.storage.files import DISK_ERRORS

LOGGER = "ptycho_compare"
_FORMAT = "%(asctime)s - %(levelname)s - %(message)s"


@contextmanager
def comparison_log(
    path: Path, *, console_level: int | None, append: bool = False
) -> Iterator[logging.Logger]:
    """Send the package's messages to a file (all of them) and to stderr (from a level on).

    The root logger, ``sys.stdout`` and ``sys.excepthook`` stay as they are.

    Parameters
    ----------
    path : Path
        Replaced if it exists, unless `append`: a run that goes on adds to what it wrote before.
    console_level : int or None
        Lowest level shown on stderr; None for none.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    logger = logging.getLogger(LOGGER)
    before = logger.level, logger.propagate
    handlers: list[logging.Handler] = [
        _LogFile(path, mode="a" if append else "w", encoding="utf-8", errors="replace")
    ]
    if console_level is not None:
        console = logging.StreamHandler(sys.stderr)
        console.setLevel(console_level)
        handlers.append(console)
    for handler in handlers:
        handler.setFormatter(logging.Formatter(_FORMAT))
        logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False  # a user's root handlers would show every line twice
    try:
        yield logger
    finally:
        logger.setLevel(before[0])
        logger.propagate = before[1]
        for handler in handlers:
            logger.removeHandler(handler)
            handler.close()


class _LogFile(logging.FileHandler):
    """A log that ends no run: on a full disk it says once that it has gaps."""

    _told = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (logging's name)
        """Take the error of a line that could not be written."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError) or error.errno not in DISK_ERRORS:
            super().handleError(record)
        elif not self._told:
            print(f"{self.baseFilename}: {error.strerror}; lines are missing there", file=sys.stderr)
            self._told = True

    def close(self) -> None:
        """Close the file; what could not be written so far is lost."""
        with suppress(OSError):
            super().close()
