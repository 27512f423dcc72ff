"""What `pytest` collects in this folder when it could not find its ini file.

pytest looks for the ini file before it knows our options, and takes the folder in
`--hub DIR` for a test path: its root directory is then the hub, `testpaths` is lost, and it
would collect the project's own tests too. `--hub=DIR` has no such effect.
"""

from pathlib import Path

import pytest


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the project's own tests unless they were asked for."""
    if config.inipath is None and collection_path == Path(__file__).parent / "tests":
        return True
    return None
