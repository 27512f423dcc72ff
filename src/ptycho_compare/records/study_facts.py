"""What the files of a hub tell about its study, and what they leave open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ptycho_compare.errors import InputError
from ptycho_compare.models.bundle import find_model, inspect_model
from ptycho_compare.scan.read import open_scan
from ptycho_compare.study import NETWORKS, Overlap
from ptycho_compare.study.holdings import Holdings, ScanPlace
from ptycho_compare.untrusted.regular import read_json

_OF_VIEW = {"s_img": "s_img", "n_groups": "n_groups", "gridsize": "gridsize"}
_OF_ALL = {
    "neighbors": "neighbor_count",
    "probe_diameter_px": "probe_diameter_px",
    "seed": "rng_seed_subsample",
}
_GROUPING = "rng_seed_grouping"


@dataclass
class ScanFacts:
    """What the scans of a hub hold.

    Attributes
    ----------
    images : dict of ScanPlace to int
        How many, of each scan that can be read.
    patch_px : int or None
        N, where all of them have the same.
    truths : int
        Scans with a true object.
    unread : list of str
        Why scans cannot be read, a line each.
    questions : list of str
        One line for each other thing that is not clear.
    """

    images: dict[ScanPlace, int] = field(default_factory=dict)
    patch_px: int | None = None
    truths: int = 0
    unread: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)


def read_scans(held: Holdings) -> ScanFacts:
    """Read every scan once, and the description of every network."""
    facts, sides = ScanFacts(), {}
    for place, path in held.scans.items():
        try:
            with open_scan(path) as scan:
                facts.images[place], sides[place] = scan.diffraction.count, scan.patch_px
                facts.truths += scan.truth is not None
        except (InputError, OSError) as error:
            facts.unread.append(str(error).replace(f"{held.hub.root}/", ""))
    known = Counter(sides.values())
    if len(known) > 1:
        facts.questions.append(
            f"Which images are meant? Their sides are {', '.join(map(str, sorted(known)))} px"
        )
    facts.patch_px = next(iter(known)) if len(known) == 1 else None
    facts.questions += dict.fromkeys(_unfit_networks(held, sides))
    return facts


def _unfit_networks(held: Holdings, sides: Mapping[ScanPlace, int]) -> Iterator[str]:
    for place, side in sides.items():
        for arm, folder in (each for arms in held.arms_of(place) for each in arms.items()):
            if arm not in NETWORKS:
                continue
            try:
                trained = inspect_model(find_model(folder)).patch_px
            except (InputError, OSError) as error:
                yield f"What is {arm}? {error}"
                continue
            if trained != side:
                where = held.hub.relative(folder)
                yield f"Is {where} of these data? It is for images of {trained} px, and theirs have {side}"


@dataclass
class ViewFacts:
    """How the views of a hub were made, as the metrics of phase D tell it.

    Attributes
    ----------
    overlap : dict
        What ``[overlap]`` of the study is to hold.
    grouping_seed : int or None
    questions : list of str
    """

    overlap: dict[str, Any] = field(default_factory=dict)
    grouping_seed: int | None = None
    questions: list[str] = field(default_factory=list)


def read_views(held: Holdings, images: Mapping[ScanPlace, int]) -> ViewFacts:
    """Read how each view was drawn and measured; where files contradict each other, ask."""
    told: dict[str, set[Any]] = {}
    views: dict[str, dict[str, Any]] = {}
    facts = ViewFacts()
    for place in held.scans:
        try:
            record = read_json(held.hub.overlap_metrics(*place))
            view = {key: record[name] for key, name in _OF_VIEW.items()}
            shared = {key: record[name] for key, name in _OF_ALL.items()}
            Overlap.model_validate({**shared, "views": {place.view: view}})
            seed = int(record[_GROUPING])
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if views.setdefault(place.view, view) != view:
            facts.questions.append(
                f"How was {place.view} drawn? Metrics of its splits and doses differ: {view}"
            )
        for key, value in {**shared, _GROUPING: seed}.items():
            told.setdefault(key, set()).add(value)
    facts.grouping_seed = min(told.pop(_GROUPING), default=None) if _GROUPING in told else None
    facts.questions += [
        f"Which {key} is meant? Metrics say {sorted(each)}" for key, each in told.items() if len(each) > 1
    ]
    facts.overlap = {key: min(each) for key, each in told.items()} | ({"views": views} if views else {})
    untold = [name for name in held.views if name not in views and name != "dense"]
    facts.questions += [_how_drawn(name, images) for name in untold]
    return facts


def _how_drawn(view: str, images: Mapping[ScanPlace, int]) -> str:
    """Ask how a view was drawn, with the share of images that is seen."""
    for place, kept in images.items():
        whole = images.get(ScanPlace(place.dose, "dense", place.split))
        if place.view == view and whole:
            seen = f"{kept} of {whole} images lie here"
            return f"How was {view} drawn? {seen}: [overlap.views.{view}] s_img, [overlap] seed"
    return f"How was {view} drawn? [overlap.views.{view}] s_img, [overlap] seed"
