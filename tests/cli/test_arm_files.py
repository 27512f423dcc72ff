"""Ready-made arms whose files record where they lie, compared from the shell: no network, no framework."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pytest

from later import later
from light import FIGURES, draw_a_pixel
from ptycho_compare.cli.compare_models import main
from ptycho_compare.phases.comparison import publish
from ptycho_compare.records.manifest import Manifest, read_manifest
from scans import make_object, make_positions, make_probe, true_patches

pd = later("pandas")
SIDE, COUNT, HEIGHT, WIDTH, PIXEL = 16, 36, 60, 66, 20e-9


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scan at whole positions, and reconstructions of it from other programs."""
    folder = tmp_path_factory.mktemp("arms")
    truth, probe = make_object(HEIGHT, WIDTH), make_probe(SIDE)
    positions = make_positions(COUNT, HEIGHT, WIDTH, SIDE, whole=True)
    waves = np.fft.fft2(probe * true_patches(truth, positions, SIDE))
    amplitudes = np.fft.fftshift(np.abs(waves), axes=(1, 2)).astype(np.float32)
    x, y = positions.T
    np.savez(folder / "scan.npz", diff3d=amplitudes, xcoords=x, ycoords=y, probeGuess=probe)
    noise = np.random.default_rng(4).standard_normal((2, HEIGHT, WIDTH))
    image = (truth + 0.01 * (noise[0] + 1j * noise[1])).astype(np.complex64)
    np.savez(folder / "own.npz", object=image, origin_yx_px=[0.0, 0.0])
    # another corner than the object's, and another shape
    part = image[2:, 3:]
    np.savez(folder / "bare.npz", object=part)
    np.savez(
        folder / "tike.npz", psi=part[None], probe=probe[None], scan=positions[:, ::-1] - SIDE // 2 - [2, 3]
    )
    refined = positions + np.random.default_rng(0).normal(0, 0.7, positions.shape)
    write_product(folder / "refined.h5", image, probe, refined)
    write_product(folder / "another.h5", image, probe, positions[::-1])
    return folder


def write_product(path: Path, image: np.ndarray, probe: np.ndarray, positions: np.ndarray) -> None:
    """As ptychodus 1.7.0 writes it; its centre of the stage is that of the object."""
    middle = np.array([(WIDTH - 1) / 2, (HEIGHT - 1) / 2])
    metres = (positions - SIDE // 2 + (SIDE - 1) / 2 - middle) * PIXEL
    with h5py.File(path, "w") as file:
        file["object"], file["probe"] = image[None], probe[None, None]
        for name in ("center_x_m", "center_y_m"):
            file["object"].attrs[name] = 0.0
        for name in ("pixel_width_m", "pixel_height_m"):
            file["object"].attrs[name] = PIXEL
        file["probe_position_indexes"] = np.arange(len(metres))
        file["probe_position_x_m"], file["probe_position_y_m"] = metres.T


@dataclass(frozen=True)
class Compared:
    """A finished comparison: its exit status, the residual by arm, the manifest."""

    status: int
    residual: pd.Series
    manifest: Manifest


@pytest.fixture(scope="module")
def compared(folder: Path) -> Compared:
    files = ("own.npz", "tike.npz", "bare.npz", "refined.h5", "another.h5")
    words = [f"--arm={Path(name).stem.capitalize()}={folder / name}" for name in files]
    words += ["--test_data", str(folder / "scan.npz"), "--output_dir", str(folder / "out"), "--quiet"]
    words += ["--bootstrap-draws", "0", "--stitch-crop-size", "16", "--no-save-npz", "--no-save-npz-aligned"]
    with pytest.MonkeyPatch.context() as patch:
        for figure in FIGURES:  # nobody looks at them here
            patch.setattr(publish, figure, draw_a_pixel)
        status = main(words)
    table = pd.read_csv(folder / "out" / "comparison_metrics.csv")
    residual = table[table["metric"] == "r_factor"].set_index("model")["value"]
    return Compared(status, residual, read_manifest(folder / "out" / "manifest.json"))


def test_a_frame_in_the_file_is_as_good_as_ours(compared: Compared) -> None:
    """The same pixels with the frame that tike's file records; they had the residual of a guess."""
    assert compared.residual["Own"] < 0.15
    assert compared.residual["Tike"] == pytest.approx(compared.residual["Own"], rel=0.05)


def test_refined_positions_are_a_note(compared: Compared) -> None:
    """Positions refined by 1 px were called another scan, and no arm was compared."""
    assert compared.residual["Refined"] < 2 * compared.residual["Own"] < 0.3
    (note,) = (text for text in compared.manifest.warnings if "refined" in text)
    assert re.search(r"refined\.h5: its positions are (0\.9|1\.0)\d px \(rms\) from the scan's", note)


def test_a_file_of_another_scan_fails_alone(compared: Compared) -> None:
    assert compared.status == 1
    status = {name: arm.status for name, arm in compared.manifest.arms.items()}
    assert {name for name, value in status.items() if value != "ok"} == {"Another"}
    assert "they belong to another scan or another order" in compared.manifest.arms["Another"].reason


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["A", "a"], "arms 'A' and 'a' would share file names"),
        (["PtychoPINN", "pinn"], "arms 'PtychoPINN' and 'pinn' would share file names"),
        (["A", "A_half"], "an arm cannot be called 'A_half'"),
        (["ground_truth"], "an arm cannot be called 'ground_truth'"),
        (["Truth"], "an arm cannot be called 'Truth'"),
    ],
)
def test_names_that_would_meet_in_files_are_refused_before_anything_is_computed(
    names: list[str], told: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [f"--arm={name}={folder / 'own.npz'}" for name in names]
    words += ["--test_data", str(folder / "scan.npz"), "--output_dir", str(tmp_path / "out"), "--quiet"]
    assert main([*words, "--bootstrap-draws", "0", "--stitch-crop-size", "16"]) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
