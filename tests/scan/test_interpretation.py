"""Counts or amplitudes, DC in the corner or the centre: proved from the numbers, or asked for by name."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from ptycho_compare.errors import ScanError
from ptycho_compare.scan.interpretation import AmplitudeEvidence, resolve_dc, resolve_values
from ptycho_compare.scan.read import open_scan
from ptycho_compare.scan.reading import Reading
from scans import counts_of, make_scan, write_scan
from thorough import examples

COUNT, SIDE = 40, 16
ALL = np.arange(COUNT)


@pytest.fixture(scope="module")
def arrays() -> dict[str, Any]:
    return make_scan(count=COUNT, side=SIDE, height=64, width=80)


def scan_of(folder: Path, arrays: dict[str, Any], **changes: Any) -> Path:
    merged = {key: value for key, value in {**arrays, **changes}.items() if value is not None}
    return write_scan(folder / "scan.npz", merged)


CERTAIN_COUNTS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "integers": lambda a: {"diff3d": counts_of(a["diff3d"]).astype(np.int32)},
    "integers of another machine": lambda a: {"diff3d": counts_of(a["diff3d"]).astype(">i4")},
    "unsigned integers": lambda a: {"diff3d": counts_of(a["diff3d"], total=1e4).astype(np.uint16)},
    "one bit a pixel": lambda a: {"diff3d": (a["diff3d"] > a["diff3d"].mean()).astype(np.uint8)},
    "whole floats": lambda a: {"diff3d": counts_of(a["diff3d"])},
    "intensity, object known": lambda a: {"diff3d": a["diff3d"] ** 2},
    "intensity, object unknown": lambda a: {"diff3d": a["diff3d"] ** 2, "objectGuess": None},
}


@pytest.mark.parametrize("case", CERTAIN_COUNTS)
def test_counts_are_read_as_their_square_root(tmp_path: Path, arrays: dict[str, Any], case: str) -> None:
    changes = CERTAIN_COUNTS[case](arrays)
    with open_scan(scan_of(tmp_path, arrays, **changes)) as scan:
        assert (scan.values, scan.dc) == ("counts", "centre")
        images = scan.diffraction.read(ALL)
        np.testing.assert_allclose(images, np.sqrt(changes["diff3d"].astype(float)), rtol=1e-6)
        energy = (images.astype(float) ** 2).sum(axis=(1, 2)).mean()
        assert scan.diffraction.mean_energy == pytest.approx(energy, rel=1e-6)
        assert scan.diffraction.read(ALL).max() == pytest.approx(images.max(), rel=1e-6)
        assert scan.normalization == pytest.approx(SIDE / 2 / np.sqrt(energy), rel=1e-6)
        (warning,) = scan.warnings  # the contract says amplitudes
        assert "'diff3d'" in warning


def test_a_contract_scan_of_amplitudes_needs_no_word(tmp_path: Path, arrays: dict[str, Any]) -> None:
    with open_scan(scan_of(tmp_path, arrays)) as scan:
        assert (scan.values, scan.dc, scan.warnings) == ("amplitude", "centre", ())


def test_a_strong_object_without_truth_is_no_intensity(tmp_path: Path, arrays: dict[str, Any]) -> None:
    """Amplitudes that the probe alone explains badly must not be mistaken for intensities."""
    generator = np.random.default_rng(1)
    strong = np.exp(2j * np.pi * generator.random((COUNT, SIDE, SIDE)))
    waves = np.fft.fft2(arrays["probeGuess"] * strong)
    images = (np.fft.fftshift(np.abs(waves), axes=(1, 2)) / SIDE).astype(np.float32)
    with open_scan(scan_of(tmp_path, arrays, diff3d=images, objectGuess=None)) as scan:
        assert scan.values == "amplitude"


def test_data_that_nothing_explains_are_no_intensity(tmp_path: Path, arrays: dict[str, Any]) -> None:
    """A wrong object is another mistake; it must not be reported as this one."""
    changes = {"objectGuess": arrays["objectGuess"][::-1].copy(), "diff3d": arrays["diff3d"][:, ::-1, ::-1]}
    with open_scan(scan_of(tmp_path, arrays, **changes)) as scan:
        assert scan.values == "amplitude"


@pytest.mark.parametrize("counted", [False, True])
def test_a_dc_in_the_corner_is_moved_to_the_centre(
    tmp_path: Path, arrays: dict[str, Any], counted: bool
) -> None:
    stored = counts_of(arrays["diff3d"]) if counted else arrays["diff3d"]
    with open_scan(scan_of(tmp_path, arrays, diff3d=stored)) as scan:
        expected = scan.diffraction.read(ALL)
    with open_scan(scan_of(tmp_path, arrays, diff3d=np.fft.ifftshift(stored, axes=(1, 2)))) as scan:
        assert scan.dc == "corner"
        assert scan.values == ("counts" if counted else "amplitude")
        np.testing.assert_array_equal(scan.diffraction.read(ALL), expected)
        assert any("DC read at the corner" in warning for warning in scan.warnings)


def test_odd_sides_are_moved_by_the_right_half(tmp_path: Path) -> None:
    arrays = make_scan(count=COUNT, side=15, height=64, width=80)
    corner = np.fft.ifftshift(arrays["diff3d"], axes=(1, 2))
    with open_scan(scan_of(tmp_path, arrays, diff3d=corner)) as scan:
        np.testing.assert_array_equal(scan.diffraction.read(ALL), arrays["diff3d"])


def test_the_users_word_for_dc_comes_first(tmp_path: Path, arrays: dict[str, Any]) -> None:
    with open_scan(scan_of(tmp_path, arrays), reading=Reading(dc="corner", values="amplitude")) as scan:
        np.testing.assert_array_equal(
            scan.diffraction.read(ALL), np.fft.fftshift(arrays["diff3d"], axes=(1, 2))
        )
        assert any("because --diffraction-dc says so" in warning for warning in scan.warnings)


def test_images_that_are_constant_prove_nothing(tmp_path: Path, arrays: dict[str, Any]) -> None:
    """Nor does a probe whose far field is flat; both would divide by a spread of 0."""
    dot = np.zeros((SIDE, SIDE), np.complex64)
    dot[SIDE // 2, SIDE // 2] = 1
    flat = np.full((COUNT, SIDE, SIDE), 1.5, np.float32)
    for changes in ({"diff3d": flat}, {"probeGuess": dot, "objectGuess": None}):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with open_scan(scan_of(tmp_path, arrays, **changes)) as scan:
                assert (scan.values, scan.warnings) == ("amplitude", ())


def test_numbers_beyond_single_precision_are_not_finite(tmp_path: Path, arrays: dict[str, Any]) -> None:
    images = arrays["diff3d"].astype(np.float64)
    images[3, 0, 0] = 1e300
    with open_scan(scan_of(tmp_path, arrays, diff3d=images)) as scan:
        good = scan.diffraction.read_measured(np.array([2, 3]))[1]
    assert np.argwhere(~good).tolist() == [[1, 0, 0]]


def own_names(arrays: dict[str, Any], images: np.ndarray) -> tuple[dict[str, Any], Reading]:
    """Return a scan about which the names say nothing, and how it is read."""
    renamed = {"a": images, "b": np.stack([arrays["xcoords"], arrays["ycoords"]], axis=1)}
    return renamed, Reading(keys={"diffraction": "a", "positions": "b"})


def test_what_nobody_knows_is_asked_for_by_name(tmp_path: Path, arrays: dict[str, Any]) -> None:
    renamed, reading = own_names(arrays, arrays["diff3d"])
    path = write_scan(tmp_path / "scan.npz", renamed)
    with pytest.raises(ScanError, match=r"'a' .*--diffraction-values amplitude\|counts"):
        open_scan(path, reading=reading).__enter__()
    flat, reading = own_names(arrays, np.ones((COUNT, SIDE, SIDE), np.float32) * 1.5)
    path = write_scan(tmp_path / "flat.npz", flat)
    with pytest.raises(ScanError, match=r"'a': .*--diffraction-dc centre\|corner"):
        open_scan(path, reading=reading).__enter__()
    said = Reading(values="counts", dc="corner", keys=reading.keys)
    with open_scan(path, reading=said) as scan:
        assert (scan.values, scan.dc, scan.warnings) == ("counts", "corner", ())


def test_strong_evidence_is_not_overruled(tmp_path: Path, arrays: dict[str, Any]) -> None:
    with pytest.raises(ScanError, match=r"whole numbers up to .* says amplitude; say counts"):
        open_scan(
            scan_of(tmp_path, arrays, diff3d=counts_of(arrays["diff3d"])), reading=Reading(values="amplitude")
        ).__enter__()
    with pytest.raises(ScanError, match=r"looks like amplitude.* says counts; say amplitude"):
        open_scan(scan_of(tmp_path, arrays), reading=Reading(values="counts")).__enter__()


def test_weak_evidence_is_overruled_with_a_warning(tmp_path: Path, arrays: dict[str, Any]) -> None:
    path = scan_of(tmp_path, arrays, diff3d=arrays["diff3d"] ** 2, objectGuess=None)
    with open_scan(path, reading=Reading(values="amplitude")) as scan:
        assert scan.values == "amplitude"
        (warning,) = scan.warnings
        assert "looks like intensity" in warning
        assert "--diffraction-values says so" in warning


@examples(50)
@given(
    proved=st.sampled_from([None, "amplitude", "counts"]),
    strong=st.booleans(),
    said=st.sampled_from([None, "amplitude", "counts"]),
    by_format=st.sampled_from([None, "amplitude", "counts"]),
)
def test_who_decides_on_the_values(proved: Any, strong: bool, said: Any, by_format: Any) -> None:
    """Strong evidence, the user, weak evidence, the format; and every overruling leaves a line."""
    evidence = None if proved is None else AmplitudeEvidence(proved, strong, "is so")
    voices = [v for v in (proved if strong else None, said, proved, by_format) if v is not None]
    if (proved and strong and said not in (None, proved)) or not voices:
        with pytest.raises(ScanError, match="--diffraction-values"):
            resolve_values(evidence, said, by_format, label="f: 'k'")
        return
    values, warnings = resolve_values(evidence, said, by_format, label="f: 'k'")
    assert values == voices[0]
    against = (said, proved) if said is not None else (proved, by_format)
    assert bool(warnings) == (None not in against and against[0] != against[1])


@examples(50)
@given(pattern=npst.arrays(np.float64, (8, 8), elements=st.floats(0, 1e3)))
def test_moving_dc_moves_the_verdict(pattern: np.ndarray) -> None:
    there, _ = resolve_dc(pattern, None, "centre", label="f")
    moved, _ = resolve_dc(np.fft.fftshift(pattern), None, "corner", label="f")
    assert {there, moved} == {"centre", "corner"}
    assert resolve_dc(pattern, moved, there, label="f")[0] == moved  # the user's word


def test_negative_counts_are_no_counts(tmp_path: Path, arrays: dict[str, Any]) -> None:
    """-1 and -2 are how a detector marks a pixel; below 0 is also what a subtracted dark level leaves."""
    counts = counts_of(arrays["diff3d"]).astype(np.int32)
    marked = counts.copy()
    marked[:, 3, 4], counts[:, 3, 4] = -2, 0
    with open_scan(scan_of(tmp_path, arrays, diff3d=marked)) as scan:
        np.testing.assert_allclose(scan.diffraction.read(ALL), np.sqrt(counts), rtol=1e-6)
        expected = counts.astype(float).sum(axis=(1, 2)).mean()
        assert scan.diffraction.mean_energy == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("dtype", [np.uint16, np.uint32])
def test_the_largest_number_of_the_type_is_a_mark(tmp_path: Path, arrays: dict[str, Any], dtype: Any) -> None:
    counts = counts_of(arrays["diff3d"], total=1e4).astype(dtype)
    marked = counts.copy()
    marked[:, 8, :], counts[:, 8, :] = np.iinfo(dtype).max, 0
    with open_scan(scan_of(tmp_path, arrays, diff3d=marked)) as scan:
        np.testing.assert_allclose(scan.diffraction.read(ALL), np.sqrt(counts), rtol=1e-6)
        assert scan.diffraction.read(ALL).max() == pytest.approx(np.sqrt(counts.max()), rel=1e-6)


def test_a_masked_pixel_may_hold_anything(tmp_path: Path, arrays: dict[str, Any]) -> None:
    images, mask = arrays["diff3d"].copy(), np.zeros((SIDE, SIDE), bool)
    mask[2, 5] = True
    images[:, 2, 5] = np.nan
    path = scan_of(tmp_path, arrays, diff3d=images, bad=mask)
    with open_scan(path, reading=Reading(keys={"mask": "bad"})) as scan:
        np.testing.assert_array_equal(scan.diffraction.read(ALL), np.where(mask, 0, arrays["diff3d"]))
    path = scan_of(tmp_path, arrays, bad=mask[1:])
    with pytest.raises(ScanError, match=r"images of 16 x 16 px and its mask is \(15, 16\)"):
        open_scan(path, reading=Reading(keys={"mask": "bad"})).__enter__()


BAD_READINGS: dict[str, tuple[dict[str, Any], str]] = {
    "role": ({"keys": {"probes": "p"}}, "there is no role 'probes' in a scan; roles: diffraction, x"),
    "two positions": ({"keys": {"x": "a", "positions": "b"}}, "positions are named twice"),
    "values": ({"values": "intensity"}, "--diffraction-values is 'intensity'; needed: amplitude or counts"),
    "dc": ({"dc": "center"}, "--diffraction-dc is 'center'; needed: centre or corner"),
    "pixel": ({"object_pixel_m": 0.0}, "the object pixel is 0.0 m; needed: a size above 0"),
    "no number": ({"object_pixel_m": float("nan")}, "needed: a size above 0"),
}


@pytest.mark.parametrize("case", BAD_READINGS)
def test_a_word_that_does_not_exist(case: str) -> None:
    words, message = BAD_READINGS[case]
    with pytest.raises(ScanError, match=message):
        Reading(**words)
