"""The checkpoint of an earlier attempt: used, or set aside with the reason."""

from __future__ import annotations

from pathlib import Path

from ptycho_compare.basis import Basis
from ptycho_compare.jobs import Shift, aside_for
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
    place.state.replace(aside_for(set_aside, "reconstruction", reason) / place.state.name)
    print(f"the checkpoint is set aside: {reason}", flush=True)
    ours.noted("set_aside", reason=reason)
    return 0
