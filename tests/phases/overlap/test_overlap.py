"""Phase D: files of a view, what is in them, and that making them again changes nothing."""

from __future__ import annotations

import json
import shutil
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptycho_compare.checks.phase_d import judge_phase_d
from ptycho_compare.errors import ArchiveError, HubError, ScanError
from ptycho_compare.hub import Hub
from ptycho_compare.phases.overlap import overlap
from ptycho_compare.phases.overlap.overlap import write_view
from ptycho_compare.scan.overlap import draw_view, read_parent
from ptycho_compare.scan.read import open_scan
from ptycho_compare.sigterm import Stopped
from ptycho_compare.study import Study
from ptycho_compare.study.steps import OverlapStep
from scans import make_scan, write_scan
from stolen import made_below, stealing
from views import DOSE, KEPT, STUDY, write_splits


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Hub:
    hub = write_splits(tmp_path_factory.mktemp("made") / "hub")
    overlap(hub, STUDY, DOSE, "dense")
    return hub


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    return write_splits(tmp_path / "hub")


def test_who_lost_the_place_while_a_view_was_drawn_writes_nothing(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, before = import_module("ptycho_compare.phases.overlap.overlap"), made_below(hub.root)
    job = OverlapStep(hub, DOSE, "dense").records.job
    monkeypatch.setattr(module, "draw_view", stealing(job, module.draw_view))
    with pytest.raises(Stopped, match="loss of its place: another process took its place"):
        overlap(hub, STUDY, DOSE, "dense")
    assert made_below(hub.root) == before


def arrays_of(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=True) as stored:
        return dict(stored)


def metadata_of(path: Path) -> dict[str, Any]:
    """As PtychoPINN reads them."""
    with np.load(path, allow_pickle=True) as stored:
        return dict(json.loads(stored["_metadata"].item()))


def test_a_view_has_five_files_under_the_hubs_names(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    written = overlap(hub, STUDY, DOSE, "dense")
    names = [
        *("dense_train.npz", "train_metrics.json", "dense_test.npz", "test_metrics.json"),
        "metrics_bundle.json",
    ]
    assert [hub.relative(path) for path in written] == [
        f"data/phase_d/dose_1000/dense/{name}" for name in names
    ]
    assert sorted(hub.phase_d(DOSE, "dense").iterdir()) == sorted(written)
    assert hub.overlap_view(DOSE, "dense", "train") == written[0]
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith(
        f"data/phase_d/dose_1000/dense/dense_train.npz: {KEPT['dense']} of 60 images kept"
    )


def test_a_view_holds_the_kept_images_and_all_else_as_it_was(made: Hub) -> None:
    before = arrays_of(made.patched(DOSE, "train"))
    after = arrays_of(made.overlap_view(DOSE, "dense", "train"))
    kept = np.sort(np.random.default_rng(456).choice(60, size=KEPT["dense"], replace=False))
    assert list(after) == list(before)
    for key in ("diff3d", "xcoords", "ycoords", "xcoords_start", "ycoords_start", "scan_index"):
        np.testing.assert_array_equal(after[key], before[key][kept])
    for key in ("objectGuess", "probeGuess"):
        np.testing.assert_array_equal(after[key], before[key])


def test_the_metadata_of_the_split_stay_and_a_record_is_added(made: Hub) -> None:
    """PtychoPINN's own would be lost; its parameters are found where it puts them."""
    before = metadata_of(made.patched(DOSE, "train"))
    after = metadata_of(made.overlap_view(DOSE, "dense", "train"))
    metrics = json.loads(made.overlap_metrics(DOSE, "dense", "train").read_bytes())
    *earlier, record = after["data_transformations"]
    assert earlier == before["data_transformations"]
    assert {key: after[key] for key in before if key != "data_transformations"} == {
        key: before[key] for key in before if key != "data_transformations"
    }
    assert (record["tool"], record["operation"]) == ("overlap_views", "subsample")
    facts = {
        "gridsize": 2,
        "s_img": 0.8,
        "n_groups": 32,
        "neighbor_count": 7,
        "probe_diameter_px": pytest.approx(0.6 * 16),
        "rng_seed_subsample": 456,
        "rng_seed_grouping": 123,
        "metrics_version": "1.0",
        "geometry_acceptance_bound": metrics["geometry_acceptance_bound"],
        "effective_min_acceptance": metrics["effective_min_acceptance"],
    }
    for place in (after, record["parameters"]):
        assert {key: place[key] for key in facts} == facts
    assert record["parameters"]["parent_file"] == "data/phase_c/dose_1000/patched_train.npz"
    assert record["parameters"]["n_images_total"] == 60
    assert record["parameters"]["n_images_kept"] == KEPT["dense"]


def test_metrics_have_the_fields_of_the_contract(made: Hub) -> None:
    metrics = json.loads(made.overlap_metrics(DOSE, "dense", "train").read_bytes())
    assert metrics["metrics_version"] == "1.0"
    assert (metrics["n_images_total"], metrics["n_images_subsampled"]) == (60, KEPT["dense"])  # before, after
    assert (metrics["n_unique_images"], metrics["n_groups_actual"]) == (KEPT["dense"], 32)
    for name in ("1_group_based", "2_image_based", "3_group_to_group"):
        assert 0 < metrics[f"metric_{name}_avg"] <= 1
    assert 0 <= metrics["geometry_acceptance_bound"] <= 0.10
    bundle = json.loads(made.overlap_bundle(DOSE, "dense").read_bytes())
    assert bundle == {
        split: json.loads(made.overlap_metrics(DOSE, "dense", split).read_bytes())
        for split in ("train", "test")
    }


def test_the_bound_is_that_of_the_kept_images(made: Hub) -> None:
    """The acceptance floor of the study's second selector, from the file itself."""
    view = arrays_of(made.overlap_view(DOSE, "dense", "train"))
    box = np.ptp(view["xcoords"]) * np.ptp(view["ycoords"])
    expected = min(box / (len(view["xcoords"]) * np.pi * (0.6 * 16 / 2) ** 2), 0.10)
    metadata = metadata_of(made.overlap_view(DOSE, "dense", "train"))
    assert metadata["geometry_acceptance_bound"] == pytest.approx(expected, rel=1e-6)
    assert metadata["effective_min_acceptance"] == pytest.approx(max(expected, 1e-6), rel=1e-6)


def test_without_groups_metric_1_is_null_and_there(hub: Hub) -> None:
    overlap(hub, STUDY, DOSE, "sparse")
    metrics = json.loads(hub.overlap_metrics(DOSE, "sparse", "test").read_bytes())
    assert metrics["metric_1_group_based_avg"] is None
    assert metrics["n_groups_actual"] == metrics["n_images_subsampled"] == KEPT["sparse"]


def test_again_the_bytes_are_the_same(made: Hub, tmp_path: Path) -> None:
    again = Hub(Path(shutil.copytree(made.root, tmp_path / "elsewhere")))
    for path in overlap(again, STUDY, DOSE, "dense"):
        assert path.read_bytes() == (made.root / again.relative(path)).read_bytes()


def test_a_view_can_be_read_as_a_scan(made: Hub) -> None:
    with open_scan(made.overlap_view(DOSE, "dense", "test")) as scan:
        assert len(scan.positions) == KEPT["dense"]
        assert scan.photons == 1e9
        assert scan.metadata["s_img"] == 0.8


def drawn_from(tmp_path: Path, study: Study = STUDY, **changes: Any) -> tuple[dict, dict]:
    """Arrays before and after, of a split with `changes`; None removes a key."""
    arrays = {**make_scan(count=40, side=16, height=40, width=48), **changes}
    arrays = {key: values for key, values in arrays.items() if values is not None}
    path = write_scan(tmp_path / "patched.npz", arrays)
    write_view(tmp_path / "view.npz", draw_view(read_parent(path, name="patched.npz"), study, "dense"))
    return arrays, arrays_of(tmp_path / "view.npz")


def test_only_listed_keys_are_filtered(tmp_path: Path) -> None:
    """The first of the study's Phase D selectors, by its meaning: single numbers survive, positions are
    filtered, the object is kept. In PtychoPINN an object of as many rows as there are images is cut
    (this one has 40), and single numbers become arrays; here neither happens.
    """
    before, after = drawn_from(
        tmp_path, pixel_nm=np.float64(12.5), flags=np.arange(40), Y=np.zeros((40, 16, 16), np.complex64)
    )
    assert len(before["objectGuess"]) == 40
    for key in ("objectGuess", "probeGuess", "flags", "pixel_nm"):
        np.testing.assert_array_equal(after[key], before[key])
    assert after["pixel_nm"].shape == ()
    for key in ("diff3d", "xcoords", "scan_index", "Y"):
        assert len(after[key]) == 32


def test_what_belongs_to_no_single_image_is_left_out_and_named(tmp_path: Path) -> None:
    changes = {
        "Y": np.zeros((1, 16, 16, 1), np.complex64),  # as PtychoPINN's patch generator writes it
        "coords_start_offsets": np.zeros((40, 1, 2, 1)),
        "nothing": np.array(None, dtype=object),
    }
    _, after = drawn_from(tmp_path, **changes)
    assert changes.keys().isdisjoint(after)
    record = json.loads(after["_metadata"].item())["data_transformations"][-1]["parameters"]
    assert sorted(record["left_out"]) == sorted(changes)


def test_a_split_without_metadata_gets_some(tmp_path: Path) -> None:
    _, after = drawn_from(tmp_path, _metadata=None)
    (record,) = json.loads(after["_metadata"].item())["data_transformations"]
    assert record["tool"] == "overlap_views"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"diff3d": None}, "'diffraction' is missing; found: .*objectGuess"),
        ({"diff3d": np.zeros((39, 16, 16))}, r"'diff3d' has shape \(39, 16, 16\); needed: \(40, N, N\)"),
        ({"xcoords": np.zeros(3)}, "'xcoords' has 3 positions and 'ycoords' 40"),
        (
            {"_metadata": np.array('{"data_transformations": 3}')},
            "'_metadata': data_transformations is no list",
        ),
    ],
)
def test_a_split_against_the_contract_is_refused(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ScanError, match=rf"patched\.npz: {message}"):
        drawn_from(tmp_path, **changes)


def test_a_missing_position_array_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="key 'ycoords' is missing"):
        drawn_from(tmp_path, ycoords=None)


def test_without_phase_c_nothing_is_written(hub: Hub) -> None:
    hub.patched(DOSE, "train").unlink()
    with pytest.raises(HubError, match=r"patched_train\.npz: no such file; phase C makes it"):
        overlap(hub, STUDY, DOSE, "dense")
    assert not hub.phase_d(DOSE, "dense").exists()


@pytest.mark.parametrize(
    ("count", "message"), [(1, "keeps none of 1 images"), (4, "needs 4 images and there are 3")]
)
def test_a_split_too_small_for_its_view_is_refused(hub: Hub, count: int, message: str) -> None:
    write_scan(hub.patched(DOSE, "train"), make_scan(count=count, side=16, height=40, width=48))
    with pytest.raises(ScanError, match=rf"patched_train\.npz: view 'dense': .*{message}"):
        overlap(hub, STUDY, DOSE, "dense")


def test_a_file_of_ptychopinns_generator_is_not_overwritten(hub: Hub) -> None:
    theirs = hub.phase_d(DOSE, "dense") / "train.npz"
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(b"theirs")
    overlap(hub, STUDY, DOSE, "dense")
    assert theirs.read_bytes() == b"theirs"
    assert hub.overlap_view(DOSE, "dense", "train").name == "dense_train.npz"


def test_the_reference_splits_of_ptychopinn(reference_hub: Path) -> None:
    """Written by PtychoPINN's own simulator, metadata pickled."""
    hub, dose = Hub(reference_hub.resolve()), 1_000_000_000
    overlap(hub, STUDY, dose, "dense")
    assert judge_phase_d(hub, STUDY, dose, "dense") == []
    before = metadata_of(hub.patched(dose, "test"))
    after = metadata_of(hub.overlap_view(dose, "dense", "test"))
    assert after["data_transformations"][:-1] == before["data_transformations"]
    assert after["physics_parameters"] == before["physics_parameters"]
    with open_scan(hub.overlap_view(dose, "dense", "test")) as scan:
        assert len(scan.positions) == 512
        assert scan.truth is not None
