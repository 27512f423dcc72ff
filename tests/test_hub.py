"""The hub's names are PtychoPINN's own, and a path tells where in a hub it lies."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ptycho_compare.errors import HubError
from ptycho_compare.hub import Artifacts, Hub, dose_of, place_in_hub, view_of_model

MOMENT = datetime(2026, 11, 23, 10, 4, 11, tzinfo=UTC)


@pytest.fixture
def study_hub(tmp_path: Path) -> Hub:
    (tmp_path / "data").mkdir()
    return Hub.open(tmp_path)


def test_names_of_the_study(study_hub: Hub) -> None:
    found = {
        study_hub.split_data(1000, "dense", "train"): "data/phase_c/dose_1000/patched_train.npz",
        study_hub.split_data(1000, "sparse", "test"): "data/phase_d/dose_1000/sparse/sparse_test.npz",
        study_hub.pinn_dir(1000, "dense"): "data/phase_e/dose_1000/dense/gs2",
        study_hub.baseline_dir(1000): "data/phase_e/dose_1000/baseline/gs1",
        study_hub.ptychi(
            1000, "dense", "test"
        ): "data/phase_f/dose_1000/dense/test/ptychi_reconstruction.npz",
        study_hub.comparison_dir(1000, "dense", "train", "full"): "analysis/dose_1000/dense/train",
        study_hub.comparison_dir(1000, "dense", "train", "debug"): "analysis/dose_1000/dense/train_debug_v4",
        study_hub.test_log("x", passed=True, moment=MOMENT): "green/pytest_x_20261123T100411Z.log",
        study_hub.test_log("x", passed=False, moment=MOMENT): "red/pytest_x_20261123T100411Z.log",
        study_hub.blocker("zero_baseline", moment=MOMENT): "red/blocked_20261123T100411Z_zero_baseline.md",
    }
    assert [study_hub.relative(path) for path in found] == list(found.values())
    assert study_hub.relative(Path("/elsewhere/x")) == "/elsewhere/x"


def test_the_generator_s_own_name_is_found_too(study_hub: Hub) -> None:
    plain = study_hub.root / "data/phase_d/dose_1000/sparse/test.npz"
    plain.parent.mkdir(parents=True)
    plain.touch()
    assert study_hub.split_data(1000, "sparse", "test") == plain


def test_a_scan_s_place(study_hub: Hub) -> None:
    place = place_in_hub(study_hub.split_data(1000, "dense", "test"))
    assert place is not None
    assert (place.hub, place.dose, place.split) == (study_hub, 1000, "test")
    for other in (
        "phase_d/dose_1000/patched_test.npz",
        "phase_c/dose_x/patched_test.npz",
        "phase_c/dose_1/raw.npz",
    ):
        assert place_in_hub(study_hub.root / "data" / other) is None


def test_a_model_s_view(study_hub: Hub) -> None:
    assert view_of_model(study_hub.pinn_dir(1000, "sparse")) == "sparse"
    assert view_of_model(study_hub.root / "data/models/gs2") is None
    assert view_of_model(Path("/gs2")) is None


def test_a_dose_is_a_whole_number() -> None:
    assert dose_of(Path("a/dose_1000")) == 1000
    assert dose_of(Path("a/dose_1e3")) is None
    assert dose_of(Path("a/1000")) is None


def test_what_is_no_hub(tmp_path: Path) -> None:
    with pytest.raises(HubError, match="there is no such folder"):
        Hub.open(tmp_path / "none")
    with pytest.raises(HubError, match="has no data/"):
        Hub.open(tmp_path)


def test_curves_of_ptychopinn_keep_their_old_name(tmp_path: Path) -> None:
    names = Artifacts(tmp_path)
    arms = ("PtychoPINN", "Baseline", "PtyChi")
    assert [names.frc_curves(arm).name for arm in arms] == [
        "pinn_frc_curves.csv",
        "baseline_frc_curves.csv",
        "ptychi_frc_curves.csv",
    ]
