"""Names of the files inside the folders of a hub."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ptycho_compare.hub.job_files import JobFiles

MODEL_NAMES = ("wts.h5.zip", "baseline_model.h5")
"""A trained PtychoPINN bundle, and the legacy file of a supervised Baseline."""


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
    def rescoring(self) -> Path:
        """In the place of a manifest, where canvases stored elsewhere were scored anew."""
        return self.folder / "rescoring.json"

    @property
    def within(self) -> Path:
        """Pixels outside of which nothing was scored anew."""
        return self.folder / "within.npz"

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
    def patch_scores(self) -> Path:
        """Patches of networks, each scored by itself before it is stitched; only where they are asked for."""
        return self.folder / "patch_scores.csv"

    @property
    def patches(self) -> Path:
        """These patches, each as a canvas of its own."""
        return self.folder / "patches.npz"

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
class StepFiles:
    """File names inside the folder of one step of the pipeline."""

    folder: Path

    @property
    def record(self) -> Path:
        """What the finished step rests on and left behind; written last."""
        return self.folder / "record.json"

    @property
    def lock(self) -> Path:
        """Held by who brings the step about, until that is written."""
        return self.folder / f".{self.record.name}.lock"

    @property
    def job(self) -> JobFiles:
        """Records of the attempts at it."""
        return JobFiles(self.folder / "job")


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
        """The log, epoch by epoch."""
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
class ReconstructionFiles:
    """File names inside the folder of an iterative reconstruction."""

    folder: Path

    @property
    def reconstruction(self) -> Path:
        """Object, probe, and where the object lies."""
        return self.folder / "ptychi_reconstruction.npz"

    @property
    def figure(self) -> Path:
        """Object, probe and losses."""
        return self.folder / "reconstruction_visualization.png"

    @property
    def log(self) -> Path:
        """Command, exit status and output of the engine."""
        return self.folder / "ptychi.log"


@dataclass(frozen=True)
class ReportFiles:
    """File names of the reports over all comparisons, in ``analysis/``."""

    folder: Path

    @property
    def summary(self) -> Path:
        """Scores of all comparisons and their averages; the other reports are made from it."""
        return self.folder / "metrics_summary.json"

    @property
    def summary_text(self) -> Path:
        """The same as tables."""
        return self.folder / "metrics_summary.md"

    @property
    def report(self) -> Path:
        """Averages and differences of the arms."""
        return self.folder / "aggregate_report.md"

    @property
    def highlights(self) -> Path:
        """The same in a few lines."""
        return self.folder / "aggregate_highlights.txt"

    @property
    def digest(self) -> Path:
        """One page: whether all went well, and what came out."""
        return self.folder / "metrics_digest.md"

    @property
    def deltas(self) -> Path:
        """PtychoPINN's distance from the other arms, unrounded."""
        return self.folder / "metrics_delta_summary.json"

    @property
    def delta_highlights(self) -> Path:
        """The same rounded, four lines."""
        return self.folder / "metrics_delta_highlights.txt"

    @property
    def delta_preview(self) -> Path:
        """The same, phase only."""
        return self.folder / "metrics_delta_highlights_preview.txt"

    @property
    def ssim_grid(self) -> Path:
        """The same as tables, phase only."""
        return self.folder / "ssim_grid_summary.md"

    @property
    def inventory(self) -> Path:
        """Every file of the hub, a path per line."""
        return self.folder / "artifact_inventory.txt"

    @property
    def digests(self) -> Path:
        """The same with digests and sizes."""
        return self.folder / "artifact_digests.tsv"

    @property
    def seal(self) -> Path:
        """Signature of the digests, called as `ssh-keygen` calls it."""
        return self.digests.with_name(f"{self.digests.name}.sig")

    @property
    def verification(self) -> Path:
        """Findings of the last verification."""
        return self.folder / "verification_report.json"

    @property
    def verification_log(self) -> Path:
        """The same, a line per check."""
        return self.folder / "verify_dense_stdout.log"

    @property
    def check_log(self) -> Path:
        """Log of the check that the texts say what the numbers say."""
        return self.folder / "check_dense_highlights.log"


@dataclass(frozen=True)
class VerdictFiles:
    """File names of what a person or a CI looks at first, in ``report/``."""

    folder: Path

    @property
    def page(self) -> Path:
        """All of the study to look at, in one file."""
        return self.folder / "index.html"

    @property
    def record(self) -> Path:
        """The gate's verdict, for programs."""
        return self.folder / "acceptance.json"

    @property
    def junit(self) -> Path:
        """The same as a CI reads it."""
        return self.folder / "acceptance.junit.xml"

    @property
    def text(self) -> Path:
        """The same as tables; also what GitHub shows of a run."""
        return self.folder / "acceptance.md"


@dataclass(frozen=True)
class AcceptedFiles:
    """File names of an accepted run; verdict and tables lie in its folder as they do in a hub."""

    folder: Path

    @property
    def record(self) -> Path:
        """Of which hub it is, and the digest of its verdict; written last."""
        return self.folder / "accepted.json"


def short_name(arm: str) -> str:
    """An arm in file names, keys and log lines, where PtychoPINN calls its own ``pinn``."""
    return "pinn" if arm == "PtychoPINN" else arm.lower()
