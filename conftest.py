"""What `pytest` collects in this folder when it could not find its ini file.

pytest looks for the ini file before it knows our options, and takes the folder in
`--hub DIR` for a test path: its root directory is then the hub, `testpaths` is lost, and it
would collect the project's own tests too, and copies of them in the site. `--hub=DIR` has no such
effect. `acceptance` is a link to the suite in the package: it is there for who names it, and would be
collected twice.
"""

from pathlib import Path

import pytest


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the project's own tests, the site, and the link to the suite, unless they were asked for."""
    unasked = [Path(__file__).parent / name for name in ("tests", "acceptance", "docs")]
    return True if config.inipath is None and collection_path in unasked else None
