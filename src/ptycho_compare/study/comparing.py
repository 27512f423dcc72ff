"""How arms are compared: groups, stitching, what is scored, when an arm counts as dead."""

from __future__ import annotations

import string
from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    PositiveInt,
    field_validator,
    model_validator,
)

from ptycho_compare.hub import ACCEPTED
from ptycho_compare.study.factors import SHORT_NAMES

PTYCHOPINN, BASELINE, PTYCHI = "PtychoPINN", "Baseline", "PtyChi"
ARM_NAME = r"^[A-Za-z][A-Za-z0-9_.-]{0,39}$"
"""What an arm may be called: its name becomes part of keys and file names."""

NAME = r"^[a-z][a-z0-9_]{0,39}$"
"""What a view, a split or a tier may be called."""

Name = Annotated[str, Field(pattern=NAME)]
ArmName = Annotated[str, Field(pattern=ARM_NAME)]
_FILLED_IN = frozenset({"dose", "view", "split", "cell", *SHORT_NAMES})
Fraction = Annotated[float, Field(ge=0, le=1)]
Seed = Annotated[int, Field(ge=0)]
EngineName = Literal["onnxruntime", "tensorflow"]
"""By what trained networks are run."""


LOW_MS_SSIM = 0.80
"""Below it an arm's MS-SSIM is low, where no study says otherwise."""


class Section(BaseModel):
    """A table of `study.toml`; an unknown key in it is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Grouping(Section):
    """How images form groups: each image with draws from its nearest neighbours."""

    neighbors: PositiveInt = 7
    seed: Seed = 123


class Stitching(Section):
    """How patches become a canvas."""

    crop_px: PositiveInt = 20


class Tolerances(Section):
    """What is scored, and when an arm counts as dead."""

    coverage: Fraction = 0.1
    search_radius_px: Annotated[float, Field(gt=0)] = 8.0
    max_zero_fraction: Fraction = 0.05
    min_contrast: Fraction = 1e-3
    min_relative_contrast: Fraction = 0.05


class Models(Section):
    """How trained networks are run."""

    engine: EngineName = "onnxruntime"


class Scoring(Section):
    """What the arms are compared with, and by whose definitions.

    Attributes
    ----------
    reference : str
        What ``objectGuess`` is: the ``truth`` of a simulation, a reconstruction of an
        ``independent_half`` of the data, or one of the ``same_data``.
    free_ramp : bool, tuple of str or None
        Whose linear phase ramp is removed before scoring: everyone's, nobody's, or that of the named
        arms; left out, of those whose file holds a probe that was retrieved with them.
    half_data : bool or None
        Whether networks reconstruct each half of the data too; left out: where there is no truth.
    patches : int
        Patches of each network that are scored before they are stitched; 0 for none.
    """

    reference: Literal["truth", "independent_half", "same_data"] = "truth"
    free_ramp: bool | tuple[ArmName, ...] | None = None
    metrics: Literal["standard", "ptychopinn"] = "standard"
    half_data: bool | None = None
    patches: Annotated[int, Field(ge=0, le=10_000)] = 0


class Uncertainty(Section):
    """Block bootstrap of the scores; `draws` 0 switches it off."""

    draws: Annotated[int, Field(ge=0, le=100_000)] = 1000
    block_px: PositiveInt | None = None
    level: Annotated[float, Field(gt=0, lt=1)] = 0.95
    seed: Seed = 0


class ScanFile(Section):
    """What the scan files do not say of themselves; see `ptycho_compare.scan.reading.Reading`."""

    values: Literal["amplitude", "counts"] | None = None
    dc: Literal["centre", "corner"] | None = None
    keys: dict[str, str] = Field(default={})
    units: dict[str, str] = Field(default={})
    pixel_nm: Annotated[float, Field(gt=0)] | None = None
    geometry: Literal["checked", "as-given"] = "checked"
    mask_good: Literal[0, 1] | None = None
    bad_from: Annotated[float, Field(gt=0)] | None = None


class ArmOfStudy(Section):
    """An arm beside PtychoPINN, Baseline and PtyChi.

    Attributes
    ----------
    path : str
        Below the hub, with ``{dose}``, ``{view}`` and ``{split}`` to be filled in: a model, or a
        reconstruction as FILE or FILE:KEY. In a study with factors also ``{cell}`` (of all of them, e.g.
        ``seed_1``), and ``{seed}`` or ``{training_images}`` where they are among them.
    reconstructor : str or None
        Or ENTRY or ENTRY:ARGUMENT of an installed reconstructor.
    network : str or None
        Or an ONNX file, below the hub like a path.
    """

    path: str = ""
    reconstructor: str | None = None
    network: str | None = None

    @model_validator(mode="after")
    def _one_source(self) -> ArmOfStudy:
        if sum(map(bool, (self.path, self.reconstructor, self.network))) != 1:
            raise ValueError("an arm has a path, a reconstructor or a network, one of the three")
        if self.network and not self.network.lower().endswith(".onnx"):
            raise ValueError("a network is an ONNX file, .onnx; a trained bundle is a path")
        try:
            parts = list(string.Formatter().parse(self.path or self.network or ""))
        except ValueError:
            parts = [("", "a single brace", "", None)]
        # a width such as {dose:>99999999999} is a path of that many characters
        if any(name is not None and (name not in _FILLED_IN or spec or how) for _, name, spec, how in parts):
            raise ValueError(
                "a path may hold {dose}, {view}, {split}, {cell} and names of factors, and no other braces"
            )
        return self


class Tier(Section):
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
    required_arms: tuple[ArmName, ...] = (PTYCHOPINN, BASELINE, PTYCHI)
    after: Name | Literal[""] | None = None


class Tolerance(Section):
    """How far a score may move from that of an accepted hub and still count as the same.

    Attributes
    ----------
    absolute : float or None
        In the score's own unit.
    relative : float or None
        Part of the accepted value.
    interval : bool
        Whether it is the same too while either value lies within the other's interval. That tells how
        a score varies over the image, which is far more than two runs on the same data differ by.
    """

    absolute: NonNegativeFloat | None = None
    relative: NonNegativeFloat | None = None
    interval: bool = False


class Acceptance(Section):
    """What the gate asks beyond evidence that holds.

    Attributes
    ----------
    ms_ssim : float
        Below it an arm's MS-SSIM is reported as low.
    gating : bool
        Whether a low arm closes the gate; left out, it is reported and no more.
    tolerances : dict of str to Tolerance
        By score, against an earlier accepted hub; for scores that are not here ``default`` holds.
    store : str
        Folder of accepted runs, from the hub's own; hubs that share one are outside of it.
    """

    ms_ssim: Fraction = LOW_MS_SSIM
    gating: bool = False
    tolerances: dict[str, Tolerance] = Field(default={})
    default: Tolerance = Tolerance(relative=0.01)
    store: str = ACCEPTED

    @field_validator("store")
    @classmethod
    def _own_or_outside(cls, text: str) -> str:
        """Keep it out of the folders that are listed and judged."""
        if text != ACCEPTED and not (text.startswith("../") or PurePosixPath(text).is_absolute()):
            raise ValueError(f"must be {ACCEPTED!r}, or lie outside the hub (../ or an absolute path)")
        return text
