"""The hub: the one place that knows where a study keeps its files and what they are called.

Names are PtychoPINN's own, so that a hub written by it can be judged here and the other
way round. Functions return paths and touch nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ptycho_compare.errors import HubError

DEBUG_TIER, FULL_TIER = "debug", "full"
STUDY_FILE = "study.toml"
MODEL_NAMES = ("wts.h5.zip", "baseline_model.h5")
"""A trained PtychoPINN bundle, and the legacy file of a supervised Baseline."""


@dataclass(frozen=True)
class Hub:
    """Paths of one study run.

    Parameters
    ----------
    root : Path
        The folder that holds ``data/``, ``analysis/``, ``cli/``, ``green/`` and ``red/``.
    """

    root: Path

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
        """Whether there is such a folder with a ``data/`` in it."""
        return (self.root / "data").is_dir()

    def study(self) -> Path:
        """The hub's own study file, if it has one."""
        return self.root / STUDY_FILE

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

    def overlap_view(self, dose: int, view: str, split: str) -> Path:
        """A split's subsample, under the name that is there: ours, or that of PtychoPINN's generator."""
        folder = self.phase_d(dose, view)
        ours, plain = folder / f"{view}_{split}.npz", folder / f"{split}.npz"
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
        return self.phase_e() / f"dose_{dose}" / view / "gs2"

    def baseline_dir(self, dose: int) -> Path:
        """Folder of the Baseline, trained on single images."""
        return self.phase_e() / f"dose_{dose}" / "baseline" / "gs1"

    def phase_f(self) -> Path:
        """Folder of all iterative reconstructions."""
        return self.root / "data" / "phase_f"

    def ptychi_dir(self, dose: int, view: str, split: str) -> Path:
        """Folder of the split's own iterative reconstruction."""
        return self.phase_f() / f"dose_{dose}" / view / split

    def ptychi(self, dose: int, view: str, split: str) -> Path:
        """The split's own iterative reconstruction."""
        return self.ptychi_dir(dose, view, split) / "ptychi_reconstruction.npz"

    def step_log(self, name: str) -> Path:
        """Output of a step of the pipeline, attempt after attempt."""
        return self.root / "cli" / f"{name}.log"

    def step_job(self, step_id: str) -> JobFiles:
        """Records of the attempts at a step of the pipeline, and its checkpoints."""
        return JobFiles(self.root / "jobs" / step_id)

    def analysis(self) -> Path:
        """Folder of comparisons and reports."""
        return self.root / "analysis"

    def comparison_dir(self, dose: int, view: str, split: str, tier: str) -> Path:
        """Where a comparison leaves its artifacts."""
        name = split if tier == FULL_TIER else f"{split}_{tier}_v4"
        return self.analysis() / f"dose_{dose}" / view / name

    def command_log(self, comparison_id: str) -> Path:
        """Output of the command that ran a comparison, streamed while it runs."""
        return self.root / "cli" / f"compare_models_{comparison_id}.log"

    def slots(self) -> Path:
        """Where running jobs are counted, when their number is bounded."""
        return self.root / "jobs" / "slots"

    def jobs(self) -> list[JobFiles]:
        """Every comparison's job folder that is there, in order of path."""
        return [JobFiles(path) for path in sorted(self.analysis().glob("*/*/*/job"))]

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
class Artifacts:
    """File names inside one comparison's folder."""

    folder: Path

    @property
    def metrics(self) -> Path:
        """Scores of all arms."""
        return self.folder / "comparison_metrics.csv"

    @property
    def reconstructions(self) -> Path:
        """Canvases of all arms on the object's grid, as reconstructed."""
        return self.folder / "reconstructions.npz"

    @property
    def reconstructions_aligned(self) -> Path:
        """The same, gauge removed, cropped to the scored area."""
        return self.folder / "reconstructions_aligned.npz"

    @property
    def plot(self) -> Path:
        """The comparison figure."""
        return self.folder / "comparison_plot.png"

    @property
    def plan(self) -> Path:
        """Groups, seed and normalisation that all arms shared."""
        return self.folder / "plan.npz"

    @property
    def manifest(self) -> Path:
        """Digests, versions and settings; written last: its existence means complete."""
        return self.folder / "manifest.json"

    @property
    def log(self) -> Path:
        """Debug log. PtychoPINN doubles the folder, and readers of its hubs expect that."""
        return self.folder / "logs" / "logs" / "debug.log"

    def frc_curves(self, arm: str) -> Path:
        """Ring correlation curves of one arm."""
        return self.folder / f"{short_name(arm)}_frc_curves.csv"

    def half_frc_curves(self, arm: str) -> Path:
        """The same between two reconstructions of half the data."""
        return self.folder / f"{short_name(arm)}_half_frc_curves.csv"

    @property
    def frc_cutoffs(self) -> Path:
        """Where all curves fall below all thresholds."""
        return self.folder / "frc_cutoffs.csv"

    @property
    def differences(self) -> Path:
        """How far every two arms are apart."""
        return self.folder / "comparison_differences.csv"

    @property
    def agreement(self) -> Path:
        """How well every two arms agree; only without a truth."""
        return self.folder / "arm_agreement.csv"

    @property
    def frc_plot(self) -> Path:
        """Ring correlation curves of all arms."""
        return self.folder / "frc_plot.png"

    @property
    def residuals(self) -> Path:
        """Residual in diffraction space: maps and images."""
        return self.folder / "residuals.npz"

    @property
    def residual_plot(self) -> Path:
        """The residual maps of all arms."""
        return self.folder / "residual_plot.png"

    def debug_images(self, arm: str) -> Path:
        """Folder of the raw canvases as images."""
        return self.folder / f"debug_images_{arm}"

    @property
    def job(self) -> JobFiles:
        """Records of the attempts at this comparison, and its checkpoints."""
        return JobFiles(self.folder / "job")

    @property
    def adoption(self) -> Path:
        """Who took these results over from elsewhere, and what was verified."""
        return self.folder / "adoption.json"


@dataclass(frozen=True)
class JobFiles:
    """File names inside the folder of one job; `jobs` says what stands in them."""

    folder: Path

    @property
    def claim(self) -> Path:
        """Which process works at the job; its time of change is the heartbeat."""
        return self.folder / "claim.json"

    @property
    def launch(self) -> Path:
        """How the newest attempt was started."""
        return self.folder / "launch.json"

    @property
    def states(self) -> Path:
        """Every attempt's course, a line per event; only ever appended to."""
        return self.folder / "states.jsonl"

    @property
    def done(self) -> Path:
        """How an attempt ended; written last: without it the attempt died."""
        return self.folder / "done.json"

    @property
    def stop(self) -> Path:
        """Its existence asks the running attempt to stop."""
        return self.folder / "stop"

    @property
    def checkpoints(self) -> Path:
        """What an attempt has computed and the next one goes on from."""
        return self.folder / "checkpoints"

    @property
    def set_aside(self) -> Path:
        """What could not be used, with the reason."""
        return self.folder / "set_aside"


@dataclass(frozen=True)
class TrainingFiles:
    """File names inside the folder of a trained network."""

    folder: Path

    @property
    def bundle(self) -> Path:
        """The trained network."""
        return self.folder / "wts.h5.zip"

    @property
    def log(self) -> Path:
        """What happened, epoch by epoch."""
        return self.folder / "train.log"

    @property
    def history(self) -> Path:
        """Losses, a row per epoch."""
        return self.folder / "history.csv"

    @property
    def history_plot(self) -> Path:
        """The losses as a figure."""
        return self.folder / "history.png"


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


def short_name(arm: str) -> str:
    """An arm in file names, keys and log lines, where PtychoPINN calls its own ``pinn``."""
    return "pinn" if arm == "PtychoPINN" else arm.lower()


def stamp(moment: datetime) -> str:
    """UTC time as file names carry it, e.g. ``20261123T100411Z``."""
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
