"""Comparison of ptychographic reconstructions whose numbers can be trusted.

`open_hub` gives the comparisons of a study: scores as data frames, images as arrays. `score_pair` scores
any two arrays, `read_scan` reads measured data. Nothing of them is loaded before it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ptycho_compare.api import (
        ComparedArm,
        FramedImage,
        ImageFrame,
        OpenComparison,
        OpenHub,
        ScanArrays,
        open_hub,
        read_scan,
    )
    from ptycho_compare.errors import InputError, ScoringError
    from ptycho_compare.phases.pipeline.own_step import OwnStep
    from ptycho_compare.scoring.pair import score_pair

__version__ = "0.1.0"

__all__ = [
    "ComparedArm",
    "FramedImage",
    "ImageFrame",
    "InputError",
    "OpenComparison",
    "OpenHub",
    "OwnStep",
    "ScanArrays",
    "ScoringError",
    "__version__",
    "open_hub",
    "read_scan",
    "score_pair",
]

_ELSEWHERE = {
    "InputError": "errors",
    "OwnStep": "phases.pipeline.own_step",
    "ScoringError": "errors",
    "score_pair": "scoring.pair",
}
"""Where the public names are that are not of `api`."""


def __getattr__(name: str) -> Any:
    """Load a public name when it is asked for: this package is imported by every command and every job."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_ELSEWHERE.get(name, 'api')}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
