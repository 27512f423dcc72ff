"""The study's own limits, by which an image counts as dead."""

from __future__ import annotations

from ptycho_compare.scoring.collapse import CollapseLimits
from ptycho_compare.study import Study


def limits_of(study: Study) -> CollapseLimits:
    """Read them from the study's tolerances."""
    told = study.tolerances
    return CollapseLimits(
        max_zero_fraction=told.max_zero_fraction,
        min_contrast=told.min_contrast,
        min_relative_contrast=told.min_relative_contrast,
    )
