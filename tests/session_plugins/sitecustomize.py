"""Read by every Python that tests start: what a light hub's jobs do without, and who is measured.

See `light`, and `processes.environment`. All of them do without scipy's notes, see `undocumented`.
"""

import os
import sys
from pathlib import Path

import undocumented

undocumented.install()
if "PTYCHO_TEST_LIGHT" in os.environ or "PTYCHO_TEST_UNDRAWN" in os.environ:
    sys.path.append(str(Path(__file__).parents[1]))
    import light

    light.install(networks="PTYCHO_TEST_LIGHT" not in os.environ)
if "PTYCHO_TEST_ALONE" in os.environ:  # coverage has read it by now
    os.environ.pop("COVERAGE_PROCESS_CONFIG", None)
