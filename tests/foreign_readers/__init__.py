"""Every reader of bytes from outside, with a small whole file for it: what fuzzing starts from."""

from __future__ import annotations

from collections.abc import Mapping

from foreign_readers.arrays import ARRAYS
from foreign_readers.models import MODELS
from foreign_readers.reader import Reader
from foreign_readers.records import RECORDS
from foreign_readers.shared_lists import SHARED_LISTS

READERS: Mapping[str, Reader] = {**RECORDS, **SHARED_LISTS, **ARRAYS, **MODELS}

MAX_BYTES = 1 << 17
"""Of a file that fuzzing makes."""
