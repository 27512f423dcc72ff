"""What a later phase would refuse, said before the first begins: those before it may take hours."""

from __future__ import annotations

from collections.abc import Iterable

from ptycho_compare.errors import HubError, StudyError
from ptycho_compare.models.training.design import Design
from ptycho_compare.phases.pipeline.pipeline import Pipeline
from ptycho_compare.phases.pipeline.step import left_to_run
from ptycho_compare.phases.reconstruct.child import require_ptychi
from ptycho_compare.study.steps import TEST_SPLIT, TRAIN_SPLIT, ReconstructStep, SimulateStep, TrainStep


def require_startable(parts: Iterable[Pipeline], *, anew: bool = False, elsewhere: bool = False) -> None:
    """See that what a plan has still to run can begin in its turn.

    Where all is made `anew`, all of it is to be run; what runs `elsewhere` needs nothing installed here.

    Raises
    ------
    HubError
        A given file is not there, or one that is to be made is there and of somebody else.
    StudyError
        Networks are to be trained on a split that nothing makes, or on images of a size that they have not.
    MissingProgramError
        Phase F is to be run, and there is no pty-chi.
    """
    for part in parts:
        _require_given(part, elsewhere=elsewhere)
        left = {step.id for step in part.making} if anew else left_to_run(part.making).keys()
        to_run = [(step, made) for step, made in part.stated if step.id in left and not made.given]
        for _, made in to_run if not anew else ():
            made.require_own_outputs()
        ours = [step for step, made in to_run if made.computed_by]
        if not elsewhere and any(isinstance(step, ReconstructStep) for step in ours):
            require_ptychi()
        trained = [step for step in ours if isinstance(step, TrainStep)]
        for step in trained:
            _require_splits(part, step, anew=anew)
        if trained and any(isinstance(step, SimulateStep) for step in ours):
            _require_size(part)


def _require_given(part: Pipeline, *, elsewhere: bool) -> None:
    """A run here records all that is given; `elsewhere` only what is read is asked for."""
    read = {needed for step in part.steps for needed in step.needs}
    for step, made in part.stated:
        missing = [path for path in made.outputs if not path.is_file()]
        if missing and step.phase in part.given and (made.id in read or not elsewhere):
            more = f" ({len(missing) - 1} more of {step.id} are not)" if len(missing) > 1 else ""
            raise HubError(
                f"{missing[0]}: was given, and is not there{more}; put it there, or leave {step.phase} out "
                "of --given"
            )


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
