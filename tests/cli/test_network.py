"""`ptycho-hub network`: what an ONNX network was trained on is found by R, and written as its toml."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bundles import write_bundle, write_supervised_baseline
from own_networks import write_memorised
from ptycho_compare.cli.ptycho_hub import main
from ptycho_compare.errors import BundleError
from ptycho_compare.models.bundle import inspect_model, is_model
from ptycho_compare.models.own.inspect_own import inspect_own, read_own
from ptycho_compare.models.own.own_network import load_own
from ptycho_compare.models.predictor import load_predictor
from scans import make_scan, write_scan


@pytest.fixture(scope="module")
def arrays() -> dict[str, Any]:
    return small()


def small(seed: int = 0) -> dict[str, Any]:
    return make_scan(count=40, side=16, height=40, width=44, seed=seed)


@pytest.fixture(scope="module")
def scan(arrays: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scan(tmp_path_factory.mktemp("scan") / "scan.npz", arrays)


@pytest.mark.parametrize(
    ("gives", "dc"),
    [
        ("phase", "corner"),
        pytest.param("amplitude and phase", "corner", marks=pytest.mark.slow),
        pytest.param("real and imaginary", "centre", marks=pytest.mark.slow),
    ],
)
def test_what_it_learned_is_found(
    arrays: dict[str, Any],
    scan: Path,
    tmp_path: Path,
    gives: Any,
    dc: Any,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = write_memorised(tmp_path / "net.onnx", arrays, gives=gives, dc=dc, toml=None)
    assert main(["network", str(path), "--scan", str(scan)]) == 0
    said = read_own(path).said
    assert (said.input.values, said.input.zero_frequency, said.output.values) == ("amplitude", dc, gives)
    assert said.input.scale == "none"
    assert said.output.phase_range in (None, "radians")
    out = capsys.readouterr().out
    assert "readings tried on" in out
    assert f"written: {path.with_suffix('.toml')}" in out
    assert "# found by ptycho-hub network: R 0." in path.with_suffix(".toml").read_text()


@pytest.mark.slow
def test_another_orientation_is_found(arrays: dict[str, Any], scan: Path, tmp_path: Path) -> None:
    turned = dict(arrays)
    turned["diff3d"] = np.roll(arrays["diff3d"][:, ::-1], 1, axis=1)
    patches = write_memorised(tmp_path / "net.onnx", turned, toml=None, mirrored=True)
    assert main(["network", str(patches), "--scan", str(scan)]) == 0
    assert read_own(patches).said.input.orientation == "mirrored top to bottom"


def test_a_network_of_another_object_gets_no_toml(
    arrays: dict[str, Any], scan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = small(5)
    other["diff3d"] = np.ascontiguousarray(arrays["diff3d"][::-1])
    path = write_memorised(tmp_path / "net.onnx", other, toml=None)
    assert main(["network", str(path), "--scan", str(scan)]) == 2
    assert "no reading explains the images of" in capsys.readouterr().err
    assert not path.with_suffix(".toml").exists()


def test_a_toml_that_is_there_is_kept(
    arrays: dict[str, Any], scan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_memorised(tmp_path / "net.onnx", arrays)
    before = path.with_suffix(".toml").read_bytes()
    assert main(["network", str(path), "--scan", str(scan)]) == 2
    assert "--clobber writes over it" in capsys.readouterr().err
    assert path.with_suffix(".toml").read_bytes() == before


@pytest.mark.parametrize("kind", ["gs2", "gs1", "supervised"])
def test_an_exported_bundle_gives_the_bundles_patches(tmp_path: Path, kind: str) -> None:
    gridsize = 2 if kind == "gs2" else 1
    if kind == "supervised":
        bundle = write_supervised_baseline(tmp_path / "baseline_model.h5", patch_px=32)
    else:
        bundle = write_bundle(tmp_path / "wts.h5.zip", gridsize=gridsize, patch_px=32)
    net = tmp_path / "net.onnx"
    assert main(["export", str(bundle), str(net)]) == 0
    generator = np.random.default_rng(0)
    images = generator.random((3, 32, 32, gridsize**2), np.float32)
    offsets = generator.normal(0, 2, (3, 1, 2, gridsize**2)).astype(np.float32)
    found = load_own(inspect_own(net), batch_rows=2, normalization=0.37).predict(images, offsets)
    expected = load_predictor(inspect_model(bundle), batch_rows=2).predict(images, offsets)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_an_export_writes_over_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = write_bundle(tmp_path / "wts.h5.zip")
    (tmp_path / "net.toml").write_text("mine")
    assert main(["export", str(bundle), str(tmp_path / "net.onnx")]) == 2
    assert "net.toml: is there already; --clobber" in capsys.readouterr().err
    assert not (tmp_path / "net.onnx").exists()


@pytest.mark.parametrize("stated", [True, False])
def test_a_torch_bundle_is_told_how_it_becomes_an_arm(tmp_path: Path, stated: bool) -> None:
    path = tmp_path / "wts.h5.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            "manifest.dill", pickle.dumps({"models": ["diffraction_to_obj"], "version": "2.0-pytorch"})
        )
        for name in ("model.pth", "params.dill"):
            archive.writestr(f"diffraction_to_obj/{name}", b"never read")
        if stated:
            archive.writestr("torch_scaling_metadata.pt", b"never read")
    assert is_model(path)
    which = "torch_scaling_metadata.pt in it says which" if stated else "it does not say which"
    with pytest.raises(
        BundleError, match=rf"2\.0-pytorch.*docs/own_networks\.md.*three input scales \({which}\)"
    ):
        inspect_model(path)
