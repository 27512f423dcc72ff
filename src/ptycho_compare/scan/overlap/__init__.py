"""Overlap of a scan's probes: the seeded subsample of a view, and the numbers measured on it."""

from ptycho_compare.scan.overlap.parameters import OverlapParameters
from ptycho_compare.scan.overlap.parent import PER_IMAGE_KEYS, Parent, read_parent
from ptycho_compare.scan.overlap.view import TOOL, SplitView, draw_view

__all__ = ["PER_IMAGE_KEYS", "TOOL", "OverlapParameters", "Parent", "SplitView", "draw_view", "read_parent"]
