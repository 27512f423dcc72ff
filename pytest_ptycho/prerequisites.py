"""Prerequisites: what a phase is made from must be green before the phase itself is judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_ptycho.cases import DoseAndView, study_for
from pytest_ptycho.options import OPTIONS
from pytest_ptycho.outcomes import Blocked

if TYPE_CHECKING:
    from ptycho_compare.checks import Finding

_JUDGED = pytest.StashKey[dict[tuple[DoseAndView, str], "list[Finding]"]]()


def require(item: pytest.Item, place: DoseAndView, *phases: str) -> None:
    """See that phases are green.

    Parameters
    ----------
    item : pytest.Item
    place : DoseAndView
    *phases : str
        ``C`` or ``D``; a phase D that made nothing at all in this hub is not needed.

    Raises
    ------
    Blocked
        One is not; the finding names it and what is wrong with it.
    """
    from ptycho_compare.checks import Finding

    judged = item.config.stash.setdefault(_JUDGED, {})
    for phase in phases:
        if (place, phase) not in judged:
            judged[place, phase] = _judge(item, place, phase)
        if findings := judged[place, phase]:
            text = f"phase {phase} is not green, and this rests on it: {findings[0]}"
            raise Blocked([Finding("gate", text)])


def _judge(item: pytest.Item, place: DoseAndView, phase: str) -> list[Finding]:
    hub = item.config.stash[OPTIONS].hub
    if hub is None:
        return []  # the fixture `hub` says so
    study = study_for(item.config, item.path)
    if phase == "C":
        from ptycho_compare.checks.phase_c import judge_phase_c

        return judge_phase_c(hub, place.dose, study.splits)
    from ptycho_compare.checks.phase_d import judge_phase_d

    return judge_phase_d(hub, study, *place) if hub.phase_d(*place).parents[1].is_dir() else []
