"""What takes long to make, made once for all xdist workers of a run."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ptycho_compare.storage.locks import locked


def shared(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that whoever comes first fills; the others wait, and no test may damage it.

    Each name is of one `make`: with a name that another has taken too, a test would get what that one made.
    """
    root = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent  # of all workers
    folder, whole = root / "shared" / name, root / "shared" / f"{name}.whole"
    folder.parent.mkdir(exist_ok=True)
    maker = f"{make.__module__}.{make.__qualname__}"
    with locked(folder.with_name(f"{name}.lock")):
        if not whole.exists():
            shutil.rmtree(folder, ignore_errors=True)  # of a worker that was ended, or failed
            make(folder)
            whole.write_text(maker)
        assert whole.read_text() == maker, f"{name} is what {whole.read_text()} makes"
    return folder
