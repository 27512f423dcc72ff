"""What a later phase would refuse, said before the first begins: those before it may take hours."""

from __future__ import annotations

from collections.abc import Iterable

from ptycho_compare.errors import StudyError
from ptycho_compare.models.training.design import Design
from ptycho_compare.phases.pipeline.pipeline import Pipeline
from ptycho_compare.phases.reconstruct.child import require_ptychi
from ptycho_compare.study.steps import TEST_SPLIT, TRAIN_SPLIT, ReconstructStep, SimulateStep, TrainStep


def require_startable(parts: Iterable[Pipeline], *, anew: bool = False, elsewhere: bool = False) -> None:
    """See that those of our own commands that a plan has still to run can begin in their turn.

    Where all is made `anew`, they have all to be run; what runs `elsewhere` needs nothing installed here.

    Raises
    ------
    StudyError
        Networks are to be trained on a split that nothing makes, or on images of a size that they have not.
    MissingProgramError
        Phase F is to be run, and there is no pty-chi.
    """
    for part in parts:
        left = [step for step, outputs in part.ours if anew or not all(path.is_file() for path in outputs)]
        if not elsewhere and any(isinstance(step, ReconstructStep) for step in left):
            require_ptychi()
        trained = [step for step in left if isinstance(step, TrainStep)]
        for step in trained:
            _require_splits(part, step, anew=anew)
        if trained and any(isinstance(step, SimulateStep) for step in left):
            _require_size(part)


def _require_splits(part: Pipeline, step: TrainStep, *, anew: bool) -> None:
    if step.single:  # phase C makes both, whatever is compared
        return
    named = part.study.splits
    for split in (TRAIN_SPLIT, TEST_SPLIT):
        if split not in named and (anew or not step.data(split).is_file()):
            raise StudyError(
                f"{part.study_file}: 'splits' has {', '.join(named)} only, and {step}, is trained with "
                f"{TRAIN_SPLIT} and {TEST_SPLIT}: name both, or bring its bundle and say --given E"
            )


def _require_size(part: Pipeline) -> None:
    try:
        Design(part.study.simulation.patch_px, gridsize=1, filters_scale=1, photons=1.0)
    except StudyError as error:
        raise StudyError(f"{part.study_file}: 'simulation.patch_px': {error}") from None
