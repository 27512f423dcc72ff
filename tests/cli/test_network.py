"""`ptycho-hub network`: what an ONNX network was trained on is found by R, and written as its toml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from own_networks import write_memorised
from ptycho_compare.cli.ptycho_hub import main
from ptycho_compare.models.own import read_own
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
