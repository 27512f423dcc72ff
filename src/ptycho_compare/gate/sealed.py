"""A hub that a lab sealed: its inventory is signed with the lab's key, and every file is as listed there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ptycho_compare.checks.check import Validation
from ptycho_compare.checks.inventory import artifact_inventory
from ptycho_compare.finding import Finding
from ptycho_compare.hub import Hub
from ptycho_compare.records.seal import read_public_key, why_not_sealed


def judge_seal(hub: Hub, signed_by: Path) -> Iterator[Validation]:
    """Yield whether the hub's digests are signed with this key, and whether all files are those.

    Raises
    ------
    HubError
        The file holds no public key of the right kind, or the library for it is not installed.
    """
    why = why_not_sealed(hub, read_public_key(signed_by))
    findings = [Finding("changed", why)] if why else []
    yield Validation(f"sealed by {signed_by.name}", hub.relative(hub.reports().seal), findings)
    if not why:
        yield artifact_inventory(hub)
