"""BLAS has one thread where we say so, whatever was loaded when, and afterwards as many as before."""

from __future__ import annotations

import json
import os
import subprocess
import sys

_LOOK = """
import json
import numpy
from threadpoolctl import threadpool_info
from ptycho_compare.blas import one_blas_thread

def threads():
    return sorted(each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas")

said = [threads()]
with one_blas_thread():
    said.append(threads())
said.append(threads())
import scipy.linalg  # brings a BLAS of its own
said.append(threads())
with one_blas_thread():
    with one_blas_thread():
        said.append(threads())
    said.append(threads())
said.append(threads())
print(json.dumps(said))
"""


def test_every_library_is_held_to_one_thread_and_has_its_own_again() -> None:
    variables = {**os.environ, "OPENBLAS_NUM_THREADS": "2", "OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "2"}
    done = subprocess.run(
        [sys.executable, "-c", _LOOK], env=variables, capture_output=True, text=True, check=True
    )
    before, inside, after, more, nested, outer, end = json.loads(done.stdout)
    assert before == after == [2] * len(before)
    assert inside == [1] * len(before)
    assert len(more) > len(before)
    assert more == end == [2] * len(more)
    assert nested == outer == [1] * len(more)
