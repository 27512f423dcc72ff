"""What a reader leaves out, and what it refuses, is said with the numbers and a way on."""

from __future__ import annotations

import re
from pathlib import Path

import h5py
import numpy as np
import pytest

from ptycho_compare.cli.ptycho_hub import main
from ptycho_compare.errors import ScanError
from ptycho_compare.scan.read import open_scan
from ptycho_compare.scan.reading import Reading
from scans import make_scan, write_cxi, write_scan


@pytest.mark.parametrize(
    ("factors", "taken", "share"),
    [((1, 0.5), 0, "0.8"), ((0.1, 1), 1, "0.99")],
    ids=["the first", "the strongest"],
)
def test_which_part_of_a_probe_is_taken_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], factors: tuple[float, float], taken: int, share: str
) -> None:
    """Axes before that of the modes hold parts: (2, 1, N, N) is two parts of one mode each."""
    arrays = make_scan(count=40)
    arrays["probeGuess"] = np.stack([each * arrays["probeGuess"][None] for each in factors])
    path = write_scan(tmp_path / "scan.npz", arrays)
    assert main(["scan", str(path)]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "1 mode" in told
    assert "'probeGuess' has shape (2, 1, 32, 32), of which only" in told
    assert f"only part {taken} (from 0) of 2 is taken, which has {share} of the power of all" in told
    assert "store them as (m, N, N)" in told


def test_parts_without_light_are_not_spoken_of(tmp_path: Path) -> None:
    arrays = make_scan(count=40)
    arrays["probeGuess"] = np.stack([arrays["probeGuess"][None], 0 * arrays["probeGuess"][None]])
    with open_scan(write_scan(tmp_path / "scan.npz", arrays)) as scan:
        assert scan.warnings == ()


def test_translations_about_the_middle_of_a_named_object(tmp_path: Path) -> None:
    """CXI's origin is the laboratory's: the line says metres and pixels, and what helps."""
    path = tmp_path / "scan.cxi"
    made = write_cxi(path, np.array([[0.0, -75e-6, 0.0], [-75e-6, 0.0, 0.0]]))
    key = "entry_1/sample_1/geometry_1/translation"
    with h5py.File(path, "a") as file:
        file["sample"] = made.truth
        file[key][:] -= file[key][:].mean(axis=0)
    with pytest.raises(ScanError) as refused, open_scan(path, reading=Reading(keys={"object": "sample"})):
        pass
    assert re.search(
        r"'[\w/]*translation'\[\d+\] = \([^)]*e-0\d[^)]*\) m, which is x = -[\d.]+ px, lies outside "
        r"the object of 60 x 64 px \(\d+ of 12 do\); x counts object pixels from the first, 0 to 63, and "
        r"goes from -[\d.]+ to [\d.]+: shift all positions in the file alike, or leave the object out$",
        str(refused.value),
    )


def test_positions_in_a_unit_outside_a_named_object(tmp_path: Path) -> None:
    arrays = make_scan(count=40)
    arrays["xcoords"] = (arrays["xcoords"] - 60) * 0.02
    arrays["ycoords"] = arrays["ycoords"] * 0.02
    path = write_scan(tmp_path / "scan.npz", arrays)
    reading = Reading(object_pixel_m=20e-9, units={"positions": "um"})
    with pytest.raises(ScanError, match=r"'xcoords'\[\d+\] = \(-0\.\d+\) um, which is x = -[\d.]+ px, lies"):
        open_scan(path, reading=reading).__enter__()
