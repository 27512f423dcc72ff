"""Read by every Python that tests start: what a light hub's jobs do without; see `light`."""

import os
import sys
from pathlib import Path

if "PTYCHO_TEST_LIGHT" in os.environ:
    sys.path.append(str(Path(__file__).parents[1]))
    import light

    light.install()
