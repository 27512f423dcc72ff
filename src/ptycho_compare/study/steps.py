"""The steps of a study, each stated once, and the order in which they are run.

The pipeline runs them in the order of `steps_of`, the command line offers them, `checks` judge what they
left. ``docs/add_a_step.md`` says how to add one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ptycho_compare.hub import (
    FULL_TIER,
    Artifacts,
    Cell,
    Hub,
    ReconstructionFiles,
    StepFiles,
    TrainingFiles,
    cell_text,
    in_cell,
)
from ptycho_compare.study.comparing import BASELINE, PTYCHOPINN
from ptycho_compare.study.factors import cell_in_hub
from ptycho_compare.study.making import NetworkTraining
from ptycho_compare.study.step import MakingStep, StudyStep
from ptycho_compare.study.study import NETWORKS, Comparison, Study

BASELINE_NETWORK = "baseline"
"""The network of a dose that sees single images; all others are called like their view."""
WHOLE_STUDY = "study"
"""In the names of logs of a run over several doses and views."""
TRAIN_SPLIT, TEST_SPLIT = "train", "test"
_COUNTING = ("numpy", "scipy")


@dataclass(frozen=True)
class SimulateStep(MakingStep):
    """Phase C of a dose."""

    phase, command = "C", "simulate"
    purpose = "make a dose's data from a known object"
    libraries = _COUNTING
    label = "Phase C metadata validation"
    title = "Phase C: Dataset Generation"
    log = "phase_c_generation"
    after = ()

    def inputs(self, study: Study, /) -> tuple[Path, ...]:
        """The probe's file, where the study names one."""
        name = study.simulation.probe_file
        return (self.hub.root / name,) if name else ()

    def outputs(self, splits: Sequence[str], /) -> tuple[Path, ...]:
        """The splits' data."""
        return tuple(self.hub.patched(self.dose, split) for split in splits)

    def settings(self, study: Study) -> dict[str, Any]:
        """How the data are simulated."""
        return {"dose": self.dose, "simulation": study.simulation.model_dump()}


@dataclass(frozen=True)
class OverlapStep(MakingStep):
    """Phase D of a dose and view."""

    phase, command = "D", "overlap"
    purpose = "subsample a view, and measure its overlap"
    libraries = _COUNTING
    label = "Phase D overlap generation"
    title = "Phase D: Overlap View Generation"

    view: str

    @property
    def log(self) -> str:
        """What the name of its log begins with."""
        return f"phase_d_{self.view}"

    @property
    def after(self) -> tuple[StudyStep, ...]:
        """The simulation."""
        return (SimulateStep(self.hub, self.dose),)

    def inputs(self, study: Study, /) -> tuple[Path, ...]:
        """The splits' data."""
        return SimulateStep(self.hub, self.dose).outputs(study.splits)

    def outputs(self, splits: Sequence[str], /) -> tuple[Path, ...]:
        """Subsamples, their metrics, and all metrics in one file."""
        hub, place = self.hub, (self.dose, self.view)
        return (
            *(hub.own_overlap_view(*place, split) for split in splits),
            *(hub.overlap_metrics(*place, split) for split in splits),
            hub.overlap_bundle(*place),
        )

    def settings(self, study: Study) -> dict[str, Any]:
        """How the view is drawn and measured."""
        overlap = study.overlap
        return {
            "dose": self.dose,
            "view": self.view,
            "overlap": {
                **overlap.model_dump(exclude={"views"}),
                **overlap.view(self.view).model_dump(),
            },
            "grouping": study.grouping.model_dump(),
        }


@dataclass(frozen=True)
class TrainStep(MakingStep):
    """Phase E of one network of a dose: the Baseline, or PtychoPINN's on the data of a view."""

    phase, command = "E", "train"
    purpose = "train one network"
    in_cells = True

    network: str

    @property
    def single(self) -> bool:
        """True for the Baseline, which sees single images."""
        return self.network == BASELINE_NETWORK

    @property
    def arm(self) -> str:
        """Its name where arms are compared."""
        return BASELINE if self.single else PTYCHOPINN

    @property
    def gridsize(self) -> int:
        """Root of a group's size."""
        return 1 if self.single else 2

    @property
    def cell(self) -> Cell:
        """Of factors of its training."""
        return self.hub.cell.baseline if self.single else self.hub.cell.pinn

    @property
    def files(self) -> TrainingFiles:
        """Where the network goes."""
        hub, dose = self.hub, self.dose
        return TrainingFiles(hub.baseline_dir(dose) if self.single else hub.pinn_dir(dose, self.network))

    def __str__(self) -> str:
        return _with_cell(f"{self.network} gs{self.gridsize}, dose {self.dose}", self.cell)

    @property
    def title(self) -> str:
        """A line for people on what it does."""
        return _with_cell(f"Phase E: Training {self.network.capitalize()} (gs{self.gridsize})", self.cell)

    @property
    def log(self) -> str:
        """What the name of its log begins with."""
        return f"phase_e_{self.network}_gs{self.gridsize}_dose{self.dose}"

    @property
    def after(self) -> tuple[StudyStep, ...]:
        """The step that makes its data."""
        hub, dose = self.hub, self.dose
        return (SimulateStep(hub, dose) if self.single else OverlapStep(hub, dose, self.network),)

    def data(self, split: str) -> Path:
        """A split's scan."""
        if self.single:
            return self.hub.patched(self.dose, split)
        return self.hub.overlap_view(self.dose, self.network, split)

    def inputs(self, study: Study, /) -> tuple[Path, ...]:
        """All splits' scans."""
        return tuple(self.data(split) for split in study.splits)

    def outputs(self, _splits: Sequence[str], /) -> tuple[Path, ...]:
        """The bundle, whatever splits are asked for."""
        return (self.files.bundle,)

    def how(self, study: Study) -> NetworkTraining:
        """Return what the study says of this network."""
        return study.training.baseline if self.single else study.training.ptychopinn

    def settings(self, study: Study) -> dict[str, Any]:
        """How it is trained, and on which groups."""
        unused = {"images"} if study.training.images is None else set()
        training = study.training.model_dump(exclude={"baseline", "ptychopinn", *unused})
        return {
            "dose": self.dose,
            "network": self.network,
            "training": {**training, **self.how(study).model_dump()},
            "grouping": study.grouping.model_dump(),
            "stitching": study.stitching.model_dump(),
            "scan": study.scan.model_dump(),
        }


@dataclass(frozen=True)
class ReconstructStep(MakingStep):
    """Phase F of a split."""

    phase, command = "F", "reconstruct"
    purpose = "reconstruct one split with pty-chi"
    in_cells = True
    libraries = ("numpy", "scipy", "torch", "ptychi")

    view: str
    split: str

    @property
    def name(self) -> str:
        """The split's, e.g. ``dose_1000-dense-train``."""
        return in_cell(f"dose_{self.dose}-{self.view}-{self.split}", self.cell)

    @property
    def cell(self) -> Cell:
        """Of factors of the reconstruction."""
        return self.hub.cell.ptychi

    @property
    def files(self) -> ReconstructionFiles:
        """Where the reconstruction goes."""
        return ReconstructionFiles(self.hub.ptychi_dir(self.dose, self.view, self.split))

    @property
    def title(self) -> str:
        """A line for people on what it does."""
        return _with_cell(f"Phase F: Reconstruction {self.view.capitalize()} {self.split}", self.cell)

    @property
    def log(self) -> str:
        """What the name of its log begins with."""
        return f"phase_f_{self.view}_{self.split}"

    @property
    def after(self) -> tuple[StudyStep, ...]:
        """The step that makes its data."""
        return (data_step(self.hub, self.dose, self.view),)

    @property
    def data(self) -> Path:
        """The split's scan."""
        return self.hub.split_data(self.dose, self.view, self.split)

    def inputs(self, _study: Study, /) -> tuple[Path, ...]:
        """The split's scan."""
        return (self.data,)

    def outputs(self, _splits: Sequence[str], /) -> tuple[Path, ...]:
        """The reconstruction, whatever other splits are asked for."""
        return (self.files.reconstruction,)

    def settings(self, study: Study) -> dict[str, Any]:
        """How it is reconstructed."""
        return {
            "dose": self.dose,
            **self.place,
            "reconstruction": study.reconstruction.model_dump(),
            "scan": study.scan.model_dump(),
        }


@dataclass(frozen=True)
class CompareStep(StudyStep):
    """Phase G of a split: a comparison. What it reads and depends on, its request states."""

    phase, command = "G", "compare"

    view: str
    split: str
    tier: str = FULL_TIER

    @classmethod
    def of(cls, hub: Hub, comparison: Comparison) -> CompareStep:
        """Take a comparison of the study as a step."""
        here = replace(hub, cell=cell_in_hub(comparison.cell))
        return cls(here, comparison.dose, comparison.view, comparison.split, comparison.tier)

    @property
    def comparison(self) -> Comparison:
        """Which one it is."""
        return Comparison(self.dose, self.view, self.split, self.tier, self.cell)

    @property
    def cell(self) -> Cell:
        """Of all factors."""
        return self.hub.cell.levels

    @property
    def id(self) -> str:
        """The comparison's."""
        return self.comparison.id

    @property
    def folder(self) -> Path:
        """Where its artifacts lie."""
        return self.comparison.folder(self.hub)

    @property
    def title(self) -> str:
        """A line for people on what it does."""
        tier = "" if self.tier == FULL_TIER else f" ({self.tier})"
        return _with_cell(f"Phase G: Comparison {self.view.capitalize()} {self.split}{tier}", self.cell)

    @property
    def log(self) -> str:
        """What the name of its log begins with, where the pipeline runs it."""
        return f"phase_g_{self.view}_{self.split}"

    @property
    def after(self) -> tuple[StudyStep, ...]:
        """Data, networks as far as they are compared, and all that phase F makes of the split."""
        data = data_step(self.hub, self.dose, self.view)
        steps = making_steps(self.hub, self.dose, self.view, [self.split])
        return (data, *(step for step in steps if not isinstance(step, SimulateStep | OverlapStep)))

    def outputs(self, _splits: Sequence[str], /) -> tuple[Path, ...]:
        """The manifest, which is written last."""
        return (Artifacts(self.folder).manifest,)

    @property
    def records(self) -> StepFiles:
        """Names of its records: they lie beside the evidence."""
        return StepFiles(self.folder)


MAKING: tuple[type[MakingStep], ...] = (SimulateStep, OverlapStep, TrainStep, ReconstructStep)
"""Steps that have a command of their own, in the order of their phases."""


def is_of_the_study(step_id: str) -> bool:
    """True for an id of a step of phases C to F; a lab's own steps have other names."""
    return step_id.split("-")[1:2] in ([kind.command] for kind in MAKING)


def train_steps(hub: Hub, dose: int, view: str, arms: Collection[str] = NETWORKS) -> list[TrainStep]:
    """Trainings of the networks that are among these arms, the Baseline's first."""
    steps = (TrainStep(hub, dose, network) for network in (BASELINE_NETWORK, view))
    return [step for step in steps if step.arm in arms]


def making_steps(
    hub: Hub, dose: int, view: str, splits: Sequence[str], arms: Collection[str] = NETWORKS
) -> tuple[MakingStep, ...]:
    """Steps of phases C to F of one dose and view, in the hub's cell, in the order of their phases."""
    return (
        SimulateStep(hub, dose),
        OverlapStep(hub, dose, view),
        *train_steps(hub, dose, view, arms),
        *(ReconstructStep(hub, dose, view, split) for split in splits),
    )


def steps_of(
    hub: Hub, dose: int, view: str, splits: Sequence[str], arms: Collection[str] = NETWORKS
) -> tuple[StudyStep, ...]:
    """All steps of one dose and view that count, in the hub's cell, in an order in which they can be run.

    `splits` are reconstructed and compared; the networks among the compared `arms` are trained.
    """
    comparing = (CompareStep(hub, dose, view, split) for split in splits)
    return (*making_steps(hub, dose, view, splits, arms), *comparing)


def data_step(hub: Hub, dose: int, view: str) -> SimulateStep | OverlapStep:
    """The step that makes what a view is reconstructed from and compared on; see `Hub.split_data`."""
    return SimulateStep(hub, dose) if view == "dense" else OverlapStep(hub, dose, view)


def transcript_name(view: str) -> str:
    """Name of the log in ``cli/`` of a run over all steps of a view, or of `WHOLE_STUDY`."""
    return f"run_phase_g_{view}"


def _with_cell(title: str, cell: Cell) -> str:
    return f"{title}, {cell_text(cell)}" if cell else title
