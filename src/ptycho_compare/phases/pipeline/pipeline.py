"""The plan: which steps make and compare one dose and view, in which order.

C simulate -> D overlap -> E train (Baseline, then PtychoPINN, as far as the study has them) -> F reconstruct
and G compare, split by split. Every rule of what a step reads and must leave behind stands here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from ptycho_compare.checks.phase_c import judge_phase_c
from ptycho_compare.checks.phase_d import judge_phase_d
from ptycho_compare.errors import InputError, StudyError
from ptycho_compare.finding import Finding
from ptycho_compare.hub import FULL_TIER, Hub, TrainingFiles
from ptycho_compare.jobs import read_launch
from ptycho_compare.models.bundle import inspect_model
from ptycho_compare.phases.comparison.job import ComparisonJob
from ptycho_compare.phases.pipeline.comparison_step import ComparisonStep
from ptycho_compare.phases.pipeline.step import PhaseStep, Step
from ptycho_compare.reconstruction import ImageSource, read_ready_made
from ptycho_compare.study import BASELINE, PTYCHOPINN, Comparison, Study, networks_of

BASELINE_NETWORK = "baseline"
_COUNTS = ("numpy", "scipy")


@dataclass(frozen=True)
class Pipeline:
    """Phases C to G of one dose and view.

    Attributes
    ----------
    hub : Hub
    study : Study
    study_file : Path
        Part of every command.
    dose : int
    view : str
    splits : tuple of str
        Those that are reconstructed and compared; data are made and networks trained on all of them.
    given : frozenset of str
        Phases whose files come from elsewhere.
    """

    hub: Hub
    study: Study
    study_file: Path
    dose: int
    view: str
    splits: tuple[str, ...]
    given: frozenset[str] = frozenset()

    @property
    def steps(self) -> tuple[Step, ...]:
        """All of them, in an order in which they can be run one after another."""
        return (*self.making, *self.comparing(FULL_TIER))

    @cached_property
    def making(self) -> tuple[PhaseStep, ...]:
        """Phases C to F."""
        made = [self._simulate(), self._overlap(), *map(self._train, self._networks)]
        made += [self._reconstruct(split) for split in self.splits]
        return tuple(self._as_asked(step, phase) for step, phase in zip(made, self._phases, strict=True))

    @cached_property
    def brought(self) -> frozenset[str]:
        """Phases whose files lie in the hub, and which nothing in it made: they come from elsewhere."""
        plain = replace(self, given=frozenset())
        steps = list(zip(plain.making, plain._phases, strict=True))
        return frozenset(
            phase for phase in plain._phases if all(_is_brought(step) for step, of in steps if of == phase)
        )

    def comparing(self, tier: str) -> tuple[ComparisonStep, ...]:
        """Phase G of one tier."""
        return tuple(self._compare(split, tier) for split in self.splits)

    @property
    def _phases(self) -> tuple[str, ...]:
        return ("C", "D", *(["E"] * len(self._networks)), *(["F"] * len(self.splits)))

    @cached_property
    def _networks(self) -> tuple[str, ...]:
        """The networks that are compared, as their steps name them, the Baseline first."""
        arms = networks_of(self.study, self.hub, self.dose, self.view)
        names = {BASELINE: BASELINE_NETWORK, PTYCHOPINN: self.view}
        return tuple(name for arm, name in names.items() if arm in arms)

    def _as_asked(self, step: PhaseStep, phase: str) -> PhaseStep:
        """Take a step's outputs as they are, or have a lab's own command make them."""
        if phase in self.given:
            return _taken(step)
        own = getattr(self.study.commands, f"phase_{phase.lower()}")
        if own is None or step.given:
            return step
        return replace(step, settings={**step.settings, "command": own}, computed_by="", libraries=())

    def _simulate(self) -> PhaseStep:
        hub, dose = self.hub, self.dose
        splits = tuple(hub.patched(dose, split) for split in self.study.splits)

        def check() -> list[Finding]:
            return judge_phase_c(hub, dose, self.study.splits)

        return PhaseStep(
            hub,
            id=f"dose_{dose}-simulate",
            title="Phase C: Dataset Generation",
            command=self._command("phase_c", "simulate"),
            log_name="phase_c_generation",
            inputs=self._probe_file(),
            outputs=splits,
            settings={"dose": dose, "simulation": self.study.simulation.model_dump()},
            computed_by=_code("simulate"),
            check=check,
            libraries=_COUNTS,
            label="Phase C metadata validation",
        )

    def _probe_file(self) -> tuple[Path, ...]:
        name = self.study.simulation.probe_file
        return (self.hub.root / name,) if name else ()

    def _overlap(self) -> PhaseStep:
        hub, dose, view, study = self.hub, self.dose, self.view, self.study
        metrics = [hub.overlap_metrics(dose, view, split) for split in study.splits]
        views = [hub.own_overlap_view(dose, view, split) for split in study.splits]

        def check() -> list[Finding]:
            return judge_phase_d(hub, study, dose, view)

        return PhaseStep(
            hub,
            id=f"dose_{dose}-overlap-{view}",
            title="Phase D: Overlap View Generation",
            command=self._command("phase_d", "overlap", "--view", view),
            log_name=f"phase_d_{view}",
            inputs=tuple(hub.patched(dose, split) for split in study.splits),
            outputs=(*views, *metrics, hub.overlap_bundle(dose, view)),
            settings={
                "dose": dose,
                "view": view,
                "overlap": {
                    **study.overlap.model_dump(exclude={"views"}),
                    **study.overlap.view(view).model_dump(),
                },
                "grouping": study.grouping.model_dump(),
            },
            computed_by=_code("overlap"),
            check=check,
            libraries=_COUNTS,
            needs=(f"dose_{dose}-simulate",),
            label="Phase D overlap generation",
        )

    def _train(self, network: str) -> PhaseStep:
        hub, dose, training = self.hub, self.dose, self.study.training
        single = network == BASELINE_NETWORK
        files = TrainingFiles(hub.baseline_dir(dose) if single else hub.pinn_dir(dose, network))
        data = hub.patched if single else lambda dose, split: hub.overlap_view(dose, network, split)
        log = f"phase_e_baseline_gs1_dose{dose}" if single else f"phase_e_{network}_gs2_dose{dose}"
        how = training.baseline if single else training.ptychopinn

        def check() -> list[Finding]:
            return _readable(lambda: inspect_model(files.bundle))

        step = PhaseStep(
            hub,
            id=f"dose_{dose}-train-{network}",
            title=f"Phase E: Training {network.capitalize()} ({files.folder.name})",
            command=self._command("phase_e", "train", "--network", network, network=network),
            log_name=log,
            inputs=tuple(data(dose, split) for split in self.study.splits),
            outputs=(files.bundle,),
            settings={
                "dose": dose,
                "network": network,
                "training": {**training.model_dump(exclude={"baseline", "ptychopinn"}), **how.model_dump()},
                "grouping": self.study.grouping.model_dump(),
                "stitching": self.study.stitching.model_dump(),
                "scan": self.study.scan.model_dump(),
            },
            computed_by=_code("train"),
            check=check,
            needs=(f"dose_{dose}-simulate" if single else f"dose_{dose}-overlap-{network}",),
        )
        # a network that the study does not name is compared because its bundle is there: nobody trains it
        return step if self.study.requires(BASELINE if single else PTYCHOPINN) else _taken(step)

    def _reconstruct(self, split: str) -> PhaseStep:
        hub, dose, view = self.hub, self.dose, self.view
        file = hub.ptychi(dose, view, split)

        def check() -> list[Finding]:
            return _readable(lambda: read_ready_made(ImageSource(file)))

        return PhaseStep(
            hub,
            id=f"dose_{dose}-reconstruct-{view}-{split}",
            title=f"Phase F: Reconstruction {view.capitalize()} {split}",
            command=self._command("phase_f", "reconstruct", "--view", view, "--split", split, split=split),
            log_name=f"phase_f_{view}_{split}",
            inputs=(hub.split_data(dose, view, split),),
            outputs=(file,),
            settings={
                "dose": dose,
                "view": view,
                "split": split,
                "reconstruction": self.study.reconstruction.model_dump(),
                "scan": self.study.scan.model_dump(),
            },
            computed_by=_code("reconstruct"),
            check=check,
            libraries=("numpy", "scipy", "torch", "ptychi"),
            needs=(self._data_step,),
        )

    @property
    def _data_step(self) -> str:
        """The step that makes what networks and iterative code are compared on."""
        made_by_c = self.view == "dense"
        return f"dose_{self.dose}-simulate" if made_by_c else f"dose_{self.dose}-overlap-{self.view}"

    def _compare(self, split: str, tier: str) -> ComparisonStep:
        job = self.comparison(split, tier)
        own, listed = self.study.commands.phase_g, tier == FULL_TIER
        return ComparisonStep(
            job,
            f"Phase G: Comparison {self.view.capitalize()} {split}" + ("" if listed else f" ({tier})"),
            job.command if own is None or not listed else self._command("phase_g", split=split),
            listed=listed,
            needs=(
                *(() if (before := job.prerequisite()) is None else (before.id,)),
                self._data_step,
                *(f"dose_{self.dose}-train-{network}" for network in self._networks),
                f"dose_{self.dose}-reconstruct-{self.view}-{split}",
            ),
        )

    def comparison(self, split: str, tier: str) -> ComparisonJob:
        """One comparison of this dose and view."""
        if tier not in self.study.tiers:
            raise StudyError(f"{self.study_file}: the study has no tier '{tier}', and this run needs it")
        place = Comparison(self.dose, self.view, split, tier)
        return ComparisonJob(self.hub, self.study, self.study_file, place)

    def _command(self, phase: str, *words: str, network: str = "", split: str = "") -> tuple[str, ...]:
        """Argument list of a phase: the lab's own, or ours as it can be typed."""
        place = {"hub": str(self.hub.root), "study": str(self.study_file), "dose": str(self.dose)}
        own: Sequence[str] | None = getattr(self.study.commands, phase)
        if own is not None:
            more = {"python": sys.executable, "view": self.view, "network": network, "split": split}
            return tuple(word.format(**place, **more) for word in own)
        ours = (sys.executable, "-m", "ptycho_compare.cli.ptycho_hub", *words)
        return (*ours, *(part for key, value in place.items() for part in (f"--{key}", value)))


def _taken(step: PhaseStep) -> PhaseStep:
    """Take a step's outputs as they are: what they were made from is not known here."""
    return replace(step, given=True, inputs=(), settings={}, computed_by="", libraries=(), needs=())


def _is_brought(step: PhaseStep) -> bool:
    return read_launch(step.files.job) is None and all(path.is_file() for path in step.outputs)


def _code(room: str) -> str:
    """Module whose code a phase's outputs rest on."""
    return f"ptycho_compare.phases.{room}.run"


def _readable(read: Callable[[], object]) -> list[Finding]:
    """Say why a file cannot be used, where its reader refuses it."""
    try:
        read()
    except InputError as error:
        return [Finding("input", str(error))]
    return []
