"""Run a module as ``python -m`` does, and write which modules it had loaded when it ended.

``python loading.py FOLDER MODULE ARGUMENTS...``: a file of names per process.
"""

import atexit
import os
import runpy
import sys
from pathlib import Path

folder = Path(sys.argv[1])


def write() -> None:
    (folder / f"{os.getpid()}.txt").write_text("\n".join(sys.modules))


atexit.register(write)
sys.argv = sys.argv[2:]
sys.path[0] = str(Path.cwd())
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
