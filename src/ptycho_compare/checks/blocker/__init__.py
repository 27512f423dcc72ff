"""Blockers: why a study stands still, noted in ``red/``, and closed when it may go on."""

from ptycho_compare.checks.blocker.causes import topic_of
from ptycho_compare.checks.blocker.closing import (
    Closing,
    all_blockers,
    close_blockers,
    close_by_hand,
    closing_of,
    open_blockers,
    own_check_notes,
)
from ptycho_compare.checks.blocker.note import Blocker, read_blocker
from ptycho_compare.checks.blocker.noting import write_blocker
from ptycho_compare.checks.blocker.scope import EVERYTHING, Scope

__all__ = [
    "EVERYTHING",
    "Blocker",
    "Closing",
    "Scope",
    "all_blockers",
    "close_blockers",
    "close_by_hand",
    "closing_of",
    "open_blockers",
    "own_check_notes",
    "read_blocker",
    "topic_of",
    "write_blocker",
]
