"""Which folders a hub has, and what lies where."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ptycho_compare.errors import HubError
from ptycho_compare.hub.answer_files import AnswerFiles
from ptycho_compare.hub.cells import NO_CELL, Cell, CellOfHub, in_cell
from ptycho_compare.hub.files import (
    ReconstructionFiles,
    ReportFiles,
    StepFiles,
    VerdictFiles,
)
from ptycho_compare.hub.job_files import JobFiles
from ptycho_compare.hub.moments import stamp
from ptycho_compare.names import STUDY_FILE

DEBUG_TIER, FULL_TIER = "debug", "full"
ACCEPTED = "accepted"
"""Folder of accepted runs in a hub."""
RESCORED = "rescored"
"""Folder of scores that were made anew from stored canvases."""
_RESULTS = ("analysis", ACCEPTED, "archive", "cli", "green", "jobs", "red", "report", RESCORED)


@dataclass(frozen=True)
class Hub:
    """Paths of one study run; `root` holds ``data/``, ``analysis/``, ``cli/``, ``green/`` and ``red/``.

    Attributes
    ----------
    cell : CellOfHub
        The cell of the study's own factors whose networks and reconstructions are meant: it follows the
        names of their folders. `study.in_cell` says which.
    """

    root: Path
    cell: CellOfHub = NO_CELL

    @classmethod
    def open(cls, root: Path) -> Hub:
        """Take an existing folder as a hub.

        Raises
        ------
        HubError
            The folder is missing or holds no ``data/``.
        """
        hub = cls(root.resolve())
        if not hub.exists():
            found = "the folder has no data/" if root.is_dir() else "there is no such folder"
            raise HubError(f"{root}: {found}; a hub holds data/phase_c, data/phase_e and data/phase_f")
        return hub

    def exists(self) -> bool:
        """True when there is such a folder with a ``data/`` in it."""
        return (self.root / "data").is_dir()

    def brought(self, suffix: str) -> list[Path]:
        """List the files of a kind that people put anywhere in the hub: none of results, none hidden."""
        places = (each for each in self.root.glob("*") if each.name not in _RESULTS)
        found = (path for each in places for path in (each, *each.rglob(f"*{suffix}")))
        named = ((path, path.relative_to(self.root).parts) for path in found if path.suffix == suffix)
        return sorted(p for p, parts in named if p.is_file() and not any(n.startswith(".") for n in parts))

    def study(self) -> Path:
        """The hub's own study file, if it has one."""
        return self.root / STUDY_FILE

    def own_arms(self) -> Path:
        """Arms that a suite's hook added to those of the study."""
        return self.root / "arms.toml"

    def doses(self) -> list[int]:
        """Doses of which any phase's data lie here, ascending."""
        found = (dose_of(path) for path in (self.root / "data").glob("phase_*/dose_*") if path.is_dir())
        return sorted({dose for dose in found if dose is not None})

    def phase_c(self, dose: int) -> Path:
        """Folder of a dose's simulated or measured data."""
        return self.root / "data" / "phase_c" / f"dose_{dose}"

    def phase_c_stage(self, dose: int, stage: str) -> Path:
        """Data before they are split; `stage` is ``simulated_raw``, ``canonical`` or ``patched``."""
        return self.phase_c(dose) / f"{stage}.npz"

    def patched(self, dose: int, split: str) -> Path:
        """A split of phase C."""
        return self.phase_c(dose) / f"patched_{split}.npz"

    def phase_c_manifest(self) -> Path:
        """Which doses phase C made, and where they lie."""
        return self.root / "data" / "phase_c" / "run_manifest.json"

    def phase_d(self, dose: int, view: str) -> Path:
        """Folder of a view's subsamples."""
        return self.root / "data" / "phase_d" / f"dose_{dose}" / view

    def own_overlap_view(self, dose: int, view: str, split: str) -> Path:
        """A split's subsample under the name that we write."""
        return self.phase_d(dose, view) / f"{view}_{split}.npz"

    def overlap_view(self, dose: int, view: str, split: str) -> Path:
        """A split's subsample, under the name that is there: ours, or that of PtychoPINN's generator."""
        ours, plain = self.own_overlap_view(dose, view, split), self.phase_d(dose, view) / f"{split}.npz"
        return plain if plain.exists() and not ours.exists() else ours

    def overlap_metrics(self, dose: int, view: str, split: str) -> Path:
        """How far the probes of a split's subsample overlap."""
        return self.phase_d(dose, view) / f"{split}_metrics.json"

    def overlap_bundle(self, dose: int, view: str) -> Path:
        """The same of all splits."""
        return self.phase_d(dose, view) / "metrics_bundle.json"

    def split_data(self, dose: int, view: str, split: str) -> Path:
        """The split's scan: phase C's for ``dense``, phase D's subsample for other views."""
        return self.patched(dose, split) if view == "dense" else self.overlap_view(dose, view, split)

    def phase_e(self) -> Path:
        """Folder of all trained networks."""
        return self.root / "data" / "phase_e"

    def pinn_dir(self, dose: int, view: str) -> Path:
        """Folder of the PtychoPINN bundle, trained on groups of four."""
        return self.phase_e() / f"dose_{dose}" / view / in_cell("gs2", self.cell.pinn)

    def baseline_dir(self, dose: int) -> Path:
        """Folder of the Baseline, trained on single images."""
        return self.phase_e() / f"dose_{dose}" / "baseline" / in_cell("gs1", self.cell.baseline)

    def phase_f(self) -> Path:
        """Folder of all iterative reconstructions."""
        return self.root / "data" / "phase_f"

    def ptychi_dir(self, dose: int, view: str, split: str) -> Path:
        """Folder of the split's own iterative reconstruction."""
        return self.phase_f() / f"dose_{dose}" / view / in_cell(split, self.cell.ptychi)

    def ptychi(self, dose: int, view: str, split: str) -> Path:
        """The split's own iterative reconstruction."""
        return ReconstructionFiles(self.ptychi_dir(dose, view, split)).reconstruction

    def step_log(self, name: str) -> Path:
        """Output of a step of the pipeline, attempt after attempt."""
        return self.root / "cli" / f"{name}.log"

    def step(self, step_id: str) -> StepFiles:
        """Records of a step of the pipeline."""
        return StepFiles(self.root / "jobs" / "steps" / step_id)

    def analysis(self) -> Path:
        """Folder of comparisons and reports."""
        return self.root / "analysis"

    def reports(self) -> ReportFiles:
        """Reports over all comparisons."""
        return ReportFiles(self.analysis())

    def verdict(self) -> VerdictFiles:
        """The gate's verdict and the page."""
        return VerdictFiles(self.root / "report")

    def answers(self) -> AnswerFiles:
        """What the study says as a whole."""
        return AnswerFiles(self.verdict().folder)

    def accepted_runs(self, store: str = ACCEPTED) -> Path:
        """Folder of runs that were accepted; `store` is a path from the hub's folder."""
        return self.root / store

    def rescored(self, name: str) -> Path:
        """Folder of scores that were made anew under a name; below it lies what lies in ``analysis/``."""
        return self.root / RESCORED / name

    def comparison_manifest(self) -> Path:
        """Which comparisons the pipeline ran, and how they ended."""
        return self.analysis() / "comparison_manifest.json"

    def comparison_summary(self) -> Path:
        """The same, a line each."""
        return self.analysis() / "comparison_summary.txt"

    def blocker_log(self) -> Path:
        """Why the pipeline stands still now; gone when it has gone on."""
        return self.analysis() / "blocker.log"

    def lock(self, name: str) -> Path:
        """Held while a file that several processes write is rewritten."""
        return self.root / "jobs" / "locks" / f"{name}.lock"

    def archive(self, moment: datetime) -> Path:
        """Where what a run makes anew is moved first."""
        return self.root / "archive" / f"run_{stamp(moment)}"

    def comparison_dir(self, dose: int, view: str, split: str, tier: str, cell: Cell = ()) -> Path:
        """Where a comparison leaves its artifacts."""
        name = split if tier == FULL_TIER else f"{split}_{tier}_v4"
        return self.analysis() / f"dose_{dose}" / view / in_cell(name, cell)

    def command_log(self, comparison_id: str) -> Path:
        """Output of the command that ran a comparison, streamed while it runs."""
        return self.root / "cli" / f"compare_models_{comparison_id}.log"

    def slots(self) -> Path:
        """Where running jobs are counted, when their number is bounded."""
        return self.root / "jobs" / "slots"

    def site(self) -> Path:
        """How a batch system is asked to run this hub's jobs."""
        return self.root / "site.toml"

    def submitting(self) -> JobFiles:
        """Which process submits this hub's jobs now."""
        return JobFiles(self.root / "jobs" / "submitting")

    def rounds(self) -> Path:
        """Rounds in which something found no room to begin, a line each."""
        return self.root / "jobs" / "rounds.jsonl"

    def jobs(self) -> list[JobFiles]:
        """Every job folder that is there: steps of the pipeline, then comparisons, in order of path."""
        steps = sorted((self.root / "jobs" / "steps").glob("*/job"))
        return [JobFiles(path) for path in [*steps, *sorted(self.analysis().glob("*/*/*/job"))]]

    def test_log(self, name: str, *, passed: bool, moment: datetime) -> Path:
        """Log of one test, in ``green/`` or ``red/``; a later run does not overwrite it."""
        return self.root / ("green" if passed else "red") / f"pytest_{name}_{stamp(moment)}.log"

    def blocker(self, topic: str, *, moment: datetime) -> Path:
        """Note that says why the study stands still."""
        return self.root / "red" / f"blocked_{stamp(moment)}_{topic}.md"

    def relative(self, path: Path) -> str:
        """`path` as POSIX text below the hub, or as it is when it lies elsewhere."""
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else path.as_posix()


@dataclass(frozen=True)
class HubPlace:
    """Where in a hub a scan file lies."""

    hub: Hub
    dose: int
    split: str


def place_in_hub(test_data: Path) -> HubPlace | None:
    """Recognise ``HUB/data/phase_c/dose_D/patched_SPLIT.npz``; None for any other path."""
    path = test_data.resolve()
    dose = dose_of(path.parent)
    if dose is None or path.parent.parent.parts[-2:] != ("data", "phase_c"):
        return None
    split = path.stem.removeprefix("patched_")
    return HubPlace(Hub(path.parents[3]), dose, split) if path.stem.startswith("patched_") else None


def view_of_model(pinn_dir: Path) -> str | None:
    """The view in ``.../phase_e/dose_D/VIEW/gsN``; None for any other path."""
    parts = pinn_dir.resolve().parts
    if len(parts) < 4 or parts[-4] != "phase_e" or not parts[-1].startswith("gs"):
        return None
    return parts[-2]


def dose_of(folder: Path) -> int | None:
    """The dose in a folder called ``dose_D``, photons per exposure."""
    text = folder.name.removeprefix("dose_")
    return int(text) if folder.name.startswith("dose_") and text.isdecimal() else None
