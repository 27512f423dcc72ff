"""Factors of a lab's own: keys of the study that take several levels, each in comparisons of its own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from math import prod
from typing import Annotated, Any

from pydantic import BaseModel, Field, StrictFloat, StrictInt, StrictStr, ValidationError

from ptycho_compare.errors import did_you_mean
from ptycho_compare.hub import Cell, CellOfHub, Level, cell_text, level_text

SHORT_NAMES = {"seed": "training.seed", "training_images": "training.images"}
"""Factors that have a name of their own, and the key of the study that each is."""
SECTIONS = ("training", "reconstruction")
"""Whose keys can be factors."""
_SECTIONS = "[training] or [reconstruction], such as 'training.ptychopinn.epochs'"
_LEVEL = re.compile(r"[A-Za-z0-9_.]+")
_MOST_CELLS = 1000
_LONGEST = 120  # characters of a cell in a name; file systems end at 255

Levels = Annotated[tuple[StrictInt | StrictFloat | StrictStr, ...], Field(min_length=1, max_length=100)]
Factors = Mapping[str, Sequence[Level]]


def key_of(factor: str) -> str:
    """The key of the study that a factor is."""
    return SHORT_NAMES.get(factor, factor)


def is_trial(factor: str) -> bool:
    """Say if the levels of a factor are trials: seeds, over which scores are averaged."""
    return key_of(factor).rpartition(".")[2] == "seed"


def trial_of(cell: Cell) -> Cell:
    """The part of a cell that scores are averaged over: seeds; the rest says under which conditions."""
    return tuple(each for each in cell if is_trial(each[0]))


def cells_of(factors: Factors) -> list[Cell]:
    """Every combination of levels, in one order whatever that of the file; one empty cell without factors."""
    names = sorted(factors)
    ordered = (sorted(factors[name], key=lambda level: (isinstance(level, str), level)) for name in names)
    return [tuple(zip(names, levels, strict=True)) for levels in product(*ordered)]


def cell_in_hub(cell: Cell) -> CellOfHub:
    """Say which networks and reconstructions each factor makes anew."""

    def of(section: str, besides: str = " ") -> Cell:
        keys = [(key_of(name), (name, level)) for name, level in cell]
        return tuple(each for key, each in keys if key.startswith(section) and not key.startswith(besides))

    return CellOfHub(
        cell,
        pinn=of("training.", "training.baseline."),
        baseline=of("training.", "training.ptychopinn."),
        ptychi=of("reconstruction."),
    )


def varied(section: str, values: BaseModel, cell: Cell) -> BaseModel:
    """Put the levels of a cell in the place of a section's own values; raises ValidationError."""
    held = values.model_dump()
    for factor, level in cell:
        first, *path, key = key_of(factor).split(".")
        if first == section:
            place = held
            for part in path:
                place = place[part]
            place[key] = level
    return type(values).model_validate(held)


def first_mistake(factors: Factors, sections: Mapping[str, BaseModel]) -> str:
    """Say what is wrong with the factors of a study; empty where nothing is."""
    return next(_mistakes(factors, sections), "")


def _mistakes(factors: Factors, sections: Mapping[str, BaseModel]) -> Iterator[str]:
    keys: dict[str, str] = {}
    for factor, levels in factors.items():
        key = key_of(factor)
        if (other := keys.setdefault(key, factor)) != factor:
            yield f"factors {other!r} and {factor!r} are one key of the study, {key}; leave one out"
        known = [*SHORT_NAMES, *(f"{name}.{key}" for name in SECTIONS for key in _leaves(sections[name]))]
        if key not in known and factor not in known:
            more = (
                did_you_mean(factor, known) or f"; needed: {', '.join(SHORT_NAMES)}, or a key of {_SECTIONS}"
            )
            yield f"factors.{factor:.60}: is no key that can be varied{more}"
            return
        yield from _of_levels(factor, levels, sections[key.partition(".")[0]])
    if (count := prod(map(len, factors.values()))) > _MOST_CELLS:
        yield f"factors: have {count} combinations; at most {_MOST_CELLS}"
        return
    longest = max(factors, default="") and max(map(len, map(cell_text, cells_of(factors))))
    if longest and longest > _LONGEST:
        yield f"factors: a cell's name has {longest} characters, and is part of paths; at most {_LONGEST}"


def _of_levels(factor: str, levels: Sequence[Level], section: BaseModel) -> Iterator[str]:
    texts: dict[str, Level] = {}
    for level in levels:
        text = level_text(level)
        if not _LEVEL.fullmatch(text):
            yield f"factors.{factor}: {level!r:.60} cannot be part of a path; letters, digits, _ and . can"
        if level in texts.values() or text.lower() in texts:
            yield f"factors.{factor}: {level!r} is listed twice"
        texts[text.lower()] = level
        try:
            varied(key_of(factor).partition(".")[0], section, ((factor, level),))
        except ValidationError as error:
            yield f"factors.{factor}: {level!r}: {error.errors()[0]['msg']}"


def _leaves(section: BaseModel, before: str = "") -> Iterable[str]:
    for key in type(section).model_fields:
        value: Any = getattr(section, key)
        if isinstance(value, BaseModel):
            yield from _leaves(value, f"{before}{key}.")
        else:
            yield f"{before}{key}"
