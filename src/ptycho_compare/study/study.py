"""A study whole, and the comparisons that it asks for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, PositiveInt, ValidationError, model_validator

from ptycho_compare.errors import StudyError
from ptycho_compare.hub import DEBUG_TIER, FULL_TIER, MODEL_NAMES, Cell, Hub, Level, in_cell
from ptycho_compare.printable import one_line
from ptycho_compare.study.collisions import first_collision
from ptycho_compare.study.comparing import (
    BASELINE,
    PTYCHI,
    PTYCHOPINN,
    Acceptance,
    ArmName,
    ArmOfStudy,
    Grouping,
    Models,
    Name,
    ScanFile,
    Scoring,
    Section,
    Stitching,
    Tier,
    Tolerances,
    Uncertainty,
)
from ptycho_compare.study.factors import (
    SECTIONS,
    Levels,
    cell_in_hub,
    cells_of,
    first_mistake,
    trial_of,
    varied,
)
from ptycho_compare.study.making import Commands, Overlap, Reconstruction, Simulation, Training
from ptycho_compare.study.toml_problems import first_problem
from ptycho_compare.untrusted.regular import load_toml, read_text

MAX_STUDY_BYTES = 1 << 20
NETWORKS = (PTYCHOPINN, BASELINE)
"""The built-in networks; which of them a study compares in a hub, `networks_of` says."""


def _without_repetition(values: tuple[object, ...]) -> tuple[object, ...]:
    if len(set(values)) != len(values):
        raise ValueError("a value is listed twice")
    return values


def _printable(name: str) -> str:
    if one_line(name) != name:
        raise ValueError(f"a name without control characters is needed: {one_line(name)}")
    return name


StudyName = Annotated[str, Field(max_length=200), AfterValidator(_printable)]


class Study(Section):
    """A study as its file states it.

    Attributes
    ----------
    doses : tuple of int
        Photons per exposure.
    views, splits : tuple of str
        Names of overlap views and of data splits.
    tiers : dict of str to Tier
        By name; each becomes a pytest mark.
    arms : dict of str to ArmOfStudy
        Arms beside PtychoPINN, Baseline and PtyChi.
    factors : dict of str to tuple
        Keys of the study that take several levels, by the factor's name: ``seed``, ``training_images``, or
        the key itself, such as ``training.ptychopinn.epochs``.
    """

    name: StudyName
    doses: Annotated[
        tuple[PositiveInt, ...], Field(min_length=1, max_length=1000), AfterValidator(_without_repetition)
    ]
    views: Annotated[tuple[Name, ...], Field(min_length=1), AfterValidator(_without_repetition)]
    splits: Annotated[tuple[Name, ...], Field(min_length=1), AfterValidator(_without_repetition)]
    tiers: Annotated[dict[Name, Tier], Field(min_length=1)]
    grouping: Grouping = Grouping()
    stitching: Stitching = Stitching()
    models: Models = Models()
    tolerances: Tolerances = Tolerances()
    scoring: Scoring = Scoring()
    uncertainty: Uncertainty = Uncertainty()
    scan: ScanFile = ScanFile()
    arms: dict[ArmName, ArmOfStudy] = Field(default={})
    simulation: Simulation = Simulation()
    overlap: Overlap = Overlap()
    training: Training = Training()
    reconstruction: Reconstruction = Reconstruction()
    factors: dict[Annotated[str, Field(max_length=100)], Levels] = Field(default={}, max_length=20)
    commands: Commands = Commands()
    acceptance: Acceptance = Acceptance()

    @model_validator(mode="after")
    def _prerequisites_exist(self) -> Study:
        for name, tier in self.tiers.items():
            if tier.after and (tier.after not in self.tiers or tier.after == name):
                raise ValueError(
                    f"tier {name!r} comes after {tier.after!r}, which is no other tier of the study"
                )
        return self

    @model_validator(mode="after")
    def _names_are_their_own(self) -> Study:
        if why := first_collision(self.views, self.splits, self.tiers, self.arms, self.factors):
            raise ValueError(why)
        return self

    @model_validator(mode="after")
    def _freed_arms_exist(self) -> Study:
        freed = self.scoring.free_ramp
        required = (arm for tier in self.tiers.values() for arm in tier.required_arms)
        known = list(dict.fromkeys([*NETWORKS, PTYCHI, *required, *self.arms]))
        for name in freed if isinstance(freed, tuple) else ():
            if name not in known:
                raise ValueError(
                    f"scoring.free_ramp names {name!r}, and the arms of the study are {', '.join(known)}"
                )
        return self

    @model_validator(mode="after")
    def _factors_can_be_varied(self) -> Study:
        if why := first_mistake(self.factors, {name: getattr(self, name) for name in SECTIONS}):
            raise ValueError(why)
        return self

    def cells(self) -> list[Cell]:
        """Every combination of the factors' levels; one, empty, in a study without factors."""
        return cells_of(self.factors)

    def at(self, cell: Cell) -> Study:
        """Return the study with a cell's levels in the place of its own values."""
        if not cell:
            return self
        return self.model_copy(update={name: varied(name, getattr(self, name), cell) for name in SECTIONS})

    def requires(self, arm: str) -> bool:
        """Say if a tier cannot do without this arm."""
        return any(arm in tier.required_arms for tier in self.tiers.values())

    def prerequisite_of(self, comparison: Comparison) -> Comparison | None:
        """Return the comparison that must be green before this one starts, if there is one."""
        after = self.tiers[comparison.tier].after
        if after is None and comparison.tier == FULL_TIER and DEBUG_TIER in self.tiers:
            after = DEBUG_TIER
        return replace(comparison, tier=after) if after else None

    def comparisons(self) -> list[Comparison]:
        """Every dose x view x split x cell x tier, in the order of the file, doses and levels ascending."""
        cells = self.cells()
        return [
            Comparison(dose, view, split, tier, cell)
            for dose in sorted(self.doses)
            for view in self.views
            for split in self.splits
            for cell in cells
            for tier in self.tiers
        ]


@dataclass(frozen=True)
class Comparison:
    """One comparison of a study.

    Attributes
    ----------
    cell : tuple of tuple
        Names of the study's own factors, sorted, each with its level here.
    """

    dose: int
    view: str
    split: str
    tier: str
    cell: Cell = ()

    @property
    def id(self) -> str:
        """Stable name, e.g. ``dose_1000-dense-train-full``; the cell follows, e.g. ``-seed_1``."""
        return in_cell(f"dose_{self.dose}-{self.view}-{self.split}-{self.tier}", self.cell)

    @property
    def levels(self) -> dict[str, Level]:
        """Level of each factor: ``dose``, ``view``, ``split``, then the study's own."""
        return {"dose": self.dose, "view": self.view, "split": self.split, **dict(self.cell)}

    @property
    def trial(self) -> Cell:
        """The part of the cell that scores are averaged over: seeds; the rest says under which conditions."""
        return trial_of(self.cell)

    def folder(self, hub: Hub) -> Path:
        """Where it leaves its artifacts."""
        return hub.comparison_dir(self.dose, self.view, self.split, self.tier, self.cell)


def in_cell_of(hub: Hub, study: Study, cell: Cell) -> tuple[Hub, Study]:
    """Return a hub and a study as they are in a cell: where its networks lie, and how they are made."""
    return replace(hub, cell=cell_in_hub(cell)), study.at(cell)


def in_cells_of(hub: Hub, study: Study, *, differing: str) -> list[tuple[Hub, Study]]:
    """Return a hub and a study in each cell in which they differ; one of those that have the same results.

    `differing` names the results: ``networks``, ``reconstructions`` or ``comparisons``.
    """
    held: dict[object, tuple[Hub, Study]] = {}
    for cell in study.cells():
        here = cell_in_hub(cell)
        kinds = {
            "networks": (here.pinn, here.baseline),
            "reconstructions": here.ptychi,
            "comparisons": here.levels,
        }
        held.setdefault(kinds[differing], (replace(hub, cell=here), study.at(cell)))
    return list(held.values())


def networks_of(study: Study | None, hub: Hub, dose: int, view: str) -> dict[str, Path]:
    """Return the folders of the networks that are compared at a dose and view, by arm.

    An arm joins when a tier of the study requires it, or when its bundle lies in the hub. Without a
    study both are asked for. They are those of the hub's cell.
    """
    folders = {PTYCHOPINN: hub.pinn_dir(dose, view), BASELINE: hub.baseline_dir(dose)}
    return {
        arm: folder
        for arm, folder in folders.items()
        if study is None or study.requires(arm) or holds_bundle(folder)
    }


def holds_bundle(folder: Path) -> bool:
    """Say if a trained network lies in a folder or below it."""
    return any(path.is_file() for name in MODEL_NAMES for path in folder.rglob(name))


def load_study(path: Path) -> Study:
    """Read and check a study file.

    Raises
    ------
    StudyError
        Missing, no TOML, or a key is unknown, missing or out of range; the one line names
        the file, the line, the key and what was found.
    """
    try:
        text = read_text(path, max_bytes=MAX_STUDY_BYTES)
    except OSError as error:
        raise StudyError(f"{path}: cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise StudyError(f"{path}: {error}") from None
    return parse_study(text, path)


def parse_study(text: str, path: Path) -> Study:
    """Check the text of a study; raises as `load_study` does, `path` is what it is called by."""
    try:
        return Study.model_validate(load_toml(text))
    except ValidationError as error:
        raise StudyError(first_problem(path, text, error, Study)) from None
    except ValueError as error:
        raise StudyError(f"{path}: {error}") from None
