"""The study: what is compared, with which settings, and what counts as dead.

`study.toml` is read once, checked whole, and echoed into every artifact. A mistake in it
is reported by key and line before anything runs.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PositiveInt,
    ValidationError,
    model_validator,
)

from ptycho_compare.errors import StudyError
from ptycho_compare.hub import DEBUG_TIER, FULL_TIER

PTYCHOPINN, BASELINE, PTYCHI = "PtychoPINN", "Baseline", "PtyChi"
ARM_NAME = r"^[A-Za-z][A-Za-z0-9_.-]{0,39}$"
"""What an arm may be called: its name becomes part of keys and file names."""


def _without_repetition(values: tuple[object, ...]) -> tuple[object, ...]:
    if len(set(values)) != len(values):
        raise ValueError("a value is listed twice")
    return values


Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
ArmName = Annotated[str, Field(pattern=ARM_NAME)]
Fraction = Annotated[float, Field(ge=0, le=1)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Grouping(_Section):
    """How images form groups: each image with draws from its nearest neighbours."""

    neighbors: PositiveInt = 7
    seed: Annotated[int, Field(ge=0)] = 123


class Stitching(_Section):
    """How patches become a canvas."""

    crop_px: PositiveInt = 20


class Tolerances(_Section):
    """What is scored, and when an arm counts as dead."""

    coverage: Fraction = 0.1
    search_radius_px: Annotated[float, Field(gt=0)] = 8.0
    max_zero_fraction: Fraction = 0.05
    min_contrast: Fraction = 1e-3
    min_relative_contrast: Fraction = 0.05


class Scoring(_Section):
    """What the arms are compared with, and by whose definitions.

    Attributes
    ----------
    reference : str
        What ``objectGuess`` is: the ``truth`` of a simulation, a reconstruction of an
        ``independent_half`` of the data, or one of the ``same_data``.
    free_ramp : bool
        Whether a linear phase ramp is removed before scoring.
    metrics : str
    half_data : bool or None
        Whether networks reconstruct each half of the data too; left out: where there is no truth.
    """

    reference: Literal["truth", "independent_half", "same_data"] = "truth"
    free_ramp: bool = False
    metrics: Literal["standard", "ptychopinn"] = "standard"
    half_data: bool | None = None


class Uncertainty(_Section):
    """Block bootstrap of the scores; `draws` 0 switches it off."""

    draws: Annotated[int, Field(ge=0)] = 1000
    block_px: PositiveInt | None = None
    level: Annotated[float, Field(gt=0, lt=1)] = 0.95
    seed: Annotated[int, Field(ge=0)] = 0


class ScanFile(_Section):
    """What the scan files do not say of themselves; see `ptycho_compare.scan.Reading`."""

    values: Literal["amplitude", "counts"] | None = None
    dc: Literal["centre", "corner"] | None = None
    keys: dict[str, str] = {}
    pixel_nm: Annotated[float, Field(gt=0)] | None = None


class ArmOfStudy(_Section):
    """An arm beside PtychoPINN, Baseline and PtyChi.

    Attributes
    ----------
    path : str
        Below the hub, with ``{dose}``, ``{view}`` and ``{split}`` to be filled in: a model, or a
        reconstruction as FILE or FILE:KEY.
    reconstructor : str or None
        Or ENTRY or ENTRY:ARGUMENT of an installed reconstructor.
    """

    path: str = ""
    reconstructor: str | None = None

    @model_validator(mode="after")
    def _one_source(self) -> ArmOfStudy:
        if bool(self.path) == bool(self.reconstructor):
            raise ValueError("an arm has a path or a reconstructor, one of the two")
        try:
            self.path.format(dose=0, view="", split="")
        except (KeyError, IndexError, ValueError):
            raise ValueError("a path may hold {dose}, {view} and {split}, and no other braces") from None
        return self


class Tier(_Section):
    """One depth of comparison; `groups` left out means the whole split.

    Attributes
    ----------
    after : str or None
        The tier that must be green before this one starts. Left out, ``full`` comes after ``debug``
        where the study has both; "" means that nothing is waited for.
    """

    groups: PositiveInt | None = None
    chunk: PositiveInt = 256
    batch: PositiveInt = 16
    required_arms: tuple[str, ...] = (PTYCHOPINN, BASELINE, PTYCHI)
    after: Name | Literal[""] | None = None


class Study(_Section):
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
        Arms beside the three that every hub has.
    """

    name: str
    doses: Annotated[tuple[PositiveInt, ...], Field(min_length=1), AfterValidator(_without_repetition)]
    views: Annotated[tuple[Name, ...], Field(min_length=1), AfterValidator(_without_repetition)]
    splits: Annotated[tuple[Name, ...], Field(min_length=1), AfterValidator(_without_repetition)]
    tiers: Annotated[dict[Name, Tier], Field(min_length=1)]
    grouping: Grouping = Grouping()
    stitching: Stitching = Stitching()
    tolerances: Tolerances = Tolerances()
    scoring: Scoring = Scoring()
    uncertainty: Uncertainty = Uncertainty()
    scan: ScanFile = ScanFile()
    arms: dict[ArmName, ArmOfStudy] = {}

    @model_validator(mode="after")
    def _gates_exist(self) -> Study:
        for name, tier in self.tiers.items():
            if tier.after and (tier.after not in self.tiers or tier.after == name):
                raise ValueError(
                    f"tier {name!r} comes after {tier.after!r}, which is no other tier of the study"
                )
        return self

    def gate_of(self, comparison: Comparison) -> Comparison | None:
        """Return the comparison that must be green before this one starts, if there is one."""
        after = self.tiers[comparison.tier].after
        if after is None and comparison.tier == FULL_TIER and DEBUG_TIER in self.tiers:
            after = DEBUG_TIER
        return replace(comparison, tier=after) if after else None

    def comparisons(self) -> list[Comparison]:
        """Every dose x view x split x tier, in the order of the file, doses ascending."""
        return [
            Comparison(dose, view, split, tier)
            for dose in sorted(self.doses)
            for view in self.views
            for split in self.splits
            for tier in self.tiers
        ]


@dataclass(frozen=True)
class Comparison:
    """One comparison of a study."""

    dose: int
    view: str
    split: str
    tier: str

    @property
    def id(self) -> str:
        """Stable name, e.g. ``dose_1000-dense-train-full``."""
        return f"dose_{self.dose}-{self.view}-{self.split}-{self.tier}"


def load_study(path: Path) -> Study:
    """Read and check a study file.

    Raises
    ------
    StudyError
        Missing, no TOML, or a key is unknown, missing or out of range; the one line names
        the file, the line, the key and what was found.
    """
    try:
        text = path.read_text(encoding="utf-8")
        return Study.model_validate(tomllib.loads(text))
    except OSError as error:
        raise StudyError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise StudyError(f"{path}: is not UTF-8 text (byte {error.start})") from None
    except tomllib.TOMLDecodeError as error:
        raise StudyError(f"{path}: is not TOML: {error}") from None
    except ValidationError as error:
        raise StudyError(_first_problem(path, text, error)) from None


def _first_problem(path: Path, text: str, error: ValidationError) -> str:
    problems = error.errors()
    first = problems[0]
    keys = [str(part) for part in first["loc"]]
    found = "" if first["type"] == "missing" else f", found {first['input']!r}"
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    where = f"line {_line_of(text, keys)}: " if keys else ""
    name = f"'{'.'.join(keys)}': " if keys else ""
    return f"{path}: {where}{name}{first['msg']}{found}{more}"


def _line_of(text: str, keys: list[str]) -> int:
    """Line on which the deepest key that stands in the file is written, from 1."""
    section: list[str] = []
    best, depth = 1, 0
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.split("#", 1)[0].strip()
        if stripped.startswith("[") and stripped.endswith("]"):
            section = [part.strip() for part in stripped.strip("[]").split(".")]
            here = section
        elif "=" in stripped:
            here = [*section, stripped.split("=", 1)[0].strip().strip("\"'")]
        else:
            continue
        if here == keys[: len(here)] and len(here) > depth:
            best, depth = number, len(here)
    return best
