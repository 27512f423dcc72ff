"""Every engine that a study may ask for is known where pty-chi is told what to do; slow tests run them."""

from __future__ import annotations

from typing import get_args
from unittest.mock import MagicMock

import pytest

from ptycho_compare.phases.reconstruct.library import task_options
from ptycho_compare.study import Reconstruction


@pytest.mark.parametrize("engine", get_args(Reconstruction.model_fields["engine"].annotation))
def test_each_engine_has_options(engine: str) -> None:
    how = Reconstruction.model_validate({"engine": engine})
    options = task_options(MagicMock(), how, first=True, probe_peak=1.0, gpu=False)
    assert options.reconstructor_options.random_seed == how.seed
