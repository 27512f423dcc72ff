"""A hub with phases C and D of a tiny study, made by the phases themselves, for the tests of phase E."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ptycho_compare.hub import Hub
from ptycho_compare.models.training.design import DECODER_FILTERS, ENCODER_FILTERS
from ptycho_compare.phases.overlap.overlap import overlap
from ptycho_compare.phases.simulate.simulate import simulate
from ptycho_compare.study import Study

DOSE, VIEW = 1_000_000, "dense"
STUDY_TEXT = f"""\
name = "mini"
doses = [{DOSE}]
views = ["{VIEW}"]
splits = ["train", "test"]
[tiers.debug]
[simulation]
object = "siemens"
object_px = 128
probe = "gaussian"
probe_curvature = 0.06
images = 28
[training.baseline]
epochs = 3
batch = 2
filters_scale = 1
[training.ptychopinn]
epochs = 3
batch = 2
filters_scale = 1
"""
STUDY = Study.model_validate(tomllib.loads(STUDY_TEXT))


def make_hub(root: Path) -> Hub:
    """Make the data that phase E reads."""
    root.mkdir(parents=True)
    hub = Hub(root.resolve())
    hub.study().write_text(STUDY_TEXT)
    simulate(hub, STUDY, DOSE)
    overlap(hub, STUDY, DOSE, VIEW)
    return hub


def with_training(**changes: object) -> Study:
    """The same study with other settings of both networks."""
    training = STUDY.training
    both = {name: getattr(training, name).model_copy(update=changes) for name in ("baseline", "ptychopinn")}
    return STUDY.model_copy(update={"training": training.model_copy(update=both)})


@contextmanager
def shallow_networks() -> Iterator[None]:
    """Give networks built here one stage instead of three: TensorFlow takes half as long to trace a training.

    For tests of how a training goes, not of what it learns.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ENCODER_FILTERS, 64, (16,))
        patch.setitem(DECODER_FILTERS, 64, ())
        yield
