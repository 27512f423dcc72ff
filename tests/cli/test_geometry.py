"""Mistakes of geometry through the command line: named and refused before anything is scored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from ptycho_compare.cli.compare_models import main
from ptycho_compare.hub import Artifacts
from ptycho_compare.records.manifest import read_manifest
from ptycho_compare.reporting.page.provenance import provenance_of
from ptycho_compare.scan.reading import Reading
from ptycho_compare.scoring.alignment.orientation import AS_GIVEN, ORIENTATIONS, Orientation
from ptycho_compare.study import Study
from scans import make_object, make_probe

pytestmark = pytest.mark.usefixtures("undrawn")

SIDE, HEIGHT, WIDTH = 16, 60, 70
PIXEL_M, WAVELENGTH, DISTANCE = 2e-8, 1e-10, 2.0
SIZES = {"px": PIXEL_M, "m": 1.0, "mm": 1e-3, "um": 1e-6}
QUIET = (
    "--quiet",
    "--bootstrap-draws",
    "0",
    "--no-save-npz",
    "--no-save-npz-aligned",
    "--stitch-crop-size",
    "8",
)


def simulated() -> dict[str, Any]:
    """Counts of a small object at whole pixels."""
    truth, probe = make_object(HEIGHT, WIDTH, smooth_px=1.5), make_probe(SIDE) + np.eye(SIDE) * 0.05
    half = SIDE // 2
    lattice = np.stack(
        np.meshgrid(np.arange(half + 1, WIDTH - half, 4), np.arange(half + 1, HEIGHT - half, 4))
    )
    positions = (
        lattice.reshape(2, -1).T + np.random.default_rng(2).integers(-1, 1, (lattice[0].size, 2)) * 1.0
    )
    patches = np.stack([truth[y - half : y + half, x - half : x + half] for x, y in positions.astype(int)])
    counts = np.abs(np.fft.fftshift(np.fft.fft2(probe * patches), axes=(1, 2))) ** 2
    counts = np.random.default_rng(0).poisson(counts * (1e5 / counts.sum(axis=(1, 2)).mean()))
    return {"truth": truth, "probe": probe.astype(np.complex64), "positions": positions, "counts": counts}


MADE = simulated()
GOOD = MADE["truth"] + 0.01 * np.random.default_rng(1).standard_normal((HEIGHT, WIDTH))


def turned(how: Orientation) -> np.ndarray:
    """Positions (x, y) in the frame of an object that is turned."""
    middle = (np.array([HEIGHT, WIDTH]) - 1) / 2
    after = (np.array(how.shape((HEIGHT, WIDTH))) - 1) / 2
    return (how.of_points(MADE["positions"][:, ::-1] - middle) + after)[:, ::-1]


def write(path: Path, positions: np.ndarray, *, truth: bool, **arrays: np.ndarray) -> Path:
    held = {
        "diff3d": np.sqrt(MADE["counts"]),
        "xcoords": positions[:, 0],
        "ycoords": positions[:, 1],
        "probeGuess": MADE["probe"],
    }
    np.savez(path, **held | ({"objectGuess": MADE["truth"]} if truth else {}) | arrays)
    return path


def run(scan: Path, folder: Path, *more: str, **arms: np.ndarray) -> int:
    words = ["--test_data", str(scan), "--output_dir", str(folder / "out"), *QUIET, *more]
    for name, values in (arms or {"A": GOOD}).items():
        np.savez(folder / f"{name}.npz", object=values.astype(np.complex64))
        words += ["--arm", f"{name}={folder}/{name}.npz"]
    return main(words)


EXCHANGED = Orientation(swapped=True)


@pytest.fixture(scope="module")
def exchanged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A square piece of the object, scanned with x and y exchanged, which nothing but the images tells."""
    folder = tmp_path_factory.mktemp("exchanged")
    inside = (MADE["positions"] < HEIGHT).all(axis=1)
    return write(
        folder / "scan.npz",
        MADE["positions"][inside][:, ::-1],
        truth=True,
        diff3d=np.sqrt(MADE["counts"][inside]),
    )


def test_exchanged_axes_are_refused_by_name(
    exchanged: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(exchanged, tmp_path) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert f"{exchanged}: geometry, through the truth: R of " in line
    assert "otherwise: positions with x and y exchanged; mend the file, or name what it is" in line
    assert "--geometry as-given" in line
    assert not (tmp_path / "out" / "comparison_metrics.csv").exists()


def test_who_insists_has_it_scored_and_written_down(exchanged: Path, tmp_path: Path) -> None:
    assert run(exchanged, tmp_path, "--geometry", "as-given") == 0
    manifest = read_manifest(tmp_path / "out" / "manifest.json")
    (found,) = manifest.scan["geometry"]
    assert found["better"] == "positions with x and y exchanged"
    assert found["better_r_factor"] < 0.5 * found["r_factor"]
    assert manifest.settings["reading"]["geometry"] == "as-given"
    log = Artifacts(tmp_path / "out").log.read_text()
    assert "WARNING - geometry, through the truth: R of" in log
    facts = provenance_of(manifest, origin="", adoption=tmp_path / "none", manifest_sha256="").facts
    assert facts["Geometry"].startswith("through the truth: R of ")


def test_a_right_scan_is_told_so(tmp_path: Path) -> None:
    scan = write(tmp_path / "scan.npz", MADE["positions"], truth=True)
    assert run(scan, tmp_path) == 0
    (found,) = json.loads((tmp_path / "out" / "manifest.json").read_text())["scan"]["geometry"]
    assert (found["better"], found["images"]) == ("", 64)
    assert found["r_factor"] < 0.5 * found["shuffled"]


def test_a_scan_of_another_object_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = make_object(HEIGHT, WIDTH, seed=9, smooth_px=1.5)
    scan = write(tmp_path / "scan.npz", MADE["positions"], truth=True, objectGuess=other)
    assert run(scan, tmp_path) == 2
    assert "it is another object, or positions are in another unit" in capsys.readouterr().err


def test_without_a_truth_the_arms_tell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scan = write(tmp_path / "scan.npz", turned(Orientation(columns=True)), truth=False)
    assert run(scan, tmp_path) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert "geometry, through A: R of" in line
    assert "mirrored left to right" in line


def test_an_arm_alone_that_is_otherwise_fails_alone(tmp_path: Path) -> None:
    scan = write(tmp_path / "scan.npz", MADE["positions"], truth=False)
    assert run(scan, tmp_path, Good=GOOD, Turned=GOOD.conj()) == 1
    arms = read_manifest(tmp_path / "out" / "manifest.json").arms
    assert arms["Good"].status == "ok"
    assert arms["Turned"].status == "failed"
    assert "the object's complex conjugate (the other sign of phase)" in arms["Turned"].reason


def test_a_frame_saves_no_image_of_another_convention(tmp_path: Path) -> None:
    """What lies where its file says is not registered: the images tell."""
    scan = write(tmp_path / "scan.npz", MADE["positions"], truth=True)
    np.savez(tmp_path / "F.npz", object=GOOD.conj().astype(np.complex64), origin_yx_px=np.zeros(2))
    assert run(scan, tmp_path, "--arm", f"Framed={tmp_path}/F.npz") == 1
    arms = read_manifest(tmp_path / "out" / "manifest.json").arms
    assert arms["A"].status == "ok"
    assert "(the other sign of phase); the images agree with the truth" in arms["Framed"].reason


def test_what_registers_only_by_what_two_readings_share_is_named(tmp_path: Path) -> None:
    """Half of its contrast fits as it lies, which is enough to find a place, and all of it turned round."""
    truth = MADE["truth"]
    mean = truth.mean()
    image = mean + 0.5 * (truth - mean) + 0.8 * (truth[:, ::-1] - mean)
    scan = write(tmp_path / "scan.npz", MADE["positions"], truth=True)
    assert run(scan, tmp_path, A=GOOD, Mirrored=image) == 1
    arms = read_manifest(tmp_path / "out" / "manifest.json").arms
    assert arms["A"].status == "ok"
    assert arms["Mirrored"].reason.startswith(
        "not registered: mirrored left to right, it overlaps the truth by 0.8"
    )


def test_an_image_that_explains_nothing_is_not_scored_without_a_truth(tmp_path: Path) -> None:
    """Another object, or one of another pixel size."""
    scan = write(tmp_path / "scan.npz", MADE["positions"], truth=False)
    larger = np.kron(GOOD, np.ones((2, 2)))
    other = make_object(HEIGHT, WIDTH, seed=9, smooth_px=1.5)
    assert run(scan, tmp_path, Good=GOOD, Larger=larger, Other=other) == 1
    arms = read_manifest(tmp_path / "out" / "manifest.json").arms
    assert arms["Good"].status == "ok"
    for name in ("Larger", "Other"):
        assert "it is another object, or positions are in another unit" in arms[name].reason
    run(scan, tmp_path, "--geometry", "as-given", Good=GOOD, Larger=larger)
    assert "geometry" not in read_manifest(tmp_path / "out" / "manifest.json").arms["Larger"].reason


def test_a_guessed_frame_beyond_the_search_gives_no_residual(tmp_path: Path) -> None:
    scan = write(tmp_path / "scan.npz", MADE["positions"], truth=False)
    off = np.pad(GOOD, ((0, 8), (0, 0)), constant_values=1)  # 4 px of its middle
    assert run(scan, tmp_path, "--search-radius", "3", A=off) == 1
    log = Artifacts(tmp_path / "out").log.read_text()
    assert "A: no r_factor: its frame is not known, and it explains the data best at (dy +3" in log
    assert "--search-radius looks further" in log


def test_a_study_can_say_as_given() -> None:
    study = Study.model_validate(
        {
            "name": "s",
            "doses": [1],
            "views": ["v"],
            "splits": ["train"],
            "tiers": {"debug": {}},
            "scan": {"geometry": "as-given", "units": {"positions": "um"}, "keys": {"positions_yx": "p"}},
        }
    )
    reading = Reading.of_study(study)
    assert (reading.geometry, reading.units, reading.keys) == (
        "as-given",
        {"positions": "um"},
        {"positions_yx": "p"},
    )


def write_cxi(path: Path, positions: np.ndarray, *, size: float, truth: bool) -> Path:
    """Write translations of the sample, -x and -y, as numbers of a unit that stands nowhere."""
    detector = "entry_1/instrument_1/detector_1"
    with h5py.File(path, "w") as file:
        file["cxi_version"] = 160
        file[f"{detector}/data"] = MADE["counts"].astype(np.uint32)
        file[f"{detector}/distance"] = DISTANCE
        file[f"{detector}/basis_vectors"] = (WAVELENGTH * DISTANCE / (SIDE * PIXEL_M)) * np.array(
            [[0.0, -1.0], [-1.0, 0.0], [0.0, 0.0]]
        )
        file["entry_1/instrument_1/source_1/wavelength"] = WAVELENGTH
        file["entry_1/sample_1/geometry_1/translation"] = (
            np.c_[positions, np.zeros(len(positions))] * PIXEL_M / size
        )
        file["p"] = MADE["probe"]
        if truth:
            file["o"] = MADE["truth"]
    return path


RIGHT_UNIT = {"NPZ": "px", "CXI": "m"}


@pytest.mark.slow
@pytest.mark.parametrize("how", ORIENTATIONS, ids=str)
@pytest.mark.parametrize("unit", SIZES)
@pytest.mark.parametrize("truth", [True, False], ids=["with truth", "without"])
@pytest.mark.parametrize("container", ["NPZ", "CXI"])
def test_no_mistake_of_geometry_gives_numbers(
    tmp_path: Path, how: Orientation, unit: str, truth: bool, container: str
) -> None:
    """Eight orientations, four units, two formats, with and without a truth: only the right one is scored."""
    if container == "NPZ":
        scan = write(tmp_path / "scan.npz", turned(how) * PIXEL_M / SIZES[unit], truth=truth)
        more = ()
    else:
        scan = write_cxi(tmp_path / "scan.cxi", turned(how), size=SIZES[unit], truth=truth)
        more = ("--scan-key", "probe=p", *(("--scan-key", "object=o") if truth else ()))
    right = how == AS_GIVEN and unit == RIGHT_UNIT[container]
    assert run(scan, tmp_path, *more) == (0 if right else 2)


@pytest.mark.slow
@pytest.mark.parametrize("how", ORIENTATIONS, ids=str)
@pytest.mark.parametrize("conjugate", [False, True], ids=["as it is", "conjugated"])
@pytest.mark.parametrize("truth", [True, False], ids=["with truth", "without"])
def test_no_ready_made_image_of_another_convention_gives_numbers(
    tmp_path: Path, how: Orientation, conjugate: bool, truth: bool
) -> None:
    scan = write(tmp_path / "scan.npz", MADE["positions"], truth=truth)
    image = how.of_image(GOOD.conj() if conjugate else GOOD)
    right = how == AS_GIVEN and not conjugate
    assert run(scan, tmp_path, A=image) == (0 if right else 1 if truth else 2)
