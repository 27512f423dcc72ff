"""Hooks for a suite of one's own, in its conftest.py or a plugin; docs/extending.md has an example of each.

They are called where comparisons are, in every xdist worker, but for `pytest_ptycho_summary`, which is called
where the summary is printed. A session that judges no hub calls none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ptycho_compare import OpenComparison, OpenHub
    from ptycho_compare.hub import Hub
    from ptycho_compare.phases.pipeline.own_step import OwnStep
    from ptycho_compare.study import Comparison, Study


def pytest_ptycho_check(comparison: OpenComparison) -> str | Iterable[str] | None:
    """Judge a comparison whose evidence holds.

    Parameters
    ----------
    comparison : OpenComparison
        Scores as data frames, images, manifest: docs/python.md.

    Returns
    -------
    str, iterable of str, or None
        A sentence for each thing that does not hold. The comparison is red with them, in this session, in a
        note in ``red/``, and for the gate until a session with this check finds nothing.
    """


def pytest_ptycho_arms(study: Study) -> Mapping[str, Mapping[str, Any]] | None:
    """Add arms to those of the study.

    Returns
    -------
    mapping
        By name, what ``[arms.NAME]`` would say: ``path``, ``reconstructor`` or ``network``. They are written
        to ``arms.toml`` of the hub, where every command finds them.
    """


def pytest_ptycho_steps(hub: Hub, comparison: Comparison) -> Iterable[OwnStep] | None:
    """Name what has to be made before a comparison: commands with their inputs and outputs.

    Returns
    -------
    iterable of `ptycho_compare.OwnStep`
        Each is run once for as long as its command, inputs and outputs stay as they are.
    """


def pytest_ptycho_summary(hub: OpenHub) -> str | Iterable[str] | None:
    """Add lines to the summary at the end of a session that judged comparisons."""
