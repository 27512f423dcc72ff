"""Cases: a test that asks for `comparison` runs once per comparison of the study.

One that asks for `dose_and_view` runs once per dose and view, one for `study_dose` once per dose. Each is a
fixture that hands on what is parametrised, which is called the same with a prefix.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from ptycho_compare.names import HUB_VARIABLE, STUDY_FILE
from pytest_ptycho.marks import PREFIX, marks, registered
from pytest_ptycho.options import OPTIONS

if TYPE_CHECKING:
    from ptycho_compare.study import Comparison, Study

_COMPARISON, _PLACE, _DOSE = (f"{PREFIX}{name}" for name in ("comparison", "dose_and_view", "study_dose"))
STUDIES = pytest.StashKey[dict[Path, "Study | None"]]()


class DoseAndView(NamedTuple):
    """A dose and a view, for which data are made, networks trained and reconstructions computed."""

    dose: int
    view: str


def parametrize(metafunc: pytest.Metafunc) -> None:
    """Turn the study's comparisons, and its doses and views, into cases of a test that asks for them.

    They depend on the study file alone, never on what the hub holds, so that all workers collect the same.
    A suite that has a fixture or a parameter of such a name keeps its own.
    """
    asked = [name for name in _CASES if name in metafunc.fixturenames]
    if not asked:
        return
    # nothing public tells what a suite's own pytest_generate_tests has parametrised before us
    theirs = {name for call in getattr(metafunc, "_calls", ()) for name in call.indices}
    asked = [name for name in asked if name.removeprefix(PREFIX) not in theirs]
    config, test_file = metafunc.config, metafunc.definition.path
    if config.stash[OPTIONS].hub is None and not study_path(config, test_file).is_file():
        for name in asked:
            metafunc.parametrize(name, [pytest.param(None, id="no_hub", marks=pytest.mark.skip(NO_HUB))])
        return
    study = _study_once(config, test_file)
    for name in asked:
        _CASES[name](metafunc, study)


def comparison_of(item: pytest.Item) -> Comparison | None:
    """Return the comparison that a test is a case of; None of others, whatever they call so."""
    case = getattr(item, "callspec", None)
    if case is None or _COMPARISON not in case.params:
        return None
    from ptycho_compare.study import Comparison

    found = case.params[_COMPARISON]
    return found if isinstance(found, Comparison) else None


def _doses(metafunc: pytest.Metafunc, study: Study | None) -> None:
    doses = sorted(study.doses) if study else []
    metafunc.parametrize(_DOSE, doses, ids=[f"dose_{dose}" for dose in doses])


def _places(metafunc: pytest.Metafunc, study: Study | None) -> None:
    pairs = [(dose, view) for dose in sorted(study.doses) for view in study.views] if study else []
    places = [DoseAndView(*pair) for pair in pairs]
    metafunc.parametrize(_PLACE, places, ids=[f"dose_{place.dose}-{place.view}" for place in places])


def _comparisons(metafunc: pytest.Metafunc, study: Study | None) -> None:
    """One case per comparison, marked with its tier."""
    metafunc.parametrize(
        _COMPARISON,
        [
            pytest.param(comparison, id=comparison.id, marks=marks(comparison.tier))
            for comparison in (study.comparisons() if study else ())
        ],
    )


_CASES: Mapping[str, Callable[[pytest.Metafunc, Study | None], None]] = {
    _COMPARISON: _comparisons,
    _PLACE: _places,
    _DOSE: _doses,
}
NO_HUB = f"no hub: give --hub DIR, or set {HUB_VARIABLE} or the ini key ptycho_hub"
"""Why tests of one's own are skipped in a session about something else."""


def _study_once(config: pytest.Config, test_file: Path) -> Study | None:
    """Load the study of a test file; None where it has a mistake that was told before.

    Raises
    ------
    pytest.Collector.CollectError
        There is none, or it has a mistake, or it is about another hub; the text is one line. A session with
        such an error runs nothing, so that cases may then be left out.
    """
    # pydantic is loaded only in sessions that have such tests
    from ptycho_compare.errors import StudyError
    from ptycho_compare.study import load_study, require_about

    path, hub = study_path(config, test_file), config.stash[OPTIONS].hub
    studies = config.stash.setdefault(STUDIES, {})
    if path not in studies:
        studies[path] = None
        if hub is not None and config.stash[OPTIONS].study is None and not path.is_file():
            text = f"{hub.study()}: there is no such file, and none beside {test_file}"
            more = "have ptycho-hub init write it, or name the study: --ptycho-study FILE"
            raise pytest.Collector.CollectError(f"{text}; {more}")
        try:
            study = load_study(path)
            if hub is not None and not config.getoption("collectonly"):
                require_about(hub, study, path)
        except StudyError as error:
            raise pytest.Collector.CollectError(str(error)) from None
        studies[path] = study
        for tier in study.tiers:
            for line in registered(tier, f"comparisons of the study's tier {tier!r}"):
                config.addinivalue_line("markers", line)
    return studies[path]


def study_for(config: pytest.Config, test_file: Path) -> Study:
    """Return the study that a test file is judged by; without a hub and a study the test is skipped.

    One that no case of a test rests on is loaded here: what is wrong with it fails the test, in one line.
    """
    path = study_path(config, test_file)
    if config.stash[OPTIONS].hub is None and not path.is_file():
        pytest.skip(NO_HUB)
    try:
        study = _study_once(config, test_file)
    except pytest.Collector.CollectError as error:
        pytest.fail(str(error), pytrace=False)
    if study is None:
        pytest.fail(f"{path}: has a mistake, told above", pytrace=False)
    return study


def study_path(config: pytest.Config, test_file: Path) -> Path:
    """Find the study file: the one named, the hub's own, or the one beside the tests."""
    from ptycho_compare.study import choose_study

    options = config.stash[OPTIONS]
    return choose_study(options.hub, options.study, [test_file.parent / STUDY_FILE])
