"""The data contract: both spellings, all layouts; every breach is one line that names the key."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptycho_compare.errors import ArchiveError, InputError
from ptycho_compare.scan.read import open_scan
from scans import make_scan, write_scan

COUNT, SIDE = 40, 16


@pytest.fixture(scope="module")
def arrays() -> dict[str, Any]:
    return make_scan(count=COUNT, side=SIDE, height=64, width=80)


def changed(arrays: dict[str, Any], **changes: Any) -> dict[str, Any]:
    merged = {**arrays, **changes}
    return {key: value for key, value in merged.items() if value is not None}


def with_value(values: np.ndarray, index: Any, value: float) -> np.ndarray:
    copy = values.copy()
    copy[index] = value
    return copy


LAYOUTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "as the contract says": lambda d: d,
    "one channel": lambda d: d[..., None],
    "images last": lambda d: np.ascontiguousarray(d.transpose(1, 2, 0)),
    "Fortran order": np.asfortranarray,
    "images last, Fortran order": lambda d: np.asfortranarray(d.transpose(1, 2, 0)),
    "double precision": lambda d: d.astype(np.float64),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("key", ["diff3d", "diffraction"])
@pytest.mark.parametrize("compressed", [True, False])
def test_every_layout_gives_the_same_images(
    tmp_path: Path, arrays: dict[str, Any], layout: str, key: str, compressed: bool
) -> None:
    stored = LAYOUTS[layout](arrays["diff3d"])
    path = write_scan(
        tmp_path / "scan.npz", changed(arrays, **{"diff3d": None, key: stored}), compressed=compressed
    )
    with open_scan(path) as scan:
        wanted = np.array([COUNT - 1, 0, 7, 7])
        np.testing.assert_array_equal(scan.diffraction.read(wanted), arrays["diff3d"][wanted])


def test_contents(tmp_path: Path, arrays: dict[str, Any]) -> None:
    with open_scan(write_scan(tmp_path / "scan.npz", arrays)) as scan:
        np.testing.assert_array_equal(scan.positions, np.stack([arrays["xcoords"], arrays["ycoords"]], 1))
        np.testing.assert_array_equal(scan.probe, arrays["probeGuess"])
        np.testing.assert_array_equal(scan.truth, arrays["objectGuess"])
        assert scan.photons == 1e9
        energy = (arrays["diff3d"].astype(float) ** 2).sum(axis=(1, 2)).mean()
        assert scan.normalization == pytest.approx(SIDE / 2 / np.sqrt(energy), rel=1e-6)


def test_what_a_scan_may_lack(tmp_path: Path, arrays: dict[str, Any]) -> None:
    rounded = {key: np.rint(arrays[key]).astype(np.int32) for key in ("xcoords", "ycoords")}
    spare = dict.fromkeys(["xcoords_start", "ycoords_start", "scan_index", "_metadata", "objectGuess"])
    with open_scan(write_scan(tmp_path / "scan.npz", changed(arrays, **rounded, **spare))) as scan:
        assert scan.positions.dtype == np.float64
        assert scan.truth is None
        assert scan.photons is None


def test_an_object_that_is_none_is_absent(tmp_path: Path, arrays: dict[str, Any]) -> None:
    arrays = changed(arrays, objectGuess=np.array(None, dtype=object))
    with open_scan(write_scan(tmp_path / "scan.npz", arrays)) as scan:
        assert scan.truth is None


def test_the_spool_leaves_nothing_behind(tmp_path: Path, arrays: dict[str, Any]) -> None:
    path = write_scan(tmp_path / "in" / "scan.npz", arrays)
    (tmp_path / "spool").mkdir()
    with open_scan(path, spool_folder=tmp_path / "spool") as scan:
        descriptors = len(list(Path("/proc/self/fd").iterdir()))
        assert scan.diffraction.count == COUNT
    assert list((tmp_path / "spool").iterdir()) == []
    assert len(list(Path("/proc/self/fd").iterdir())) < descriptors


BREACHES: dict[str, tuple[Callable[[dict[str, Any]], dict[str, Any]], str]] = {
    "no positions": (lambda a: {"xcoords": None}, "'xcoords' is missing"),
    "no images": (lambda a: {"diff3d": None}, "neither 'diff3d' nor 'diffraction'"),
    "x and y differ": (lambda a: {"xcoords": a["xcoords"][:-1]}, "has 39 positions and 'ycoords' 40"),
    "more images than positions": (
        lambda a: {"xcoords": a["xcoords"][:-1], "ycoords": a["ycoords"][:-1]},
        r"'diff3d' has shape \(40, 16, 16\), but there are 39 positions",
    ),
    "no position at all": (
        lambda a: {"xcoords": np.zeros(0), "ycoords": np.zeros(0)},
        "needed: as many, not 0",
    ),
    "position is NaN": (lambda a: {"xcoords": with_value(a["xcoords"], 5, np.nan)}, r"'xcoords'\[5\] is nan"),
    "position is infinite": (
        lambda a: {"ycoords": with_value(a["ycoords"], 3, np.inf)},
        r"'ycoords'\[3\] is inf",
    ),
    "position outside": (
        lambda a: {"xcoords": with_value(a["xcoords"], 2, 80.0)},
        r"'xcoords'\[2\] = 80 lies outside",
    ),
    "position negative": (
        lambda a: {"ycoords": with_value(a["ycoords"], 2, -1.0)},
        r"'ycoords'\[2\] = -1 lies outside",
    ),
    "positions are text": (lambda a: {"xcoords": a["xcoords"].astype("U8")}, "needed: \\(n,\\) numbers"),
    "an image is NaN": (
        lambda a: {"diff3d": with_value(a["diff3d"], np.s_[4], np.nan)},
        "image 4 holds values that are not finite, and no others",
    ),
    "amplitude is negative": (
        lambda a: {"diff3d": with_value(a["diff3d"], (4, 3, 3), -0.5)},
        "image 4 holds -0.5",
    ),
    "all dark": (lambda a: {"diff3d": a["diff3d"] * 0}, "is zero in all 40 images"),
    "complex images": (lambda a: {"diff3d": a["diff3d"].astype(np.complex64)}, "amplitudes are real"),
    "wrong N": (lambda a: {"diff3d": a["diff3d"][:, :-1, :-1]}, "the probe is 16 x 16"),
    "real probe": (lambda a: {"probeGuess": np.abs(a["probeGuess"])}, r"needed: \(N, N\) complex"),
    "probe not square": (lambda a: {"probeGuess": a["probeGuess"][:-1]}, r"needed: \(N, N\) complex"),
    "probe a number": (lambda a: {"probeGuess": np.array(1j)}, r"needed: \(N, N\) complex"),
    "probe a line": (lambda a: {"probeGuess": a["probeGuess"][0]}, r"needed: \(N, N\) complex"),
    "empty probe": (lambda a: {"probeGuess": a["probeGuess"][:0, :0]}, r"needed: \(N, N\) complex"),
    "object a line": (lambda a: {"objectGuess": a["objectGuess"][0]}, r"needed: \(H, W\) complex"),
    "dark probe": (lambda a: {"probeGuess": a["probeGuess"] * 0}, "'probeGuess' is zero or not finite"),
    "real object": (lambda a: {"objectGuess": np.abs(a["objectGuess"])}, r"needed: \(H, W\) complex"),
    "object is NaN": (
        lambda a: {"objectGuess": with_value(a["objectGuess"], (0, 0), np.nan)},
        "'objectGuess' holds values that are not finite",
    ),
    "metadata no JSON": (
        lambda a: {"_metadata": np.array("{", dtype=object)},
        "'_metadata' is not JSON text",
    ),
    "metadata a list": (lambda a: {"_metadata": np.array("[1]", dtype=object)}, "is JSON, but no object"),
}


@pytest.mark.parametrize("breach", BREACHES)
def test_a_breach_is_one_line_that_names_the_file(
    tmp_path: Path, arrays: dict[str, Any], breach: str
) -> None:
    change, message = BREACHES[breach]
    path = write_scan(tmp_path / "scan.npz", changed(arrays, **change(arrays)))
    with pytest.raises(InputError, match=message) as caught, open_scan(path):
        pass
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_pickle_in_the_metadata_is_not_executed(tmp_path: Path, arrays: dict[str, Any]) -> None:
    canary = tmp_path / "canary"

    class Hostile:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.system, (f"touch {canary}",)

    path = write_scan(tmp_path / "scan.npz", changed(arrays, _metadata=np.array(Hostile(), dtype=object)))
    with pytest.raises(ArchiveError, match="nothing was executed"), open_scan(path):
        pass
    assert not canary.exists()


def test_the_reference_scans(reference: Path) -> None:
    expected = np.load(reference / "expected" / "gs2_patches.npz")
    with open_scan(reference / "hub/data/phase_c/dose_1000000000/patched_test.npz") as scan:
        assert scan.normalization == pytest.approx(float(expected["normalization"]), rel=1e-12)
        assert scan.photons == 1e9
        assert scan.truth is not None
        assert scan.truth.shape == (256, 256)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"), open_scan(tmp_path / "scan.npz"):
        pass
