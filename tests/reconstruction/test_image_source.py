"""Any common file holds a reconstruction: NPZ, NPY, HDF5, with a key or under a usual name."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_compare.errors import InputError
from ptycho_compare.reconstruction.image_source import ImageSource, parse_source, read_image
from ptycho_compare.reconstruction.ready_made import read_ready_made
from ptycho_compare.records.reconstructions_npz import write_reconstructions
from scans import make_object, make_probe

OBJECT = make_object(20, 28)
OTHER = make_object(20, 28, seed=1)
PROBE = make_probe(8)


def write(path: Path, arrays: Mapping[str, Any]) -> Path:
    """Write arrays as an NPZ or HDF5 file, as the ending says."""
    if path.suffix == ".npz":
        np.savez(path, **arrays)
    else:
        with h5py.File(path, "w") as file:
            for key, values in arrays.items():
                file[key] = values
    return path


def write_matlab(path: Path, arrays: Mapping[str, np.ndarray]) -> Path:
    """Write complex arrays as MATLAB 7.3 does: axes reversed, pairs of real and imag, 512 bytes in front."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for key, values in arrays.items():
            pairs = np.empty(values.T.shape, [("real", "f8"), ("imag", "f8")])
            pairs["real"], pairs["imag"] = values.T.real, values.T.imag
            file[key] = pairs
            file[key].attrs["MATLAB_class"] = np.bytes_("double")
    with path.open("r+b") as stream:
        stream.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(512, b" "))
    return path


def read(path: Path, key: str | None = None) -> np.ndarray:
    return read_image(ImageSource(path, key))


def refused(path: Path, message: str, key: str | None = None) -> None:
    """It is refused in one line that begins with the file."""
    with pytest.raises(InputError, match=message) as caught:
        read(path, key)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


both = pytest.mark.parametrize("name", ["r.npz", "r.h5"])

# ---- FILE or FILE:KEY

NAMES = st.text(string.ascii_letters + string.digits + "_-. ", min_size=1)
KEYS = st.text(string.ascii_letters + string.digits + "_/[]@ .", min_size=1)


@given(NAMES, KEYS)
def test_a_key_stands_behind_the_last_colon(name: str, key: str) -> None:
    assert parse_source(f"/nowhere/{name}:{key}") == ImageSource(Path(f"/nowhere/{name}"), key)
    assert parse_source(f"/no:where/{name}:{key}") == ImageSource(Path(f"/no:where/{name}"), key)


@given(NAMES)
def test_without_a_colon_there_is_no_key(name: str) -> None:
    assert parse_source(name) == ImageSource(Path(name), None)


@given(st.text(min_size=1))
def test_any_text_is_a_source_or_one_clear_line(text: str) -> None:
    try:
        source = parse_source(text)
    except InputError as error:
        assert "needed: FILE or FILE:KEY" in str(error)  # noqa: PT017 - either way out is right
    else:
        assert ":" not in text or str(source).count(":") == text.count(":")


@given(NAMES.map(str.strip).filter(lambda name: name.strip(".")), KEYS)
def test_a_source_reads_as_it_was_written(name: str, key: str) -> None:
    source = ImageSource(Path("/nowhere") / name, key)
    assert parse_source(str(source)) == source


def test_a_file_of_exactly_this_name_wins(tmp_path: Path) -> None:
    path = tmp_path / "run_12:30.npy"
    np.save(path, OBJECT)
    assert parse_source(str(path)) == ImageSource(path, None)
    assert parse_source(f"{path}:key") == ImageSource(path, "key")


@pytest.mark.parametrize("text", ["r.npz:", ":object", ":"])
def test_half_a_source_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=f"^{text}: there is no such file; needed: FILE or FILE:KEY"):
        parse_source(text)


# ---- which image


@both
@pytest.mark.parametrize(
    "key", ["reconstructed_object", "object", "obj", "psi", "objectGuess", "entry_1/image_2/data"]
)
def test_usual_names_need_no_key(tmp_path: Path, name: str, key: str) -> None:
    path = write(tmp_path / name, {"another": OTHER, "probe": PROBE, key: OBJECT})
    np.testing.assert_array_equal(read(path), OBJECT)


@both
def test_usual_names_have_an_order(tmp_path: Path, name: str) -> None:
    """What was reconstructed comes before what it began with."""
    path = write(tmp_path / name, {"objectGuess": OTHER, "reconstructed_object": OBJECT, "object": OTHER})
    np.testing.assert_array_equal(read(path), OBJECT)
    np.testing.assert_array_equal(read(path, "objectGuess"), OTHER)


@both
def test_the_only_complex_image_needs_no_key(tmp_path: Path, name: str) -> None:
    arrays = {"mine": OBJECT[None], "mask": OBJECT.real, "probe": PROBE, "curve": OBJECT[0], "n": 3}
    np.testing.assert_array_equal(read(write(tmp_path / name, arrays)), OBJECT)


@both
def test_of_several_images_the_user_names_one(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, {"a": OBJECT, "b": OTHER[:5], "c": OBJECT.real})
    refused(path, r"holds several complex images; name one as FILE:KEY: a \(20, 28\), b \(5, 28\)$")
    np.testing.assert_array_equal(read(path, "b"), OTHER[:5])


@both
def test_without_an_image_what_there_is_is_listed(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, {"amplitude": np.abs(OBJECT), "probe": PROBE})
    refused(path, r"no complex image; name an array as FILE:KEY: amplitude \(20, 28\), probe \(8, 8\)$")
    refused(write(tmp_path / f"empty{name}", {"note": "text"}), "FILE:KEY: there is none$")


@both
def test_a_long_list_is_cut(tmp_path: Path, name: str) -> None:
    refused(write(tmp_path / name, {f"n{i:02d}": OBJECT for i in range(30)}), r"n11 \(20, 28\) \.\.\.$")


@both
def test_a_key_that_is_not_there_is_answered_with_what_is(tmp_path: Path, name: str) -> None:
    refused(write(tmp_path / name, {"object": OBJECT}), "'psi'.*found: object", "psi")


@both
@pytest.mark.parametrize("dtype", ["c8", "c16", ">c8", "f4", "f8", "u2", "?"])
def test_numbers_come_as_the_file_holds_them(tmp_path: Path, name: str, dtype: str) -> None:
    with np.errstate(all="ignore"):
        values = (OBJECT if "c" in dtype else OBJECT.real).astype(dtype)
    found = read(write(tmp_path / name, {"x": values}), "x")
    assert found.dtype == values.dtype
    np.testing.assert_array_equal(found, values)


@both
@pytest.mark.parametrize("shape", [(1, 20, 28), (1, 1, 20, 28), (20, 28, 1)])
def test_axes_of_one_are_dropped(tmp_path: Path, name: str, shape: tuple[int, ...]) -> None:
    np.testing.assert_array_equal(read(write(tmp_path / name, {"object": OBJECT.reshape(shape)})), OBJECT)


@both
def test_of_several_layers_the_user_names_one(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, {"object": np.stack([OBJECT, OTHER])})
    hint = re.escape(f"name one: {path}:object[0]") + "$"
    refused(path, rf"'object' holds 2 images of 20 x 28 px; {hint}")
    for key in ("object[1]", "[1]"):
        np.testing.assert_array_equal(read(path, key), OTHER)
        assert parse_source(f"{path}:{key}") == ImageSource(path, key)
    refused(path, r"shape \(2, 20, 28\); there is no image \[2\] in it", "object[2]")
    refused(path, r"shape \(20, 28\); there is no image \[3\] in it", "object[0][3]")
    np.testing.assert_array_equal(read_ready_made(ImageSource(path, "object[1]")).values, OTHER)


@both
@pytest.mark.parametrize(
    ("arrays", "listed"),
    [
        ({"recon_object": "two", "recon_probe": "probe"}, "recon_object[0], recon_object[1] (2, 20, 28)$"),
        ({"sample": "two", "beam": "probe"}, "beam (8, 8), sample[0], sample[1] (2, 20, 28)$"),
        ({"a": "object", "b": "two"}, "a (20, 28), b[0], b[1] (2, 20, 28)$"),
        ({"o": "deep", "P": "probe"}, "P (8, 8), o[0][0], o[1][0], o[2][0] (3, 2, 20, 28)$"),
        ({"o": "many"}, "o[0], ... (9, 20, 28)$"),
        ({"run/object": "two", "run/probe": "probe"}, "run/object[0], run/object[1] (2, 20, 28)$"),
    ],
    ids=str,
)
def test_a_probe_is_not_taken_because_the_object_has_layers(
    tmp_path: Path, name: str, arrays: dict[str, str], listed: str
) -> None:
    stacks = {"two": [OBJECT, OTHER], "deep": [[OBJECT, OTHER]] * 3, "many": [OBJECT] * 9}
    known = {"object": OBJECT, "probe": PROBE} | {key: np.stack(stack) for key, stack in stacks.items()}
    path = write(tmp_path / name, {key: known[value] for key, value in sorted(arrays.items())})
    refused(path, "holds several complex images; name one as FILE:KEY: " + re.escape(listed[:-1]) + "$")


@both
@pytest.mark.parametrize(
    "key", ["recon_probe", "Probe_0", "prb_mode", "my_prb", "illumination", "a/probes/x", "PRB"]
)
def test_what_a_path_calls_a_probe_is_no_object(tmp_path: Path, name: str, key: str) -> None:
    path = write(tmp_path / name, {key: OTHER})
    refused(path, "holds no complex image; name an array as FILE:KEY: " + re.escape(f"{key} (20, 28)") + "$")
    np.testing.assert_array_equal(read(path, key), OTHER)
    with_object = write(tmp_path / f"with_{name}", {key: OTHER, "sample": OBJECT})
    np.testing.assert_array_equal(read(with_object), OBJECT)


@both
def test_the_hint_for_modes_of_layers_works(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, {"object": np.stack([[OBJECT, OTHER]] * 3)})
    refused(path, r"holds 3 x 2 images of .*:object\[0\]\[0\]$")
    refused(path, r"holds 2 images of .*:object\[2\]\[0\]$", "object[2]")
    np.testing.assert_array_equal(read(path, "object[2][1]"), OTHER)


def test_a_key_that_looks_like_an_index_is_a_key(tmp_path: Path) -> None:
    path = write(tmp_path / "r.npz", {"a[0]": OBJECT, "a": np.stack([OTHER, OTHER])})
    np.testing.assert_array_equal(read(path, "a[0]"), OBJECT)
    np.testing.assert_array_equal(read(path, "a[1]"), OTHER)


# ---- which file


def test_a_bare_array(tmp_path: Path) -> None:
    np.save(tmp_path / "r.npy", np.asfortranarray(OBJECT)[None])
    np.testing.assert_array_equal(read(tmp_path / "r.npy"), OBJECT)
    np.testing.assert_array_equal(read(tmp_path / "r.npy", "[0]"), OBJECT)
    assert read_ready_made(tmp_path / "r.npy", arm="mine").probe is None
    refused(tmp_path / "r.npy", "one array without a key; leave out 'object'", "object")
    np.save(tmp_path / "r.npy", np.stack([OBJECT, OTHER]))
    refused(tmp_path / "r.npy", rf"the array holds 2 images .*{re.escape(str(tmp_path))}/r\.npy:\[0\]$")


def test_the_content_decides_not_the_name(tmp_path: Path) -> None:
    for name in ("r.npz", "r.h5"):
        path = write(tmp_path / name, {"object": OBJECT}).rename(tmp_path / "result.dat")
        np.testing.assert_array_equal(read(path), OBJECT)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "neither NPZ, NPY nor HDF5; write the image in one of these"),
        (b"II*\0 a picture", "neither NPZ, NPY nor HDF5;"),
        (b"MATLAB 5.0 MAT-file, Platform: GLNXA64", r"a MATLAB file before 7.3: save it with -v7.3\)"),
        (b"PK\x03\x04", "not a readable zip archive"),
        (b"\x93NUMPY", "the array has no readable array header"),
        (b"\x89HDF\r\n\x1a\n", "not a readable HDF5 file"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "r").write_bytes(content)
    with pytest.raises(InputError, match=message):
        read(tmp_path / "r")


@pytest.mark.parametrize("name", ["absent.npz", "."])
def test_no_file_is_named(tmp_path: Path, name: str) -> None:
    refused(tmp_path / name, "no such file")


def test_an_object_array_is_no_image_and_is_not_unpickled(tmp_path: Path) -> None:
    np.save(tmp_path / "r.npy", np.array([[1, 2]], dtype=object), allow_pickle=True)
    refused(tmp_path / "r.npy", "holds pickled Python objects")


def test_what_is_stored_as_none_is_absent(tmp_path: Path) -> None:
    path = write(tmp_path / "r.npz", {"objectGuess": np.array(None), "probe": np.array(None), "mine": OBJECT})
    found = read_ready_made(path)
    np.testing.assert_array_equal(found.values, OBJECT)
    assert found.probe is None
    refused(path, "'objectGuess' holds pickled Python objects", "objectGuess")


def test_an_attribute_is_named_behind_an_at(tmp_path: Path) -> None:
    path = write(tmp_path / "r.h5", {"object": OBJECT})
    with h5py.File(path, "a") as file:
        file["object"].attrs["corner"] = OBJECT[:2, :2].real
    np.testing.assert_array_equal(read(path, "object@corner"), OBJECT[:2, :2].real)
    refused(path, "'object' has no attribute 'size'", "object@size")


def test_an_external_link_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "secret.h5", {"object": OBJECT})
    write(tmp_path / "r.h5", {"object": h5py.ExternalLink("secret.h5", "/object")})
    refused(tmp_path / "r.h5", "'/object' is a link to another file")


# ---- files as programs write them


@both
def test_pty_chi_arrays_as_people_keep_them(tmp_path: Path, name: str) -> None:
    """task.get_data_to_cpu gives (slices, h, w) and (n_opr, modes, h, w)."""
    modes = np.stack([[PROBE, 2 * PROBE], [3 * PROBE, 4 * PROBE]])
    found = read_ready_made(write(tmp_path / name, {"object": OBJECT[None], "probe": modes}), arm="pty-chi")
    np.testing.assert_array_equal(found.values, OBJECT)
    np.testing.assert_array_equal(found.modes, [2 * PROBE, PROBE])  # of the main part, strongest first
    assert (found.arm, found.placed, found.seconds) == ("pty-chi", False, None)


def test_a_probe_beside_the_image_comes_first(tmp_path: Path) -> None:
    arrays = {"probe": 2 * PROBE, "run_2/object": OBJECT, "run_2/probe": PROBE, "run_1/object": OTHER}
    path = write(tmp_path / "r.h5", arrays)
    np.testing.assert_array_equal(read_ready_made(ImageSource(path, "/run_2/object")).probe, PROBE)
    np.testing.assert_array_equal(read_ready_made(ImageSource(path, "run_1/object")).probe, 2 * PROBE)


def test_numbers_beside_an_hdf5_image(tmp_path: Path) -> None:
    arrays = {"object": OBJECT, "reconstruction_time": 2.5, "algorithm": "tike", "metadata": "text"}
    found = read_ready_made(write(tmp_path / "r.h5", arrays))
    assert found.seconds == 2.5


def test_matlab_7_3(tmp_path: Path) -> None:
    """PtychoShelves: object (h, w) or (h, w, layers), probe (h, w, modes, opr), complex pairs."""
    modes = np.stack([PROBE, 2 * PROBE], axis=-1)
    path = write_matlab(tmp_path / "r.mat", {"object": OBJECT, "probe": modes})
    np.testing.assert_array_equal(read(path, "/object"), OBJECT)
    found = read_ready_made(path)
    np.testing.assert_array_equal(found.values, OBJECT)
    np.testing.assert_array_equal(found.modes, [2 * PROBE, PROBE])
    layers = write_matlab(
        tmp_path / "layers.mat", {"recon": np.stack([OBJECT, OTHER], axis=-1), "probe": modes}
    )
    refused(layers, r"name one as FILE:KEY: recon\[0\], recon\[1\] \(2, 20, 28\)$")
    np.testing.assert_array_equal(read(layers, "recon[1]"), OTHER)


def test_our_own_file(tmp_path: Path) -> None:
    weight = np.full(OBJECT.shape, 3.0)
    weight[0] = 0
    path, _ = write_reconstructions(
        tmp_path / "reconstructions.npz",
        {"PtychoPINN": OTHER, "Mine": OBJECT},
        extra={"mine_weight": weight, "origin": np.array([4, -2])},
    )
    refused(path, r"several complex images; .*ptychopinn_complex \(20, 28\), mine_complex \(20, 28\)$")
    found = read_ready_made(ImageSource(path, "mine_complex"), arm="mine")
    np.testing.assert_array_equal(found.values, OBJECT)
    np.testing.assert_array_equal(found.weight, weight)
    assert found.placed
    np.testing.assert_array_equal(read(path, "mine_phase"), np.angle(OBJECT).astype(np.float32))


def test_real_pty_chi_files(reference: Path) -> None:
    for path in sorted((reference / "hub/data/phase_f").rglob("ptychi_reconstruction.npz")):
        found = read_ready_made(path)
        assert (found.arm, found.values.shape, found.placed) == ("PtyChi", (180, 276), False)
        assert found.probe is not None
        assert found.probe.shape == (64, 64)
        np.testing.assert_array_equal(read_image(parse_source(f"{path}:reconstructed_object")), found.values)
        assert read_image(ImageSource(path, "reconstructed_probe")).shape == (64, 64)
