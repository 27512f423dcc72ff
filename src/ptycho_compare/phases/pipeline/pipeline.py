"""The plan: the steps of one dose and view as commands that can be run, made here or brought from elsewhere.

Which steps there are, in which order, `study.steps` says; here stands how each is run.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from ptycho_compare.checks.blocker import Scope
from ptycho_compare.checks.steps import judge_outputs
from ptycho_compare.errors import StudyError
from ptycho_compare.hub import FULL_TIER, Hub, cell_text
from ptycho_compare.jobs.record import read_launch
from ptycho_compare.phases.comparison.job import ComparisonJob
from ptycho_compare.phases.pipeline.comparison_step import ComparisonStep
from ptycho_compare.phases.pipeline.step import PhaseStep, Step
from ptycho_compare.study import PTYCHI, Comparison, Study
from ptycho_compare.study.step import MakingStep, StudyStep
from ptycho_compare.study.steps import BASELINE_NETWORK, CompareStep, TrainStep
from ptycho_compare.study.steps_in_cells import making_in_cells


@dataclass(frozen=True)
class Pipeline:
    """Phases C to G of one dose and view.

    Attributes
    ----------
    study_file : Path
        Part of every command.
    splits : tuple of str
        Those that are reconstructed and compared; data are made and networks trained on all of them.
    given : frozenset of str
        Phases whose files come from elsewhere.
    plan_doses : tuple of int
        All doses of the plan that it is part of; titles say the dose where there are several.
    """

    hub: Hub
    study: Study
    study_file: Path
    dose: int
    view: str
    splits: tuple[str, ...]
    given: frozenset[str] = frozenset()
    plan_doses: tuple[int, ...] = ()

    @property
    def doses(self) -> tuple[int, ...]:
        """The one."""
        return (self.dose,)

    @property
    def views(self) -> tuple[str, ...]:
        """The one."""
        return (self.view,)

    @property
    def name(self) -> str:
        """Part of the names of its logs."""
        return self.view

    @property
    def steps(self) -> tuple[Step, ...]:
        """All of them, in an order in which they can be run one after another."""
        return (*self.making, *self.comparing(FULL_TIER))

    @cached_property
    def making(self) -> tuple[PhaseStep, ...]:
        """Phases C to F."""
        return tuple(self._made(step) for step in self._making)

    @cached_property
    def _making(self) -> tuple[MakingStep, ...]:
        return making_in_cells(self.hub, self.study, self.dose, self.view, self.splits)

    @property
    def stated(self) -> tuple[tuple[MakingStep, PhaseStep], ...]:
        """Steps of phases C to F, as the study states them and as they are run here."""
        return tuple(zip(self._making, self.making, strict=True))

    @cached_property
    def brought(self) -> frozenset[str]:
        """Phases whose files lie in the hub, and which nothing in it made: they come from elsewhere."""
        return frozenset(
            phase
            for phase in dict.fromkeys(step.phase for step in self._making)
            if all(self._is_brought(step) for step in self._making if step.phase == phase)
        )

    def _is_brought(self, step: MakingStep) -> bool:
        outputs = step.outputs(self.study.splits)
        return read_launch(step.records.job) is None and all(path.is_file() for path in outputs)

    def comparing(self, tier: str) -> tuple[ComparisonStep, ...]:
        """Phase G of one tier."""
        return tuple(
            self._compared(Comparison(self.dose, self.view, split, tier, cell))
            for split in self.splits
            for cell in self.study.cells()
        )

    def _made(self, step: MakingStep) -> PhaseStep:
        """Have our command make a step's outputs, or a lab's own, or take them as they are."""
        study, own = self.study.at(step.cell), self._own_command(step)
        # a network that the study does not name is compared because its bundle is there: nobody trains it
        unasked = isinstance(step, TrainStep) and not study.requires(step.arm)
        brought = step.phase in self.given or unasked  # what they were made from is not known here
        ours = own is None and not brought
        settings = step.settings(study) | ({} if own is None else {"command": own})
        return PhaseStep(
            self.hub,
            id=step.id,
            title=step.title_among(self.plan_doses),
            command=self._command(step),
            log_name=step.log_name_in(self.study),
            inputs=() if brought else step.inputs(study),
            outputs=step.outputs(study.splits),
            settings={} if brought else settings,
            computed_by=step.computed_by if ours else "",
            check=partial(judge_outputs, step, study),
            libraries=step.libraries if ours else (),
            needs=() if brought else tuple(each.id for each in step.after),
            given=brought,
            foreign=own is not None,
            label=step.label,
            kind=f"{step.command}-{step.arm}" if isinstance(step, TrainStep) else step.command,
            scope=self._scope_of(step),
        )

    def _scope_of(self, step: MakingStep) -> Scope:
        """Say which comparisons rest on a step: those with its place, of the tiers that need its arm."""
        place = step.place
        arm = step.arm if isinstance(step, TrainStep) else PTYCHI if step.phase == "F" else None
        tiers = [name for name, tier in self.study.tiers.items() if arm in tier.required_arms]
        network = place.get("network", BASELINE_NETWORK)
        view = place.get("view", "" if network == BASELINE_NETWORK else network)
        return Scope(step.dose, view, place.get("split", ""), tuple(tiers), cell_text(step.cell))

    def _compared(self, comparison: Comparison) -> ComparisonStep:
        job = self.comparison(comparison)
        step, before = CompareStep.of(self.hub, comparison), job.prerequisite()
        listed, made = comparison.tier == FULL_TIER, {each.id for each in self._making}
        foreign = listed and bool(self._own_command(step))
        return ComparisonStep(
            job,
            self._command(step) if foreign else job.command,
            listed=listed,
            foreign=foreign,
            plan_doses=self.plan_doses,
            needs=(
                *(() if before is None else (before.id,)),
                *(each.id for each in step.after if each.id in made),
            ),
        )

    def comparison(self, comparison: Comparison) -> ComparisonJob:
        """One comparison of this dose and view."""
        if comparison.tier not in self.study.tiers:
            text = f"the study has no tier '{comparison.tier}', and this run needs it"
            raise StudyError(f"{self.study_file}: {text}")
        return ComparisonJob(self.hub, self.study, self.study_file, comparison)

    def _own_command(self, step: StudyStep) -> tuple[str, ...] | None:
        """Return what a lab runs in place of a phase; None without."""
        own: tuple[str, ...] | None = getattr(self.study.commands, f"phase_{step.phase.lower()}")
        return own

    def _command(self, step: StudyStep) -> tuple[str, ...]:
        """Argument list of a step: the lab's own, or ours as it can be typed."""
        place = {"hub": str(self.hub.root), "study": str(self.study_file), "dose": str(self.dose)}
        own = self._own_command(step)
        if own is not None:
            known = {"view": self.view, "network": "", "split": "", **step.place}
            known["cell"] = cell_text(step.cell)
            return tuple(word.format(python=sys.executable, **place, **known) for word in own)
        cell = {"cell": cell_text(step.cell)} if step.cell else {}
        options = (*step.place.items(), *cell.items(), *place.items())
        ours = (sys.executable, "-m", "ptycho_compare.cli.ptycho_hub", step.command)
        return (*ours, *(word for key, value in options for word in (f"--{key}", value)))
