"""What must hold in a hub, as findings: each one sentence with the measured numbers."""

from ptycho_compare.checks.comparison import judge_comparison
from ptycho_compare.checks.freshness import stale

__all__ = ["judge_comparison", "stale"]
