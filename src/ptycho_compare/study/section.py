"""What the sections of a study file have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

ARM_NAME = r"^[A-Za-z][A-Za-z0-9_.-]{0,39}$"
"""What an arm may be called: its name becomes part of keys and file names."""

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
ArmName = Annotated[str, Field(pattern=ARM_NAME)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Seed = Annotated[int, Field(ge=0)]


class Section(BaseModel):
    """A table of `study.toml`; an unknown key in it is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)
