"""The gate: whether a hub may be counted, judged by its evidence alone. Nothing is computed anew.

It asks for the expected set of comparisons, not just for the absence of failures.
"""

from ptycho_compare.gate.judge import judge_hub, standing_of
from ptycho_compare.gate.publish import publish, told

__all__ = ["judge_hub", "publish", "standing_of", "told"]
