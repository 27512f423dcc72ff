"""Fixtures: the hub, what is judged in it, and the evidence that running a comparison leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ptycho_compare.errors import HubError
from ptycho_compare.hub import Hub
from pytest_ptycho.cases import DoseAndView, study_for, study_path
from pytest_ptycho.conduct import Evidence, conduct
from pytest_ptycho.options import HUB_VARIABLE, OPTIONS

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
def overlap_view(request: pytest.FixtureRequest, hub: Hub) -> DoseAndView:
    """Give a dose and view of the study to judge; skipped in a hub where phase D made nothing at all."""
    place: DoseAndView = request.param
    folder = hub.phase_d(*place).parents[1]
    if not folder.is_dir():
        pytest.skip(f"{folder}: no such folder; phase D made nothing in this hub")
    return place


@pytest.fixture
def evidence(request: pytest.FixtureRequest, hub: Hub, study: Study, comparison: Comparison) -> Evidence:
    """What the comparison left behind, judged; computed in a child process as far as it is not there."""
    from ptycho_compare.phases.comparison.job import ComparisonJob

    request.node.stash[COMPARISON] = comparison
    job = ComparisonJob(hub, study, study_path(request.config, request.path), comparison)
    found = conduct(request.node, job)
    request.node.stash[EVIDENCE] = found
    return found
