"""`ptycho-hub study --stitch`: both halves of an object as one, scored and shown."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas
import pytest

import true_patches
from answered import judged
from forged import edit_manifest, record_again
from hubs import CROP, SHAPE, SIDE, SPLITS
from ptycho_compare.checks.strangers import strangers
from ptycho_compare.cli.ptycho_hub import main
from ptycho_compare.hub import Artifacts, Hub
from ptycho_compare.phases.comparison.compare import compare
from ptycho_compare.phases.comparison.request import request_of
from ptycho_compare.study import load_study
from scans import make_scan, write_scan

DOSE, ARM = 10_000, "TruePatches"
STUDY = f"""\
name = "two halves"
doses = [{DOSE}]
views = ["dense"]
splits = ["train", "test"]
[tiers.full]
required_arms = ["{ARM}"]
[arms.{ARM}]
reconstructor = "lab_patches:0.5"
[stitching]
crop_px = {CROP}
[uncertainty]
draws = 50
"""


def write_halves(hub: Hub, *, gap_px: int = 0) -> None:
    """Write two splits of one object, above and below its middle; a gap lies between their positions."""
    arrays = make_scan(count=400, side=SIDE, height=SHAPE[0], width=SHAPE[1], photons=DOSE, whole=True)
    places, middle = arrays["ycoords"], SHAPE[0] / 2
    for split, kept in zip(SPLITS, (places < middle - gap_px, places >= middle + gap_px), strict=True):
        part = {
            key: value[kept] if np.shape(value)[:1] == kept.shape else value for key, value in arrays.items()
        }
        write_scan(hub.patched(DOSE, split), part)


def make(root: Path, *, gap_px: int = 0) -> Hub:
    hub = Hub(root)
    write_halves(hub, gap_px=gap_px)
    hub.study().write_text(STUDY)
    study = load_study(hub.study())
    for each in study.comparisons():
        compare(request_of(hub, study, each), command=["test"], console_level=None)
    return hub


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    with pytest.MonkeyPatch.context() as patch:
        root = tmp_path_factory.mktemp("stitched")
        true_patches.install(root / "site", patch)
        hub = make(root / "hub")
        assert main(["study", "--stitch", "--hub", str(hub.root)]) == 0
        yield hub


@pytest.fixture
def hub(made: Hub, tmp_path: Path) -> Hub:
    return Hub(Path(shutil.copytree(made.root, tmp_path / "hub")))


def errors(hub: Hub) -> list[float]:
    table = pandas.read_csv(hub.answers().scores)
    return [*table.query("metric == 'fienup' and component == 'value'")["value"]]


def test_the_factor_between_halves_is_found_and_the_whole_is_as_good_as_they_are(made: Hub) -> None:
    """One half is 1.7j times the other, which ptychography does not know; the seam must not show."""
    (found,) = json.loads(made.answers().stitched_record.read_text())["objects"]
    modulus, phase = found["factors"][ARM]
    first = SPLITS[0]
    assert modulus == pytest.approx(1.7 if first == "train" else 1 / 1.7, rel=0.01)
    assert abs(phase) == pytest.approx(np.pi / 2, abs=0.01)
    table = pandas.read_csv(made.answers().stitched)
    (whole,) = table.query("metric == 'fienup' and component == 'value'").itertuples()
    assert min(errors(made)) * 0.9 <= whole.value <= max(errors(made)) * 1.1
    assert whole.low <= whole.value <= whole.high
    masks = [each["mask"] for _, each in pandas.read_csv(made.answers().scores).iterrows()]
    assert max(masks) < whole.mask <= sum({*masks})


def test_it_is_in_the_text_in_latex_and_as_a_figure(made: Hub) -> None:
    assert "## Both halves as one object" in made.answers().text.read_text()
    assert f"{DOSE} & dense & {ARM} &" in made.answers().stitched_latex.read_text()
    assert made.answers().stitched_figure.is_file()
    assert made.answers().stitched_figure_pdf.is_file()
    assert judged(made) == []
    assert not any("report" in str(each) for each in strangers(made, load_study(made.study())))


def test_it_stays_when_the_study_is_told_again(hub: Hub) -> None:
    before = {path: path.read_bytes() for path in hub.answers() if path.is_file()}
    assert main(["study", "--hub", str(hub.root)]) == 0
    assert {path: path.read_bytes() for path in hub.answers() if path.is_file()} == before


@pytest.mark.usefixtures("unplotted")
def test_other_evidence_and_a_forged_table_are_found(hub: Hub) -> None:
    place = load_study(hub.study()).comparisons()[0]
    edit_manifest(place.folder(hub), lambda manifest: manifest.update(command=["another"]))
    (finding,) = judged(hub)
    assert f"rests on other evidence of {place.id}" in finding
    assert "run ptycho-hub study --stitch again" in finding
    assert main(["study", "--stitch", "--hub", str(hub.root)]) == 0
    assert judged(hub) == []
    path = hub.answers().stitched
    path.write_text(path.read_text().replace("fienup", "fienap", 1))
    assert any("study_stitched.csv:" in each for each in judged(hub))


def test_canvases_that_are_not_the_evidence_s_are_not_stitched(
    hub: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    place = load_study(hub.study()).comparisons()[0]
    path = Artifacts(place.folder(hub)).reconstructions
    path.write_bytes(path.read_bytes() + b" ")
    assert main(["study", "--stitch", "--hub", str(hub.root)]) == 1
    assert f"ptycho-hub compare {place.id} writes it" in capsys.readouterr().err


@pytest.mark.usefixtures("unplotted")
def test_what_a_split_holds_beyond_its_scored_pixels_is_not_used(hub: Hub) -> None:
    """An iterative code leaves its initial guess there, which would thin out the other split."""
    before = hub.answers().stitched.read_bytes()
    for each in load_study(hub.study()).comparisons():
        names = Artifacts(each.folder(hub))
        with np.load(names.reconstructions) as held:
            arrays = dict(held)
        arrays[f"{ARM.lower()}_complex"][~arrays["mask"]] = 1.0
        arrays[f"{ARM.lower()}_weight"][~arrays["mask"]] = 1.0
        np.savez(names.reconstructions, **arrays)
        record_again(names.folder, names.reconstructions.name)
    assert main(["study", "--stitch", "--hub", str(hub.root)]) == 0
    assert hub.answers().stitched.read_bytes() == before


@pytest.mark.usefixtures("unplotted")
def test_halves_without_pixels_in_common_are_left_apart_with_the_reason(hub: Hub) -> None:
    for each in load_study(hub.study()).comparisons():
        names = Artifacts(each.folder(hub))
        with np.load(names.reconstructions) as held:
            arrays = dict(held)
        middle = SHAPE[0] // 2
        arrays["mask"][slice(0, middle) if each.split == "test" else slice(middle, None)] = False
        np.savez(names.reconstructions, **arrays)
        record_again(names.folder, names.reconstructions.name)
    assert main(["study", "--stitch", "--hub", str(hub.root)]) == 0
    (row,) = pandas.read_csv(hub.answers().stitched).itertuples()
    assert row.status == "not stitched"
    assert "0 scored pixels in common" in row.note
    assert not hub.answers().stitched_figure.exists()
    assert judged(hub) == []
