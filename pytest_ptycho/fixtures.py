"""Fixtures: the hub, what is judged in it, and the evidence that running a comparison leaves.

Those of a suite of one's own have two names. Here all rests on the one with the prefix: a suite that has a
fixture ``hub`` keeps it, and `ptycho_scores` is as it was.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ptycho_compare.errors import HubError
from pytest_ptycho.cases import NO_HUB, DoseAndView, study_for, study_path
from pytest_ptycho.options import OPTIONS

if TYPE_CHECKING:
    from pathlib import Path

    from ptycho_compare.finding import Finding
    from ptycho_compare.hub import Hub
    from ptycho_compare.study import Comparison, Study
    from pytest_ptycho.return_conditions import ReturnConditions
    from pytest_ptycho.run_comparison import Evidence
    from pytest_ptycho.scores import ComparisonScores

EVIDENCE = pytest.StashKey["Evidence"]()
COMPARISON = pytest.StashKey["Comparison"]()
_JUDGED = pytest.StashKey[dict[tuple[DoseAndView, str], list["Finding"]]]()


@pytest.fixture(scope="session")
def ptycho_hub(pytestconfig: pytest.Config) -> Hub:
    """The hub that is judged."""
    chosen = pytestconfig.stash[OPTIONS].hub
    if chosen is None:
        pytest.skip(NO_HUB)
    from ptycho_compare.hub import Hub

    try:
        return Hub.open(chosen.root)
    except HubError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="session", autouse=True)
def hub_is_chosen(pytestconfig: pytest.Config) -> None:
    """Fail where no hub is chosen: in a suite about nothing else, which has this among its fixtures."""
    if pytestconfig.stash[OPTIONS].hub is None:
        pytest.fail(NO_HUB, pytrace=False)


@pytest.fixture(scope="session")
def hub(ptycho_hub: Hub) -> Hub:
    """The hub that is judged."""
    return ptycho_hub


@pytest.fixture
def ptycho_study(request: pytest.FixtureRequest) -> Study:
    """The study that this test belongs to."""
    return study_for(request.config, request.path)


@pytest.fixture
def study(ptycho_study: Study) -> Study:
    """The study that this test belongs to."""
    return ptycho_study


@pytest.fixture
def comparison(ptycho_comparison: Comparison) -> Comparison:
    """The comparison of the study that this test is a case of."""
    return ptycho_comparison


@pytest.fixture
def dose_and_view(ptycho_dose_and_view: DoseAndView) -> DoseAndView:
    """The dose and view that this test is a case of."""
    return ptycho_dose_and_view


@pytest.fixture
def study_dose(ptycho_study_dose: int) -> int:
    """The dose that this test is a case of."""
    return ptycho_study_dose


@pytest.fixture
def overlap_view(
    request: pytest.FixtureRequest, ptycho_hub: Hub, ptycho_dose_and_view: DoseAndView
) -> DoseAndView:
    """Give a dose and view whose overlap is judged; skipped in a hub where phase D made nothing at all."""
    made = ptycho_hub.phase_d(*ptycho_dose_and_view).parents[1]
    if not made.is_dir():
        pytest.skip(f"{ptycho_hub.relative(made)}: no such folder; phase D made nothing in this hub")
    require(request.node, ptycho_dose_and_view, "C")
    return ptycho_dose_and_view


@pytest.fixture
def networks(
    request: pytest.FixtureRequest, ptycho_hub: Hub, ptycho_study: Study, ptycho_dose_and_view: DoseAndView
) -> DoseAndView:
    """Give a dose and view whose networks are judged; blocked where the data that they learn from are red."""
    from ptycho_compare.study import in_cells_of, networks_of

    cells = in_cells_of(ptycho_hub, ptycho_study, differing="networks")
    if not any(networks_of(how, at, *ptycho_dose_and_view) for at, how in cells):
        pytest.skip("the study compares no network, and none is there")
    require(request.node, ptycho_dose_and_view, "C", "D")
    return ptycho_dose_and_view


@pytest.fixture
def reconstructions(
    request: pytest.FixtureRequest, ptycho_hub: Hub, ptycho_study: Study, ptycho_dose_and_view: DoseAndView
) -> DoseAndView:
    """Give a dose and view whose iterative reconstructions are judged; skipped where none is asked for."""
    from ptycho_compare.study import PTYCHI

    asked_for = ptycho_study.requires(PTYCHI)
    if not asked_for and not ptycho_hub.phase_f().is_dir():
        pytest.skip("the study asks for no iterative reconstruction, and there is none")
    require(request.node, ptycho_dose_and_view, "C")
    return ptycho_dose_and_view


@pytest.fixture
def return_conditions(
    request: pytest.FixtureRequest, ptycho_hub: Hub, ptycho_study: Study, ptycho_dose_and_view: DoseAndView
) -> ReturnConditions:
    """The seven conditions of one dose and view, each brought about where it is not met."""
    from ptycho_compare.phases.pipeline.pipeline import Pipeline
    from pytest_ptycho.return_conditions import ReturnConditions

    file = study_path(request.config, request.path)
    options = request.config.stash[OPTIONS]
    if not options.verify:
        _require_commands_allowed(ptycho_hub, ptycho_study, file, allowed=options.allow_commands)
    plan = Pipeline(ptycho_hub, ptycho_study, file, *ptycho_dose_and_view, ptycho_study.splits)
    return ReturnConditions(request.node, replace(plan, given=plan.brought), ptycho_dose_and_view)


def _require_commands_allowed(hub: Hub, study: Study, file: Path, *, allowed: bool) -> None:
    """Fail in one line, with the words of this command line."""
    from ptycho_compare.errors import StudyError
    from ptycho_compare.study import require_commands_allowed

    try:
        require_commands_allowed(hub, study, file, allowed=allowed)
    except StudyError as error:
        text = str(error).replace("--allow-commands", "--ptycho-allow-commands")
        pytest.fail(text.replace("--study", "--ptycho-study"), pytrace=False)


@pytest.fixture
def counted_run(return_conditions: ReturnConditions) -> DoseAndView:
    """Give a dose and view whose counted run is done, so that its reports can be judged."""
    from pytest_ptycho.return_conditions import COUNTED_RUN

    return_conditions.require(COUNTED_RUN)
    return return_conditions.place


@pytest.fixture
def ptycho_evidence(
    request: pytest.FixtureRequest, ptycho_hub: Hub, ptycho_study: Study, ptycho_comparison: Comparison
) -> Evidence:
    """Give what the comparison left behind, judged; computed in a child process as far as it is not there."""
    from pytest_ptycho.run_comparison import run_comparison
    from pytest_ptycho.session_jobs import job_of

    stash = request.node.stash
    stash[COMPARISON] = ptycho_comparison
    found = run_comparison(request.node, job_of(request.node, ptycho_hub, ptycho_comparison, ptycho_study))
    stash[EVIDENCE] = found
    return found


@pytest.fixture
def evidence(ptycho_evidence: Evidence) -> Evidence:
    """Give what the comparison left behind, judged; computed in a child process as far as it is not there."""
    return ptycho_evidence


@pytest.fixture
def ptycho_scores(ptycho_evidence: Evidence) -> ComparisonScores:
    """Scores of the comparison by arm: ``scores["PtychoPINN"].phase.ssim``; none of evidence that is red."""
    from pytest_ptycho.scores import ComparisonScores

    if ptycho_evidence.findings:
        found = "\n".join(map(str, ptycho_evidence.findings))
        text = f"no scores: the evidence of {ptycho_evidence.job.id} does not hold"
        pytest.fail(f"{text}\n{found}", pytrace=False)
    return ComparisonScores(ptycho_evidence)


@pytest.fixture
def scores(ptycho_scores: ComparisonScores) -> ComparisonScores:
    """Scores of the comparison by arm: ``scores["PtychoPINN"].phase.ssim``; none of evidence that is red."""
    return ptycho_scores


def require(item: pytest.Item, place: DoseAndView, *phases: str) -> None:
    """See that the phases, ``C`` or ``D``, are green; a D that made nothing at all in this hub is not needed.

    Raises
    ------
    Blocked
        One is not; the finding names it and what is wrong with it.
    """
    from ptycho_compare.finding import Finding
    from pytest_ptycho.outcomes import Blocked

    judged = item.config.stash.setdefault(_JUDGED, {})
    for phase in phases:
        if (place, phase) not in judged:
            judged[place, phase] = _judge(item, place, phase)
        if findings := judged[place, phase]:
            text = f"phase {phase} is not green, and this rests on it: {findings[0]}"
            raise Blocked([Finding("prerequisite", text)])


def _judge(item: pytest.Item, place: DoseAndView, phase: str) -> list[Finding]:
    hub = item.config.stash[OPTIONS].hub
    if hub is None:
        return []  # the fixture `hub` says so
    study = study_for(item.config, item.path)
    if phase == "C":
        from ptycho_compare.checks.phase_c import judge_phase_c

        return judge_phase_c(hub, place.dose, study.splits)
    from ptycho_compare.checks.phase_d import judge_phase_d

    return judge_phase_d(hub, study, *place) if hub.phase_d(*place).parents[1].is_dir() else []
