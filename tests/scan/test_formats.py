"""One scan in every format: NPZ, packed NPZ, tike's, HDF5; told by content, refused in one line."""

from __future__ import annotations

import bz2
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ptycho_compare.errors import ArchiveError, InputError, ScanError
from ptycho_compare.scan.plan import draw_plan
from ptycho_compare.scan.read import open_scan
from ptycho_compare.scan.reading import Reading
from scans import counts_of, make_scan, tike_arrays, write_cxi, write_hdf5, write_scan
from thorough import examples

COUNT, SIDE = 40, 16
ALL = np.arange(COUNT)


@pytest.fixture(scope="module")
def arrays() -> dict[str, Any]:
    return make_scan(count=COUNT, side=SIDE, height=64, width=80)


def npz(path: Path, arrays: dict[str, Any]) -> Path:
    """Write NPZ under exactly that name."""
    return write_scan(path.with_suffix(".npz"), arrays).rename(path)


def packed(path: Path, arrays: dict[str, Any]) -> Path:
    path.write_bytes(bz2.compress(npz(path, arrays).read_bytes()))
    return path


WAYS: dict[str, Callable[[Path, dict[str, Any]], Path]] = {
    "NPZ": npz,
    "NPZ packed by bzip2": packed,
    "HDF5": write_hdf5,
    "HDF5 in chunks": lambda p, a: write_hdf5(p, a, chunks=(7, 5, 16), compression="gzip", shuffle=True),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_format_gives_the_same_scan(tmp_path: Path, arrays: dict[str, Any], way: str) -> None:
    """The name says nothing: every one of them is called .dat."""
    with open_scan(write_scan(tmp_path / "expected.npz", arrays)) as expected:
        pass
    with open_scan(WAYS[way](tmp_path / "scan.dat", arrays), spool_folder=tmp_path) as scan:
        np.testing.assert_array_equal(scan.positions, expected.positions)
        np.testing.assert_array_equal(scan.probe, expected.probe)
        np.testing.assert_array_equal(scan.truth, expected.truth)
        np.testing.assert_array_equal(scan.diffraction.read(ALL), arrays["diff3d"])
        assert scan.normalization == pytest.approx(expected.normalization, rel=1e-12)
        assert (scan.photons, scan.values, scan.dc) == (1e9, "amplitude", "centre")
        assert (scan.warnings, scan.optics.object_pixel_nm) == ((), None)


@pytest.mark.parametrize("write", [npz, packed, write_hdf5])
def test_tike_scans_lie_on_our_grid(
    tmp_path: Path, arrays: dict[str, Any], write: Callable[[Path, dict[str, Any]], Path]
) -> None:
    """The corner of tike's window is not its centre: N//2 px lie between them."""
    path = write(tmp_path / "scan.npz.bz2", tike_arrays(arrays))
    with open_scan(path) as scan:
        np.testing.assert_allclose(
            scan.positions, np.stack([arrays["xcoords"], arrays["ycoords"]], 1), atol=1e-5
        )
        np.testing.assert_array_equal(scan.probe, arrays["probeGuess"])
        assert (scan.values, scan.dc, scan.truth, scan.warnings) == ("counts", "corner", None, ())
        expected = np.sqrt(counts_of(arrays["diff3d"]))
        np.testing.assert_allclose(scan.diffraction.read(ALL), expected, rtol=1e-6)


def test_a_tike_object_that_is_named_is_the_truth(tmp_path: Path, arrays: dict[str, Any]) -> None:
    """It lies on our grid as it is, or the forward model would not explain the images."""
    intensity = np.fft.ifftshift(arrays["diff3d"] ** 2, axes=(1, 2))
    stored = tike_arrays(arrays) | {"psi": arrays["objectGuess"][None], "data": intensity}
    path = write_scan(tmp_path / "scan.npz", stored)
    with open_scan(path, reading=Reading(keys={"object": "psi"})) as scan:
        np.testing.assert_array_equal(scan.truth, arrays["objectGuess"])
    with pytest.raises(ScanError, match=r"looks like intensity.* says amplitude"):
        open_scan(path, reading=Reading(values="amplitude", keys={"object": "psi"})).__enter__()


TIKE_LAYOUTS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "no probe": lambda t: {"data": t["data"], "scan": t["scan"]},
    "one channel, no probe": lambda t: {"data": t["data"][0][..., None], "scan": t["scan"]},
    "images last, no probe": lambda t: {"data": t["data"][0].transpose(1, 2, 0), "scan": t["scan"]},
}


@pytest.mark.parametrize("layout", TIKE_LAYOUTS)
def test_the_centre_of_a_tike_window_follows_from_its_images(
    tmp_path: Path, arrays: dict[str, Any], layout: str
) -> None:
    path = write_scan(tmp_path / "scan.npz", TIKE_LAYOUTS[layout](tike_arrays(arrays)))
    with open_scan(path) as scan:
        np.testing.assert_allclose(scan.positions[:, 0], arrays["xcoords"], atol=1e-5)
        assert scan.patch_px == SIDE


def test_positions_that_are_named_are_ours_in_a_tike_file_too(tmp_path: Path, arrays: dict[str, Any]) -> None:
    stored = tike_arrays(arrays) | {"ours": np.stack([arrays["xcoords"], arrays["ycoords"]], axis=1)}
    with open_scan(
        write_scan(tmp_path / "scan.npz", stored), reading=Reading(keys={"positions": "ours"})
    ) as scan:
        np.testing.assert_array_equal(scan.positions, stored["ours"])


def test_a_tike_window_that_leaves_the_object(tmp_path: Path, arrays: dict[str, Any]) -> None:
    stored = tike_arrays(arrays) | {"psi": arrays["objectGuess"]}
    for moved in (stored["scan"] - 60, stored["scan"] + 40):
        path = write_scan(tmp_path / "scan.npz", stored | {"scan": moved})
        with pytest.raises(ScanError, match=r"'scan'.* lies outside the object of 64 x 80 px"):
            open_scan(path, reading=Reading(keys={"object": "psi"})).__enter__()


def test_of_several_modes_the_strongest_is_the_probe(tmp_path: Path, arrays: dict[str, Any]) -> None:
    """After some engines the first mode holds hardly any of the power."""
    stored = tike_arrays(arrays)
    stored["probe"] = np.concatenate([each * stored["probe"] for each in (0.1, 1, 0.5)], axis=-3)
    with open_scan(write_scan(tmp_path / "scan.npz", stored)) as scan:
        np.testing.assert_array_equal(scan.probe, arrays["probeGuess"])
        assert scan.modes is not None
        np.testing.assert_allclose(scan.modes[:, 8, 8] / scan.modes[0, 8, 8], [1, 0.5, 0.1], rtol=1e-6)
        (warning,) = scan.warnings
        assert "'probe' holds 3 modes of a probe: their intensities add up" in warning
        assert warning.endswith("it is the strongest, which has 0.794 of the power")


@pytest.mark.parametrize("write", [npz, write_hdf5])
@pytest.mark.parametrize("table", [True, False])
def test_names_of_the_users_own(
    tmp_path: Path, arrays: dict[str, Any], write: Callable[[Path, dict[str, Any]], Path], table: bool
) -> None:
    places = (
        {"p": np.stack([arrays["xcoords"], arrays["ycoords"]], axis=1)}
        if table
        else {"px": arrays["xcoords"], "py": arrays["ycoords"]}
    )
    stored = {"frames": arrays["diff3d"], "beam": arrays["probeGuess"], "o": arrays["objectGuess"], **places}
    roles = {"positions": "p"} if table else {"x": "px", "y": "py"}
    reading = Reading(
        keys={"diffraction": "frames", "probe": "beam", "object": "o", **roles}, object_pixel_m=12e-9
    )
    with open_scan(write(tmp_path / "scan", stored), reading=reading) as scan:
        np.testing.assert_array_equal(scan.positions[:, 0], arrays["xcoords"])
        np.testing.assert_array_equal(scan.positions[:, 1], arrays["ycoords"])
        np.testing.assert_array_equal(scan.truth, arrays["objectGuess"])
        # nothing says what they hold, but probe and object prove it
        assert (scan.values, scan.dc) == ("amplitude", "centre")
        assert scan.optics.object_pixel_nm == pytest.approx(12)


def test_names_that_lie_in_groups(tmp_path: Path, arrays: dict[str, Any]) -> None:
    path = tmp_path / "scan.h5"
    with h5py.File(path, "w") as file:
        file["a/b/images"] = counts_of(arrays["diff3d"])[None]
        file["a/link"] = h5py.SoftLink("b/images")
        file["where"] = np.stack([arrays["xcoords"], arrays["ycoords"]], axis=1)
    reading = Reading(keys={"diffraction": "a/link", "positions": "/where"})
    with open_scan(path, reading=reading) as scan:
        assert (scan.values, scan.dc, scan.probe, scan.patch_px) == ("counts", "centre", None, SIDE)
        assert draw_plan(scan, group_size=4, groups=5, neighbors=7, seed=1).groups.shape == (5, 4)


def test_an_hdf5_file_is_given_back(tmp_path: Path, arrays: dict[str, Any]) -> None:
    path = write_hdf5(tmp_path / "scan.h5", arrays)
    with open_scan(path) as scan:
        assert [str(path)] == [str(p.readlink()) for p in Path("/proc/self/fd").iterdir() if holds(p, path)]
        assert list(tmp_path.iterdir()) == [path]
        assert scan.diffraction.count == COUNT
    assert not [p for p in Path("/proc/self/fd").iterdir() if holds(p, path)]


def test_a_scan_can_be_given_back_early(tmp_path: Path, arrays: dict[str, Any]) -> None:
    with open_scan(write_scan(tmp_path / "scan.npz", arrays)) as scan:
        scan.diffraction.close()
        with pytest.raises(ValueError, match="closed"):
            scan.diffraction.read(ALL)


def holds(descriptor: Path, path: Path) -> bool:
    try:
        return descriptor.readlink() == path
    except OSError:  # closed meanwhile
        return False


MISSING: dict[str, tuple[str, str]] = {
    "xcoords": ("'xcoords' is missing; found: .*--scan-key x=KEY", "--scan-key x=KEY"),
    "diff3d": ("neither 'diff3d' nor 'diffraction' is there; found: ", "--scan-key diffraction=KEY"),
}


@pytest.mark.parametrize("write", [npz, write_hdf5])
@pytest.mark.parametrize("key", MISSING)
def test_a_missing_array_says_what_is_there_and_what_to_name(
    tmp_path: Path, arrays: dict[str, Any], write: Callable[[Path, dict[str, Any]], Path], key: str
) -> None:
    path = write(tmp_path / "scan", {name: values for name, values in arrays.items() if name != key})
    for message in MISSING[key]:
        with pytest.raises(ScanError, match=message) as caught:
            open_scan(path).__enter__()
    assert "ycoords" in str(caught.value)


def test_a_name_that_is_not_there(tmp_path: Path, arrays: dict[str, Any]) -> None:
    path = write_hdf5(tmp_path / "scan.h5", arrays)
    with pytest.raises(ScanError, match=r"'frames' is missing; found: .*--scan-key diffraction=KEY"):
        open_scan(path, reading=Reading(keys={"diffraction": "frames"})).__enter__()


def hdf5_changed(change: Callable[[h5py.File], None]) -> Callable[[Path, dict[str, Any]], None]:
    def write(path: Path, arrays: dict[str, Any]) -> None:
        with h5py.File(write_hdf5(path, arrays), "a") as file:
            change(file)

    return write


def replaced(key: str, value: Callable[[h5py.File], Any]) -> Callable[[Path, dict[str, Any]], None]:
    def change(file: h5py.File) -> None:
        new = value(file)
        del file[key]
        file[key] = new

    return hdf5_changed(change)


def ring(file: h5py.File) -> None:
    del file["diff3d"]
    file["diff3d"], file["other"] = h5py.SoftLink("/other"), h5py.SoftLink("/diff3d")


def virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((COUNT, SIDE, SIDE), np.float32)
    layout[:] = h5py.VirtualSource("/etc/passwd", "diff3d", (COUNT, SIDE, SIDE))
    del file["diff3d"]
    file.create_virtual_dataset("diff3d", layout)


def external_storage(file: h5py.File) -> None:
    del file["diff3d"]
    file.create_dataset("diff3d", (COUNT, SIDE, SIDE), np.float32, external="/etc/passwd")


def external_ring(file: h5py.File) -> None:
    del file["xcoords"]
    file["xcoords"] = h5py.ExternalLink(file.filename, "/xcoords")


def one_chunk(file: h5py.File) -> None:
    del file["diff3d"]
    file.create_dataset(
        "diff3d", (COUNT, SIDE, SIDE), np.float32, chunks=(1 << 19, SIDE, SIDE), maxshape=(None, SIDE, SIDE)
    )


def huge_images(file: h5py.File) -> None:
    del file["diff3d"], file["probeGuess"]
    file.create_dataset("diff3d", (COUNT, 1 << 20, 1 << 20), np.float32, chunks=(1, 64, 64))


def cut(path: Path, arrays: dict[str, Any]) -> None:
    write_hdf5(path, arrays)
    path.write_bytes(path.read_bytes()[:-3000])


def broken_chunk(path: Path, arrays: dict[str, Any]) -> None:
    write_hdf5(path, arrays, chunks=(8, SIDE, SIDE), compression="gzip")
    with h5py.File(path) as file:
        where = file["diff3d"].id.get_chunk_info(2).byte_offset
    data = bytearray(path.read_bytes())
    data[where : where + 64] = b"\xff" * 64
    path.write_bytes(data)


HOSTILE: dict[str, tuple[Callable[[Path, dict[str, Any]], Any], str]] = {
    "soft links in a ring": (hdf5_changed(ring), "ring of links"),
    "external link": (hdf5_changed(external_ring), "link to another file"),
    "virtual dataset": (hdf5_changed(virtual), "keeps its data in another file"),
    "external storage": (hdf5_changed(external_storage), "keeps its data in another file"),
    "huge chunks": (hdf5_changed(one_chunk), "chunks below 256 MiB"),
    "huge images": (hdf5_changed(huge_images), r"states \d+ bytes, .* it was never filled"),
    "cut short": (cut, "not a readable HDF5 file"),
    "broken chunk": (broken_chunk, r"'diff3d' cannot be read at images 0 to 39"),
    "images last": (replaced("diff3d", lambda f: f["diff3d"][()].T), r"needed: \(40, 16, 16\)"),
    "not square": (replaced("diff3d", lambda f: f["diff3d"][:, 1:]), "images are not square"),
    "another N": (replaced("diff3d", lambda f: f["diff3d"][:, 1:, 1:]), "the probe is 16 x 16"),
    "complex": (replaced("diff3d", lambda f: f["diff3d"][()] * 1j), "amplitudes are real"),
    "metadata a number": (replaced("_metadata", lambda f: 3.0), "'_metadata' is float64 .*needed: text"),
    "metadata many texts": (replaced("_metadata", lambda f: ["{}", "{}"]), "needed: text"),
    "metadata no text": (replaced("_metadata", lambda f: np.bytes_(b"\xff\xfe")), "'_metadata'"),
    "x as a table": (replaced("xcoords", lambda f: np.ones((40, 2))), "'xcoords' has 80 positions"),
    "x as texts": (replaced("xcoords", lambda f: ["a"] * 40), "'xcoords' holds no numbers"),
    "no file format": (lambda p, a: p.write_bytes(b"\x00scan"), r"nor HDF5, it begins with b'\\x00scan'"),
    "empty": (lambda p, a: p.write_bytes(b""), "neither NPZ nor HDF5"),
    "packed text": (lambda p, a: p.write_bytes(bz2.compress(b"text")), "not a readable zip archive"),
    "packed and cut": (lambda p, a: p.write_bytes(packed(p, a).read_bytes()[:-200]), "not readable as bzip2"),
    "a folder": (lambda p, a: p.mkdir(), "cannot be read"),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_file_is_refused_in_one_line(tmp_path: Path, arrays: dict[str, Any], case: str) -> None:
    write, message = HOSTILE[case]
    path = tmp_path / "scan"
    write(path, arrays)
    with pytest.raises((ScanError, ArchiveError), match=message) as caught:
        open_scan(path).__enter__()
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


@settings(examples(80), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=6), byte=st.integers(0, 255))
@pytest.mark.parametrize("kind", ["HDF5", "CXI"])
def test_a_damaged_file_is_read_or_refused_in_one_line(
    tmp_path: Path, arrays: dict[str, Any], kind: str, at: list[float], byte: int
) -> None:
    """HDF5 raises nearly anything over a damaged file; most of the damage here hits its structure."""
    whole, path = tmp_path / "whole", tmp_path / "damaged"
    if not whole.exists() and kind == "HDF5":
        write_hdf5(whole, arrays, chunks=(8, SIDE, SIDE), compression="gzip")
    elif not whole.exists():
        write_cxi(whole, 75e-6 * np.array([[0.0, -1.0, 0.0], [-1.0, 0.0, 0.0]]))
    data = bytearray(whole.read_bytes())
    for share in at:
        data[int(share * share * len(data))] = byte
    path.write_bytes(data)
    refused = ""
    try:
        with open_scan(path, reading=Reading(values="counts" if kind == "CXI" else None)) as scan:
            assert np.isfinite(scan.diffraction.read(np.arange(scan.diffraction.count))).all()
    except InputError as error:
        refused = str(error)
    assert not refused or refused.startswith(str(path))
    assert "\n" not in refused


TABLES: dict[str, tuple[Callable[[np.ndarray], np.ndarray], str]] = {
    "three columns": (lambda t: np.c_[t, t[:, 0]], r"shape \(40, 3\); needed: \(n, 2\) numbers"),
    "text": (lambda t: t.astype("S9"), "needed: \\(n, 2\\) numbers"),
    "infinite": (lambda t: np.where(np.arange(40)[:, None] == 7, np.inf, t), r"'p'\[7\] is \[inf, inf\]; 1"),
    "outside": (lambda t: t - 30, r"'p'\[\d+\] = -\d.* lies outside the object of 64 x 80 px"),
}


@pytest.mark.parametrize("case", TABLES)
def test_positions_in_a_table_are_checked(tmp_path: Path, arrays: dict[str, Any], case: str) -> None:
    change, message = TABLES[case]
    table = change(np.stack([arrays["xcoords"], arrays["ycoords"]], axis=1))
    path = write_scan(tmp_path / "scan.npz", arrays | {"p": table})
    with pytest.raises(InputError, match=message):
        open_scan(path, reading=Reading(keys={"positions": "p"})).__enter__()


def test_a_siemens_star_is_read_as_it_is(reference: Path) -> None:
    path = reference / "siemens_star" / "siemens-star-small.npz.bz2"
    with open_scan(path) as scan:
        assert (scan.values, scan.dc, scan.patch_px, scan.diffraction.count) == ("counts", "corner", 128, 516)
        assert scan.diffraction.mean_energy == pytest.approx(4.61e5, rel=1e-3)
        np.testing.assert_allclose(np.ptp(scan.positions, axis=0), [328.9, 331.9], atol=0.05)
        assert (scan.truth, scan.warnings) == (None, ())
        images = scan.diffraction.read(np.arange(516)[::7])
        assert (images**2).sum(axis=(1, 2)).mean() == pytest.approx(4.61e5, rel=0.05)
        assert images[:, 32:96, 32:96].sum() > 10 * images[:, :32].sum()  # DC is in the centre
