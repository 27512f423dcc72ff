"""Only what was measured counts: pixels that the probe lit, detector pixels that are good."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import binary_dilation

from ptycho_compare.cli.compare_models import main
from ptycho_compare.cli.ptycho_hub import main as ptycho_hub
from ptycho_compare.hub import Artifacts
from ptycho_compare.records.tables.metrics_csv import MetricRow, read_metrics_csv
from ptycho_compare.records.tables.pairs_csv import read_differences_csv
from scans import make_object, make_probe, write_scan

pytestmark = pytest.mark.usefixtures("undrawn")

SIDE, SHAPE = 16, (72, 76)


@dataclass
class Scene:
    """A scan whose positions stay well inside of its object, and what it lit, drawn by hand."""

    truth: np.ndarray
    probe: np.ndarray
    positions: np.ndarray
    counts: np.ndarray
    lit: np.ndarray

    def arrays(self, **changes: Any) -> dict[str, Any]:
        arrays = {
            "xcoords": self.positions[:, 0],
            "ycoords": self.positions[:, 1],
            "probeGuess": self.probe,
            "objectGuess": self.truth,
            "diff3d": np.sqrt(self.counts).astype(np.float32),
        }
        return {key: value for key, value in (arrays | changes).items() if value is not None}

    def noisy(self, level: float, seed: int, outside: complex | None = None) -> np.ndarray:
        """Return the truth with noise; something else outside of what was lit."""
        generator = np.random.default_rng(seed)
        noise = generator.standard_normal((2, *SHAPE))
        image = self.truth + level * (noise[0] + 1j * noise[1])
        if outside is not None:
            image = np.where(self.lit, image, outside)
        return image.astype(np.complex64)


@pytest.fixture(scope="module")
def scene() -> Scene:
    return make_scene(make_probe(SIDE)[np.newaxis])


def make_scene(modes: np.ndarray) -> Scene:
    truth = make_object(*SHAPE, smooth_px=2.0)
    x, y = np.meshgrid(np.arange(18, 58, 3), np.arange(18, 54, 3))
    positions = np.stack([x.ravel(), y.ravel()], axis=1).astype(float)
    half, images, lit = SIDE // 2, [], np.zeros(SHAPE, bool)
    for column, row in positions.astype(int):
        patch = truth[row - half : row + half, column - half : column + half]
        waves = np.fft.fftshift(np.fft.fft2(modes * patch), axes=(1, 2))
        images.append((np.abs(waves) ** 2).sum(axis=0))
        lit[row, column] = True
    counts = np.array(images)
    counts *= 1e5 / counts.sum(axis=(1, 2)).mean()
    counts = np.random.default_rng(2).poisson(counts).astype(float)
    return Scene(
        truth, modes if len(modes) > 1 else modes[0], positions, counts, binary_dilation(lit, np.ones((9, 9)))
    )


def compared(
    folder: Path, arrays: dict[str, Any], *words: str, **arms: np.ndarray | dict[str, np.ndarray]
) -> dict[tuple[str, str], MetricRow]:
    """Compare images without a recorded frame, and read the table."""
    write_scan(folder / "scan.npz", arrays, compressed=False)
    files = []
    for name, image in arms.items():
        held = image if isinstance(image, dict) else {"object": image}
        np.savez(folder / f"{name}.npz", **held)
        files.append(f"--arm={name}={folder / name}.npz")
    quick = ["--quiet", "--bootstrap-draws=50", "--no-save-npz", "--no-save-npz-aligned"]
    place = ["--test_data", str(folder / "scan.npz"), "--output_dir", str(folder / "out")]
    words = (*words, "--stitch-crop-size=10")
    assert main([*place, *quick, *files, *words]) == 0
    table = read_metrics_csv(folder / "out" / "comparison_metrics.csv")
    return {(row.model, row.metric): row for row in table}


OUTSIDE = {"one": 1.0, "nothing": 0.0, "NaN": np.nan, "infinity": np.inf, "a bright frame": 50j}


@pytest.mark.parametrize("outside", OUTSIDE)
def test_what_an_arm_holds_where_no_image_lit_the_object_does_not_count(
    scene: Scene, tmp_path: Path, outside: str
) -> None:
    """An arm with a tenth of the other's noise wins, whatever either leaves outside of the scan."""
    arms = {"A": scene.noisy(0.005, 1, OUTSIDE[outside]), "B": scene.noisy(0.05, 2, scene.truth.mean())}
    rows = compared(tmp_path, scene.arrays(), **arms)
    clean = compared(tmp_path, scene.arrays(), A=scene.noisy(0.005, 1), B=scene.noisy(0.05, 2))
    for arm in arms:
        assert rows[arm, "fienup"].value == pytest.approx(clean[arm, "fienup"].value, rel=0.02)
    assert rows["A", "fienup"].value < 0.02 < 0.08 < rows["B", "fienup"].value
    assert 0.7 * scene.lit.sum() < rows["A", "mae"].mask_pixels < 1.1 * scene.lit.sum()


def test_an_image_that_is_blank_where_the_light_was_is_dead(scene: Scene, tmp_path: Path) -> None:
    hole = scene.noisy(0.005, 1)
    hole[30:36, 30:40] = np.nan
    nothing = np.full(SHAPE, np.nan, np.complex64)
    with pytest.raises(AssertionError, match="1 == 0"):
        compared(tmp_path, scene.arrays(), hole=hole, nothing=nothing, good=scene.noisy(0.005, 1))
    table = read_metrics_csv(tmp_path / "out" / "comparison_metrics.csv")
    status = {row.model: row.status for row in table}
    assert status == {"hole": "failed", "nothing": "failed", "good": "ok"}


def test_score_takes_what_the_scan_lit(
    scene: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of the scan in whose file the truth lies, or of the named one; everything only when told."""
    scan, image, truth = tmp_path / "scan.npz", tmp_path / "image.npy", tmp_path / "truth.npy"
    write_scan(scan, scene.arrays(), compressed=False)
    np.save(image, scene.noisy(0.005, 1, np.nan))
    np.save(truth, scene.truth)
    found = []
    for words in ([f"{scan}:objectGuess"], [str(truth), f"--scan={scan}"]):
        assert ptycho_hub(["score", str(image), *words, "--bootstrap-draws=0", "--json"]) == 0
        found.append(json.loads(capsys.readouterr().out))
    assert found[0]["metrics"] == found[1]["metrics"]
    assert found[0]["metrics"]["fienup"]["value"] < 0.02
    assert found[0]["mask_pixels"] < 1.1 * scene.lit.sum()
    np.save(image, scene.noisy(0.005, 1, 1.0))
    assert ptycho_hub(["score", str(image), f"{scan}:objectGuess", "--everywhere", "--json"]) == 0
    found.append(json.loads(capsys.readouterr().out))
    assert found[2]["mask_pixels"] > 1.5 * found[0]["mask_pixels"]
    assert found[2]["metrics"]["fienup"]["value"] > 0.1
    away = {"xcoords": None, "ycoords": None, "p": scene.positions[:, ::-1] * 20e-9}
    write_scan(scan, scene.arrays(**away), compressed=False)
    said = ("--scan-key=positions_yx=p", "--scan-unit=positions=m", "--pixel-nm=20")
    for words in ([f"{scan}:objectGuess"], [str(truth), f"--scan={scan}"]):
        np.save(image, scene.noisy(0.005, 1, np.nan))
        assert ptycho_hub(["score", str(image), *words, *said, "--bootstrap-draws=0", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["metrics"] == found[0]["metrics"]
    assert ptycho_hub(["score", str(image), f"{scan}:objectGuess", *said[:2]]) == 2
    assert "say --pixel-nm" in capsys.readouterr().err
    write_scan(scan, scene.arrays(xcoords=scene.positions[:, 0] + 500, objectGuess=None), compressed=False)
    assert ptycho_hub(["score", str(image), str(truth), f"--scan={scan}"]) == 2
    assert "lit no pixel of the truth of 72 x 76 px" in capsys.readouterr().err


def test_an_arm_without_a_frame_is_judged_where_it_explains_the_data_best(
    scene: Scene, tmp_path: Path
) -> None:
    """The same image with and without its frame has one R, and a guess tells nobody apart."""
    better, at_zero = scene.noisy(0.01, 1), {"origin_yx_px": np.zeros(2)}
    arms = {
        "framed": {"object": better, **at_zero},
        "guessed": {"object": better},
        "cropped": {"object": better[3:-1, 2:-6]},
        "worse": {"object": scene.noisy(0.03, 3), **at_zero},
        "own": {"object": better, "probe": np.roll(scene.probe, 1, axis=0)},
    }
    rows = compared(tmp_path, scene.arrays(objectGuess=None), "--search-radius=3", **arms)
    framed = rows["framed", "r_factor"].value
    for arm in ("guessed", "cropped", "own"):  # half a pixel's move takes some of the noise
        assert rows[arm, "r_factor"].value == pytest.approx(framed, rel=0.04)
        assert "frame not known, fitted over the shift: (dy " in rows[arm, "r_factor"].note
    # a probe that lies elsewhere moves the object with it
    assert rows["own", "r_factor_own_probe"].value == pytest.approx(framed, rel=0.06)
    assert "fitted" not in rows["framed", "r_factor"].note
    assert rows["worse", "r_factor"].value > 2 * framed
    found = read_differences_csv(tmp_path / "out" / "comparison_differences.csv")
    verdicts = {(row.first, row.second): row.told_apart for row in found if row.metric == "r_factor"}
    assert verdicts.pop(("framed", "worse")) is True
    assert len(verdicts) == 9
    assert set(verdicts.values()) == {None}


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_a_probe_of_several_modes_explains_what_its_main_mode_does_not(
    tmp_path: Path, order: list[int]
) -> None:
    """In whatever order they come, in the scan as well as beside the object."""
    axis = np.arange(SIDE) - SIDE // 2
    modes = make_probe(SIDE) * np.stack(
        [np.ones((SIDE, SIDE)), 0.2 * axis + 0 * axis[:, None], 0.02 * axis[:, None] + 0 * axis]
    )
    modes = modes[list(order)].astype(np.complex64)
    scene = make_scene(modes)
    image = {"object": scene.noisy(0.002, 1), "origin_yx_px": np.zeros(2)}
    rows = compared(tmp_path, scene.arrays(), A=image | {"probe": modes[np.newaxis]})
    right = rows["A", "r_factor"]
    assert right.note.endswith("through the scan probe of 3 modes")
    assert rows["A", "r_factor_own_probe"].value == pytest.approx(right.value)
    strongest = compared(tmp_path, scene.arrays(probeGuess=modes[order.index(0)]), A=image)["A", "r_factor"]
    assert right.value < 0.7 * strongest.value
    # along an axis that holds other things, the weak ones are not the main one either
    along = compared(tmp_path, scene.arrays(probeGuess=modes[:, np.newaxis]), A=image)["A", "r_factor"]
    assert along.value == pytest.approx(strongest.value)


@pytest.mark.parametrize("kept", ["alone", "amid zeros", "beside an image in parts"])
def test_a_probe_under_another_name_is_no_object(scene: Scene, tmp_path: Path, kept: str) -> None:
    image = np.pad(scene.probe, 30) if kept == "amid zeros" else scene.probe
    more = {"size": np.abs(scene.truth), "phase": np.angle(scene.truth)} if "parts" in kept else {}
    good = {"object": scene.noisy(0.005, 1), "origin_yx_px": np.zeros(2)}
    with pytest.raises(AssertionError, match="1 == 0"):
        compared(tmp_path, scene.arrays(objectGuess=None), beam={"beam": image} | more, good=good)
    table = read_metrics_csv(tmp_path / "out" / "comparison_metrics.csv")
    assert {(row.model, row.status) for row in table} == {("beam", "failed"), ("good", "ok")}
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert (
        "is the scan's probe (overlap 1.000); name the object: FILE:KEY" in manifest["arms"]["beam"]["reason"]
    )


def test_an_image_of_one_pattern_s_size_is_no_object(scene: Scene, tmp_path: Path) -> None:
    """Also where no probe tells what it is; one that says where it lies is a small reconstruction."""
    small = scene.noisy(0.005, 1)[28:44, 28:44]
    arrays = scene.arrays(probeGuess=None)
    with pytest.raises(AssertionError, match="1 == 0"):
        compared(tmp_path, arrays, small=small, good=scene.noisy(0.005, 1))
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert "no larger than what one diffraction image sees (16 px)" in manifest["arms"]["small"]["reason"]
    compared(tmp_path, arrays, small={"object": small, "origin_yx_px": np.array([28.0, 28.0])})
    # and what a probe would tell is said to be missing
    warned = Artifacts(tmp_path / "out").log.read_text()
    assert "holds no probe; there is no residual, and all of a patch of 16 px is taken as lit" in warned


BAD = np.zeros((SIDE, SIDE), bool)
BAD[2, 3] = BAD[10, 10] = BAD[7] = True
MARKS: dict[str, tuple[Any, float]] = {
    "uint32, its own largest": (np.uint32, 2**32 - 1),
    "uint32, the largest but one": (np.uint32, 2**32 - 2),
    "uint32, of uint16": (np.uint32, 2**16 - 1),
    "int32, of uint16": (np.int32, 2**16 - 1),
    "int32, its own largest": (np.int32, 2**31 - 1),
    "int64, of uint32": (np.int64, 2**32 - 1),
    "float32, of uint32": (np.float32, 2**32 - 1),
    "float64, of uint16": (np.float64, 2**16 - 1),
    "float32, a number of the lab's own": (np.float32, 1e9),
    "int32, below zero": (np.int32, -2),
    "float32, not a number": (np.float32, np.nan),
}


@pytest.fixture(scope="module")
def masked(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> MetricRow:
    """R of a right image where a mask says which pixels are bad, and these hold nonsense."""
    counts = scene.counts.copy()
    counts[:, BAD] = 5000
    place = tmp_path_factory.mktemp("masked")
    scan = scene.arrays(diff3d=counts.astype(np.uint32), objectGuess=None, mask=BAD.astype(np.uint8))
    arms = {"A": {"object": scene.noisy(0.005, 1), "origin_yx_px": np.zeros(2)}}
    return compared(place, scan, "--scan-key=mask=mask", **arms)["A", "r_factor"]


@pytest.mark.parametrize("kind", MARKS)
def test_a_marked_pixel_is_no_measurement_in_whatever_type(
    scene: Scene, masked: MetricRow, tmp_path: Path, kind: str
) -> None:
    dtype, mark = MARKS[kind]
    counts = scene.counts.astype(dtype)
    counts[:, BAD] = mark
    arms = {"A": {"object": scene.noisy(0.005, 1), "origin_yx_px": np.zeros(2)}}
    found = compared(tmp_path, scene.arrays(diff3d=counts, objectGuess=None), **arms)["A", "r_factor"]
    assert found.value == pytest.approx(masked.value, rel=1e-5)


def test_a_mask_that_takes_the_light_is_refused_until_its_good_value_is_said(
    scene: Scene, masked: MetricRow, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = (~BAD).astype(np.uint8)
    scan = scene.arrays(diff3d=scene.counts.astype(np.uint32), objectGuess=None, mask=good)
    arms = {"A": {"object": scene.noisy(0.005, 1), "origin_yx_px": np.zeros(2)}}
    with pytest.raises(AssertionError, match="2 == 0"):
        compared(tmp_path, scan, "--scan-key=mask=mask", **arms)
    said = capsys.readouterr().err
    assert f"its mask calls {good.sum()} of 256 px bad" in said
    assert said.endswith("say which of its values is good: --mask-good 0|1 (now 0)\n")
    rows = compared(tmp_path, scan, "--scan-key=mask=mask", "--mask-good=1", **arms)
    assert rows["A", "r_factor"].value == pytest.approx(masked.value, rel=1e-5)
