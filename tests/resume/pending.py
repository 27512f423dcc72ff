"""A command that does not come to its first patch: ``python pending.py MODULE ARGUMENTS...``.

It ends when it is asked to, as one does that is still loading TensorFlow, on whatever machine.
"""

import signal
import sys

from ptycho_compare.sigterm import EXIT_STOPPED

signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
signal.sigwait({signal.SIGTERM})
sys.exit(EXIT_STOPPED)
