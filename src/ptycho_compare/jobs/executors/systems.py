"""Which batch systems there are, by the names that people give them."""

from __future__ import annotations

from collections.abc import Mapping

from ptycho_compare.jobs.executors.batch import BatchSystem
from ptycho_compare.jobs.executors.slurm import Slurm

SYSTEMS: Mapping[str, type[BatchSystem]] = {Slurm.name: Slurm}


def system_called(name: str) -> BatchSystem:
    """Return one of `SYSTEMS`."""
    return SYSTEMS[name]()
