"""ONNX Runtime as the engine of bundles: what only it does. Its numbers: `models/test_predictor.py`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from bundles import write_bundle
from processes import PATIENCE_S

SHORT = """
import resource, sys
from pathlib import Path
import numpy as np
from ptycho_compare.errors import OutOfMemoryError
from ptycho_compare.models.bundle import inspect_model
from ptycho_compare.models.predictor import load_predictor

model = inspect_model(Path(sys.argv[1]))
large, small = (load_predictor(model, batch_rows=rows) for rows in (2048, 16))
fed = np.zeros((2048, 32, 32, 4), np.float32), np.zeros((2048, 1, 2, 4), np.float32)
small.predict(fed[0][:16], fed[1][:16])
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (96 << 20),) * 2)
try:
    large.network(*fed)
except OutOfMemoryError as error:
    print(error)
assert np.isfinite(small.predict(fed[0][:16], fed[1][:16])).all()
assert not {"tensorflow", "keras", "torch"} & set(sys.modules)
"""


def test_a_batch_that_does_not_fit_is_said_and_a_smaller_one_goes_on(tmp_path: Path) -> None:
    """The real thing, under a bound on the address space."""
    path = write_bundle(tmp_path / "wts.h5.zip")
    done = subprocess.run(
        [sys.executable, "-c", SHORT, str(path)], capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("out_of_memory: a batch of 2048 did not fit into memory (")
