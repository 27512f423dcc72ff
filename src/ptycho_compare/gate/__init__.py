"""The gate: whether a hub may be counted, judged by its evidence alone. Nothing is computed anew.

It asks for the expected set of comparisons, not just for the absence of failures.
"""

from ptycho_compare.gate.comparison_verdict import state_of
from ptycho_compare.gate.judge import judge_hub
from ptycho_compare.gate.publish import publish, verdict_lines

__all__ = ["judge_hub", "publish", "state_of", "verdict_lines"]
