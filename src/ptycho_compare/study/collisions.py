"""Names of a study that would meet in one file, one folder, one key or one mark: found when it is read."""

from __future__ import annotations

import string
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from ptycho_compare.hub import Hub, short_name
from ptycho_compare.study.comparing import BASELINE, PTYCHI, PTYCHOPINN, ArmOfStudy, Tier
from ptycho_compare.study.factors import SHORT_NAMES

_BUILT_IN = (PTYCHOPINN, BASELINE, PTYCHI)
_RESERVED_ARMS = frozenset({"ground_truth", "truth"})
_RESERVED_VIEWS = frozenset({BASELINE.lower()})
"""Folders beside those of the views."""
_RESERVED_TIERS = frozenset(
    [
        "skip",
        "skipif",
        "xfail",
        "parametrize",
        "usefixtures",
        "filterwarnings",
        "timeout",
        "tryfirst",
        "trylast",
        "acceptance",
        "slow",
        "phase_c",
        "phase_d",
        "phase_e",
        "phase_f",
        "phase_g",
    ]
)
"""Marks that mean something else to pytest, to its common plugins or to this one."""
_ANY_DOSE = 1


def first_collision(
    views: Sequence[str],
    splits: Sequence[str],
    tiers: Mapping[str, Tier],
    arms: Mapping[str, ArmOfStudy],
    factors: Collection[str] = (),
) -> str:
    """Say of which names two mean one thing; empty where every name has its own."""
    found = (
        *_of_arms(arms, splits),
        *_of_factors(arms, factors),
        *_of_views(views),
        *_of_tiers(tiers),
        *_of_places(views, splits, tiers),
    )
    return next(iter(found), "")


def colliding_arms(names: Sequence[str]) -> Iterator[str]:
    """Say of which names of a comparison's arms two would meet in files, or one meets what is no arm.

    Files are named after arms, so the last of two would overwrite what the first left.
    """
    taken: dict[str, str] = {}
    for name in names:
        if name.lower() in _RESERVED_ARMS or name.lower().endswith("_half"):
            yield f"an arm cannot be called {name!r}: in files the truth, or halves of an arm, are called so"
        other = next((taken[key] for key in _keys_of(name) if key in taken), None)
        if other is not None:
            yield f"arms {other!r} and {name!r} would share file names; call one otherwise"
        taken |= dict.fromkeys(_keys_of(name), name)


def _of_arms(arms: Mapping[str, ArmOfStudy], splits: Sequence[str]) -> Iterator[str]:
    yield from colliding_arms([*_BUILT_IN, *(name for name in arms if name != PTYCHI)])
    for name, arm in arms.items():
        if name == PTYCHI and arm.path and "{split}" not in arm.path and len(splits) > 1:
            yield f"arms.{name}.path has no {{split}}: one split's reconstruction does not serve another"
        if ".." in PurePosixPath(arm.path).parts:
            yield f"arms.{name}.path leaves the hub: {arm.path}; put the file below it"


def _of_factors(arms: Mapping[str, ArmOfStudy], factors: Collection[str]) -> Iterator[str]:
    for name, arm in arms.items():
        for _, word, _, _ in string.Formatter().parse(arm.path or arm.network or ""):
            if word in SHORT_NAMES and word not in factors:
                yield f"arms.{name}: its path has {{{word}}}, and that is no factor of the study"


def _keys_of(arm: str) -> set[str]:
    return {arm.lower(), short_name(arm)}


def _of_views(views: Iterable[str]) -> Iterator[str]:
    for view in views:
        if view in _RESERVED_VIEWS:
            yield f"a view cannot be called {view!r}: the folder of that name holds another network"


def _of_tiers(tiers: Mapping[str, Tier]) -> Iterator[str]:
    for name in tiers:
        if name in _RESERVED_TIERS or name.startswith("ptycho_"):
            yield f"a tier cannot be called {name!r}: it is a mark that means something else"
        waits, seen = name, [name]
        while (before := tiers[waits].after) and before in tiers:
            if before in seen:
                yield f"tiers {', '.join(map(repr, seen))} wait for each other"
                break
            waits = before
            seen.append(before)


def _of_places(views: Sequence[str], splits: Sequence[str], tiers: Mapping[str, Tier]) -> Iterator[str]:
    hub = Hub(Path("hub"))
    places: dict[str, str] = {}
    for view in views:
        for split in splits:
            here = f"view {view!r}, split {split!r}"
            folders = {
                hub.relative(hub.comparison_dir(_ANY_DOSE, view, split, tier)): f"{here}, tier {tier!r}"
                for tier in tiers
            }
            for place, what in {**folders, f"{view}_{split}": here}.items():
                if place in places:
                    yield f"{places[place]} and {what} share the place {place}; call one otherwise"
                places[place] = what
