"""The checkpoint of an earlier attempt: used, or set aside with the reason."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from ptycho_compare.basis import Basis
from ptycho_compare.hub import stamp
from ptycho_compare.jobs import Shift
from ptycho_compare.phases.reconstruct.exchange import Exchange


def usable_epochs(place: Exchange, basis: Basis, set_aside: Path, ours: Shift) -> int:
    """Say how many epochs need not be computed again.

    Parameters
    ----------
    place : Exchange
        A checkpoint that cannot be used is moved out of it: it is damaged, or rests on another scan,
        other settings, code or versions.
    basis : Basis
        What a checkpoint must rest on.
    set_aside : Path
        Where it goes then.
    ours : Shift
        Told so.
    """
    if not place.state.exists():
        return 0
    try:
        state, rests_on = place.read_state()
        differences = rests_on.differences(basis)
        if not differences:
            return state.epochs
        reason = "; ".join(differences)
    except ValueError as error:
        reason = f"damaged: {error}"
    _put_aside(place.state, set_aside, reason)
    print(f"the checkpoint is set aside: {reason}", flush=True)
    ours.noted("set_aside", reason=reason)
    return 0


def _put_aside(state: Path, set_aside: Path, reason: str) -> None:
    """Move it away: nobody's work is deleted because it does not fit here."""
    name = f"{stamp(datetime.now(UTC))}-reconstruction"
    away, number = set_aside / name, 2
    while away.exists():  # nor is what was set aside within the same second
        away, number = set_aside / f"{name}_{number}", number + 1
    away.mkdir(parents=True)
    state.replace(away / state.name)
    (away / "reason.txt").write_text(f"{reason}\n", encoding="utf-8")
