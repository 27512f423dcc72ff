"""Data, networks and evidence in the place of another: named, with both files; a clean hub has none."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bundles import BundleParts, write_bundle
from hubs import DOSE as SMALL_DOSE
from hubs import make_hub, make_quick_hub, make_split
from lab_runs import DOSE, WHERE
from ptycho_compare.checks.leaks import LEAKS, leaks
from ptycho_compare.checks.shared_images import shared_images
from ptycho_compare.cli.ptycho_hub import main
from ptycho_compare.hub import Hub
from ptycho_compare.phases.comparison.verified import Recomputation
from ptycho_compare.records.acceptance import read_verdict
from ptycho_compare.storage.files import sha256_of
from ptycho_compare.study import in_cells_of, load_study
from ptycho_compare.study.steps import ReconstructStep, TrainStep
from scans import write_scan

SPLITS = ("train", "test")
PAIRS = [(DOSE, "dense")]


def found_in(hub: Hub, pairs: list[tuple[int, str]] = PAIRS) -> list[str]:
    study = load_study(hub.study())
    return [finding.text.replace(f"{hub.root}/", "") for finding in leaks(hub, pairs, SPLITS, study).findings]


def warned_in(hub: Hub, pairs: list[tuple[int, str]] = PAIRS) -> list[str]:
    study = load_study(hub.study())
    return [text.replace(f"{hub.root}/", "") for text in leaks(hub, pairs, SPLITS, study).warnings]


def arrays_of(path: Path) -> dict[str, Any]:
    with np.load(path, allow_pickle=True) as held:
        return {key: held[key] for key in held.files}


def changed(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    arrays = arrays_of(path)
    change(arrays)
    write_scan(path, arrays)


def of_metadata(change: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, Any]], None]:
    """Change a scan's metadata."""

    def edit(arrays: dict[str, Any]) -> None:
        metadata = json.loads(str(arrays["_metadata"]))
        change(metadata)
        arrays["_metadata"] = np.array(json.dumps(metadata), dtype=object)

    return edit


@pytest.fixture
def not_computed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out of `verify` what computes evidence again: leaks are other checks' to find."""
    monkeypatch.setattr(Recomputation, "__call__", lambda *_: [])


def test_a_clean_hub_has_none(run_hub: Hub) -> None:
    """Its splits are the two halves of one scan of one object, its networks of their own dose."""
    assert found_in(run_hub) == []
    assert warned_in(run_hub) == []
    assert list(shared_images(run_hub, DOSE, "dense", SPLITS)) == []


@pytest.mark.usefixtures("not_computed_again", "unmeasured_here")
def test_both_judges_name_the_same_scan_in_both_splits(own: Hub) -> None:
    train, test = (own.patched(DOSE, split) for split in SPLITS)
    shutil.copy(train, test)
    said = f"{own.relative(test)}: is byte by byte {own.relative(train)}: each place needs a scan of its own"
    assert said in found_in(own)
    assert main(["gate", "--hub", str(own.root)]) == 1
    verdict = read_verdict(own.verdict().record)
    (check,) = (each for each in verdict.checks if each.description == LEAKS)
    assert f"input: {said}" in check.findings
    assert said in (own.verdict().text).read_text().replace("\\", "")
    assert main(["verify", "--hub", str(own.root), *WHERE]) == 1
    assert f"input: {said}" in own.reports().verification_log.read_text()


def test_the_same_images_under_another_name_are_told_by_their_checksum(own: Hub) -> None:
    train, test = (own.patched(DOSE, split) for split in SPLITS)
    other = arrays_of(train)
    other["scan_index"] = other["scan_index"] + 1
    write_scan(train, arrays_of(train))
    write_scan(test, other)
    said = f"{own.relative(test)}: holds the same images as {own.relative(train)}"
    assert any(text.startswith(said) for text in found_in(own))


@pytest.mark.usefixtures("not_computed_again", "unmeasured_here")
def test_a_few_images_of_the_other_split_are_told_by_verify(own: Hub) -> None:
    train, test = (own.patched(DOSE, split) for split in SPLITS)
    few = arrays_of(train)["diffraction"][5:8]

    def mix(arrays: dict[str, Any]) -> None:
        arrays["diffraction"][[9, 2, 4]] = few

    changed(test, mix)
    (finding,) = shared_images(own, DOSE, "dense", SPLITS)
    assert "3 images are images of" in finding.text
    assert own.relative(train) in finding.text
    assert "the first is 2, there 6" in finding.text
    assert main(["verify", "--hub", str(own.root), *WHERE]) == 1
    assert "3 images are images of" in own.reports().verification_log.read_text()


def test_dark_images_are_like_each_other_by_chance(own: Hub) -> None:
    for split in SPLITS:
        changed(own.patched(DOSE, split), lambda arrays: arrays["diffraction"][:3].fill(0.0))
    assert list(shared_images(own, DOSE, "dense", SPLITS)) == []


def exchanged(hub: Hub, count: int = 20) -> None:
    """Exchange positions of the two splits."""
    train, test = (arrays_of(hub.patched(DOSE, split)) for split in SPLITS)
    for key in ("xcoords", "ycoords"):
        mine = train[key][:count].copy()
        train[key][:count], test[key][:count] = test[key][:count], mine
    write_scan(hub.patched(DOSE, "train"), train)
    write_scan(hub.patched(DOSE, "test"), test)


def undivided(metadata: dict[str, Any]) -> None:
    for record in metadata["data_transformations"]:
        record["parameters"].pop("split_axis", None)


def test_splits_that_were_not_divided_where_they_say_do_not_hold(own: Hub) -> None:
    exchanged(own)
    texts = [text for text in found_in(own) if "the splits were divided at y" in text]
    assert len(texts) == 2
    assert all("20 of" in text for text in texts)


def test_splits_of_one_region_that_do_not_claim_another_are_a_warning(own: Hub) -> None:
    exchanged(own)
    for split in SPLITS:
        changed(own.patched(DOSE, split), of_metadata(undivided))
    assert found_in(own) == []
    (text,) = [text for text in warned_in(own) if "lie in the region of the object" in text]
    assert text.startswith(own.relative(own.patched(DOSE, "test")))
    assert text.endswith("that patched_train.npz covers")


def test_splits_of_two_objects_may_be_scanned_alike(tmp_path: Path) -> None:
    hub = Hub(make_quick_hub(tmp_path / "hub"))
    assert warned_in(hub, [(SMALL_DOSE, "dense")]) == []


def rewritten(path: Path, **parameters: Any) -> None:
    """Write a bundle that says something else of its training."""

    def edit(parts: BundleParts) -> None:
        parts.parameters.update(parameters)

    patch_px = 32
    gridsize = 1 if "baseline" in str(path) else 2
    nphotons = parameters.get("nphotons", DOSE)
    write_bundle(path, gridsize=gridsize, patch_px=patch_px, nphotons=nphotons, seed=gridsize, edit=edit)


ELSEWHERE = {
    "another dose": ({"train_data_file_path": "/lab/data/phase_c/dose_7/patched_train.npz"}, "another dose"),
    "the test split": (
        {"train_data_file_path": f"data/phase_c/dose_{DOSE}/patched_test.npz"},
        "a split that it is tested on",
    ),
    "the test split of a view": (
        {"train_data_file_path": f"data/phase_d/dose_{DOSE}/dense/dense_test.npz"},
        "a split that it is tested on",
    ),
    "another view": (
        {"train_data_file_path": f"C:\\lab\\phase_d\\dose_{DOSE}\\sparse\\sparse_train.npz"},
        "another view",
    ),
    "other photons": ({"nphotons": 7e3}, "was trained at 7000 photons per exposure, and"),
}


@pytest.mark.parametrize(("parameters", "said"), ELSEWHERE.values(), ids=ELSEWHERE)
def test_a_network_that_was_trained_elsewhere_says_so(
    own: Hub, parameters: dict[str, Any], said: str
) -> None:
    bundle = TrainStep(own, DOSE, "dense").files.bundle
    rewritten(bundle, **parameters)
    texts = found_in(own)
    assert any(text.startswith(own.relative(bundle)) and said in text for text in texts), texts


@pytest.mark.parametrize(
    "path",
    ["", "train.npz", f"data/phase_d/dose_{DOSE}/dense/dense_train.npz", "x/fly001_test.npz", "phase_c"],
)
def test_a_network_of_its_own_place_or_of_names_that_tell_nothing_is_none(own: Hub, path: str) -> None:
    rewritten(TrainStep(own, DOSE, "dense").files.bundle, train_data_file_path=path)
    assert found_in(own) == []


def test_one_bundle_in_two_places_is_named(tmp_path: Path) -> None:
    hub = Hub(make_hub(tmp_path / "hub"))
    study = hub.study()
    study.write_text(study.read_text().replace('views = ["dense"]', 'views = ["dense", "sparse"]'))
    dense, sparse = (TrainStep(hub, SMALL_DOSE, view).files.bundle for view in ("dense", "sparse"))
    sparse.parent.mkdir(parents=True)
    shutil.copy(dense, sparse)
    (text,) = found_in(hub, [(SMALL_DOSE, "dense"), (SMALL_DOSE, "sparse")])
    assert text.startswith(hub.relative(sparse))
    assert f"is byte by byte {hub.relative(dense)}" in text


@pytest.mark.parametrize(
    ("factor", "apart"), [("seed = [1, 2]", True), ('"training.ptychopinn.epochs" = [10, 20]', False)]
)
def test_seeds_are_places_and_other_levels_are_none(tmp_path: Path, factor: str, apart: bool) -> None:
    """A seed's network tells the spread over trainings; one of more epochs may have ended before."""
    hub = Hub(make_hub(tmp_path / "hub"))
    study = hub.study()
    text = study.read_text().replace('views = ["dense"]', 'views = ["dense", "sparse"]')
    study.write_text(f"{text}\n[factors]\n{factor}\n")
    cells = [at for at, _ in in_cells_of(hub, load_study(study), differing="networks")]
    whole = TrainStep(hub, SMALL_DOSE, "dense").files.bundle
    for at in cells:
        bundle = TrainStep(at, SMALL_DOSE, "dense").files.bundle
        bundle.parent.mkdir(parents=True)
        shutil.copy(whole, bundle)
    pairs = [(SMALL_DOSE, "dense"), (SMALL_DOSE, "sparse")]
    said = [text.partition(": ")[0] for text in found_in(hub, pairs)]
    assert said == ([hub.relative(TrainStep(cells[1], SMALL_DOSE, "dense").files.bundle)] if apart else [])
    sparse = TrainStep(cells[1], SMALL_DOSE, "sparse").files.bundle
    sparse.parent.mkdir(parents=True)
    shutil.copy(whole, sparse)
    *_, text = found_in(hub, pairs)
    assert text.startswith(f"{hub.relative(sparse)}: is byte by byte")
    assert text.endswith("each place and seed needs a network of its own")


def test_a_dose_that_files_do_not_state_or_state_otherwise_is_a_warning(tmp_path: Path) -> None:
    hub = Hub(make_hub(tmp_path / "hub"))

    def said(metadata: dict[str, Any]) -> None:
        metadata["physics_parameters"]["nphotons"] = 5.0

    assert warned_in(hub, [(SMALL_DOSE, "dense")]) == []
    changed(hub.patched(SMALL_DOSE, "test"), of_metadata(said))
    (text,) = warned_in(hub, [(SMALL_DOSE, "dense")])
    assert "'_metadata' says 5 photons per exposure, and its place says 1000" in text


def test_another_dose_s_images_are_named(tmp_path: Path) -> None:
    hub = Hub(make_quick_hub(tmp_path / "hub"))
    study = hub.study()
    study.write_text(study.read_text().replace("doses = [1000]", "doses = [1000, 2000]"))
    arrays = make_split(0)
    arrays["scan_index"] = arrays["scan_index"] + 7
    path = write_scan(hub.patched(2000, "train"), arrays)
    texts = found_in(hub, [(SMALL_DOSE, "dense"), (2000, "dense")])
    there = hub.relative(hub.patched(SMALL_DOSE, "train"))
    assert any(text.startswith(hub.relative(path)) and f"same images as {there}" in text for text in texts)


def test_a_reconstruction_of_another_split_s_scan_is_named(own: Hub) -> None:
    step = ReconstructStep(own, DOSE, "dense", "test")
    record = json.loads(step.records.record.read_text())
    train = own.patched(DOSE, "train")
    record["fingerprint"]["inputs"][own.relative(step.data)] = sha256_of(train)
    step.records.record.write_text(json.dumps(record))
    (text,) = found_in(own)
    assert text.startswith(own.relative(step.records.record))
    assert f"was {own.relative(train)}, and {own.relative(step.data)} belongs there" in text


def test_evidence_of_another_split_is_named(own: Hub) -> None:
    train, test = (own.comparison_dir(DOSE, "dense", split, "full") for split in SPLITS)
    shutil.copy(train / "manifest.json", test / "manifest.json")
    texts = found_in(own)
    there = [own.relative(own.patched(DOSE, split)) for split in SPLITS]
    assert any(
        text.startswith(f"{own.relative(test)}/manifest.json: input test_data was {there[0]}")
        and f"{there[1]} belongs there" in text
        for text in texts
    ), texts


def test_splits_that_were_exchanged_after_the_training_are_named(own: Hub) -> None:
    """What a network was trained on is what it is tested on now."""
    train, test = (own.patched(DOSE, split) for split in SPLITS)
    away = own.root / "away"
    train.rename(away)
    test.rename(train)
    away.rename(test)
    record = own.relative(TrainStep(own, DOSE, "baseline").records.record)
    texts = [text for text in found_in(own) if text.startswith(record)]
    assert any(f"was {own.relative(test)}, and {own.relative(train)} belongs there" in text for text in texts)
