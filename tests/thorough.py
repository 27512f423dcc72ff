"""How much is tried: a little with every push, all of it by `make slow`, which sets PTYCHO_TESTS=thorough."""

from __future__ import annotations

import os

from hypothesis import settings

THOROUGH = os.environ.get("PTYCHO_TESTS") == "thorough"


def examples(count: int) -> settings:
    """Try a property on so many examples, with every push on a fifth of them."""
    return settings(max_examples=count if THOROUGH else max(2, count // 5))
