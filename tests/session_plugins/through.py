"""A plugin for pytest (``-p through``): jobs run their command through one of our runners.

``PTYCHO_TEST_RUNNER`` is the runner and its arguments, as JSON.
"""

import json
import os
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

from ptycho_compare.phases.comparison.job import ComparisonJob
from runner_of_jobs import command_through

runner = json.loads(os.environ["PTYCHO_TEST_RUNNER"])
ComparisonJob._command = command_through(runner)  # type: ignore[method-assign]
