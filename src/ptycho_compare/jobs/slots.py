"""Slots: how many jobs may run at a time on a machine. Each is a claim, so a dead holder's is free."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

from ptycho_compare.jobs.claim import Claim, is_mine, read_claim, take_claim
from ptycho_compare.jobs.identity import ProcessIdentity
from ptycho_compare.jobs.orders import Orders
from ptycho_compare.jobs.record import JobSpec
from ptycho_compare.jobs.states import append_state

_LOOK_S = 0.5


@contextlib.contextmanager
def slot(spec: JobSpec, orders: Orders) -> Iterator[bool]:
    """Hold one of the places in which jobs of this machine may run; False when told to stop first."""
    if spec.slots is None or spec.slots_folder is None:
        yield True
        return
    folder = spec.slots_folder / ProcessIdentity.mine().host_name
    held = _free_slot(folder, spec.slots)
    if held is None:
        append_state(spec.files.states, "waiting", reason=f"{spec.slots} of {spec.slots} slots are taken")
    while held is None and not orders.stop_reason():
        time.sleep(_LOOK_S)
        held = _free_slot(folder, spec.slots)
    if held is None:
        yield False
        return
    orders.slot = held
    try:
        yield not orders.stop_reason()  # who held the slot may have been asked to stop with us
    finally:
        held.release()


def _free_slot(folder: Path, count: int) -> Claim | None:
    # others may allow more at a time than we do: what runs counts, whatever its number
    claims = (read_claim(path) for path in folder.glob("slot-*.json"))
    if sum(claim is not None and claim.alive for claim in claims) >= count:
        return None
    for number in range(1, count + 1):
        claim, _ = take_claim(folder / f"slot-{number}.json")
        if is_mine(claim):
            return claim
    return None
