"""Phase D: views of the splits, and how far their probes overlap."""

from ptycho_compare.phases.overlap.overlap import overlap

__all__ = ["overlap"]
