"""Phase C: a known object scanned and measured by numerical experiment."""

from ptycho_compare.phases.simulate.simulate import simulate

__all__ = ["simulate"]
