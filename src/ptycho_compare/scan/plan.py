"""The plan of a comparison: groups and normalisation, drawn once and shared by all arms.

Half plans share no image, so that reconstructions of both agree in the signal only. Every other image in
scan order goes to each half: both see the whole area with the same overlap.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ScanError
from ptycho_compare.scan.diffraction import Diffraction
from ptycho_compare.scan.group import ALGORITHM, form_groups
from ptycho_compare.scan.read import Scan
from ptycho_compare.storage.files import atomic_path

_SAMPLE = 1
"""Told to the generator beside the seed of a plan."""


@dataclass(frozen=True)
class Units:
    """Rows that an arm predicts: groups for a group arm, single images otherwise.

    Attributes
    ----------
    images : ndarray, (u, C), int64
        Image numbers of each row.
    centres : ndarray, (u, 2), float64
        Of the predicted patches: mean of the members' positions, x, y in px.
    local_offsets : ndarray, (u, 1, 2, C), float32
        -(position - centre) of each member, [x, y] in px; a member lies at centre - offset.
    group : ndarray, (u,), int64
        The group of the plan for which the row is first needed; never decreasing.
    """

    images: NDArray[np.int64]
    centres: NDArray[np.float64]
    local_offsets: NDArray[np.float32]
    group: NDArray[np.int64]

    def chunk(self, first: int, stop: int) -> slice:
        """Rows that belong to groups first..stop-1 of the plan."""
        start, end = np.searchsorted(self.group, [first, stop])
        return slice(int(start), int(end))

    def places(self, rows: slice) -> NDArray[np.float64]:
        """Positions of the members of some rows, (rows x C, 2), x, y in px."""
        offsets = self.local_offsets[rows, 0].transpose(0, 2, 1).astype(np.float64)
        members: NDArray[np.float64] = (self.centres[rows, None] - offsets).reshape(-1, 2)
        return members


@dataclass(frozen=True)
class Plan:
    """Groups and normalisation of one comparison.

    Attributes
    ----------
    groups : ndarray, (B, C), int64
        Image numbers into the scan file.
    pool : ndarray, (k,), int64
        The images that groups were drawn from, in scan order.
    normalization : float
        k: the networks see k times the amplitude.
    seed, neighbors, algorithm : int, int, str
        How the groups were drawn.
    """

    groups: NDArray[np.int64]
    pool: NDArray[np.int64]
    normalization: float
    seed: int
    neighbors: int
    algorithm: str = ALGORITHM

    def units(self, positions: NDArray[np.float64], *, group_size: int) -> Units:
        """Rows for an arm that takes `group_size` images at a time: C, or 1.

        A single-image arm predicts each image of the plan once, however many groups hold it,
        in the order in which the groups first need them.
        """
        if group_size == self.groups.shape[1]:
            images, group = self.groups, np.arange(len(self.groups))
        elif group_size == 1:
            flat = self.groups.ravel()
            first = np.sort(np.unique(flat, return_index=True)[1])
            images, group = flat[first][:, None], first // self.groups.shape[1]
        else:
            raise ValueError(f"groups of {self.groups.shape[1]} cannot serve an arm that takes {group_size}")
        members = positions[images]
        centres = members.mean(axis=1)
        offsets = -(members - centres[:, None, :]).transpose(0, 2, 1)[:, None]
        return Units(images, centres, offsets.astype(np.float32), group)

    def sample(self, count: int) -> NDArray[np.int64]:
        """Draw that many of the groups, or all there are, seeded by the plan's own seed; ascending."""
        generator = np.random.default_rng((self.seed, _SAMPLE))  # not the stream that the groups came from
        return np.sort(generator.permutation(len(self.groups))[:count])

    def rows_of(self, groups: NDArray[np.int64], *, group_size: int) -> NDArray[np.int64]:
        """Find the rows of `units` in which some groups, or the first image of each, are predicted.

        The first image is that from which the group was drawn, so that no two groups have one row.
        """
        if group_size == self.groups.shape[1]:
            return groups
        flat = self.groups.ravel()
        held, first = np.unique(flat, return_index=True)
        row = np.argsort(np.argsort(first))  # images ascending: which of them comes how early
        return np.asarray(row[np.searchsorted(held, self.groups[groups, 0])], np.int64)

    def network_input(self, diffraction: Diffraction, images: NDArray[np.int64]) -> NDArray[np.float32]:
        """Read rows of images (b, C) and normalise them: (b, N, N, C) float32, k times the amplitude."""
        values = diffraction.read(images.ravel())
        values *= np.float32(self.normalization)
        return values.reshape(*images.shape, *values.shape[1:]).transpose(0, 2, 3, 1)


def draw_plan(
    scan: Scan,
    *,
    group_size: int,
    groups: int | None,
    neighbors: int,
    seed: int,
    images: int | None = None,
    image_seed: int | None = None,
) -> Plan:
    """Draw the groups of a comparison.

    Parameters
    ----------
    scan : Scan
        The split.
    group_size : int
        C of the arm that takes the largest groups.
    groups : int or None
        Groups wanted; None, or more than there are images, means one per image.
    neighbors, seed : int
        See `form_groups`.
    images, image_seed : int or None
        Keep only that many images, drawn with that seed (the grouping seed by default). This
        thins the scan; limiting the groups does not.

    Raises
    ------
    ScanError
        The file holds fewer images than a group needs, or K is too small for C.
    """
    kept = np.arange(len(scan.positions))
    if images is not None and images < len(kept):
        generator = np.random.default_rng(seed if image_seed is None else image_seed)
        kept = np.sort(generator.permutation(kept)[:images])
    count = len(kept) if groups is None else min(groups, len(kept))
    try:
        drawn = form_groups(
            scan.positions[kept], size=group_size, count=count, neighbors=neighbors, seed=seed
        )
    except ScanError as error:
        raise ScanError(f"{scan.path}: {error}") from None
    return Plan(kept[drawn], kept, scan.normalization, seed, neighbors)


def split_images(count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Numbers of the even and of the odd images of `count`, in scan order."""
    numbers = np.arange(count)
    return numbers[::2], numbers[1::2]


def half_plans(plan: Plan, positions: NDArray[np.float64]) -> tuple[Plan, Plan]:
    """Draw plans of the even and of the odd images, each with half of a plan's groups.

    Group size, neighbours, seed and normalisation are the plan's own; of an odd number of groups
    the first plan has one more.

    Parameters
    ----------
    plan : Plan
    positions : ndarray, (n, 2), float64
        x, y in px.

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


def save_plan(path: Path, plan: Plan) -> None:
    """Write the plan as NPZ: ``groups`` (B, C), ``normalization``, ``seed``, ``neighbors``, ``algorithm``."""
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        np.savez(
            stream,
            groups=plan.groups,
            normalization=plan.normalization,
            seed=plan.seed,
            neighbors=plan.neighbors,
            algorithm=plan.algorithm,
        )
