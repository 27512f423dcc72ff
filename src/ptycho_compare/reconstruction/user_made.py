"""A reconstructor of the user's own, found by entry point: any code becomes an arm.

A package declares it so::

    [project.entry-points."ptycho_compare.reconstructors"]
    my_code = "my_package.module:reconstruct"
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ArmError, ReadyMadeError
from ptycho_compare.reconstruction.canvas import Grid
from ptycho_compare.scan.plan import Plan
from ptycho_compare.scan.probe_modes import modes_of
from ptycho_compare.scan.read import Scan

GROUP = "ptycho_compare.reconstructors"


class Reconstructor(Protocol):
    """An entry point of the group ``ptycho_compare.reconstructors``."""

    def __call__(self, scan: Scan, plan: Plan, grid: Grid, argument: str | None) -> tuple[NDArray[Any], ...]:
        """Reconstruct the object from the images of a plan.

        Parameters
        ----------
        scan : Scan
            Positions (n, 2) x, y in px of the object's grid, probe, and amplitudes read on
            demand. Its truth is for scoring, not for you.
        plan : Plan
            The images (numbers into the scan) and groups that every arm gets.
        grid : Grid
            The window of the object's grid that is compared: origin (row, column) and shape (H, W).
        argument : str or None
            The text behind the colon.

        Returns
        -------
        values : ndarray, (H, W), complex
            On `grid`: nothing will move it. Any complex gain.
        weight : ndarray, (H, W), float
            Coverage; 0 where nothing was reconstructed.
        probe : ndarray, (N, N) or (m, N, N), complex
            May be left out. A probe that was retrieved with the object frees its phase ramp, and the
            residual is given through it as well.
        """
        ...


@dataclass(frozen=True, eq=False)
class UserMade:
    """What a reconstructor returned: object (H, W) complex64, coverage (H, W) float64, its probe's modes."""

    values: NDArray[np.complex64]
    weight: NDArray[np.float64]
    modes: NDArray[np.complex64] | None = None

    @property
    def probe(self) -> NDArray[np.complex64] | None:
        """The strongest mode, (N, N)."""
        return None if self.modes is None else self.modes[0]


@dataclass(frozen=True)
class UserSource:
    """An installed reconstructor and the text it receives: ENTRY or ENTRY:ARGUMENT."""

    entry: str
    argument: str | None = None

    def __str__(self) -> str:
        return self.entry if self.argument is None else f"{self.entry}:{self.argument}"


def parse_user_source(text: str) -> UserSource:
    """Split ENTRY:ARGUMENT at its first colon."""
    entry, colon, argument = text.partition(":")
    return UserSource(entry, argument if colon else None)


def find_reconstructor(source: UserSource) -> EntryPoint:
    """Find the entry point, loading nothing.

    Raises
    ------
    ReadyMadeError
        No installed package declares it; the message names those that are.
    """
    known = _declared()
    if source.entry not in known:
        raise ReadyMadeError(
            f"{source.entry}: no installed package declares this reconstructor (entry point group {GROUP}); "
            f"known: {', '.join(sorted(known)) or 'none'}"
        )
    return known[source.entry]


def declared_by(source: UserSource) -> str:
    """Say which installed package declares it, and its version; empty where that is not known."""
    point = _declared().get(source.entry)
    package = None if point is None else point.dist
    return "" if package is None else f"{package.name} {package.version}"


def _declared() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}


def user_made(source: UserSource, scan: Scan, plan: Plan, grid: Grid) -> UserMade:
    """Run a reconstructor and check its arrays.

    Raises
    ------
    ArmError
        Not two arrays of the grid's shape, complex and real, or a probe that is no square complex
        image. Whatever the code itself raises passes through.
    """
    reconstruct: Reconstructor = find_reconstructor(source).load()
    values, weight, *rest = (np.asarray(each) for each in reconstruct(scan, plan, grid, source.argument))
    if values.shape != grid.shape or weight.shape != grid.shape or values.dtype.kind != "c":
        raise ArmError(
            f"{source}: returned {values.dtype}{values.shape} and {weight.dtype}{weight.shape}; "
            f"needed: complex and real, both {grid.shape}"
        )
    modes = modes_of(rest[0]) if rest else None
    if len(rest) > 1 or (rest and modes is None):
        raise ArmError(
            f"{source}: returned {len(rest)} more arrays, {rest[-1].dtype}{rest[-1].shape}; "
            "needed: no more, or a probe, (N, N) complex"
        )
    return UserMade(values.astype(np.complex64), weight.astype(np.float64), modes)
