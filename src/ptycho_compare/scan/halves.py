"""Two halves of the data: what they agree on is signal, without a truth.

Only reconstructions of independent images measure resolution. Every other image in scan
order goes to each half, so that both halves see the whole area with the same overlap.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ScanError
from ptycho_compare.scan.group import ALGORITHM, form_groups
from ptycho_compare.scan.plan import Plan


def split_images(count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Number `count` images in scan order: (those of the even half, those of the odd half)."""
    numbers = np.arange(count)
    return numbers[::2], numbers[1::2]


def half_plans(plan: Plan, positions: NDArray[np.float64]) -> tuple[Plan, Plan]:
    """Draw two plans that share no image, each with half of a plan's groups.

    Group size, neighbours, seed and normalisation are the plan's own.

    Parameters
    ----------
    plan : Plan
        Of the whole data.
    positions : ndarray, (n, 2), float64
        x, y in px.

    Returns
    -------
    tuple of Plan
        Of the even and of the odd images. An odd number of groups gives the first one more.

    Raises
    ------
    ScanError
        The plan has one group only, or a half has fewer images than a group needs.
    """
    count = len(plan.groups)
    if count < 2:
        raise ScanError(f"a plan of {count} groups has no halves; draw at least 2 groups")
    even, odd = split_images(len(plan.pool))
    first = _half(plan, positions, plan.pool[even], (count + 1) // 2, "even")
    return first, _half(plan, positions, plan.pool[odd], count // 2, "odd")


def _half(
    plan: Plan, positions: NDArray[np.float64], pool: NDArray[np.int64], groups: int, name: str
) -> Plan:
    try:
        drawn = form_groups(
            positions[pool],
            size=plan.groups.shape[1],
            count=min(groups, len(pool)),
            neighbors=plan.neighbors,
            seed=plan.seed,
        )
    except ScanError as error:
        raise ScanError(f"the {name} half of the images: {error}") from None
    return replace(plan, groups=pool[drawn], pool=pool, algorithm=ALGORITHM)
