"""What a study leaves behind over all its comparisons: summary, report, deltas, digest, grid, inventory.

Each text has one writer, and where something of it is checked, one reader beside it.
"""
