"""Names of arms: those of the study, and what PtychoPINN's own tables and summaries mean by theirs."""

from __future__ import annotations

from collections.abc import Iterable

from ptycho_compare.errors import ReportError
from ptycho_compare.study import BASELINE, PTYCHI, PTYCHOPINN

STUDY_ARMS = (PTYCHOPINN, BASELINE, PTYCHI)
"""The three that a study compares, in the order of all tables; a user's own come behind them."""

COMPARED_WITH = (BASELINE, PTYCHI)
"""Arms whose distance from PtychoPINN is reported."""

_DROPPED = str.maketrans("", "", "- ()")


def canonical_arms(names: Iterable[str], *, label: str) -> dict[str, str]:
    """Give the arms of a table of PtychoPINN's own the names that all reports use (METRICS-NAMING-001).

    Its tools write ``Baseline (gs1)``, ``Pty-chi (pty-chi)`` and the like. A name that another arm of the
    table has exactly is never given to a second one, so that a user's ``Baseline2`` stays what it is beside a
    ``Baseline``. Our tables have exact names: a lab may well call an arm of its own ``PtyChi_long``.

    Returns
    -------
    dict of str to str
        By the table's name; an arm of the user's keeps its own.

    Raises
    ------
    ReportError
        Two names mean one arm, and neither is exact.
    """
    known = dict.fromkeys(names)
    found: dict[str, str] = {}
    for name in known:
        meant = _meant(name)
        found[name] = name if meant in known else meant
    for arm in set(found.values()):
        sharing = [name for name, meant in found.items() if meant == arm]
        if len(sharing) > 1:
            raise ReportError(
                f"{label}: {' and '.join(map(repr, sharing))} both mean {arm}; call one of them '{arm}'"
            )
    return found


def in_order(arms: Iterable[str]) -> list[str]:
    """Sort arms as all tables have them: the study's three, then others as they come."""
    there = dict.fromkeys(arms)
    return [*(arm for arm in STUDY_ARMS if arm in there), *(arm for arm in there if arm not in STUDY_ARMS)]


def _meant(name: str) -> str:
    if name.lower().startswith(BASELINE.lower()):
        return BASELINE
    return PTYCHI if PTYCHI.lower() in name.lower().translate(_DROPPED) else name
