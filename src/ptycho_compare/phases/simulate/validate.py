"""The data contract as a gate: what phase C wrote must be what every later phase can read."""

from __future__ import annotations

from collections.abc import Mapping

from ptycho_compare.checks.phase_c import Described, contract_breaches
from ptycho_compare.errors import ScanError


def require_contract(
    arrays: Mapping[str, Described], *, label: str, gridsize: int = 1, neighbors: int | None = None
) -> None:
    """Refuse a dataset that breaks the contract.

    Parameters
    ----------
    arrays : mapping of str to ndarray, or to anything with a shape and a dtype
        Without ``_metadata``.
    label : str
        What the message calls it.
    gridsize, neighbors : int
        How images will be grouped, see `contract_breaches`.

    Raises
    ------
    ScanError
        Names the first breach, and how many there are.
    """
    breaches = list(contract_breaches(arrays, gridsize=gridsize, neighbors=neighbors))
    if breaches:
        more = f" (and {len(breaches) - 1} more)" if len(breaches) > 1 else ""
        raise ScanError(f"{label}: {breaches[0]}{more}")
