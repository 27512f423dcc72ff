"""CXI: units, the sign of a sample's translation, detector axes and masks, against a simulated experiment."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_compare.errors import ArchiveError, ScanError
from ptycho_compare.scan.formats.contents import Optics
from ptycho_compare.scan.plan import draw_plan
from ptycho_compare.scan.read import open_scan
from ptycho_compare.scan.reading import Reading
from scans import CxiTruth, write_cxi
from thorough import examples

PIXEL = 75e-6
SIDE, COUNT = 16, 12
DETECTOR = "entry_1/instrument_1/detector_1"
TRANSLATION = "entry_1/sample_1/geometry_1/translation"
GUESSES = {"probe": "guess/probe", "object": "guess/object"}
DOWN_AND_RIGHT = PIXEL * np.array([[0.0, -1.0, 0.0], [-1.0, 0.0, 0.0]])  # seen along the beam
BASES = {
    "seen along the beam": DOWN_AND_RIGHT,
    "seen against the beam": PIXEL * np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0]]),
    "upside down": PIXEL * np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]]),
    "columns first": PIXEL * np.array([[-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]),
    "turned by 30 degrees": PIXEL * np.array([[0.5, -(0.75**0.5), 0.0], [-(0.75**0.5), -0.5, 0.0]]),
}
INTENSITY = Reading(values="counts")


def explained(patches_at: np.ndarray, made: CxiTruth, images: np.ndarray) -> float:
    """Mean correlation of the images with |FFT(probe * patch)|, patches cut at whole pixels."""
    found = []
    for (x, y), image in zip(np.rint(patches_at).astype(int) - SIDE // 2, images, strict=True):
        model = np.abs(np.fft.fftshift(np.fft.fft2(made.probe * made.truth[y : y + SIDE, x : x + SIDE])))
        found.append(np.corrcoef(model.ravel(), image.ravel())[0, 1])
    return float(np.mean(found))


@pytest.mark.parametrize("basis", BASES)
def test_positions_are_where_the_beam_was_on_the_sample(tmp_path: Path, basis: str) -> None:
    """The forward model on our grid explains an experiment that was computed in the laboratory's."""
    made = write_cxi(tmp_path / "scan.cxi", BASES[basis])
    with open_scan(tmp_path / "scan.cxi", reading=INTENSITY) as scan:
        np.testing.assert_allclose(scan.positions, made.positions, atol=1e-6)
        images = scan.diffraction.read(np.arange(COUNT))
        np.testing.assert_allclose(images, np.sqrt(made.counts), rtol=1e-6)
        right = explained(scan.positions, made, images)
        mirrored = scan.positions.mean(axis=0) * 2 - scan.positions  # the other sign of the translation
        swapped = scan.positions[:, ::-1]
    assert right > 0.9999
    assert right - explained(mirrored, made, images) > 0.01
    assert right - explained(swapped, made, images) > 0.01


def test_probe_and_object_prove_what_the_images_are(tmp_path: Path) -> None:
    """Floats in a CXI file can be anything; with probe and object by name nothing need be said."""
    write_cxi(tmp_path / "scan.cxi", DOWN_AND_RIGHT)
    with pytest.raises(ScanError, match="--diffraction-values"):
        open_scan(tmp_path / "scan.cxi").__enter__()
    with open_scan(tmp_path / "scan.cxi", reading=Reading(keys=GUESSES)) as scan:
        assert (scan.values, scan.dc, scan.warnings) == ("counts", "centre", ())
        assert scan.truth is not None


def test_lengths_come_with_the_scan(tmp_path: Path) -> None:
    write_cxi(tmp_path / "scan.cxi", DOWN_AND_RIGHT)
    with open_scan(tmp_path / "scan.cxi", reading=INTENSITY) as scan:
        far_field = 1e-10 * 2.0 / (SIDE * PIXEL)
        assert scan.optics == Optics(1e-10, 2.0, pytest.approx(PIXEL), pytest.approx(far_field))
        assert scan.optics.object_pixel_nm == pytest.approx(far_field * 1e9)
        expected = scan.positions * far_field / 25e-9
        assert draw_plan(scan, group_size=4, groups=None, neighbors=7, seed=1).groups.shape == (COUNT, 4)
    with open_scan(tmp_path / "scan.cxi", reading=Reading("counts", object_pixel_m=25e-9)) as scan:
        np.testing.assert_allclose(scan.positions, expected)
        assert scan.optics.object_pixel_m == 25e-9


@examples(20)
@given(
    side=st.integers(2, 512),
    wavelength=st.floats(1e-11, 1e-8),
    distance=st.floats(0.01, 30),
    pixel=st.floats(1e-6, 1e-3),
)
def test_the_far_field_pixel(side: int, wavelength: float, distance: float, pixel: float) -> None:
    """The detector's side subtends one object pixel's worth of spatial frequency: d = wavelength / angle."""
    found = Optics(wavelength, distance, pixel).far_field_pixel_m(side)
    assert found == pytest.approx(wavelength / (side * pixel / distance))
    assert Optics(None, distance, pixel).far_field_pixel_m(side) is None


def put(key: str, value: object) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        if key in file:
            del file[key]
        if value is not None:
            file[key] = value

    return change


SAME: dict[str, Callable[[h5py.File], None]] = {
    "energy": lambda f: (
        put("entry_1/instrument_1/source_1/wavelength", None)(f),
        put("entry_1/instrument_1/source_1/energy", 6.62607015e-34 * 299792458 / 1e-10)(f),
    ),
    "vectors as rows": put(f"{DETECTOR}/basis_vectors", DOWN_AND_RIGHT),
    "vectors of each image": put(f"{DETECTOR}/basis_vectors", np.tile(DOWN_AND_RIGHT, (COUNT, 1, 1))),
    "pixel size from the vectors": put(f"{DETECTOR}/x_pixel_size", None),
    "unit vectors": put(f"{DETECTOR}/basis_vectors", DOWN_AND_RIGHT.T / PIXEL),
    "distance of each image": put(f"{DETECTOR}/distance", np.full(COUNT, 2.0)),
    "data at the detector only": put("entry_1/data_1/data", None),
    "no version": put("cxi_version", None),
    "translation linked": lambda f: put("entry_1/data_1/translation", h5py.SoftLink(f"/{TRANSLATION}"))(f),
    "an empty mask of each image": put(f"{DETECTOR}/mask", np.zeros((COUNT, SIDE, SIDE), np.uint32)),
    "energy of the beam": lambda f: (
        put("entry_1/instrument_1/source_1/wavelength", None)(f),
        put("entry_1/instrument_1/source_1/energy", 6e9)(f),  # the ring's
        put("entry_1/instrument_1/beam_1/energy", 6.62607015e-34 * 299792458 / 1e-10)(f),
    ),
    "energy of each image": lambda f: (
        put("entry_1/instrument_1/source_1/wavelength", None)(f),
        put(
            "entry_1/instrument_1/beam_1/incident_beam_energy",
            6.62607015e-34 * 299792458 / 1e-10 * (1 + 1e-4 * np.linspace(-1, 1, COUNT)),
        )(f),
    ),
    "a raster": lambda f: (
        put(f"{DETECTOR}/data", f[f"{DETECTOR}/data"][()].reshape(3, 4, SIDE, SIDE))(f),
        put(TRANSLATION, f[TRANSLATION][()].reshape(3, 4, 3))(f),
    ),
    "translation as (3, n)": lambda f: put(TRANSLATION, f[TRANSLATION][()].T)(f),
    "an empty mask": put(f"{DETECTOR}/mask", np.zeros((SIDE, SIDE), np.uint32)),
}


@pytest.mark.parametrize("case", SAME)
def test_what_a_file_may_say_in_other_words(tmp_path: Path, case: str) -> None:
    made = write_cxi(tmp_path / "scan.cxi", DOWN_AND_RIGHT, change=SAME[case])
    with open_scan(tmp_path / "scan.cxi", reading=INTENSITY) as scan:
        np.testing.assert_allclose(scan.positions, made.positions, rtol=1e-6)
        assert scan.warnings == ()


def test_without_vectors_the_usual_view_is_taken_with_a_warning(tmp_path: Path) -> None:
    made = write_cxi(tmp_path / "scan.cxi", DOWN_AND_RIGHT, change=put(f"{DETECTOR}/basis_vectors", None))
    with open_scan(tmp_path / "scan.cxi", reading=INTENSITY) as scan:
        np.testing.assert_allclose(scan.positions, made.positions, rtol=1e-6)
        (warning,) = scan.warnings
        assert "there is no 'entry_1/instrument_1/detector_1/basis_vectors'" in warning


def test_bad_pixels_are_zero_and_harmless_bits_are_not_bad(tmp_path: Path) -> None:
    mask = np.zeros((SIDE, SIDE), np.uint32)
    mask[3, 4], mask[5, 6], mask[8, 9] = 0x1, 0x80 | 0x800, 0x800 | 0x20 | 0x2000 | 0x4000
    made = write_cxi(tmp_path / "scan.cxi", DOWN_AND_RIGHT, change=put(f"{DETECTOR}/mask", mask))
    expected = made.counts.copy()
    expected[:, 3, 4] = expected[:, 5, 6] = 0
    with open_scan(tmp_path / "scan.cxi", reading=INTENSITY) as scan:
        np.testing.assert_allclose(scan.diffraction.read(np.arange(COUNT)), np.sqrt(expected), rtol=1e-6)
        energy = expected.astype(float).sum(axis=(1, 2)).mean()
        assert scan.diffraction.mean_energy == pytest.approx(energy, rel=1e-9)


BREACHES: dict[str, tuple[Callable[[h5py.File], None], str]] = {
    "no translation": (put(TRANSLATION, None), "neither 'entry_1/data_1/translation'.*--scan-key positions"),
    "translation flat": (put(TRANSLATION, np.zeros((COUNT, 2))), r"shape \(12, 2\); needed: \(n, 3\)"),
    "translation short": (put(TRANSLATION, np.zeros((COUNT - 1, 3))), "there are 11 positions"),
    "translation beyond all": (put(TRANSLATION, np.full((COUNT, 3), 1e305)), "too large for object pixels"),
    "no distance": (put(f"{DETECTOR}/distance", None), "distance None, .* say --pixel-nm"),
    "no wavelength": (put("entry_1/instrument_1/source_1/wavelength", None), "wavelength None"),
    "distance zero": (put(f"{DETECTOR}/distance", 0.0), "'.*distance' is 0; needed: a number above 0"),
    "distance NaN": (put(f"{DETECTOR}/distance", np.nan), "needed: one number|above 0"),
    "energy changes": (
        lambda f: (
            put("entry_1/instrument_1/source_1/wavelength", None)(f),
            put("entry_1/instrument_1/beam_1/energy", 1e-15 * np.linspace(1, 2, COUNT))(f),
        ),
        "beam_1/energy' is .*from 1e-15 to 2e-15; needed: one number, the same for all images",
    ),
    "distance moves": (put(f"{DETECTOR}/distance", np.arange(1.0, 13.0)), "the same for all images"),
    "oblong pixels": (put(f"{DETECTOR}/y_pixel_size", 2 * PIXEL), "needed: square pixels"),
    "vectors parallel": (put(f"{DETECTOR}/basis_vectors", np.ones((3, 2))), "span no plane"),
    "vectors NaN": (put(f"{DETECTOR}/basis_vectors", np.full((3, 2), np.nan)), "basis_vectors'"),
    "vectors of another shape": (put(f"{DETECTOR}/basis_vectors", np.ones(6)), "needed: two vectors"),
    "vectors that turn": (
        put(f"{DETECTOR}/basis_vectors", np.random.default_rng(0).random((COUNT, 2, 3))),
        "the same for all images",
    ),
    "masks of others": (put(f"{DETECTOR}/mask", np.zeros((3, SIDE, SIDE), int)), "there are 12 positions"),
    "mask of another side": (put(f"{DETECTOR}/mask", np.zeros((SIDE, 15), int)), r"its mask is \(16, 15\)"),
    "mask of floats": (put(f"{DETECTOR}/mask", np.zeros((SIDE, SIDE))), "needed: .* whole numbers"),
    "not square": (put(f"{DETECTOR}/data", np.ones((COUNT, SIDE, SIDE + 2))), "images are not square"),
    "link to another file": (put("entry_1/data_1/data", h5py.ExternalLink("o.cxi", "/data")), "another file"),
    "no images": (
        lambda f: (put("entry_1/data_1/data", None)(f), put(f"{DETECTOR}/data", None)(f)),
        "neither 'entry_1/data_1/data' nor .*--scan-key diffraction=KEY",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BREACHES)
def test_a_breach_is_one_line(tmp_path: Path, case: str) -> None:
    change, message = BREACHES[case]
    path = tmp_path / "scan.cxi"
    write_cxi(path, DOWN_AND_RIGHT, change=change)
    with pytest.raises((ScanError, ArchiveError), match=message) as caught:
        open_scan(path, reading=INTENSITY).__enter__()
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("shape", [(COUNT,), (3, 4), (1, COUNT)])
def test_the_motors_of_the_sample_may_be_named(tmp_path: Path, shape: tuple[int, ...]) -> None:
    """NXcxi_ptycho keeps x and y in the raster's shape; they are the translation, in its unit."""

    def change(file: h5py.File) -> None:
        for axis, name in enumerate("xy"):
            motor = file.create_dataset(
                f"motors/{name}", data=file[TRANSLATION][:, axis].reshape(shape) * 1e6
            )
            motor.attrs["units"] = "um"
        if len(shape) == 2 and 1 not in shape:
            put(f"{DETECTOR}/data", file[f"{DETECTOR}/data"][()].reshape(*shape, SIDE, SIDE))(file)
        put(TRANSLATION, None)(file)

    made = write_cxi(tmp_path / "scan.cxi", DOWN_AND_RIGHT, change=change)
    with open_scan(
        tmp_path / "scan.cxi", reading=Reading("counts", keys={"x": "motors/x", "y": "motors/y"})
    ) as scan:
        np.testing.assert_allclose(scan.positions, made.positions, rtol=1e-6)


def test_translations_have_no_other_order(tmp_path: Path) -> None:
    write_cxi(tmp_path / "scan.cxi", DOWN_AND_RIGHT)
    with pytest.raises(ScanError, match=r"translations \(n, 3\); name 'positions'"):
        open_scan(tmp_path / "scan.cxi", reading=Reading(keys={"positions_yx": "a"})).__enter__()


def test_a_measured_file(reference: Path) -> None:
    """Near field: its lengths are right as they stand, its positions once the object pixel is told."""
    with open_scan(reference / "p25_near_field.cxi") as scan:
        assert (scan.values, scan.dc, scan.probe, scan.patch_px) == ("counts", "centre", None, 100)
        assert (scan.diffraction.count, scan.warnings) == (200, ())
        assert scan.diffraction.mean_energy == pytest.approx(9.67e6, rel=1e-3)
        assert scan.optics.wavelength_m == pytest.approx(0.979e-10, rel=1e-3)
        assert scan.optics.detector_pixel_m == pytest.approx(55e-6)
        assert scan.optics.object_pixel_nm == pytest.approx(19.946, rel=1e-4)
        metres = np.ptp(scan.positions, axis=0) * scan.optics.object_pixel_m
        np.testing.assert_allclose(metres, [20.16e-6, 19.05e-6], rtol=1e-3)
    behind_focus = 55e-6 * 3.65e-3 / (3.65e-3 + 1.12)
    with open_scan(reference / "p25_near_field.cxi", reading=Reading(object_pixel_m=behind_focus)) as scan:
        assert scan.optics.object_pixel_nm == pytest.approx(178.7, rel=1e-3)
        np.testing.assert_allclose(np.ptp(scan.positions, axis=0), [112.8, 106.6], rtol=1e-3)
