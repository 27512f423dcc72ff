"""`ptycho-hub scan`: what is understood of a file, and what is not, with the option that says it."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from ptycho_compare.cli.ptycho_hub import main
from scans import make_scan, tike_arrays, write_cxi, write_hdf5, write_scan

SQUARE = {"count": 30, "side": 16, "height": 64, "width": 64}


def shown(capsys: pytest.CaptureFixture[str], path: Path, *more: str, status: int = 0) -> str:
    """Run the command; its lines, one blank between words."""
    assert main(["scan", str(path), *more]) == status
    return "\n".join(" ".join(line.split()) for line in capsys.readouterr().out.splitlines())


def test_a_whole_scan_is_understood(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = shown(capsys, write_scan(tmp_path / "scan.npz", make_scan(**SQUARE)))
    for line in (
        "diff3d (30, 16, 16) float32 diffraction",
        "scan_index (30,) int64 not used",
        "images 30 of 16 x 16, amplitude, zero frequency in the centre, no pixel is bad",
        "probe 16 x 16, 1 mode (100 % of the light)",
        "object 64 x 64, taken as the truth",
        "with positions shuffled: no other reading is clearly better",
        "the object pixel, so cut-offs are in px alone: --pixel-nm",
    ):
        assert line in out


def test_another_geometry_is_the_first_thing_not_settled(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arrays = make_scan(**SQUARE)
    arrays["xcoords"], arrays["ycoords"] = arrays["ycoords"], arrays["xcoords"]
    path = write_scan(tmp_path / "scan.npz", arrays)
    out = shown(capsys, path, status=2)
    assert "otherwise: positions with x and y exchanged" in out
    assert "not settled:\nthe geometry: mend the file" in out
    assert "positions with x and y exchanged" in shown(capsys, path, "--geometry", "as-given")


def test_what_a_file_lacks_is_named_with_its_option(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = shown(capsys, write_scan(tmp_path / "tike.npz", tike_arrays(make_scan(**SQUARE))))
    assert "scan (1, 30, 2) float32 positions" in out
    assert "counts, zero frequency in the corner" in out
    assert "no true object, so arms are judged by residual and agreement: --scan-key object=KEY" in out


def test_units_and_lengths_of_a_cxi_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def in_mm(file: h5py.File) -> None:
        distance = file["entry_1/instrument_1/detector_1/distance"]
        distance[...] = distance[()] * 1e3
        distance.attrs["units"] = "mm"

    basis = 75e-6 * np.array([[0.0, -1.0, 0.0], [-1.0, 0.0, 0.0]])
    write_cxi(tmp_path / "scan.cxi", basis, change=in_mm)
    out = shown(capsys, tmp_path / "scan.cxi", "--diffraction-values", "counts")
    assert "distance, in mm" in out
    assert "distance 2 m, detector pixel 7.5e-05 m" in out
    assert "far field is taken for granted" in out
    assert "no probe, so no residual: --scan-key probe=KEY" in out


def test_a_file_that_is_not_understood_shows_what_it_holds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arrays = make_scan(**SQUARE)
    path = write_hdf5(tmp_path / "scan.h5", {"dp": arrays["diff3d"], "a\nb": arrays["xcoords"]})
    assert main(["scan", str(path)]) == 2
    out, error = capsys.readouterr()
    assert "dp" in out
    assert "(30, 16, 16) float32" in out
    assert "a?b" in out
    assert "name it: --scan-key " in error
    assert main(["scan", str(tmp_path / "none.h5")]) == 2
    assert capsys.readouterr().err.endswith("none.h5: no such file\n")
