"""What is refused before any model is loaded, and what of an arm cannot be measured."""

from __future__ import annotations

import logging
import re
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from bundles import write_bundle, write_supervised_baseline
from hubs import DOSE, SIDE, make_split, request_on
from ptycho_compare.cli.compare_models import main
from ptycho_compare.errors import BundleError, ReadyMadeError
from ptycho_compare.hub import Hub
from ptycho_compare.models.bundle import is_model
from ptycho_compare.phases.comparison.compare import compare
from ptycho_compare.phases.comparison.request import ArmRequest
from ptycho_compare.reconstruction.image_source import ImageSource
from ptycho_compare.records.tables.metrics_csv import read_metrics_csv
from scans import write_scan

pytestmark = pytest.mark.usefixtures("undrawn", "built_once")


def test_two_networks_of_different_groups_cannot_share_a_plan(small_hub: Path, tmp_path: Path) -> None:
    write_bundle(tmp_path / "wts.h5.zip", gridsize=3, patch_px=SIDE, nphotons=DOSE)
    request = request_on(
        small_hub, tmp_path / "out", ArmRequest("Nine", ImageSource(tmp_path / "wts.h5.zip"))
    )
    with pytest.raises(
        BundleError, match=r"takes groups of 4 images and .* groups of 9; one plan cannot serve"
    ):
        compare(request, command=["test"], console_level=None)


def test_a_model_is_told_from_other_files(small_hub: Path, tmp_path: Path) -> None:
    hub = Hub(small_hub)
    bundle = hub.baseline_dir(DOSE) / "wts.h5.zip"
    renamed = tmp_path / "network.bin"
    renamed.write_bytes(bundle.read_bytes())
    legacy = write_supervised_baseline(tmp_path / "net.h5")
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04 and nothing else")
    (tmp_path / "text").write_text("hello")
    models = [path for path in (bundle.parent, bundle, renamed, legacy) if is_model(path)]
    assert len(models) == 4
    others = [
        hub.ptychi(DOSE, "dense", "train"),
        tmp_path / "broken.zip",
        tmp_path / "text",
        tmp_path / "none",
    ]
    assert not any(is_model(path) for path in others)


def test_what_cannot_be_measured_is_logged_and_has_no_row(
    small_hub: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A probe that always reaches past the scored area leaves no image to judge by."""
    arrays = make_split(0)
    edge = np.zeros((SIDE, SIDE), np.complex64)
    edge[0] = edge[-1] = edge[:, 0] = edge[:, -1] = 1.0
    arrays["probeGuess"] = edge
    write_scan(tmp_path / "scan.npz", arrays)
    request = request_on(
        small_hub, tmp_path / "out", test_data=tmp_path / "scan.npz", groups=8, networks=True
    )
    with caplog.at_level(logging.WARNING):
        compare(request, command=["test"], console_level=None)
    assert "no r_factor: " in (tmp_path / "out/logs/logs/debug.log").read_text()
    names = {row.metric for row in read_metrics_csv(tmp_path / "out/comparison_metrics.csv")}
    assert "r_factor" not in names
    assert not (tmp_path / "out/residual_plot.png").exists()


def test_halves_that_do_not_fit_have_no_rows(small_hub: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for name in ("even", "odd"):
        noise = rng.standard_normal((2, 70, 86))
        np.save(tmp_path / f"{name}.npy", noise[0] + 1j * noise[1])
    halves = ImageSource(tmp_path / "even.npy"), ImageSource(tmp_path / "odd.npy")
    more = ArmRequest("Mine", ImageSource(Hub(small_hub).ptychi(DOSE, "dense", "train")), halves=halves)
    request = request_on(small_hub, tmp_path / "out", more, networks=False, ready_made=None)
    compare(request, command=["test"], console_level=None)
    assert "no comparison of its halves: not registered" in (tmp_path / "out/logs/logs/debug.log").read_text()
    names = {row.metric for row in read_metrics_csv(tmp_path / "out/comparison_metrics.csv")}
    assert not any(name.startswith("half_") for name in names)


@pytest.mark.parametrize("copied", [False, True], ids=["one file", "a copy"])
def test_one_image_given_for_both_halves_is_refused(copied: bool, small_hub: Path, tmp_path: Path) -> None:
    """It would agree with itself perfectly, and beat every honest arm."""
    image = Hub(small_hub).ptychi(DOSE, "dense", "train")
    other = tmp_path / "other.npz"
    shutil.copy(image, other)
    halves = ImageSource(image), ImageSource(other if copied else image)
    more = ArmRequest("Mine", ImageSource(image), halves=halves)
    request = request_on(small_hub, tmp_path / "out", more, networks=False, ready_made=None)
    with pytest.raises(ReadyMadeError, match=re.escape(f"{halves[1]}: both halves of Mine are one image")):
        compare(request, command=["test"], console_level=None)


@pytest.mark.parametrize("flag", ["--arm M=", "--pinn_dir ", "--baseline_dir "])
@pytest.mark.parametrize("code", [False, True], ids=["weights", "TorchScript"])
def test_a_torch_file_is_told_how_its_network_becomes_an_arm(
    code: bool, flag: str, small_hub: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with zipfile.ZipFile(tmp_path / "net.pt", "w") as archive:
        for member in ["net/data.pkl", "net/data/0", *(["net/code/__torch__.py"] if code else [])]:
            archive.writestr(member, b"never read")
    scan = Hub(small_hub).patched(DOSE, "train")
    words = f"--test_data {scan} --output_dir {tmp_path}/out {flag}{tmp_path}/net.pt"
    assert main(words.split()) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert "net.pt: is a PyTorch file, which can run code" in line
    assert "export a network to ONNX (docs/own_networks.md)" in line


def test_one_image_times_a_constant_is_no_second_half(small_hub: Path, tmp_path: Path) -> None:
    image = Hub(small_hub).ptychi(DOSE, "dense", "train")
    with np.load(image) as arrays:
        np.save(tmp_path / "turned.npy", 1.7 * np.exp(0.8j) * arrays["reconstructed_object"])
    halves = ImageSource(image), ImageSource(tmp_path / "turned.npy")
    more = ArmRequest("Mine", ImageSource(image), halves=halves)
    request = request_on(small_hub, tmp_path / "out", more, networks=False, ready_made=None)
    compare(request, command=["test"], console_level=None)
    log = (tmp_path / "out/logs/logs/debug.log").read_text()
    assert "Mine: no comparison of its halves: they are one image up to a constant" in log
    names = {row.metric for row in read_metrics_csv(tmp_path / "out/comparison_metrics.csv")}
    assert "fienup" in names
    assert not any(name.startswith("half_") for name in names)


def test_a_probe_of_another_size_gives_no_residual_and_says_so(small_hub: Path, tmp_path: Path) -> None:
    with np.load(Hub(small_hub).ptychi(DOSE, "dense", "train")) as arrays:
        values = arrays["reconstructed_object"]
    probe = np.ones((2 * SIDE, 2 * SIDE), np.complex64)
    np.savez(tmp_path / "wide.npz", reconstructed_object=values, reconstructed_probe=probe)
    more = ArmRequest("Wide", ImageSource(tmp_path / "wide.npz"))
    request = request_on(small_hub, tmp_path / "out", more, networks=False, ready_made=None)
    compare(request, command=["test"], console_level=None)
    log = (tmp_path / "out/logs/logs/debug.log").read_text()
    assert "Wide: no r_factor_own_probe: the probe is 64 px wide, images are 32" in log
    names = {row.metric for row in read_metrics_csv(tmp_path / "out/comparison_metrics.csv")}
    assert "r_factor" in names
    assert "r_factor_own_probe" not in names
