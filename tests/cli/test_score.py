"""`ptycho-hub score`: any two complex arrays scored from the shell, without a study."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from hubs import DOSE
from ptycho_compare.cli.ptycho_hub import main
from ptycho_compare.hub import Hub
from ptycho_compare.scoring.pair import score_pair
from scans import make_object

SIZE, EDGE = 200, 20


@pytest.fixture(scope="module")
def truth() -> np.ndarray:
    return make_object(SIZE, SIZE, smooth_px=2.5)


@pytest.fixture(scope="module")
def files(truth: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A truth, and reconstructions of it in every kind of file and gauge."""
    folder = tmp_path_factory.mktemp("files")
    inner = np.s_[EDGE:-EDGE, EDGE:-EDGE]
    rng = np.random.default_rng(3)
    noisy = truth + 0.03 * (rng.standard_normal(truth.shape) + 1j * rng.standard_normal(truth.shape))
    np.save(folder / "truth.npy", truth[inner])
    np.savez(folder / "pair.npz", recon_complex=noisy[inner].astype(np.complex64), truth_complex=truth[inner])
    rows, columns = np.indices(truth.shape)
    gauged = np.roll(noisy, (3, -2), (0, 1)) * 1.7 * np.exp(2.5j + 0.01j * rows - 0.02j * columns)
    with h5py.File(folder / "moved.h5", "w") as file:
        file["entry/object"] = gauged[inner][np.newaxis]
        file["empty"] = np.zeros((1, *gauged[inner].shape), complex)
    mask = np.zeros((SIZE - 2 * EDGE,) * 2, np.uint8)
    mask[20:-20, 30:-30] = 1
    np.save(folder / "mask.npy", mask)
    return folder


def scored(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert main(["score", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_frame_and_a_gauge_are_found(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = scored(capsys, f"{files}/moved.h5:entry/object", f"{files}/truth.npy")
    assert found["status"] == "ok"
    assert found["shift"]["applied"]
    assert (found["shift"]["dy_px"], found["shift"]["dx_px"]) == pytest.approx((-3, 2), abs=0.02)
    assert found["gauge"]["gain"] == pytest.approx(1 / 1.7, rel=0.01)
    assert found["gauge"]["ramp_rad_per_px"] == pytest.approx([-0.01, 0.02], abs=1e-4)
    assert found["gauge"]["overlap_before"] < 0.5 < found["gauge"]["overlap_after"]
    assert found["distortion"]["magnification"] == pytest.approx(1, abs=1e-3)
    # nothing but the noise is left
    aligned = scored(capsys, f"{files}/pair.npz:recon_complex", f"{files}/truth.npy", "--aligned")
    fienup = [each["metrics"]["fienup"]["value"] for each in (found, aligned)]
    assert fienup[0] == pytest.approx(fienup[1], rel=0.05)
    low, high = found["metrics"]["fienup"]["intervals"]["value"]
    assert low < fienup[0] < high


def test_aligned_moves_nothing_and_keeps_a_ramp(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = scored(capsys, f"{files}/moved.h5:entry/object", f"{files}/truth.npy", "--aligned")
    assert not found["shift"]["applied"]
    assert found["gauge"]["ramp_rad_per_px"] == [0.0, 0.0]
    assert found["metrics"]["fienup"]["value"] > 0.3
    freed = scored(
        capsys, f"{files}/moved.h5:entry/object", f"{files}/truth.npy", "--aligned", "--ramp", "free"
    )
    assert freed["metrics"]["fienup"]["value"] < found["metrics"]["fienup"]["value"]


def test_an_image_that_is_not_registered_says_so_and_what_looks_further(
    files: Path, truth: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(files / "far.npy", np.roll(truth, (13, 0), (0, 1))[EDGE:-EDGE, EDGE:-EDGE])
    assert main(["score", f"{files}/far.npy", f"{files}/truth.npy"]) == 1
    said = capsys.readouterr()
    assert "not registered: " in said.out
    assert "ramp" not in said.out  # none was measured
    assert "within 8 px; --search-radius looks further" in said.err
    assert main(["score", f"{files}/far.npy", f"{files}/truth.npy", "--search-radius", "20"]) == 0
    found = capsys.readouterr().out
    assert "applied: moving by" in found
    assert "ramp (y, x) removed: " in found
    assert main(["score", f"{files}/pair.npz:recon_complex", f"{files}/truth.npy", "--aligned"]) == 0
    assert "ramp not removed: by the settings (--ramp free removes it)" in capsys.readouterr().out


def test_it_is_the_python_call(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = scored(capsys, f"{files}/pair.npz:recon_complex", f"{files}/pair.npz:truth_complex", "--aligned")
    with np.load(files / "pair.npz") as arrays:
        (score,) = score_pair(arrays["recon_complex"], arrays["truth_complex"], aligned=True).arms
    for metric in score.metrics:
        written = found["metrics"][metric.name]
        assert (written["amplitude"], written["phase"], written["value"]) == (
            metric.amplitude,
            metric.phase,
            metric.value,
        )
    assert found["metric_version"] == "ptycho-compare-3"
    assert set(found["ranges"]) == {"amplitude", "phase", "complex"}
    assert len(found["frc"]["complex"]["correlation"]) == (SIZE - 2 * EDGE) // 2


def test_ptychopinns_own_definitions(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pair = f"{files}/pair.npz:recon_complex", f"{files}/pair.npz:truth_complex"
    found = scored(capsys, *pair, "--aligned", "--metrics", "ptychopinn")
    assert found["metric_version"] == "ptychopinn-1"
    assert list(found["metrics"]) == ["mae", "mse", "psnr", "ssim", "ms_ssim", "frc50", "frc1over7"]
    mse, psnr = (found["metrics"][name]["amplitude"] for name in ("mse", "psnr"))
    assert psnr == pytest.approx(20 * np.log10(255 / np.sqrt(mse)), abs=1e-4)
    mean = scored(capsys, *pair, "--aligned", "--metrics", "ptychopinn", "--phase-align-method", "mean")
    assert mean["metrics"]["mae"]["phase"] != found["metrics"]["mae"]["phase"]


def test_a_mask_chooses_the_pixels(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pair = f"{files}/pair.npz:recon_complex", f"{files}/pair.npz:truth_complex"
    found = scored(capsys, *pair, "--aligned", "--mask", f"{files}/mask.npy")
    assert found["mask_pixels"] == int(np.load(files / "mask.npy").sum())


@pytest.mark.parametrize(
    ("outside", "said"),
    [
        (np.nan, r"holds 13600 of 25600 values that are not finite"),
        (np.inf, r"holds 13600 of 25600 values that are not finite"),
        (0j, r"is complex128 of shape \(160, 160\)"),
    ],
)
def test_a_mask_that_does_not_say_which_pixels_is_refused(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], outside: complex, said: str
) -> None:
    """NaN is not 0: what people blank by it was scored."""
    mask = np.where(np.load(files / "mask.npy") == 1, 1, outside)
    np.savez(tmp_path / "mask.npz", region=mask)
    pair = f"{files}/pair.npz:recon_complex", f"{files}/pair.npz:truth_complex"
    assert main(["score", *pair, "--aligned", "--mask", f"{tmp_path}/mask.npz:region"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(rf"mask\.npz: 'region' {said}; needed: .*0 where nothing is scored", line)


def test_an_equal_image_has_an_infinite_psnr_in_valid_json(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = scored(capsys, f"{files}/truth.npy", f"{files}/truth.npy", "--aligned", "--bootstrap-draws", "0")
    assert found["metrics"]["psnr"]["amplitude"] == "inf" or found["metrics"]["psnr"]["amplitude"] > 250
    assert found["metrics"]["mae"]["intervals"] == {}


def test_what_a_person_reads(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["score", f"{files}/moved.h5:entry/object", f"{files}/truth.npy", "--reference", "same_data"])
        == 0
    )
    text = capsys.readouterr().out
    for words in (
        "compared with a reconstruction of the same data: agreement, not resolution",
        "definitions: ptycho-compare-3",
        "px, applied: moving by",
        "gauge removed: gain 0.5",
        "scale 1.000",
        "metric            amplitude",
    ):
        assert words in text
    (fienup,) = (line for line in text.splitlines() if line.startswith("fienup "))
    assert "[" in fienup


def test_columns_stand_apart_however_long_a_number_is(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The PSNR of all but equal images and its interval take more than 32 characters."""
    truth = np.load(files / "truth.npy")
    np.save(files / "near.npy", truth + 1e-15 * np.random.default_rng(5).standard_normal(truth.shape))
    assert main(["score", f"{files}/near.npy", f"{files}/truth.npy", "--aligned"]) == 0
    lines = capsys.readouterr().out.splitlines()
    header, *rows = lines[[line.startswith("metric ") for line in lines].index(True) :]
    assert any(row.startswith("psnr ") and len(row.split("]")[0]) >= 18 + 32 for row in rows)
    for name in ("phase", "complex", "unit, note"):
        end = header.index(name)
        assert {row[end - 2 : end].strip() for row in rows} == {""}


def test_a_dead_reconstruction_fails_by_name(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["score", f"{files}/moved.h5:empty", f"{files}/truth.npy"]) == 1
    assert "reconstruction: failed: zero: |object| = 0 in" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("nowhere.npy", "truth.npy"), "nowhere.npy"),
        (("pair.npz", "truth.npy"), "holds several complex images; name one as FILE:KEY"),
        (("moved.h5:entry/objct", "truth.npy"), "entry/objct"),
        (("truth.npy", "small.npy", "--aligned"), "aligned images have one shape"),
        (("truth.npy", "truth.npy", "--mask", "few.npy"), "scored area (40, 40)"),
    ],
)
def test_bad_input_is_one_line(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], message: str
) -> None:
    np.save(tmp_path / "small.npy", np.ones((40, 40), np.complex64))
    np.save(tmp_path / "few.npy", np.ones((40, 40)))
    places = {"small.npy": tmp_path, "few.npy": tmp_path}
    paths = [word if word.startswith("--") else str(places.get(word, files) / word) for word in words]
    assert main(["score", *paths]) == 2
    said = capsys.readouterr().err
    assert said.startswith("ptycho-hub: error: ")
    assert message in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("values", ["angle", "abs", "real", "whole"])
@pytest.mark.parametrize("pair", ["real complex", "complex real", "real real"])
def test_a_real_image_is_no_complex_object(
    truth: np.ndarray, tmp_path: Path, capsys: pytest.CaptureFixture[str], values: str, pair: str
) -> None:
    """A phase map was scored as an object of phase 0: PSNR 0.7 dB, exit status 0."""
    ways = {"angle": np.angle, "abs": np.abs, "real": np.real, "whole": lambda a: (a.real * 9).astype(int)}
    np.save(tmp_path / "real.npy", ways[values](truth))
    np.save(tmp_path / "complex.npy", truth)
    assert main(["score", *(f"{tmp_path}/{name}.npy" for name in pair.split())]) == 2
    out, error = capsys.readouterr()
    assert out == ""
    assert re.search(r"real\.npy: is \w+ of shape \(200, 200\); needed: \(h, w\) complex; ", error)
    assert error.count("\n") == 1


def test_a_hubs_own_reconstruction_is_laid_where_the_scan_says(
    quick_hub: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its frame is far off the middle of the truth's grid; only what the scan lit is scored."""
    recon = Hub(quick_hub).ptychi(DOSE, "dense", "train")
    with np.load(Hub(quick_hub).patched(DOSE, "train")) as scan:
        arrays = {name: scan[name] for name in scan.files if name != "_metadata"}
    edges = ((90, 0), (0, 70))  # so much more of the object was never scanned
    arrays["objectGuess"] = np.pad(arrays["objectGuess"], edges, constant_values=1)
    arrays["ycoords"] = arrays["ycoords"] + 90
    truth = tmp_path / "truth.npz"
    np.savez(truth, **arrays)
    assert main(["score", str(recon), str(truth), "--json", "--bootstrap-draws", "0"]) == 0
    said = capsys.readouterr()
    found = json.loads(said.out)
    assert found["shift"]["registered"]
    assert abs(found["shift"]["dy_px"]) < 2
    assert found["metrics"]["fienup"]["value"] < 0.1
    assert found["mask_pixels"] < 5000
    assert f"laid on the truth's grid about the middle of the positions (scan {truth})" in said.err
    # without a scan nothing says where it lies: how to look further is said, and no offset is made up
    np.save(tmp_path / "truth.npy", arrays["objectGuess"])
    main(["score", str(recon), str(tmp_path / "truth.npy"), "--bootstrap-draws", "0"])
    alone = capsys.readouterr()
    assert "not registered: " in alone.out
    assert "px, applied" not in alone.out
    assert "--search-radius looks further" in alone.err
