"""Names of the files that say what a whole study says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class AnswerFiles:
    """File names of what a whole study says, in ``report/``."""

    folder: Path

    @property
    def scores(self) -> Path:
        """Every number of every comparison on a line of its own, with its factors."""
        return self.folder / "study.csv"

    @property
    def curves(self) -> Path:
        """Mean and spread over trials of every score in every condition: the points of its curves."""
        return self.folder / "study_curves.csv"

    @property
    def answers(self) -> Path:
        """Differences, ranks, crossings and slopes."""
        return self.folder / "study_answers.csv"

    @property
    def costs(self) -> Path:
        """Time per image and training cost of every arm in every condition, beside its score."""
        return self.folder / "study_costs.csv"

    @property
    def losses(self) -> Path:
        """Losses of networks and of the iterative code, epoch by epoch."""
        return self.folder / "study_losses.csv"

    @property
    def losses_latex(self) -> Path:
        """How soon they come down, for a paper."""
        return self.folder / "study_losses.tex"

    @property
    def losses_figure(self) -> Path:
        """Losses in one plot, against epochs and seconds."""
        return self.folder / "study_losses.png"

    @property
    def losses_figure_pdf(self) -> Path:
        """The same for a paper."""
        return self.folder / "study_losses.pdf"

    @property
    def transfer(self) -> Path:
        """Scores of networks by the data they were trained on and tested on."""
        return self.folder / "study_transfer.csv"

    @property
    def transfer_latex(self) -> Path:
        """The same as a matrix, for a paper."""
        return self.folder / "study_transfer.tex"

    @property
    def transfer_figure(self) -> Path:
        """The matrix, to look at."""
        return self.folder / "study_transfer.png"

    @property
    def transfer_figure_pdf(self) -> Path:
        """The same for a paper."""
        return self.folder / "study_transfer.pdf"

    @property
    def patches(self) -> Path:
        """Scores of patches before they are stitched: how they spread in every condition."""
        return self.folder / "study_patches.csv"

    @property
    def patches_latex(self) -> Path:
        """The same for a paper."""
        return self.folder / "study_patches.tex"

    @property
    def stitched_record(self) -> Path:
        """Splits put together into one object: of which evidence, and its scores."""
        return self.folder / "study_stitched.json"

    @property
    def stitched(self) -> Path:
        """Scores of these objects."""
        return self.folder / "study_stitched.csv"

    @property
    def stitched_latex(self) -> Path:
        """The same for a paper."""
        return self.folder / "study_stitched.tex"

    @property
    def stitched_figure(self) -> Path:
        """The first of these objects, all arms beside the truth."""
        return self.folder / "study_stitched.png"

    @property
    def stitched_figure_pdf(self) -> Path:
        """The same for a paper."""
        return self.folder / "study_stitched.pdf"

    @property
    def table(self) -> Path:
        """Arms in every condition, scores beside each other, the best marked."""
        return self.folder / "study_table.csv"

    @property
    def latex(self) -> Path:
        """The same for a paper."""
        return self.folder / "study_table.tex"

    @property
    def text(self) -> Path:
        """What the study says, in words and tables."""
        return self.folder / "study.md"

    @property
    def figure(self) -> Path:
        """Response curves, to look at."""
        return self.folder / "study_curves.png"

    @property
    def cost_figure(self) -> Path:
        """Time per image against the score that decides."""
        return self.folder / "study_costs.png"

    @property
    def cost_figure_pdf(self) -> Path:
        """The same for a paper."""
        return self.folder / "study_costs.pdf"

    @property
    def figure_pdf(self) -> Path:
        """The same for a paper."""
        return self.folder / "study_curves.pdf"

    def __iter__(self) -> Iterator[Path]:
        """Yield all of them."""
        return (getattr(self, name) for name, held in vars(type(self)).items() if isinstance(held, property))
