"""Units of positions and lengths: read, said or refused, never guessed; and extents that no scan has."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from ptycho_compare.cli.compare_models import main
from ptycho_compare.errors import ScanError
from ptycho_compare.scan.extent import require_extent
from ptycho_compare.scan.formats.units import factor
from ptycho_compare.scan.read import open_scan
from ptycho_compare.scan.reading import Reading
from scans import CxiTruth, make_scan, write_cxi, write_hdf5, write_scan

PIXEL = 75e-6
DETECTOR, SOURCE = "entry_1/instrument_1/detector_1", "entry_1/instrument_1/source_1"
TRANSLATION = "entry_1/sample_1/geometry_1/translation"
BASIS = PIXEL * np.array([[0.0, -1.0, 0.0], [-1.0, 0.0, 0.0]])
JOULES = 6.62607015e-34 * 299792458 / 1e-10  # of the file's wavelength
KEV = JOULES / 1.602176634e-16


@pytest.mark.parametrize(
    ("unit", "kind", "size"),
    [
        ("m", "length", 1.0),
        ("metre", "length", 1.0),
        ("Meters", "length", 1.0),
        ("mm", "length", 1e-3),
        ("millimeter", "length", 1e-3),
        ("um", "length", 1e-6),
        ("µm", "length", 1e-6),
        ("μm", "length", 1e-6),
        ("micron", "length", 1e-6),
        ("microns", "length", 1e-6),
        ("nm", "length", 1e-9),
        ("Angstrom", "length", 1e-10),
        ("A", "length", 1e-10),
        ("pm", "length", 1e-12),
        ("J", "energy", 1.0),
        ("Joule", "energy", 1.0),
        ("eV", "energy", 1.602176634e-19),
        ("keV", "energy", 1.602176634e-16),
        ("KeV", "energy", 1.602176634e-16),
    ],
)
def test_a_unit_has_the_size_that_its_name_says(unit: str, kind: str, size: float) -> None:
    assert factor(unit, kind, label="f: 'k'", role="distance") == pytest.approx(size)


@pytest.mark.parametrize(
    ("unit", "kind"),
    [
        ("keV", "length"),
        ("mm", "energy"),
        ("s", "length"),
        ("px", "length"),
        ("furlongs per fortnight", "length"),
        ("9**9**9", "length"),  # no text from outside is calculated with
        ("m**2", "length"),
        ("counts", "energy"),
    ],
)
def test_a_unit_of_something_else_is_refused_by_name(unit: str, kind: str) -> None:
    with pytest.raises(ScanError) as caught:
        factor(unit, kind, label="f.cxi: 'distance'", role="distance")
    assert str(caught.value).startswith(f"f.cxi: 'distance' has the unit {unit!r}, which is no {kind}; say")
    assert "--scan-unit distance=" in str(caught.value)


def scaled(key: str, by: float, unit: str | bytes) -> Callable[[h5py.File], None]:
    """Store a length in another unit, which its attribute names."""

    def change(file: h5py.File) -> None:
        file[key][...] = file[key][()] * by
        file[key].attrs["units"] = unit

    return change


def energy(value: float, unit: str | None) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        del file[f"{SOURCE}/wavelength"]
        file[f"{SOURCE}/energy"] = value
        if unit is not None:
            file[f"{SOURCE}/energy"].attrs["units"] = unit

    return change


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, CxiTruth]:
    path = tmp_path_factory.mktemp("cxi") / "scan.cxi"
    return path, write_cxi(path, BASIS)


def changed(simulated: tuple[Path, CxiTruth], folder: Path, change: Callable[[h5py.File], None]) -> Path:
    path = Path(shutil.copy(simulated[0], folder))
    with h5py.File(path, "r+") as file:
        change(file)
    return path


SAME: dict[str, Callable[[h5py.File], None]] = {
    "distance in mm": scaled(f"{DETECTOR}/distance", 1e3, "mm"),
    "distance in metres, as bytes": scaled(f"{DETECTOR}/distance", 1, b"metres"),
    "detector pixel in um": scaled(f"{DETECTOR}/x_pixel_size", 1e6, "um"),
    "wavelength in Angstrom": scaled(f"{SOURCE}/wavelength", 1e10, "angstrom"),
    "wavelength in nm": scaled(f"{SOURCE}/wavelength", 1e9, "nm"),
    "translations in um": scaled(TRANSLATION, 1e6, "um"),
    "translations in mm": scaled(TRANSLATION, 1e3, "mm"),
    "basis vectors in um": scaled(f"{DETECTOR}/basis_vectors", 1e6, "um"),
    "energy in J": energy(JOULES, "J"),
    "energy in keV": energy(KEV, "keV"),
    "energy in eV": energy(KEV * 1e3, "eV"),
    "energy without a unit": energy(JOULES, None),
}


@pytest.mark.parametrize("change", SAME.values(), ids=SAME)
def test_a_cxi_file_gives_the_same_scan_in_any_unit(
    simulated: tuple[Path, CxiTruth], tmp_path: Path, change: Callable[[h5py.File], None]
) -> None:
    with open_scan(changed(simulated, tmp_path, change), reading=Reading("counts")) as scan:
        np.testing.assert_allclose(scan.positions, simulated[1].positions, atol=1e-6)


WRONG = {
    "a unit that nobody knows": (
        scaled(f"{DETECTOR}/distance", 1, "ells"),
        "distance' has the unit 'ells', which is no length",
    ),
    "a unit of energy for a length": (
        scaled(f"{DETECTOR}/distance", 1, "keV"),
        "has the unit 'keV', which is no",
    ),
    "a length for an energy": (energy(KEV, "mm"), "energy' has the unit 'mm', which is no energy"),
    "a number for a unit": (scaled(f"{DETECTOR}/distance", 1, 7), "has the unit '7'"),  # type: ignore[arg-type]
    "eV and no unit": (energy(KEV * 1e3, None), "say its unit: --scan-unit energy=keV"),
}


@pytest.mark.parametrize(("change", "said"), WRONG.values(), ids=WRONG)
def test_a_cxi_file_in_a_wrong_unit_is_refused(
    simulated: tuple[Path, CxiTruth], tmp_path: Path, change: Callable[[h5py.File], None], said: str
) -> None:
    with pytest.raises(ScanError, match=said):
        open_scan(changed(simulated, tmp_path, change), reading=Reading("counts")).__enter__()


def test_the_users_unit_goes_before_the_files(simulated: tuple[Path, CxiTruth], tmp_path: Path) -> None:
    path = changed(simulated, tmp_path, scaled(f"{DETECTOR}/distance", 1e3, "m"))
    with open_scan(path, reading=Reading("counts", units={"distance": "mm"})) as scan:
        np.testing.assert_allclose(scan.positions, simulated[1].positions, atol=1e-6)


@pytest.fixture(scope="module")
def arrays() -> dict[str, np.ndarray]:
    """A scan without its object, whose origin metres do not share."""
    made = make_scan(count=24, side=16, height=64, width=72)
    return {key: made[key] for key in ("xcoords", "ycoords", "diff3d", "probeGuess")}


KEYS = {"x": "px_m", "y": "py_m", "diffraction": "diff3d", "probe": "probeGuess"}
NM_20 = 2e-8
SIZES = {"m": 1.0, "mm": 1e-3, "um": 1e-6, "nm": 1e-9}


def in_lengths(arrays: dict[str, np.ndarray], path: Path, unit: str, *, attribute: bool) -> Path:
    """Write positions about their middle in a unit of length, on pixels of 20 nm."""
    size = SIZES[unit]
    x, y = (arrays[f"{axis}coords"] - arrays[f"{axis}coords"].mean() for axis in "xy")
    write_hdf5(path, {**arrays, "px_m": x * NM_20 / size, "py_m": y * NM_20 / size})
    if attribute:
        with h5py.File(path, "r+") as file:
            file["px_m"].attrs["units"] = file["py_m"].attrs["units"] = unit
    return path


def opened(path: Path, **reading: object) -> np.ndarray:
    with open_scan(path, reading=Reading("amplitude", "centre", KEYS, **reading)) as scan:
        return scan.positions - scan.positions.mean(axis=0)


@pytest.mark.parametrize("unit", SIZES)
@pytest.mark.parametrize("who", ["the file", "the user"])
def test_named_positions_in_a_length_become_pixels(
    arrays: dict[str, np.ndarray], tmp_path: Path, unit: str, who: str
) -> None:
    path = in_lengths(arrays, tmp_path / "scan.h5", unit, attribute=who == "the file")
    units = {"positions": unit} if who == "the user" else {}
    right = np.stack([arrays["xcoords"], arrays["ycoords"]], axis=1)
    found = opened(path, object_pixel_m=NM_20, units=units)
    np.testing.assert_allclose(found, right - right.mean(axis=0), atol=1e-6)
    with pytest.raises(ScanError, match=f"is in {unit}, and nothing says .* --pixel-nm"):
        opened(path, units={"positions": unit})


def test_metres_are_taken_for_granted_only_where_nothing_else_makes_sense(
    arrays: dict[str, np.ndarray], tmp_path: Path
) -> None:
    """Without any unit: asked about, and with a pixel read as metres, with a warning."""
    path = in_lengths(arrays, tmp_path / "scan.h5", "m", attribute=False)
    with pytest.raises(ScanError, match="all images lie on one pixel; say their unit: --scan-unit"):
        opened(path)
    with open_scan(path, reading=Reading("amplitude", "centre", KEYS, NM_20)) as scan:
        assert [each for each in scan.warnings if "have no unit and span" in each and "as metres" in each]
        np.testing.assert_allclose(np.ptp(scan.positions[:, 0]), np.ptp(arrays["xcoords"]))
    # in px they stay what they are: the pixel's side is only for cut-offs in nm
    write_hdf5(tmp_path / "px.h5", {**arrays, "px_m": arrays["xcoords"], "py_m": arrays["ycoords"]})
    np.testing.assert_allclose(
        np.ptp(opened(tmp_path / "px.h5", object_pixel_m=NM_20)[:, 0]), np.ptp(arrays["xcoords"])
    )
    assert np.ptp(opened(path, object_pixel_m=NM_20, units={"positions": "px"})) < 1  # as he says


@pytest.mark.parametrize("unit", ["mm", "um"])
def test_millimetres_and_micrometres_without_a_unit_are_asked_about(
    arrays: dict[str, np.ndarray], tmp_path: Path, unit: str
) -> None:
    path = in_lengths(arrays, tmp_path / "scan.h5", unit, attribute=False)
    with pytest.raises(ScanError, match=r"say their unit: --scan-unit positions=px, or m, mm, um, nm"):
        opened(path)


def test_positions_can_be_rows_and_columns(arrays: dict[str, np.ndarray], tmp_path: Path) -> None:
    swapped = np.stack([arrays["ycoords"], arrays["xcoords"]], axis=1)
    write_scan(tmp_path / "scan.npz", {**arrays, "rc": swapped})
    with open_scan(tmp_path / "scan.npz", reading=Reading(keys={"positions_yx": "rc"})) as scan:
        np.testing.assert_array_equal(scan.positions, swapped[:, ::-1])


def test_one_axis_with_a_unit_and_one_without_is_refused(
    arrays: dict[str, np.ndarray], tmp_path: Path
) -> None:
    path = in_lengths(arrays, tmp_path / "scan.h5", "um", attribute=True)
    with h5py.File(path, "r+") as file:
        del file["px_m"].attrs["units"]
    with pytest.raises(ScanError, match="'px_m' has no unit, and the other axis has 'um'"):
        opened(path, object_pixel_m=NM_20)


def lattice(count: int, step: float) -> np.ndarray:
    side = round(count**0.5)
    return np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1).reshape(-1, 2) * step


WILD = np.vstack([lattice(100, 4), [[9e8, 12]]])
NO_SCAN = {
    "one wild position": (WILD, "position 100 lies 9e.08 px from the others"),
    "one at a thousand": (np.vstack([lattice(100, 4), [[20, 2e3]]]), "position 100 lies 1.98e.03 px"),
    "two wild ones": (np.vstack([WILD, [[-9e8, 1]]]), r"\(2 of 102 do\)"),
    "all on one pixel": (lattice(100, 0.05), "all images lie on one pixel"),
    "within a probe": (lattice(100, 0.4), "all within one probe of 8 px and 0.36 px apart"),
    "no overlap": (lattice(100, 90), "neighbours lie 90 px apart and images are 32 px wide"),
    "larger than memory": (lattice(100, 1e4), "more than an image of"),
}


@pytest.mark.parametrize(("positions", "said"), NO_SCAN.values(), ids=NO_SCAN)
def test_positions_that_no_scan_has_are_refused(positions: np.ndarray, said: str) -> None:
    with pytest.raises(ScanError, match=said):
        require_extent(positions, side=32, probe=None, sure=False, label="scan.npz")


SCANS = {
    "one image": np.array([[5.0, 5.0]]),
    "two images": np.array([[5.0, 5.0], [9.0, 5.0]]),
    "a line": np.stack([np.arange(40) * 3.0, np.zeros(40)], axis=1),
    "two areas": np.vstack([lattice(100, 4), lattice(64, 4) + np.array([400, 0])]),
    "a dense fly scan": np.stack([np.arange(400) * 0.25, np.repeat(np.arange(10) * 8.0, 40)], axis=1),
    "large steps": lattice(100, 30),
    "near field, sixteen diffuser steps": np.random.default_rng(1).normal(0, 6, (16, 2)),
    "somewhere else": lattice(100, 4) + 1e6,
}


@pytest.mark.parametrize("positions", SCANS.values(), ids=SCANS)
def test_scans_of_many_kinds_are_let_pass(positions: np.ndarray) -> None:
    require_extent(positions, side=32, probe=np.ones((32, 32), np.complex64), sure=False, label="scan.npz")


def test_a_wild_position_is_one_line_of_the_command(
    arrays: dict[str, np.ndarray], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    x = arrays["xcoords"].copy()
    x[10] = 9e8
    scan = write_scan(tmp_path / "scan.npz", {**arrays, "xcoords": x})
    np.savez(tmp_path / "a.npz", object=np.ones((64, 72), np.complex64))
    words = ["--test_data", str(scan), "--output_dir", str(tmp_path / "out"), "--arm", f"A={tmp_path}/a.npz"]
    assert main([*words, "--quiet"]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert "scan.npz: position 10 lies 9e+08 px from the others" in last
