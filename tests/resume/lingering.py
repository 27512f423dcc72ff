"""Run a module as ``python -m`` does, to its end, and stay: ``python lingering.py MODULE ARGUMENTS...``.

So does an interpreter that takes its time to leave, TensorFlow's on a busy machine.
"""

import contextlib
import runpy
import signal
import sys

sys.argv = sys.argv[1:]
with contextlib.suppress(SystemExit):
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
signal.pause()
