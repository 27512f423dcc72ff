"""What a step of a study states: its name, what it reads and leaves, what it depends on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar

from ptycho_compare.hub import Cell, Hub, StepFiles, in_cell
from ptycho_compare.storage.fingerprint import NUMERIC_LIBRARIES
from ptycho_compare.study.study import Study


@dataclass(frozen=True)
class StudyStep(ABC):
    """One step at one place of a study.

    Attributes
    ----------
    command : str
        The word that runs it: ``ptycho-hub COMMAND``.
    dose : int
        Photons per exposure. Fields after it say where else the step belongs; they are the options of its
        command and part of its id.
    """

    phase: ClassVar[str]
    command: ClassVar[str]

    hub: Hub
    dose: int

    @property
    def place(self) -> dict[str, str]:
        """Where it belongs, beside its dose: ``view``, ``network``, ``split``."""
        return {each.name: getattr(self, each.name) for each in fields(self)[2:]}

    @property
    def id(self) -> str:
        """Stable name, e.g. ``dose_1000-train-baseline``; its cell follows, e.g. ``-seed_1``."""
        return in_cell("-".join((f"dose_{self.dose}", self.command, *self.place.values())), self.cell)

    @property
    def cell(self) -> Cell:
        """Levels of those of the study's own factors that it depends on; its hub is of that cell."""
        return ()

    @property
    @abstractmethod
    def title(self) -> str:
        """A line for people on what it does."""

    @property
    @abstractmethod
    def log(self) -> str:
        """What the name of its log in ``cli/`` begins with."""

    @property
    def log_name(self) -> str:
        """Name of its log in ``cli/``, in a study of one dose."""
        return in_cell(self.log, self.cell)

    def log_name_in(self, study: Study | None) -> str:
        """Name of its log in ``cli/``: doses of a study that has several share none."""
        dose = f"_dose{self.dose}"
        if study is None or len(study.doses) == 1 or self.log.endswith(dose):
            return self.log_name
        return in_cell(f"{self.log}{dose}", self.cell)

    def title_among(self, doses: Collection[int]) -> str:
        """Say what it does, in a plan over these doses: of several, of which."""
        return f"{self.title}, dose {self.dose}" if len(doses) > 1 else self.title

    @property
    @abstractmethod
    def after(self) -> tuple[StudyStep, ...]:
        """Steps that make what it reads."""

    @abstractmethod
    def outputs(self, splits: Sequence[str], /) -> tuple[Path, ...]:
        """Files that must be there when it has ended.

        `splits` are those that are asked for; a step that makes all at once needs to know.
        """

    @property
    def records(self) -> StepFiles:
        """Names of its records."""
        return self.hub.step(self.id)


class MakingStep(StudyStep):
    """A step of phases C to F.

    Attributes
    ----------
    purpose : str
        In a list of commands.
    libraries : tuple of str
        Distributions that its numbers depend on.
    label : str
        What a failure of its outputs is called in ``analysis/blocker.log``; empty for the command itself.
    in_cells : bool
        Whether factors of the study's own can make it anew; its command then takes ``--cell``.
    """

    purpose: ClassVar[str]
    libraries: ClassVar[tuple[str, ...]] = NUMERIC_LIBRARIES
    label: ClassVar[str] = ""
    in_cells: ClassVar[bool] = False

    @property
    def computed_by(self) -> str:
        """Module whose code the outputs rest on; its function of the same name makes them."""
        return f"ptycho_compare.phases.{self.command}.{self.command}"

    @abstractmethod
    def inputs(self, study: Study, /) -> tuple[Path, ...]:
        """Files that it reads."""

    @abstractmethod
    def settings(self, study: Study) -> dict[str, Any]:
        """All of the study that its outputs depend on."""
