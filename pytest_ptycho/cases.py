"""Cases: a test that asks for `comparison` runs once per comparison of the study.

One that asks for `dose_and_view` runs once per dose and view, one for `study_dose` once per dose.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from ptycho_compare.hub import STUDY_FILE
from pytest_ptycho.options import OPTIONS

if TYPE_CHECKING:
    from ptycho_compare.study import Study

STUDIES = pytest.StashKey[dict[Path, "Study"]]()


class DoseAndView(NamedTuple):
    """A dose and a view, for which data are made, networks trained and reconstructions computed."""

    dose: int
    view: str


def parametrize(metafunc: pytest.Metafunc) -> None:
    """Turn the study's comparisons, and its doses and views, into cases of a test that asks for them.

    They depend on the study file alone, never on what the hub holds, so that all workers collect the same.
    """
    for name, cases_of in _CASES.items():
        if name in metafunc.fixturenames:
            cases_of(metafunc, study_for(metafunc.config, metafunc.definition.path))


def _doses(metafunc: pytest.Metafunc, study: Study) -> None:
    doses = sorted(study.doses)
    metafunc.parametrize("study_dose", doses, ids=[f"dose_{dose}" for dose in doses])


def _places(metafunc: pytest.Metafunc, study: Study) -> None:
    places = [DoseAndView(dose, view) for dose in sorted(study.doses) for view in study.views]
    metafunc.parametrize("dose_and_view", places, ids=[f"dose_{place.dose}-{place.view}" for place in places])


def _comparisons(metafunc: pytest.Metafunc, study: Study) -> None:
    """One case per comparison, marked with its tier."""
    metafunc.parametrize(
        "comparison",
        [
            pytest.param(comparison, id=comparison.id, marks=getattr(pytest.mark, comparison.tier))
            for comparison in study.comparisons()
        ],
    )


_CASES: Mapping[str, Callable[[pytest.Metafunc, Study], None]] = {
    "comparison": _comparisons,
    "dose_and_view": _places,
    "study_dose": _doses,
}


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
