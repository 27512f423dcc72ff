"""Cases: a test that asks for `comparison` runs once per comparison of the study.

One that asks for `overlap_view` runs once per dose and view.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from ptycho_compare.hub import STUDY_FILE
from pytest_ptycho.options import OPTIONS

if TYPE_CHECKING:
    from ptycho_compare.study import Study

STUDIES = pytest.StashKey[dict[Path, "Study"]]()


class DoseAndView(NamedTuple):
    """What phase D makes at a time."""

    dose: int
    view: str


def parametrize_views(metafunc: pytest.Metafunc) -> None:
    """Give the test one case per dose and view; the fixture `overlap_view` takes it from here."""
    study = study_for(metafunc.config, metafunc.definition.path)
    places = [DoseAndView(dose, view) for dose in sorted(study.doses) for view in study.views]
    ids = [f"dose_{place.dose}-{place.view}" for place in places]
    metafunc.parametrize("overlap_view", places, ids=ids, indirect=True)


def parametrize(metafunc: pytest.Metafunc) -> None:
    """Give the test one case per comparison, marked with its tier.

    The cases depend on the study file alone, never on what the hub holds, so that all
    workers collect the same.
    """
    study = study_for(metafunc.config, metafunc.definition.path)
    metafunc.parametrize(
        "comparison",
        [
            pytest.param(comparison, id=comparison.id, marks=getattr(pytest.mark, comparison.tier))
            for comparison in study.comparisons()
        ],
    )


def study_for(config: pytest.Config, test_file: Path) -> Study:
    """Load the study that a test file is judged by, once per session.

    Raises
    ------
    pytest.Collector.CollectError
        There is none, or it has a mistake; the text is the study's own one line.
    """
    # pydantic is loaded only in sessions that have such tests
    from ptycho_compare.errors import StudyError
    from ptycho_compare.study import load_study

    path = study_path(config, test_file)
    studies = config.stash.setdefault(STUDIES, {})
    if path not in studies:
        try:
            studies[path] = load_study(path)
        except StudyError as error:
            raise pytest.Collector.CollectError(str(error)) from None
        for tier in studies[path].tiers:
            config.addinivalue_line("markers", f"{tier}: comparisons of the study's tier {tier!r}")
    return studies[path]


def study_path(config: pytest.Config, test_file: Path) -> Path:
    """Find the study file: the one named, the hub's own, or the one beside the tests."""
    options = config.stash[OPTIONS]
    if options.study is not None:
        return options.study
    if options.hub is not None and options.hub.study().is_file():
        return options.hub.study()
    return test_file.parent / STUDY_FILE
