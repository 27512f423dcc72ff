"""Fixtures: the hub, what is judged in it, and the evidence that running a comparison leaves."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ptycho_compare.errors import HubError
from ptycho_compare.hub import Hub
from pytest_ptycho.cases import DoseAndView, study_for, study_path
from pytest_ptycho.conditions import COUNTED_RUN, ReturnConditions
from pytest_ptycho.conduct import Evidence, conduct
from pytest_ptycho.options import HUB_VARIABLE, OPTIONS
from pytest_ptycho.prerequisites import require

if TYPE_CHECKING:
    from ptycho_compare.study import Comparison, Study

EVIDENCE = pytest.StashKey[Evidence]()
COMPARISON = pytest.StashKey["Comparison"]()


@pytest.fixture(scope="session")
def hub(pytestconfig: pytest.Config) -> Hub:
    """The hub that is judged."""
    chosen = pytestconfig.stash[OPTIONS].hub
    if chosen is None:
        pytest.fail(f"no hub: give --hub DIR, or set {HUB_VARIABLE} or the ini key ptycho_hub", pytrace=False)
    try:
        return Hub.open(chosen.root)
    except HubError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture
def study(request: pytest.FixtureRequest) -> Study:
    """The study that this test belongs to."""
    return study_for(request.config, request.path)


@pytest.fixture
def overlap_view(request: pytest.FixtureRequest, hub: Hub, dose_and_view: DoseAndView) -> DoseAndView:
    """Give a dose and view whose overlap is judged; skipped in a hub where phase D made nothing at all."""
    made = hub.phase_d(*dose_and_view).parents[1]
    if not made.is_dir():
        pytest.skip(f"{hub.relative(made)}: no such folder; phase D made nothing in this hub")
    require(request.node, dose_and_view, "C")
    return dose_and_view


@pytest.fixture
def networks(request: pytest.FixtureRequest, dose_and_view: DoseAndView) -> DoseAndView:
    """Give a dose and view whose networks are judged; blocked where the data that they learn from are red."""
    require(request.node, dose_and_view, "C", "D")
    return dose_and_view


@pytest.fixture
def reconstructions(
    request: pytest.FixtureRequest, hub: Hub, study: Study, dose_and_view: DoseAndView
) -> DoseAndView:
    """Give a dose and view whose iterative reconstructions are judged; skipped where none is asked for."""
    from ptycho_compare.study import PTYCHI

    asked_for = any(PTYCHI in tier.required_arms for tier in study.tiers.values())
    if not asked_for and not hub.phase_f().is_dir():
        pytest.skip("the study asks for no iterative reconstruction, and there is none")
    require(request.node, dose_and_view, "C")
    return dose_and_view


@pytest.fixture
def return_conditions(
    request: pytest.FixtureRequest, hub: Hub, study: Study, dose_and_view: DoseAndView
) -> ReturnConditions:
    """The seven conditions of one dose and view, each brought about where it is not met."""
    from ptycho_compare.phases.pipeline.plan import Plan

    file = study_path(request.config, request.path)
    plan = Plan(hub, study, file, *dose_and_view, study.splits)
    return ReturnConditions(request.node, replace(plan, given=plan.brought), dose_and_view)


@pytest.fixture
def counted_run(return_conditions: ReturnConditions) -> DoseAndView:
    """Give a dose and view whose counted run is done, so that its reports can be judged."""
    return_conditions.require(COUNTED_RUN)
    return return_conditions.place


@pytest.fixture
def evidence(request: pytest.FixtureRequest, hub: Hub, study: Study, comparison: Comparison) -> Evidence:
    """What the comparison left behind, judged; computed in a child process as far as it is not there."""
    from ptycho_compare.phases.comparison.job import ComparisonJob

    request.node.stash[COMPARISON] = comparison
    job = ComparisonJob(hub, study, study_path(request.config, request.path), comparison)
    found = conduct(request.node, job)
    request.node.stash[EVIDENCE] = found
    return found
