"""The rules of a hub, and findings where they do not hold: each one sentence with the measured numbers.

A dose is in photons per exposure.
"""

from ptycho_compare.checks.comparison import judge_comparison
from ptycho_compare.checks.freshness import stale

__all__ = ["judge_comparison", "stale"]
