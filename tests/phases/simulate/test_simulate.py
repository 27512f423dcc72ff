"""Phase C from a study to files: whole, repeatable to the byte, and true to its own truth."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_compare.checks.phase_c import judge_phase_c
from ptycho_compare.errors import HubError, StudyError
from ptycho_compare.hub import Hub
from ptycho_compare.phases.simulate import simulate
from ptycho_compare.phases.simulate.exposure import diffract, mean_energy
from ptycho_compare.phases.simulate.simulate import split_by_y
from ptycho_compare.reconstruction.canvas import Canvas, Grid
from ptycho_compare.reconstruction.residual import diffraction_residual
from ptycho_compare.scan.read import open_scan
from ptycho_compare.sigterm import Stopped
from ptycho_compare.storage.files import sha256_of
from ptycho_compare.study import Study
from ptycho_compare.study.steps import SimulateStep
from stolen import made_below, stealing

DOSE = 10**7
SIDE, SIZE, COUNT = 32, 128, 240


def study_of(**simulation: Any) -> Study:
    made = {"patch_px": SIDE, "object_px": SIZE, "images": COUNT, "probe_fwhm_px": 10} | simulation
    return Study.model_validate(
        {
            "name": "made",
            "doses": [1000, DOSE],
            "views": ["dense"],
            "splits": ["train", "test"],
            "tiers": {"debug": {}},
            "simulation": made,
        }
    )


def made_in(root: Path, dose: int = DOSE, **simulation: Any) -> tuple[Hub, list[Path]]:
    hub = Hub(root)
    return hub, simulate(hub, study_of(**simulation), dose)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Hub, list[Path]]:
    """A simulated dose that no test may change."""
    return made_in(tmp_path_factory.mktemp("made") / "hub")


def test_who_lost_the_place_while_it_simulated_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, hub = import_module("ptycho_compare.phases.simulate.simulate"), Hub(tmp_path)
    job = SimulateStep(hub, DOSE).records.job
    monkeypatch.setattr(module, "measure", stealing(job, module.measure))
    with pytest.raises(Stopped, match="loss of its place: another process took its place"):
        made_in(tmp_path)
    assert made_below(tmp_path) == []


def load(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as held:
        return dict(held)


def metadata_of(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(load(path)["_metadata"].item())
    return content


def test_every_stage_is_there_under_its_name(made: tuple[Hub, list[Path]]) -> None:
    hub, files = made
    assert [hub.relative(path) for path in files] == [
        f"data/phase_c/dose_{DOSE}/{name}.npz"
        for name in ("simulated_raw", "canonical", "patched", "patched_train", "patched_test")
    ]
    assert sorted(path.name for path in hub.phase_c(DOSE).iterdir()) == sorted(path.name for path in files)


def test_the_phase_check_and_the_reader_find_nothing_wrong(made: tuple[Hub, list[Path]]) -> None:
    hub, _ = made
    assert judge_phase_c(hub, DOSE, ["train", "test"]) == []
    for split in ("train", "test"):
        with open_scan(hub.patched(DOSE, split)) as scan:
            assert (scan.values, scan.dc, scan.photons, scan.warnings) == ("amplitude", "centre", DOSE, ())
            assert scan.patch_px == SIDE


@pytest.mark.parametrize("stage", ["canonical", "patched", "patched_train", "patched_test"])
def test_the_arrays_of_the_contract(made: tuple[Hub, list[Path]], stage: str) -> None:
    held = load(made[0].phase_c(DOSE) / f"{stage}.npz")
    count = len(held["xcoords"])
    columns = ["xcoords", "ycoords", "xcoords_start", "ycoords_start"]
    assert {key: (held[key].dtype, held[key].shape) for key in held if key != "_metadata"} == {
        **dict.fromkeys(columns, (np.float64, (count,))),
        "scan_index": (np.int64, (count,)),
        "probeGuess": (np.complex64, (SIDE, SIDE)),
        "objectGuess": (np.complex64, (SIZE, SIZE)),
        "diffraction": (np.float32, (count, SIDE, SIDE)),
        # one true patch per image, or none: a single one for all images means nothing
        **({} if stage == "canonical" else {"Y": (np.complex64, (count, SIDE, SIDE))}),
    }


def test_the_splits_share_the_object_and_divide_the_images_by_y(made: tuple[Hub, list[Path]]) -> None:
    hub, _ = made
    whole, train, test = (
        load(hub.phase_c(DOSE) / f"{name}.npz") for name in ("patched", "patched_train", "patched_test")
    )
    middle = (whole["ycoords"].min() + whole["ycoords"].max()) / 2
    assert train["ycoords"].max() < middle <= test["ycoords"].min()
    assert len(train["xcoords"]) + len(test["xcoords"]) == COUNT
    below = whole["ycoords"] < middle
    for part, chosen in ((train, below), (test, ~below)):
        for key in ("xcoords", "diffraction", "Y"):
            np.testing.assert_array_equal(part[key], whole[key][chosen])
        for key in ("objectGuess", "probeGuess"):
            np.testing.assert_array_equal(part[key], whole[key])


def test_the_stages_hold_the_same_images(made: tuple[Hub, list[Path]]) -> None:
    hub, _ = made
    raw, canonical = (load(hub.phase_c_stage(DOSE, name)) for name in ("simulated_raw", "canonical"))
    assert "diffraction" not in raw
    np.testing.assert_array_equal(raw["diff3d"], canonical["diffraction"])


def test_the_metadata_say_what_was_done_and_no_time_or_machine(made: tuple[Hub, list[Path]]) -> None:
    hub, _ = made
    told = metadata_of(hub.patched(DOSE, "train"))
    assert told["schema_version"] == "1.0.0"
    assert told["physics_parameters"] == {"nphotons": float(DOSE), "gridsize": 1, "N": SIDE}
    assert told["training_parameters"]["n_images"] == COUNT
    assert told["additional_parameters"]["seed"] == 42
    assert (told["creation_info"]["timestamp"], told["creation_info"]["hostname"]) == (None, None)
    tools = [(record["tool"], record["operation"]) for record in told["data_transformations"]]
    assert tools == [
        ("transpose_rename_convert", "canonicalize"),
        ("generate_patches", "generate_patches"),
        ("split_dataset_tool", "train_test_split"),
    ]
    split = told["data_transformations"][-1]["parameters"]
    assert (split["split_fraction"], split["split_axis"], split["parent_file"]) == (0.5, "y", "patched.npz")
    assert split["train_count"] + split["test_count"] == COUNT
    assert split["split_point"] == pytest.approx(SIZE / 2, abs=2)
    assert metadata_of(hub.phase_c_stage(DOSE, "simulated_raw"))["data_transformations"] == []


def test_the_true_object_explains_the_data_as_well_as_photons_allow(made: tuple[Hub, list[Path]]) -> None:
    path = made[0].phase_c_stage(DOSE, "patched")
    grid = Grid((0, 0), (SIZE, SIZE))
    with open_scan(path) as scan:
        assert scan.truth is not None
        assert scan.probe is not None
        everywhere = np.ones(grid.shape, bool)
        left = diffraction_residual(
            scan.truth, everywhere, scan.diffraction, scan.positions, scan.probe, grid=grid
        )
        ideal = diffract(load(path)["Y"], scan.probe)
    assert left.scale == pytest.approx(1, abs=1e-3)
    expected = ideal.astype(float) ** 2 * (DOSE / mean_energy(ideal))
    drawn = np.sqrt(np.random.default_rng(1).poisson(expected))
    floor = np.abs(drawn - np.sqrt(expected)).sum() / drawn.sum()
    assert left.r_factor == pytest.approx(floor, rel=0.02)


def test_stitched_true_patches_are_the_object(made: tuple[Hub, list[Path]]) -> None:
    held = load(made[0].phase_c_stage(DOSE, "patched"))
    positions = np.stack([held["xcoords"], held["ycoords"]], axis=1)
    canvas = Canvas.covering(positions, crop_px=16)
    canvas.add(held["Y"], positions)
    values, weight = canvas.on_grid(Grid((0, 0), (SIZE, SIZE)))
    seen, truth = weight > 0, held["objectGuess"]
    error = np.abs(values - truth)[seen]
    assert np.sqrt((error**2).sum() / (np.abs(truth[seen]) ** 2).sum()) < 2e-3


def test_the_same_settings_give_the_same_bytes(made: tuple[Hub, list[Path]], tmp_path: Path) -> None:
    _, again = made_in(tmp_path / "elsewhere")
    assert [sha256_of(path) for path in again] == [sha256_of(path) for path in made[1]]


def test_running_again_changes_nothing(tmp_path: Path) -> None:
    hub, files = made_in(tmp_path, images=40)
    before = {path: sha256_of(path) for path in [*files, hub.phase_c_manifest()]}
    made_in(tmp_path, images=40)
    assert {path: sha256_of(path) for path in before} == before


def test_another_dose_measures_the_same_object_at_the_same_positions_anew(tmp_path: Path) -> None:
    hub, _ = made_in(tmp_path, 1001, images=40)
    made_in(tmp_path, 1000, images=40)
    one, other = (load(hub.phase_c_stage(dose, "patched")) for dose in (1000, 1001))
    for key in ("objectGuess", "probeGuess", "xcoords", "ycoords", "Y"):
        np.testing.assert_array_equal(one[key], other[key])
    ideal = diffract(one["Y"], one["probeGuess"])
    noises = [(held["diffraction"] ** 2 - ideal**2).ravel() for held in (one, other)]
    assert abs(np.corrcoef(noises)[0, 1]) < 0.03
    listed = json.loads(hub.phase_c_manifest().read_text())
    assert listed == {
        f"dose_{dose}": {
            "dose": dose,
            "train": f"data/phase_c/dose_{dose}/patched_train.npz",
            "test": f"data/phase_c/dose_{dose}/patched_test.npz",
            "intermediate_dir": f"data/phase_c/dose_{dose}",
        }
        for dose in (1000, 1001)
    }


def test_another_seed_gives_other_data(made: tuple[Hub, list[Path]], tmp_path: Path) -> None:
    hub, _ = made_in(tmp_path, seed=7)
    one, other = (load(each.phase_c_stage(DOSE, "canonical")) for each in (made[0], hub))
    for key in ("objectGuess", "xcoords", "diffraction"):
        assert not np.array_equal(one[key], other[key])


@pytest.mark.parametrize("kind", ["lines", "broadband", "siemens", "phase"])
def test_data_of_few_photons_are_read_as_what_they_are(tmp_path: Path, kind: str) -> None:
    hub, _ = made_in(tmp_path, 1000, images=60, object=kind)
    with open_scan(hub.patched(1000, "train")) as scan:
        assert scan.values == "amplitude"


def test_a_study_with_other_splits_is_refused(tmp_path: Path) -> None:
    study = study_of().model_copy(update={"splits": ("train", "val")})
    with pytest.raises(StudyError, match="'splits' has val; phase C divides"):
        simulate(Hub(tmp_path), study, DOSE)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["{", "[]", '{"dose_7": 7}'])
def test_a_manifest_that_is_none_of_ours_is_left_alone(tmp_path: Path, text: str) -> None:
    hub = Hub(tmp_path)
    hub.phase_c_manifest().parent.mkdir(parents=True)
    hub.phase_c_manifest().write_text(text)
    with pytest.raises(HubError, match="move it away"):
        made_in(tmp_path, images=40)
    assert hub.phase_c_manifest().read_text() == text


@given(st.lists(st.floats(0, 500), min_size=8, max_size=60))
def test_every_image_is_in_one_half_and_the_middle_of_the_range_divides_them(heights: list[float]) -> None:
    y = np.array([*heights, 0, 0, 0, 0, 500, 500, 500, 500])
    split = split_by_y(np.stack([np.zeros_like(y), y], axis=1))
    assert split.point_px == 250
    train, test = split.images["train"], split.images["test"]
    np.testing.assert_array_equal(np.sort(np.concatenate([train, test])), np.arange(len(y)))
    assert y[train].max() < 250 <= y[test].min()
    assert (np.diff(train) > 0).all()
    assert (np.diff(test) > 0).all()


def test_the_halves_need_not_be_equally_large() -> None:
    y = np.array([0, 1, 2, 3, 4, 5, 96, 97, 98, 100.0])
    split = split_by_y(np.stack([y, y], axis=1))
    assert [len(images) for images in split.images.values()] == [6, 4]


@pytest.mark.parametrize(("y", "half"), [([0, 1, 2, 9, 9, 9, 9], "train"), ([0, 1, 2, 3, 9, 9, 9], "test")])
def test_a_half_with_too_few_images_for_a_group_is_named(y: list[float], half: str) -> None:
    positions = np.stack([y, y], axis=1).astype(float)
    with pytest.raises(StudyError, match=f"is 7, and 3 of them lie in the {half} half .* at least 4"):
        split_by_y(positions)
