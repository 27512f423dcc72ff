"""Any long command as a supervised child process. Knows no ptychography."""

from ptycho_compare.jobs.child import ChildResult, run_child

__all__ = ["ChildResult", "run_child"]
