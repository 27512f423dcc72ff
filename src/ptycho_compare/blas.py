"""One thread for products of matrices: no number depends on the cores, and no core spins for another."""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from threadpoolctl import ThreadpoolController


def one_blas_thread() -> AbstractContextManager[object]:
    """Hold BLAS to one thread while the block runs; afterwards it has as many as before.

    It sums in another order with another number of threads. In products as small as ours more threads gain
    nothing: they spin between them, and take the cores from a network.
    """
    held: AbstractContextManager[object] = _libraries(len(sys.modules)).limit(limits=1, user_api="blas")
    return held


@lru_cache(maxsize=1)
def _libraries(_modules: int) -> ThreadpoolController:
    """Look for the libraries, anew once modules were loaded: searching takes longer than a small product."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
