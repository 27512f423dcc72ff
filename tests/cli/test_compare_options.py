"""Options of `compare_models` beyond PtychoPINN's: arms, scan files, definitions, intervals."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from hubs import DOSE, command_of, make_split
from ptycho_compare.cli.compare_models import main
from ptycho_compare.hub import Hub
from ptycho_compare.records.tables.metrics_csv import MetricRow, read_metrics_csv
from ptycho_compare.scoring.mask import bounding_box
from ptycho_compare.scoring.metrics.ptychopinn import ptychopinn_metrics

pytestmark = pytest.mark.usefixtures("undrawn")


def rows_of(folder: Path) -> dict[tuple[str, str], MetricRow]:
    return {(row.model, row.metric): row for row in read_metrics_csv(folder / "comparison_metrics.csv")}


def ptychi(hub: Path) -> Path:
    return Hub(hub).ptychi(DOSE, "dense", "train")


def without_networks(hub: Path, output: Path, *more: str) -> list[str]:
    scan = Hub(hub).split_data(DOSE, "dense", "train")
    words = ["--test_data", str(scan), "--output_dir", str(output), "--quiet", f"--arm=Mine={ptychi(hub)}"]
    return [*words, *more]


def test_the_same_scan_in_another_file_gives_the_same_scores(small_hub: Path, tmp_path: Path) -> None:
    """Counts in HDF5 with DC in the corner, under names of the lab's own."""
    arrays = make_split(0)
    with h5py.File(tmp_path / "scan.h5", "w") as file:
        amplitudes = np.fft.ifftshift(arrays["diff3d"].astype(np.float64), axes=(1, 2))
        file["detector/frames"] = amplitudes**2
        file["motors"] = np.stack([arrays["xcoords"], arrays["ycoords"]], axis=1)
        file["beam"], file["sample"] = arrays["probeGuess"], arrays["objectGuess"]
    roles = {"diffraction": "detector/frames", "positions": "motors", "probe": "beam", "object": "sample"}
    said = ["--diffraction-values", "counts", "--diffraction-dc", "corner"]
    words = [*said, *(f"--scan-key={role}={key}" for role, key in roles.items())]
    assert main(without_networks(small_hub, tmp_path / "npz")) == 0
    assert (
        main([*without_networks(small_hub, tmp_path / "h5", *words), f"--test_data={tmp_path}/scan.h5"]) == 0
    )
    one, other = rows_of(tmp_path / "npz"), rows_of(tmp_path / "h5")
    for key in (("Mine", "fienup"), ("Mine", "r_factor")):
        assert other[key].value == pytest.approx(one[key].value, abs=2e-6)


def test_ptychopinns_own_definitions_on_our_frame(small_hub: Path, tmp_path: Path) -> None:
    words = command_of(small_hub, "train", tmp_path, "--quiet", "--metrics", "ptychopinn")
    assert main([*words, "--phase-align-method", "mean", "--n-test-groups", "60"]) == 0
    rows = rows_of(tmp_path)
    with np.load(tmp_path / "reconstructions.npz") as arrays:
        mask = arrays["mask"]
        pair = (arrays[f"{name}_complex"] for name in ("baseline", "ground_truth"))
        box = bounding_box(mask)
        image, truth = (np.where(mask, each, 0)[box] for each in pair)
    from ptycho_compare.scoring.metrics.ptychopinn import PtychoPinnSettings

    expected, _ = ptychopinn_metrics(image, truth, settings=PtychoPinnSettings(phase_align="mean"))
    for metric in expected:
        row = rows["Baseline", metric.name]
        assert row.metric_version == "ptychopinn-1"
        for part in ("amplitude", "phase"):
            assert getattr(row, part) == pytest.approx(getattr(metric, part), abs=1e-6)
    assert rows["Baseline", "gauge_gain"].note
    assert ("Baseline", "fienup") not in rows


def test_a_free_ramp_is_removed_and_said(small_hub: Path, tmp_path: Path) -> None:
    with np.load(ptychi(small_hub)) as arrays:
        values = arrays["reconstructed_object"]
    rows, columns = np.indices(values.shape)
    np.save(tmp_path / "tilted.npy", values * np.exp(0.02j * rows - 0.01j * columns))
    found = {}
    for ramp in ("kept", "free"):
        words = without_networks(
            small_hub, tmp_path / ramp, "--ramp", ramp, f"--arm=Tilted={tmp_path}/tilted.npy"
        )
        assert main(words) == 0
        found[ramp] = rows_of(tmp_path / ramp)
    assert found["kept"]["Tilted", "fienup"].value > 3 * found["kept"]["Mine", "fienup"].value
    assert found["free"]["Tilted", "fienup"].value == pytest.approx(
        found["free"]["Mine", "fienup"].value, rel=0.01
    )
    for ramp, note in (
        ("kept", "measured, not removed: by the settings"),
        ("free", "removed: by the settings"),
    ):
        row = found[ramp]["Tilted", "gauge_ramp_y"]
        assert (row.value, row.note) == (pytest.approx(-0.02, abs=5e-4), note)


def test_intervals_can_be_left_out(small_hub: Path, tmp_path: Path) -> None:
    assert main(without_networks(small_hub, tmp_path, "--bootstrap-draws", "0")) == 0
    row = rows_of(tmp_path)["Mine", "mae"]
    assert row.amplitude is not None
    assert row.amplitude_low is None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--arm", "Mine"], "'Mine' is not of the form NAME=VALUE"),
        (["--scan-key", "probe="], "'probe=' is not of the form NAME=VALUE"),
        (["--pixel-nm", "0"], "0 is not a finite number above 0"),
        (["--search-radius", "inf"], "inf is not a finite number above 0"),
    ],
)
def test_a_malformed_option_is_refused(
    small_hub: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(without_networks(small_hub, tmp_path / "o", *words))
    assert message in capsys.readouterr().err
    assert not (tmp_path / "o").exists()


def test_nothing_to_compare_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--test_data", "scan.npz", "--output_dir", str(tmp_path)])
    assert "no arm to compare" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--arm", "../up=x.npz"], "--arm ../up: an arm's name becomes part of file names"),
        (["--arm", "Other=nowhere.npz"], "nowhere.npz"),
        (["--halves", "Other", "a.npz", "b.npz"], "--halves Other: there is no --arm of this name"),
        (["--reconstructor", "Other=unheard-of"], "no installed package declares this reconstructor"),
        (["--scan-key", "probes=x"], "there is no role 'probes' in a scan"),
        (["--diffraction-values", "counts"], "--diffraction-values says counts"),
    ],
)
def test_a_mistake_is_one_line(
    small_hub: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert main(without_networks(small_hub, tmp_path / "o", *words)) == 2
    said = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert len(said) == 1
    assert message in said[0]
