"""What an arm costs: time per image, and what its training took, as records tell; nothing is guessed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from ptycho_compare.hub import Hub
from ptycho_compare.records.step_record import read_step_record
from ptycho_compare.records.tables.csv_cells import finite
from ptycho_compare.records.tables.metrics_csv import MetricRow
from ptycho_compare.study import BASELINE, PTYCHI, PTYCHOPINN, Comparison
from ptycho_compare.study.factors import cell_in_hub
from ptycho_compare.study.steps import BASELINE_NETWORK, ReconstructStep, TrainStep

TIME = "computation_time_s"
GIVEN = "brought from elsewhere"
NOT_RECORDED = "not recorded"


@dataclass(frozen=True)
class StepCost:
    """What a step of the pipeline took.

    Attributes
    ----------
    seconds, cpu_s : float or None
        Wall and processor time; None where the hub does not know.
    host : str
        Where its last attempt ran.
    note : str
        Why there is no number, or what it leaves out.
    """

    seconds: float | None = None
    cpu_s: float | None = None
    host: str = ""
    note: str = NOT_RECORDED


@dataclass(frozen=True)
class ArmCost:
    """Costs of one arm in one comparison.

    Attributes
    ----------
    images : int or None
        Diffraction patterns that it reconstructed.
    seconds : float or None
        Wall time of its reconstruction; of an iterative one that of phase F.
    host : str
        Where that ran.
    training : StepCost or None
        Of its network; None of an arm that is not trained here.
    """

    arm: str
    images: int | None
    seconds: float | None
    host: str
    training: StepCost | None

    @property
    def seconds_per_image(self) -> float | None:
        """Time per image; None where one of the two is not known."""
        if not self.seconds or not self.images:
            return None
        return self.seconds / self.images

    @property
    def note(self) -> str:
        """What is not known."""
        said = [] if self.seconds_per_image is not None else [f"time per image: {NOT_RECORDED}"]
        if self.training is not None and self.training.note:
            said.append(f"training: {self.training.note}")
        return "; ".join(said)


def steps_behind(hub: Hub, comparison: Comparison) -> dict[str, TrainStep | ReconstructStep]:
    """Name the trainings and the iterative reconstruction that a comparison rests on, by arm."""
    dose, view, split = comparison.dose, comparison.view, comparison.split
    hub = replace(hub, cell=cell_in_hub(comparison.cell))
    return {
        BASELINE: TrainStep(hub, dose, BASELINE_NETWORK),
        PTYCHOPINN: TrainStep(hub, dose, view),
        PTYCHI: ReconstructStep(hub, dose, view, split),
    }


def step_costs(hub: Hub, comparison: Comparison) -> dict[str, StepCost]:
    """Read what trainings and the iterative reconstruction behind a comparison took, by arm."""
    found = {}
    for arm, step in steps_behind(hub, comparison).items():
        record = read_step_record(step.records.record)
        if record is None:
            found[arm] = StepCost()
        elif record.status == "given" or not record.seconds:
            found[arm] = StepCost(note=GIVEN)
        else:
            hosts = [str(each.get("host", "")) for each in record.attempts]
            note = f"the last of {len(hosts)} attempts" if len(hosts) > 1 else ""
            found[arm] = StepCost(record.seconds, record.cpu_s, hosts[-1] if hosts else "", note)
    return found


def arm_costs(
    rows: Iterable[MetricRow], *, images: int | None, host: str, steps: Mapping[str, StepCost]
) -> Iterator[ArmCost]:
    """Yield the cost of every arm of a table; `host` is where the comparison ran, `steps` as `step_costs`."""
    rows = list(rows)
    times = {row.model: finite(row.value) for row in rows if row.metric == TIME}
    for arm in dict.fromkeys(row.model for row in rows):
        made = steps.get(arm, StepCost())
        if arm == PTYCHI:
            seconds = times.get(arm) or made.seconds
            yield ArmCost(arm, images, seconds, made.host if seconds else "", None)
        else:
            training = made if arm in (PTYCHOPINN, BASELINE) else None
            yield ArmCost(arm, images, times.get(arm), host if times.get(arm) else "", training)
