"""A file that records where its image lies puts it there, to a small part of a pixel."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_compare.errors import InputError, ReadyMadeError
from ptycho_compare.reconstruction.canvas import Grid
from ptycho_compare.reconstruction.image_source import ImageSource
from ptycho_compare.reconstruction.ready_made import ReadyMade, read_ready_made
from ptycho_compare.records.reconstructions_npz import write_reconstructions
from thorough import examples

GRID = Grid((0, 0), (90, 100))
SHAPE = (64, 70)
PITCH = (7e-9, 9e-9)  # x, y
SCAN = np.random.default_rng(0).uniform(30, 60, (40, 2))


def smooth(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """A band-limited object at any coordinates of the grid: a few blobs that end before every edge."""
    rows, columns = np.meshgrid(rows, columns, indexing="ij")
    value = np.full(rows.shape, 0.8 + 0.1j)
    for row, column, width, height in ((40, 45, 3, 0.3), (45, 50, 4, 0.2j), (36, 52, 3.5, -0.25 + 0.1j)):
        value += height * np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / (2 * width**2))
    return value


TRUTH = smooth(np.arange(90), np.arange(100))


def cut(row: float, column: float, shape: tuple[int, int] = SHAPE) -> np.ndarray:
    """The true object, sampled from a corner that need not be a whole pixel."""
    return smooth(row + np.arange(shape[0]), column + np.arange(shape[1]))


def require_in_place(found: ReadyMade, positions: np.ndarray, *, atol: float = 2e-6) -> None:
    """To a few roundings of complex64."""
    assert found.placed
    values, weight = found.on_grid(positions, GRID)
    inside = weight > 0
    inside[:20] = inside[70:] = inside[:, :25] = inside[:, 75:] = False  # well inside
    assert inside.sum() == 50 * 50
    np.testing.assert_allclose(values[inside], TRUTH[inside], atol=atol)


# ---- our own convention

CORNERS = st.tuples(st.floats(8, 16), st.floats(14, 22))


def save(path: Path, **arrays: Any) -> Path:
    with path.open("wb") as stream:  # by its name, numpy would append .npz
        np.savez(stream, **arrays)
    return path


def write_with_origin(path: Path, corner: tuple[float, float], how: str) -> Path:
    if how == "npz":
        return save(path, object=cut(*corner), origin_yx_px=np.array(corner))
    with h5py.File(path, "w") as file:
        file["entry/object"] = cut(*corner)
        if how == "attribute":
            file["entry/object"].attrs["origin_yx_px"] = corner
        else:
            file["entry/origin_yx_px"] = np.array(corner)
            file["origin_yx_px"] = np.array([1.0, 1.0])  # not beside it
    return path


@pytest.mark.parametrize("how", ["npz", "beside", "attribute"])
@examples(20)
@given(corner=CORNERS)
def test_an_origin_is_kept(
    tmp_path_factory: pytest.TempPathFactory, how: str, corner: tuple[float, float]
) -> None:
    path = write_with_origin(tmp_path_factory.mktemp("frame") / "r", corner, how)
    source = ImageSource(path, "object" if how == "npz" else "/entry/object")
    require_in_place(read_ready_made(source), SCAN)


@pytest.mark.parametrize("bad", [[1.0], [1.0, 2.0, 3.0], [np.nan, 1.0], ["1", "2"], [1j, 2.0]])
def test_what_is_no_origin_is_refused(tmp_path: Path, bad: list[Any]) -> None:
    path = save(tmp_path / "r.npz", object=cut(10, 20), origin_yx_px=bad)
    with pytest.raises(ReadyMadeError, match=r"'origin_yx_px' is .*; needed: 2 finite numbers"):
        read_ready_made(path)


def test_an_image_of_the_grid_s_shape_with_an_origin_is_moved(tmp_path: Path) -> None:
    np.savez(tmp_path / "r.npz", object=cut(3, -2, GRID.shape), origin_yx_px=[3, -2])
    values, weight = read_ready_made(tmp_path / "r.npz").on_grid(SCAN, GRID)
    np.testing.assert_array_equal(values[3:, :98], TRUTH[3:, :98].astype(np.complex64))
    assert not weight[:3].any()
    assert not weight[:, 98:].any()


def test_our_own_files_keep_origin_and_weight(tmp_path: Path) -> None:
    weight = np.full(SHAPE, 2.0)
    weight[:, :20] = 0
    path, _ = write_reconstructions(
        tmp_path / "r.npz",
        {"Mine": cut(12, 9), "Other": cut(12, 9)},
        extra={"mine_weight": weight, "origin": np.array([12, 9])},
    )
    values, laid = read_ready_made(ImageSource(path, "mine_complex")).on_grid(SCAN, GRID)
    np.testing.assert_array_equal(values[12:76, 9:79], cut(12, 9).astype(np.complex64))
    np.testing.assert_array_equal(laid[12:76, 9:79], weight)
    other = read_ready_made(ImageSource(path, "other_complex"))
    assert other.weight is None
    assert other.on_grid(SCAN, GRID)[1].sum() == weight.size


def test_a_foreign_key_called_origin_means_nothing(tmp_path: Path) -> None:
    np.savez(tmp_path / "r.npz", object=cut(12, 9), my_complex=cut(12, 9), origin=[12, 9])
    assert not read_ready_made(tmp_path / "r.npz").placed
    assert not read_ready_made(ImageSource(tmp_path / "r.npz", "my_complex")).placed


# ---- ptychodus' products


@dataclass(frozen=True)
class Product:
    """What a ptychodus product says.

    Its pixel and metre conventions are written down here once more, from the patches: pattern i
    was made by the patch of `side` px whose first pixel lies at scan position - side//2. ptychodus
    states where that patch's geometric centre lies, in metres from a centre of its own choice,
    which lies on the object array's geometric centre.
    """

    values: np.ndarray
    indexes: np.ndarray
    metres: np.ndarray
    side: int = 16
    centre: tuple[float, float] = (3.1e-6, -2.2e-6)
    pitch: tuple[float, float] = PITCH

    def write(self, path: Path, layout: str) -> Path:
        probe = np.ones((1, 2, self.side, self.side), np.complex64)
        values = self.values[None]
        if layout == "npz":
            return save(
                path,
                object=values,
                object_center_x_m=self.centre[0],
                object_center_y_m=self.centre[1],
                object_pixel_width_m=self.pitch[0],
                object_pixel_height_m=self.pitch[1],
                object_layer_spacing_m=[],
                probe=probe,
                probe_position_indexes=self.indexes,
                probe_position_x_m=self.metres[:, 0],
                probe_position_y_m=self.metres[:, 1],
            )
        with h5py.File(path, "w") as file:
            if layout == "cxi":
                inside = file.create_group("entry_1/ptychodus")
                for name, value in zip("xy", self.centre, strict=True):
                    inside[f"object_center_{name}_m"] = value
                inside["object_pixel_width_m"], inside["object_pixel_height_m"] = self.pitch
                inside["probe_position_indexes"] = self.indexes
                table = np.column_stack([self.metres, np.zeros(len(self.metres))])
                file["entry_1/sample_1/geometry_1/translation"] = table
                file["entry_1/data_1/translation"] = h5py.SoftLink("/entry_1/sample_1/geometry_1/translation")
                file["entry_1/image_1/data"], file["entry_1/image_2/data"] = probe, values
            else:
                file["object"], file["probe"] = values, probe
                for name, value in zip("xy", self.centre, strict=True):
                    file["object"].attrs[f"center_{name}_m"] = value
                file["object"].attrs["pixel_width_m"], file["object"].attrs["pixel_height_m"] = self.pitch
                file["probe_position_indexes"] = self.indexes
                file["probe_position_x_m"], file["probe_position_y_m"] = self.metres.T
        return path


def make_product(corner: tuple[float, float], *, side: int = 16, count: int = 40) -> Product:
    """The product of an exact reconstruction of the first `count` patterns of the scan, in another order."""
    indexes = np.random.default_rng(1).permutation(count)
    first = SCAN[indexes] - side // 2 - np.array(corner)[::-1]  # x, y of the patch's first pixel in the image
    product = Product(cut(*corner), indexes, first, side)
    from_middle = first + (side - 1) / 2 - (np.array(SHAPE)[::-1] - 1) / 2
    return replace(product, metres=np.array(product.centre) + from_middle * PITCH)


LAYOUTS = pytest.mark.parametrize("layout", ["npz", "hdf5", "cxi"])


@LAYOUTS
@examples(10)
@given(corner=CORNERS, side=st.integers(8, 17), count=st.integers(1, 40))
def test_a_product_lies_where_its_patterns_were_taken(
    tmp_path_factory: pytest.TempPathFactory, layout: str, corner: tuple[float, float], side: int, count: int
) -> None:
    product = make_product(corner, side=side, count=count)
    found = read_ready_made(product.write(tmp_path_factory.mktemp("frame") / "r", layout), arm="product")
    require_in_place(found, SCAN)
    assert found.probe is not None
    assert found.probe.shape == (side, side)


@LAYOUTS
def test_the_product_s_own_zero_of_the_stage_does_not_matter(tmp_path: Path, layout: str) -> None:
    product = make_product((11.3, 17.8))
    moved = replace(product, metres=product.metres + 1e-3, centre=tuple(np.array(product.centre) + 1e-3))
    require_in_place(read_ready_made(moved.write(tmp_path / "r", layout)), SCAN, atol=1e-5)


def test_refined_positions_still_are_one_frame(tmp_path: Path) -> None:
    noise = np.random.default_rng(2).normal(0, 0.2, (40, 2))
    product = make_product((11.0, 17.0))
    refined = replace(product, metres=product.metres + (noise - noise.mean(axis=0)) * PITCH)
    require_in_place(read_ready_made(refined.write(tmp_path / "r", "npz")), SCAN, atol=1e-5)


CHANGES: dict[str, tuple[Callable[[np.ndarray], np.ndarray], str]] = {
    "scaled": (lambda metres: metres * 1.2, "x = 0.8333 x' .* its pixel size or its angle"),
    "mirrored": (lambda metres: metres * [-1, 1], "x = -1 x' .* it is mirrored or turned"),
    "exchanged": (lambda m: m[:, ::-1] * [7 / 9, 9 / 7], "x = .* 1 y', .* axes are exchanged or turned"),
    "reordered": (lambda metres: metres[::-1], "another scan or another order"),
}


@LAYOUTS
@pytest.mark.parametrize("change", CHANGES)
def test_more_than_a_shift_is_refused_with_the_numbers(tmp_path: Path, layout: str, change: str) -> None:
    make, message = CHANGES[change]
    product = make_product((11, 17))
    path = replace(product, metres=make(product.metres)).write(tmp_path / "r", layout)
    with pytest.raises(ReadyMadeError, match=message) as caught:
        read_ready_made(path).on_grid(SCAN, GRID)
    text = str(caught.value)
    assert text.startswith(f"{path}: its 40 positions and the scan's are ")
    assert "more than 0.5: " in text
    assert "\n" not in text


def test_a_single_position_that_is_elsewhere_does_not_hide(tmp_path: Path) -> None:
    product = make_product((11, 17))
    metres = product.metres.copy()
    metres[3] += 5 * PITCH[0]
    found = read_ready_made(replace(product, metres=metres).write(tmp_path / "r", "npz"))
    assert found.frame is not None
    note = found.frame.note(SCAN)
    assert re.search(r"are 0\.\d+ px \(rms\) from the scan's after the best shift, \d\.\d+ px at most", note)


@LAYOUTS
@pytest.mark.parametrize("spread_px", [0.7, 1.0, 2.0])
def test_refined_positions_are_placed_by_their_mean_with_a_note(
    tmp_path: Path, layout: str, spread_px: float
) -> None:
    """A product with positions refined by 1 px was refused as another scan, and no arm was compared."""
    noise = np.random.default_rng(2).normal(0, spread_px, (40, 2))
    product = make_product((11.0, 17.0))
    refined = replace(product, metres=product.metres + (noise - noise.mean(axis=0)) * PITCH)
    found = read_ready_made(refined.write(tmp_path / "r", layout))
    require_in_place(found, SCAN, atol=1e-5)
    assert found.frame is not None
    rms = np.sqrt(((noise - noise.mean(axis=0)) ** 2).sum(axis=1).mean())
    assert f"its positions are {rms:.2f} px (rms) from the scan's after the best" in found.frame.note(SCAN)


@pytest.mark.parametrize("scale", [0.99, 1.015])
def test_a_small_scale_is_a_refinement_too(tmp_path: Path, scale: float) -> None:
    wide = SCAN * 8
    product = make_product((11.0, 17.0))
    first = wide[product.indexes] * scale
    found = read_ready_made(replace(product, metres=first * PITCH).write(tmp_path / "r", "npz"))
    assert found.frame is not None
    assert "as refined ones are" in found.frame.note(wide)


def test_a_product_of_another_scan_is_named(tmp_path: Path) -> None:
    found = read_ready_made(make_product((11, 17)).write(tmp_path / "r", "hdf5"))
    with pytest.raises(
        ReadyMadeError, match="a position for pattern 39, counted from 0, and the scan has 39"
    ):
        found.on_grid(SCAN[:39], GRID)


@LAYOUTS
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pitch": (0.0, 1e-9)}, "width_m' is 0.0; needed: metres per pixel, more than 0"),
        ({"pitch": (1e-9, -1e-9)}, "height_m' is -1e-09; needed: metres per pixel"),
        ({"centre": (np.nan, 0.0)}, "center_x_m' is .*; needed: 1 finite numbers"),
        ({"indexes": np.arange(40) - 1}, "needed: indexes of patterns, not negative"),
        ({"indexes": np.arange(40, dtype="u8") + (1 << 63)}, "needed: indexes of patterns, not negative"),
        ({"indexes": np.arange(40.0)}, "indexes' is float64 .*needed: indexes of patterns"),
        ({"indexes": np.arange(39)}, r"is float64 of shape \(40.*; needed: 39 finite numbers"),
        ({"indexes": np.arange(0)}, r"indexes' is int64 of shape \(0,\)"),
        ({"metres": np.full((40, 2), np.inf)}, "needed: 40 finite numbers"),
    ],
)
def test_what_is_recorded_and_cannot_be_is_refused(
    tmp_path: Path, layout: str, change: dict[str, Any], message: str
) -> None:
    path = replace(make_product((11, 17)), **change).write(tmp_path / "r", layout)
    with pytest.raises(ReadyMadeError, match=message):
        read_ready_made(path)


def test_texts_are_no_indexes(tmp_path: Path) -> None:
    path = replace(make_product((11, 17)), indexes=np.array(["a"] * 40)).write(tmp_path / "r", "npz")
    with pytest.raises(ReadyMadeError, match="indexes' is <U1 of shape"):
        read_ready_made(path)


@pytest.mark.parametrize("layout", ["npz", "hdf5"])
def test_a_product_without_indexes_is_in_the_scan_s_order(tmp_path: Path, layout: str) -> None:
    """So pty-chi's example data are."""
    product = make_product((11, 17))
    order = np.argsort(product.indexes)
    path = replace(product, metres=product.metres[order]).write(tmp_path / f"r.{layout}", layout)
    if layout == "npz":
        with np.load(path) as arrays:
            kept = {key: arrays[key] for key in arrays if key != "probe_position_indexes"}
        save(path, **kept)
    else:
        with h5py.File(path, "a") as file:
            del file["probe_position_indexes"]
    require_in_place(read_ready_made(path), SCAN)


def test_half_a_product_is_no_frame(tmp_path: Path) -> None:
    path = make_product((11, 17)).write(tmp_path / "r.npz", "npz")
    with np.load(path) as arrays:
        kept = {key: arrays[key] for key in arrays if key != "object_center_x_m"}
    np.savez(path, **kept)
    assert not read_ready_made(path).placed


def test_a_product_made_of_real_pty_chi_output_lies_as_pty_chi_laid_it(
    reference: Path, tmp_path: Path
) -> None:
    """pty-chi lays the middle of the positions on pixel (h/2, w/2); as a product it records just that."""
    hub = reference / "hub/data"
    found = read_ready_made(next((hub / "phase_f").rglob("test/ptychi_reconstruction.npz")))
    with np.load(next((hub / "phase_c").rglob("patched_test.npz")), allow_pickle=True) as arrays:
        scan = np.stack([arrays["xcoords"], arrays["ycoords"]], axis=1)
        truth = arrays["objectGuess"].squeeze()
    middle = (scan.min(axis=0) + scan.max(axis=0)) / 2
    product = Product(found.values, np.arange(len(scan)), (scan - middle) * PITCH, side=64, centre=(0.0, 0.0))
    placed = read_ready_made(product.write(tmp_path / "product.h5", "hdf5"))
    grid = Grid((0, 0), truth.shape)
    values, weight = placed.on_grid(scan, grid)
    expected, same = found.on_grid(scan, grid)
    np.testing.assert_allclose(values, expected, atol=1e-4)
    np.testing.assert_array_equal(weight, same)


# ---- files of other programs


def tike_file(corner: tuple[float, float]) -> dict[str, Any]:
    """psi, probe and scan as tike.ptycho holds them: (row, column) of the first pixel of each patch."""
    first = SCAN[:, ::-1] - 8 - np.array(corner)
    return {"psi": cut(*corner)[None], "probe": np.ones((1, 1, 2, 16, 16), "c8"), "scan": first.astype("f4")}


BASIS = np.array([[0.0, -9e-9], [-7e-9, 0.0], [0.0, 0.0]])
"""cdtools' columns: down a column and along a row of the object, m per px."""


def cdtools_file(corner: tuple[float, float]) -> dict[str, Any]:
    """As FancyPtycho.save_to_h5 of cdtools 0.3.2 writes it."""
    first = SCAN[:, ::-1] - 8 - np.array(corner)
    least = np.array([-31.5, 12.25])
    return {
        "obj": cut(*corner),
        "probe": np.ones((3, 16, 16), "c8"),
        "obj_basis": BASIS,
        "translations": (first + least) @ BASIS.T,
        "state_dict/min_translation": least,
        "state_dict/surface_normal": np.array([0.0, 0.0, 1.0]),
    }


def cdtools_without_state(corner: tuple[float, float], padding: int = 7) -> dict[str, Any]:
    """The least translation then follows from the shape, which the padding made."""
    least = SCAN[:, ::-1].min(axis=0) - 8 - padding
    size = np.ceil(np.ptp(SCAN[:, ::-1], axis=0)).astype(int) + 16 + 2 * padding
    translations = SCAN[:, ::-1] @ BASIS.T
    stored = {"obj": smooth(least[0] + np.arange(size[0]), least[1] + np.arange(size[1]))}
    return stored | {"probe": np.ones((16, 16), "c8"), "obj_basis": BASIS, "translations": translations}


def ptypy_file(corner: tuple[float, float], modes: int = 1) -> dict[str, Any]:
    """As PtyPy's save_run(kind='minimal') writes it: a view's pixel [8, 8] lies at its coordinate."""
    pitch, center = np.array([9e-9, 7e-9]), np.array([20.5, 31.0])
    coordinates = (SCAN[:, ::-1] - np.array(corner) - center) * pitch
    return {
        "content/obj/SscanG00/data": cut(*corner)[None],
        "content/obj/SscanG00/_psize": pitch,
        "content/obj/SscanG00/_center": center,
        "content/obj/SscanG00/grids": np.zeros((2, 1, 4, 4)),
        "content/probe/SscanG00/data": np.ones((modes, 16, 16), "c8"),
        "content/probe/SscanG00/_psize": pitch,
        "content/positions/SscanG00": np.repeat(coordinates, modes, axis=0),
    }


def ptychoshelves_file(corner: tuple[float, float]) -> dict[str, Any]:
    """As fold_slice's .mat: x, y of a patch about the centre, counted from 1."""
    first = SCAN[:, ::-1] - 8 - np.array(corner)
    offset = np.ceil(np.array(SHAPE) / 2 - 8)
    return {
        "object": cut(*corner),
        "probe": np.ones((16, 16), "c16"),
        "outputs/probe_positions": (first + 1 - offset)[:, ::-1],
        "p/dx_spec": np.array([9e-9, 7e-9]),
    }


def ptychi_file(corner: tuple[float, float]) -> dict[str, Any]:
    """The arguments of a pty-chi task, its object, and where its positions begin."""
    first = SCAN[:, ::-1] - 8 - np.array(corner)
    origin = np.round(np.array(SHAPE) / 2) - 0.5
    y, x = (first + (16 - 1) / 2 - origin).T
    return {
        "object": cut(*corner)[None],
        "probe": np.ones((1, 2, 16, 16), "c8"),
        "probe_position_y_px": y,
        "probe_position_x_px": x,
        "pos_origin_coords": origin,
    }


PROGRAMS: dict[str, Callable[[tuple[float, float]], dict[str, Any]]] = {
    "tike": tike_file,
    "cdtools": cdtools_file,
    "PtyPy": ptypy_file,
    "PtyPy, 3 modes": lambda corner: ptypy_file(corner, modes=3),
    "PtychoShelves": ptychoshelves_file,
    "pty-chi": ptychi_file,
}


def write_hdf5(path: Path, arrays: dict[str, Any]) -> Path:
    with h5py.File(path, "w") as file:
        for key, values in arrays.items():
            file[key] = values
    return path


@pytest.mark.parametrize("program", PROGRAMS)
@examples(10)
@given(corner=CORNERS)
def test_files_of_programs_lie_where_their_patches_were_taken(
    tmp_path_factory: pytest.TempPathFactory, program: str, corner: tuple[float, float]
) -> None:
    path = write_hdf5(tmp_path_factory.mktemp("frame") / "r.h5", PROGRAMS[program](corner))
    found = read_ready_made(path, arm=program)
    require_in_place(found, SCAN, atol=2e-5)
    assert found.probe is not None
    assert found.probe.shape[-2:] == (16, 16)


def test_tike_s_arrays_in_an_npz_file(tmp_path: Path) -> None:
    require_in_place(read_ready_made(save(tmp_path / "r.npz", **tike_file((11, 17.5)))), SCAN, atol=2e-5)


def test_cdtools_without_its_state_lies_by_its_padding(tmp_path: Path) -> None:
    stored = cdtools_without_state((0, 0))
    found = read_ready_made(write_hdf5(tmp_path / "r.h5", stored))
    require_in_place(found, SCAN, atol=2e-5)
    stored["obj"] = stored["obj"][:-1]
    assert not read_ready_made(write_hdf5(tmp_path / "cut.h5", stored)).placed


def test_the_sample_of_cdtools_may_be_tilted(tmp_path: Path) -> None:
    """A translation along the surface of a tilted sample: what it moves along the beam is no shift."""
    stored = cdtools_file((11, 17))
    normal = np.array([0.0, -0.6, 0.8])
    stored["state_dict/surface_normal"] = normal
    flat = stored["translations"]
    stored["translations"] = flat + np.outer(-(flat @ normal) / normal[2], [0, 0, 1])
    require_in_place(read_ready_made(write_hdf5(tmp_path / "r.h5", stored)), SCAN, atol=2e-5)
    stored["state_dict/surface_normal"] = np.array([1.0, 0.0, 0.0])
    with pytest.raises(ReadyMadeError, match="the sample lies along the beam"):
        read_ready_made(write_hdf5(tmp_path / "along.h5", stored))


WITHOUT: dict[str, tuple[str, str]] = {
    "tike without its scan": ("tike", "scan"),
    "tike without its probe": ("tike", "probe"),
    "cdtools without its basis": ("cdtools", "obj_basis"),
    "cdtools without its probe": ("cdtools", "probe"),
    "PtyPy without its centre": ("PtyPy", "content/obj/SscanG00/_center"),
    "PtyPy without its positions": ("PtyPy", "content/positions/SscanG00"),
    "pty-chi without its origin": ("pty-chi", "pos_origin_coords"),
    "PtychoShelves without its positions": ("PtychoShelves", "outputs/probe_positions"),
}


@pytest.mark.parametrize("case", WITHOUT)
def test_what_does_not_say_all_is_not_placed(tmp_path: Path, case: str) -> None:
    program, key = WITHOUT[case]
    stored = PROGRAMS[program]((11, 17))
    del stored[key]
    assert not read_ready_made(write_hdf5(tmp_path / "r.h5", stored)).placed


BREACHES: dict[str, tuple[str, str, Any, str]] = {
    "scan of three": ("tike", "scan", np.zeros((40, 3)), r"'scan' is .*needed: \(n, 2\) finite numbers"),
    "scan not finite": ("tike", "scan", np.full((40, 2), np.nan), r"needed: \(n, 2\) finite"),
    "flat translations": ("cdtools", "translations", np.zeros((40, 2)), r"needed: \(n, 3\) finite"),
    "a line as probe": ("cdtools", "probe", np.ones(16, "c8"), r"'probe' has shape \(16,\); needed: \("),
    "no centre": ("PtyPy", "content/obj/SscanG00/_center", [1.0, np.inf], "_center' is .*needed: 2 finite"),
    "no pixel": ("PtyPy", "content/obj/SscanG00/_psize", [], "_psize' is .*needed: 2 finite"),
    "texts": ("PtychoShelves", "outputs/probe_positions", ["a", "b"], "holds no numbers"),
}  # fmt: skip


@pytest.mark.parametrize("case", BREACHES)
def test_a_record_that_cannot_be_is_one_line(tmp_path: Path, case: str) -> None:
    program, key, value, message = BREACHES[case]
    path = write_hdf5(tmp_path / "r.h5", PROGRAMS[program]((11, 17)) | {key: value})
    with pytest.raises(InputError, match=message) as caught:
        read_ready_made(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_pixel_size_that_is_none_is_named(tmp_path: Path) -> None:
    stored = ptypy_file((11, 17)) | {"content/obj/SscanG00/_psize": 5e-324}
    found = read_ready_made(write_hdf5(tmp_path / "r.h5", stored))
    with (
        np.errstate(all="ignore"),
        pytest.raises(ReadyMadeError, match="its positions lie inf px from the scan's"),
    ):
        found.on_grid(SCAN, GRID)


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_file_of_another_scan_is_named(tmp_path: Path, program: str) -> None:
    found = read_ready_made(write_hdf5(tmp_path / "r.h5", PROGRAMS[program]((11, 17))))
    with pytest.raises(ReadyMadeError, match="has 40 positions and the scan 39, and it does not say which"):
        found.on_grid(SCAN[:39], GRID)
    with pytest.raises(ReadyMadeError, match=r"axes are exchanged or turned|another scan or another order"):
        found.on_grid(SCAN[:, ::-1].copy(), GRID)
    assert found.frame is not None
    assert found.frame.note(SCAN[:39]) == found.frame.note(SCAN) == ""
