"""Which arms a comparison of a study has, and what checks and pipeline ask for because of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bundles import write_bundle
from hubs import DOSE, SIDE
from ptycho_compare.checks.check import Check
from ptycho_compare.checks.listing import checks_of
from ptycho_compare.checks.phase_e import judge_phase_e
from ptycho_compare.hub import Hub
from ptycho_compare.phases.comparison.request import request_of
from ptycho_compare.phases.pipeline.pipeline import Pipeline
from ptycho_compare.study import NETWORKS, Study, load_study, networks_of

PLACE = DOSE, "dense"
BOTH = ["PtychoPINN", "Baseline"]


@pytest.fixture
def hub(quick_hub: Path, tmp_path: Path) -> Hub:
    return Hub(Path(shutil.copytree(quick_hub, tmp_path / "own")))


def requiring(hub: Hub, *arms: str) -> Study:
    """The study of a hub, its debug tier requiring these too."""
    named = ", ".join(f'"{arm}"' for arm in ("PtyChi", *arms))
    hub.study().write_text(hub.study().read_text().replace('["PtyChi"]', f"[{named}]", 1))
    return load_study(hub.study())


def bring(hub: Hub, arm: str) -> None:
    """Lay a bundle into its place."""
    single = arm == "Baseline"
    folder = hub.baseline_dir(DOSE) if single else hub.pinn_dir(*PLACE)
    write_bundle(folder / "wts.h5.zip", gridsize=1 if single else 2, patch_px=SIDE, nphotons=DOSE)


def arms_of(hub: Hub, study: Study) -> list[str | None]:
    return [arm.name for arm in request_of(hub, study, study.comparisons()[0]).arms]


def training(hub: Hub, study: Study) -> dict[str, bool]:
    """The plan's training steps, and whether their bundles are taken as they are."""
    plan = Pipeline(hub, study, hub.study(), *PLACE, study.splits)
    return {step.id.partition("-train-")[2]: step.given for step in plan.making if "-train-" in step.id}


def of_phase_e(hub: Hub, study: Study) -> list[Check]:
    """What gate and `verify` ask of networks."""
    checks = checks_of(hub, study.doses, study.views, study.splits, study)
    return [check for check in checks if check.name.startswith("phase E")]


def test_a_study_that_names_no_network_has_none(hub: Hub) -> None:
    study = requiring(hub)
    assert arms_of(hub, study) == ["PtyChi"]
    assert training(hub, study) == {}
    assert judge_phase_e(hub, *PLACE, networks_of(study, hub, *PLACE)) == []
    assert of_phase_e(hub, study) == []


@pytest.mark.parametrize("arm", NETWORKS)
def test_a_network_that_a_tier_names_is_asked_for_in_all_of_them(hub: Hub, arm: str) -> None:
    study = requiring(hub, arm)
    assert arms_of(hub, study) == [arm, "PtyChi"]
    assert training(hub, study) == {"baseline" if arm == "Baseline" else "dense": False}
    (finding,) = judge_phase_e(hub, *PLACE, networks_of(study, hub, *PLACE))
    assert "no such folder" in finding.text
    (check,) = of_phase_e(hub, study)
    assert check.look().findings


@pytest.mark.parametrize("arm", NETWORKS)
def test_a_network_that_lies_in_the_hub_joins_and_is_taken_as_it_is(hub: Hub, arm: str) -> None:
    study = requiring(hub)
    bring(hub, arm)
    assert arms_of(hub, study) == [arm, "PtyChi"]
    assert training(hub, study) == {"baseline" if arm == "Baseline" else "dense": True}
    assert judge_phase_e(hub, *PLACE, networks_of(study, hub, *PLACE)) == []


def test_a_folder_without_a_bundle_is_no_network(hub: Hub) -> None:
    study = requiring(hub)
    hub.baseline_dir(DOSE).mkdir(parents=True)
    assert arms_of(hub, study) == ["PtyChi"]


def test_without_a_study_both_are_asked_for(hub: Hub) -> None:
    assert list(networks_of(None, hub, *PLACE)) == BOTH
