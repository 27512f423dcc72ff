"""`ptycho-hub init`: what lies in a hub becomes its study; what it does not tell is asked, never guessed."""

from __future__ import annotations

import bz2
import io
import re
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubs import CROP, DOSE, make_hub, make_quick_hub
from ptycho_compare.checks.phase_d import judge_phase_d
from ptycho_compare.cli.ptycho_hub import main
from ptycho_compare.hub import Hub
from ptycho_compare.phases.comparison.request import request_of
from ptycho_compare.phases.overlap import overlap
from ptycho_compare.records.study_draft import draft_study
from ptycho_compare.study import Study, in_cell_of, load_study
from thorough import examples
from views import DOSE as VIEWS_DOSE
from views import STUDY, write_splits

Printed = pytest.CaptureFixture[str]
SPARSE = ("alpha", "sparse", "x9")


def without_study(root: Path) -> Hub:
    (root / "study.toml").unlink()
    return Hub(root.resolve())


def initialised(hub: Hub) -> Study:
    assert main(["init", str(hub.root)]) == 0
    return load_study(hub.study())


def asked_in(hub: Hub) -> list[str]:
    return re.findall(r"^#\? (.*)$", hub.study().read_text(), re.MULTILINE)


def refused(hub: Hub, printed: Printed) -> str:
    assert main(["init", str(hub.root)]) == 2
    (line,) = printed.readouterr().err.splitlines()
    return line


@pytest.fixture
def quick(tmp_path: Path) -> Hub:
    return without_study(make_quick_hub(tmp_path / "hub"))


def test_a_whole_hub_s_study_asks_for_what_its_own_did(tmp_path: Path, capsys: Printed) -> None:
    hub = Hub(make_hub(tmp_path / "hub").resolve())
    before = load_study(hub.study())
    study = initialised(without_study(hub.root))
    assert study.comparisons() == before.comparisons()
    assert study.tiers["debug"].required_arms == ("PtychoPINN", "Baseline", "PtyChi")
    assert study.stitching.crop_px == CROP
    assert "4 comparisons" in capsys.readouterr().out
    for comparison in study.comparisons():
        assert len(request_of(hub, study, comparison).arms) == 3


def test_the_reference_hub_s_study_is_the_one_that_comes_with_the_suite(reference_hub: Path) -> None:
    shipped = load_study(Path(__file__).parents[2] / "pytest_ptycho" / "acceptance" / "study.toml")
    (reference_hub / "study.toml").unlink(missing_ok=True)
    study = initialised(Hub(reference_hub.resolve()))
    assert study.comparisons() == shipped.comparisons()
    assert (study.grouping, study.stitching) == (shipped.grouping, shipped.stitching)


def test_a_study_that_is_there_stays_as_it_is(quick: Hub, capsys: Printed) -> None:
    initialised(quick)
    quick.study().write_text("mine")
    assert f"{quick.study()}: is there already" in refused(quick, capsys)
    assert quick.study().read_text() == "mine"
    quick.study().unlink()
    quick.study().symlink_to(quick.root / "nowhere")
    assert "is there already" in refused(quick, capsys)


def test_what_makes_no_study_is_one_line_that_says_what_is_missing(quick: Hub, capsys: Printed) -> None:
    capsys.readouterr()
    assert "there is no such folder" in refused(Hub(quick.root / "none"), capsys)
    split = quick.patched(DOSE, "test")
    split.rename(quick.patched(DOSE, "Test"))
    assert "patched_Test.npz: a study has no split 'Test': lower-case letters" in refused(quick, capsys)
    shutil.rmtree(quick.phase_c(DOSE))
    where = "a scan is data/phase_c/dose_D/patched_SPLIT.npz"
    assert f"holds no scan of dose {DOSE}; {where}" in refused(quick, capsys)
    shutil.rmtree(quick.phase_f())
    quick.phase_c(DOSE).with_name("dose_1e3").mkdir()
    assert f"holds no scan of any dose (found data/phase_c/dose_1e3); {where}" in refused(quick, capsys)
    shutil.rmtree(quick.root / "data")
    assert "the folder has no data/" in refused(quick, capsys)
    assert not quick.study().exists()


def test_scans_of_any_format_and_under_plain_names_are_read(quick: Hub) -> None:
    """Tike's names, packed; a view as PtychoPINN's generator calls it; images of two sizes."""
    with np.load(quick.patched(DOSE, "train")) as arrays:
        places = np.stack([arrays["ycoords"], arrays["xcoords"]], axis=1)
        images = np.fft.ifftshift(arrays["diff3d"] ** 2, axes=(1, 2))
        probe = arrays["probeGuess"][None, None, None, None]
    view = quick.phase_d(DOSE, "sparse")
    view.mkdir(parents=True)
    for split, side in (("train", 32), ("test", 16)):
        with io.BytesIO() as plain:
            frames, wave = images[None, :, :side, :side], probe[..., :side, :side]
            np.savez(plain, data=frames, scan=places[None], probe=wave)
            (view / f"{split}.npz").write_bytes(bz2.compress(plain.getvalue()))
    study = initialised(quick)
    assert study.views == ("dense", "sparse")
    asked = asked_in(quick)
    assert "Which images are meant? Their sides are 16, 32 px" in asked
    assert not any(line.startswith(("What do the scans", "Is a scan still")) for line in asked), asked


def test_views_are_drawn_as_their_metrics_say(tmp_path: Path) -> None:
    hub = write_splits(tmp_path / "hub")
    for view in STUDY.views:
        overlap(hub, STUDY, VIEWS_DOSE, view)
    study = initialised(without_study(hub.root))
    assert study.views == STUDY.views
    assert study.overlap.views == STUDY.overlap.views
    for view in STUDY.views:
        assert judge_phase_d(hub, study, VIEWS_DOSE, view) == []


def test_what_a_hub_does_not_tell_is_asked_in_it_and_on_the_terminal(quick: Hub, capsys: Printed) -> None:
    quick.ptychi(DOSE, "dense", "test").unlink()
    view = quick.phase_d(DOSE, "sparse")
    view.mkdir(parents=True)
    shutil.copy(quick.patched(DOSE, "train"), view / "train.npz")
    (quick.root / "data" / "phase_e" / "dose_7").mkdir(parents=True)
    (quick.comparison_dir(DOSE, "dense", "train", "night")).mkdir(parents=True)
    study = initialised(quick)
    asked = asked_in(quick)
    assert [line.removeprefix("open: ") for line in capsys.readouterr().out.splitlines()[1:-1]] == asked
    for expected in (
        r"Is a scan still to come\? There is none of dose_1000 sparse test;",
        r"Where are the scans of dose 7\?",
        r"Is PtyChi required\? It is not there for dose_1000 dense test, dose_1000 sparse train",
        r"What was tier night\?",
        r"How was sparse drawn\? 100 of 100 images lie here",
        r"Is the object in the scans the truth",
    ):
        assert any(re.search(expected, line) for line in asked), (expected, asked)
    assert study.tiers["full"].required_arms == ()


def test_folders_of_cells_become_the_study_s_factors(tmp_path: Path) -> None:
    """The hub of a study with factors, whose file is lost, asks for the same comparisons."""
    hub = Hub(make_hub(tmp_path / "hub").resolve())
    more = "\n[factors]\nseed = [1, 2]\ntraining_images = [32, 64]\n"
    more += '"training.baseline.learning_rate" = [0.0005]\n'
    hub.study().write_text(f"{hub.study().read_text()}{more}")
    before = load_study(hub.study())
    for cell in before.cells():
        here, _ = in_cell_of(hub, before, cell)
        for plain, own in (
            (hub.pinn_dir(DOSE, "dense"), here.pinn_dir(DOSE, "dense")),
            (hub.baseline_dir(DOSE), here.baseline_dir(DOSE)),
        ):
            shutil.copytree(plain, own, dirs_exist_ok=True)
        hub.comparison_dir(DOSE, "dense", "test", "night", cell).mkdir(parents=True)
    study = initialised(without_study(hub.root))
    assert study.comparisons() == before.comparisons()
    assert len({each.cell for each in study.comparisons()}) == 4
    assert study.tiers["full"].required_arms == ("PtychoPINN", "Baseline", "PtyChi")
    assert not any("levels" in line or "combinations" in line for line in asked_in(hub))
    assert len([line for line in asked_in(hub) if "What was tier night?" in line]) == 1
    for comparison in study.comparisons():
        assert len(request_of(hub, study, comparison).arms) == 3


def test_a_cell_that_lies_nowhere_and_a_folder_that_is_none_are_asked_about(quick: Hub) -> None:
    for name in ("gs2-seed_1-training_images_32", "gs2-seed_2-training_images_64", "gs2-old"):
        bundle = quick.pinn_dir(DOSE, "dense").with_name(name) / "wts.h5.zip"
        bundle.parent.mkdir(parents=True)
        bundle.touch()
    for name in ("train-reconstruction.engine_EPIE", "train-reconstruction.engine_NONE"):
        (quick.ptychi_dir(DOSE, "dense", "train").with_name(name)).mkdir()
    study = initialised(quick)
    assert study.factors == {
        "reconstruction.engine": ("EPIE",), "seed": (1, 2), "training_images": (32, 64),
    }  # fmt: skip
    asked = " ".join(asked_in(quick))
    for expected in (
        "Nothing lies here of gs2-seed_1-training_images_64, gs2-seed_2-training_images_32",
        f"What is data/phase_e/dose_{DOSE}/dense/gs2-old, ",
        "/train-reconstruction.engine_NONE? Behind the first - no level",
        "Is PtychoPINN required? It is not there for",
    ):
        assert expected in asked, asked
    quick.study().unlink()
    (quick.baseline_dir(DOSE).with_name("gs1-training.seed_7")).mkdir(parents=True)
    assert initialised(quick).factors == {}
    assert any("'seed' and 'training.seed' are one key" in line for line in asked_in(quick)), asked_in(quick)


def test_a_scan_that_is_not_understood_leaves_a_section_to_fill_in(quick: Hub) -> None:
    for split in ("train", "test"):
        path = quick.patched(DOSE, split)
        with np.load(path) as arrays:
            np.savez(path, pictures=arrays["diff3d"], places=np.zeros((100, 2)))
    initialised(quick)
    (line,) = [line for line in asked_in(quick) if line.startswith("What do the scans hold?")]
    assert f"? data/phase_c/dose_{DOSE}/patched_test.npz: neither " in line
    assert "(and 1 more); `ptycho-hub scan FILE` shows it" in line
    assert uncommented(quick).scan.keys["diffraction"] == "KEY"


def uncommented(hub: Hub) -> Study:
    """The study with all that it proposes."""
    text = hub.study().read_text()
    hub.study().write_text(re.sub(r"^# (?=\[|[a-z]+ = )", "", text, flags=re.MULTILINE))
    return load_study(hub.study())


def test_other_images_and_networks_are_proposed_as_arms_that_load(quick: Hub) -> None:
    for split in ("train", "test"):
        folder = quick.ptychi_dir(DOSE, "dense", split)
        for name in ("LSQ ML{2}.h5", "raar.npz", "2.npy", "notes.txt"):
            (folder / name).touch()
    (quick.root / "data" / "phase_e").mkdir()
    (quick.root / "data" / "phase_e" / "raar.onnx").touch()
    assert initialised(quick).arms == {}
    study = uncommented(quick)
    assert [*study.arms] == ["arm_2", "LSQ_ML_2", "raar", "raar_2"]
    place = {"dose": DOSE, "view": "dense", "split": "train"}
    for arm in study.arms.values():
        assert (quick.root / (arm.path or arm.network or "").format(**place)).is_file()


def test_a_network_is_proposed_where_the_docs_put_it_and_not_out_of_results(quick: Hub) -> None:
    results = [
        "analysis",
        "accepted",
        "archive/run_1",
        "cli",
        "green",
        "jobs/steps",
        "red",
        "report",
        "rescored",
    ]
    for folder in ("networks", "networks/older", ".venv/lib", *results):
        (quick.root / folder).mkdir(parents=True, exist_ok=True)
        (quick.root / folder / "net.onnx").touch()
    (quick.root / "own.onnx").touch()
    initialised(quick)
    proposed = {arm.network for arm in uncommented(quick).arms.values()}
    assert proposed == {"networks/net.onnx", "networks/older/net.onnx", "own.onnx"}


@given(
    scans=st.sets(
        st.tuples(
            st.integers(1, 3), st.sampled_from(("dense", *SPARSE)), st.sampled_from(("train", "test", "v"))
        ),
        min_size=1,
    ),
    networks=st.sets(
        st.sampled_from(
            ("baseline/gs1", "dense/gs2", "sparse/gs2", "other", "dense/gs2-seed_3", "baseline/gs1-seed_x-")
        )
    ),
    named=st.sampled_from(("hub", "a b", 'quoted"', "ünter", "new\nline", "\x1b[31m")),
)
@examples(50)
def test_whatever_lies_there_the_file_loads_and_asks_for_all_scans(
    scans: set[tuple[int, str, str]], networks: set[str], named: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        hub = Hub(Path(folder).resolve() / named)
        for dose, view, split in scans:
            path = hub.split_data(dose, view, split)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"PK, and no more")
            for network in networks:
                bundle = hub.phase_e() / f"dose_{dose}" / network / "wts.h5.zip"
                bundle.parent.mkdir(parents=True, exist_ok=True)
                bundle.touch()
        draft = draft_study(hub)
        asked_for = {(each.dose, each.view, each.split) for each in draft.study.comparisons()}
        whole = {(dose, split) for dose, view, split in scans if view == "dense"}
        kept = {
            (dose, view, split)
            for dose, view, split in scans
            if view == "dense" or (dose, split) in whole or not any(dose == each for each, _ in whole)
        }
        assert kept <= asked_for
        assert all(line.isprintable() for line in draft.text.splitlines())
