"""Blockers: why a study stands still, noted in ``red/``, and closed when it may go on."""

from ptycho_compare.checks.blocker.causes import topic_of
from ptycho_compare.checks.blocker.closing import Closing, close_blockers, closing_of, open_blockers
from ptycho_compare.checks.blocker.note import Blocker, read_blocker, write_blocker

__all__ = [
    "Blocker",
    "Closing",
    "close_blockers",
    "closing_of",
    "open_blockers",
    "read_blocker",
    "topic_of",
    "write_blocker",
]
