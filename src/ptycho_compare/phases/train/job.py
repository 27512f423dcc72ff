"""One training: which network, on which data, where it goes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ptycho_compare.errors import HubError
from ptycho_compare.hub import Hub, JobFiles, TrainingFiles
from ptycho_compare.study import Study
from ptycho_compare.study.making import NetworkTraining

BASELINE_NETWORK = "baseline"
TRAIN_SPLIT, TEST_SPLIT = "train", "test"


@dataclass(frozen=True)
class TrainingJob:
    """One network of one dose.

    Attributes
    ----------
    hub : Hub
    study : Study
    dose : int
        Photons per exposure.
    network : str
        ``baseline``, or a view: PtychoPINN on that view's data.
    """

    hub: Hub
    study: Study
    dose: int
    network: str

    @property
    def single(self) -> bool:
        """Whether it is the Baseline, which sees single images."""
        return self.network == BASELINE_NETWORK

    @property
    def gridsize(self) -> int:
        """PtychoPINN's word for the root of a group's size."""
        return 1 if self.single else 2

    @property
    def how(self) -> NetworkTraining:
        """What the study says of this network."""
        return self.study.training.baseline if self.single else self.study.training.ptychopinn

    @property
    def files(self) -> TrainingFiles:
        """Where the network goes."""
        hub, dose = self.hub, self.dose
        return TrainingFiles(hub.baseline_dir(dose) if self.single else hub.pinn_dir(dose, self.network))

    @property
    def records(self) -> JobFiles:
        """Records of the attempts, and the checkpoints."""
        return self.hub.step_job(f"dose_{self.dose}-train-{self.network}")

    def data(self, split: str) -> Path:
        """A split's scan."""
        if self.single:
            return self.hub.patched(self.dose, split)
        return self.hub.overlap_view(self.dose, self.network, split)

    def require_data(self) -> None:
        """Check that the phase before has made its files.

        Raises
        ------
        HubError
            One is missing.
        """
        for split in (TRAIN_SPLIT, TEST_SPLIT):
            if not self.data(split).is_file():
                phase = "C" if self.single else "D"
                raise HubError(
                    f"{self.data(split)}: no such file; phase {phase} makes it, and training needs it"
                )

    def settings(self) -> dict[str, Any]:
        """All of the study that the result depends on."""
        study = self.study
        return {
            "dose": self.dose,
            "network": self.network,
            "training": {
                **study.training.model_dump(exclude={"baseline", "ptychopinn"}),
                **self.how.model_dump(),
            },
            "grouping": study.grouping.model_dump(),
            "stitching": study.stitching.model_dump(),
            "scan": study.scan.model_dump(),
        }
