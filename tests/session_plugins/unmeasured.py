"""A plugin for pytest (``-p unmeasured``): what jobs of a session run is not measured by coverage.

Measured, a comparison takes half as long again, and the same commands are measured where tests run
them themselves. The session, and its workers, are.
"""

import os


def pytest_runtest_setup() -> None:
    """Let nobody be measured who is started from here on; an xdist controller runs no tests."""
    os.environ.pop("COVERAGE_PROCESS_CONFIG", None)
