"""Units of the numbers that a file holds: what it says, or the user, turned into metres, joules or pixels.

A unit is never guessed from a value. What nobody states is in the unit of the format.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ScanError
from ptycho_compare.scan.formats.contents import Container
from ptycho_compare.scan.reading import Reading

if TYPE_CHECKING:
    import pint

Kind = Literal["length", "energy"]
PIXELS = ("px", "pixel", "pixels")
_SI: dict[Kind, str] = {"length": "m", "energy": "J"}
# one name and no expression: a text from outside is not calculated with
_NAME = re.compile(r"[A-Za-zµμÅ]{1,24}")
# as files spell them, in lower case; a library of units reads A as ampere and EV as exavolt
_ALSO = {"a": "angstrom", "ang": "angstrom", "ev": "eV", "kev": "keV"}


def unit_of(container: Container, key: str, role: str, reading: Reading) -> str:
    """Return what the user says of a role, else what the file says of its key; empty where nobody does."""
    return reading.units.get(role) or container.unit(key)


def factor(text: str, kind: Kind, *, label: str, role: str) -> float:
    """Return the size of a unit in m or J.

    Parameters
    ----------
    text : str
        Its name or symbol, with or without a prefix: ``um``, ``micron``, ``keV``, ``metre``.
    label, role : str
        File and key, and the role to say it by, for the message.

    Raises
    ------
    ScanError
        Nobody knows the unit, or it is one of something else.
    """
    lower = text.lower()
    spellings = [text, _ALSO.get(lower, lower if len(text) > 3 else text)]
    for spelling in spellings if _NAME.fullmatch(text) and lower not in PIXELS else ():
        size = _size(spelling, _SI[kind])
        if size is not None:
            return size
    raise ScanError(
        f"{label} has the unit {text[:40]!r}, which is no {kind}; "
        f"say the right one: --scan-unit {role}={'um' if kind == 'length' else 'keV'}"
    )


def _size(name: str, base: str) -> float | None:
    registry = _registry()
    try:
        unit = registry.Unit(name)
    except Exception:  # a library's parser meets any text here
        return None
    if not unit.is_compatible_with(base):
        return None
    return float(registry.Quantity(1.0, unit).to(base).magnitude)


@cache
def _registry() -> pint.UnitRegistry[float]:
    import pint  # takes half a second: only where a unit is met

    return pint.UnitRegistry(cache_folder=None)


def in_pixels(
    values: NDArray[np.float64], unit: str, pixel_m: float | None, *, label: str
) -> tuple[NDArray[np.float64], str | None]:
    """Turn positions (n, 2) into pixels of the object's grid.

    Without a unit they are pixels, unless the side of a pixel is known, all of them lie within one
    pixel, and taken as metres they do not.

    Returns
    -------
    positions : ndarray, (n, 2), float64
    warning : str or None
        Says that metres were taken for granted.

    Raises
    ------
    ScanError
        The unit is no length, or the side of a pixel is needed and not known.
    """
    if unit.lower() in PIXELS:
        return values, None
    if not unit:
        span = np.ptp(values, axis=0).max()
        if pixel_m is None or span >= 1 or span < pixel_m:
            return values, None
        warning = (
            f"{label}: positions have no unit and span {span:.3g}; read as metres, on pixels of "
            f"{pixel_m * 1e9:g} nm (--scan-unit positions=px says otherwise)"
        )
        return values / pixel_m, warning
    metres = values * factor(unit, "length", label=label, role="positions")
    if pixel_m is None:
        raise ScanError(
            f"{label} is in {unit}, and nothing says how large an object pixel is; say --pixel-nm"
        )
    return metres / pixel_m, None
