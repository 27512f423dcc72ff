"""Files of reconstructions written by the libraries themselves: their pixels lie where they lay them."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from ptycho_compare.reconstruction.frame import PositionFrame
from ptycho_compare.reconstruction.ready_made import ReadyMade, read_ready_made
from scans import make_object, make_probe

SIDE, COUNT, PIXEL = 16, 12, 20e-9
OBJECT, PROBE = make_object(48, 60), make_probe(SIDE)
FIRST = np.random.default_rng(0).integers(0, (48 - SIDE, 60 - SIDE), (COUNT, 2))
"""Row and column of each patch's first pixel in the object."""


def require_read(path: Path) -> ReadyMade:
    found = read_ready_made(path)
    np.testing.assert_allclose(found.values, OBJECT, rtol=1e-6)
    assert found.probe is not None
    assert found.probe.shape == (SIDE, SIDE)
    return found


def frame_of(found: ReadyMade) -> PositionFrame:
    assert isinstance(found.frame, PositionFrame)
    return found.frame


# ---- ptychodus


def product_of() -> Any:
    """A product whose positions are the centres of its patches, as ptychodus counts them."""
    from ptychodus.api import geometry, probe, probe_positions, product
    from ptychodus.api.object import Object, ObjectCenter

    pixel = geometry.PixelGeometry(width_m=PIXEL, height_m=PIXEL)
    whole = Object(OBJECT, pixel, ObjectCenter(x_m=3e-6, y_m=-1e-6))
    about = whole.get_geometry()
    points = []
    for index, (row, column) in enumerate(FIRST):
        centre_x, centre_y = column + (SIDE - 1) / 2, row + (SIDE - 1) / 2
        x_m = about.center_x_m + PIXEL * (centre_x - (OBJECT.shape[1] - 1) / 2)
        y_m = about.center_y_m + PIXEL * (centre_y - (OBJECT.shape[0] - 1) / 2)
        points.append(probe_positions.ProbePosition(index=index, x_m=x_m, y_m=y_m))
    sequence = probe_positions.ProbePositionSequence(points)
    # the library itself says on which pixels of the object they lie
    at = about.map_probe_positions_to_object_x_px(sequence)
    np.testing.assert_allclose(at, FIRST[:, 1] + (SIDE - 1) / 2, atol=1e-6)
    metadata = product.ProductMetadata("one", "", 1.0, 8000.0, 1e6, 1.0, 0.0, 0.0)
    probes = probe.ProbeSequence(PROBE, None, pixel)
    return product.Product(metadata, sequence, probes, whole, [])


WRITERS = [
    "h5_product_file.H5ProductFileIO",
    "npz_product_file.NPZProductFileIO",
    "cxi_file.CXIProductFileIO",
]


@pytest.mark.parametrize("writer", WRITERS)
def test_products_of_ptychodus(ptychodus: ModuleType, tmp_path: Path, writer: str) -> None:
    module, name = writer.split(".")
    library = importlib.import_module(f"ptychodus.plugins.{module}")
    path = tmp_path / ("product.npz" if "npz" in module else "product.h5")
    getattr(library, name)().write(path, product_of())
    frame = frame_of(require_read(path))
    np.testing.assert_allclose(frame.pixels, FIRST[:, ::-1] + SIDE // 2, atol=1e-3)
    assert frame.indexes is not None
    np.testing.assert_array_equal(frame.indexes, np.arange(COUNT))


# ---- cdtools


@pytest.mark.slow
@pytest.mark.parametrize("state", [True, False])
def test_results_of_cdtools(cdtools: ModuleType, torch: ModuleType, tmp_path: Path, state: bool) -> None:
    """Its own forward model takes the patches that our frame says."""
    from cdtools.datasets import Ptycho2DDataset
    from cdtools.models import FancyPtycho

    basis = np.array([[0.0, -30e-6], [-30e-6, 0.0], [0.0, 0.0]])
    distance, wavelength = 1.0, 1e-10
    pitch = wavelength * distance / (SIDE * 30e-6)
    translations = np.zeros((COUNT, 3))
    translations[:, :2] = -FIRST[:, ::-1] * pitch
    geometry = {"basis": basis, "distance": distance, "corner": None}
    dataset = Ptycho2DDataset(
        torch.tensor(translations, dtype=torch.float32),
        torch.ones((COUNT, SIDE, SIDE)),
        wavelength=wavelength,
        detector_geometry=geometry,
    )
    model = FancyPtycho.from_dataset(dataset, n_modes=2, obj_padding=9)
    shape = tuple(model.obj.shape[-2:])
    values = make_object(*shape)
    model.obj.data = torch.tensor(values).reshape(model.obj.shape)
    path = tmp_path / "results.h5"
    results = model.save_results()
    if not state:
        results["state_dict"] = {}
    from cdtools.tools.data import nested_dict_to_h5

    nested_dict_to_h5(path, results)
    found = read_ready_made(path)
    np.testing.assert_allclose(found.values, values, rtol=1e-6)
    index = torch.arange(COUNT)
    waves = model.interaction(index, dataset.translations).detach().numpy()
    beams = (model.probe_norm * model.probe * model.probe_support).detach().numpy()
    pixels = np.rint(frame_of(found).pixels).astype(int)
    np.testing.assert_allclose(frame_of(found).pixels, pixels, atol=1e-3)
    for wave, (x, y) in zip(waves, pixels, strict=True):
        patch = values[y - SIDE // 2 :, x - SIDE // 2 :][:SIDE, :SIDE]
        np.testing.assert_allclose(wave, beams * patch, atol=1e-3 * np.abs(beams).max())


# ---- pty-chi


@pytest.mark.slow
def test_the_patches_of_pty_chi(torch: ModuleType, tmp_path: Path) -> None:
    """Its own function cuts the patches that our frame says."""
    from ptycho_compare.phases.reconstruct.library import provide_torchvision

    provide_torchvision()
    cut = pytest.importorskip("ptychi.image_proc", reason="no pty-chi").extract_patches_fourier_shift
    origin = np.round(np.array(OBJECT.shape) / 2) - 0.5
    positions = FIRST + (SIDE - 1) / 2 - origin
    y, x = positions.T
    arrays = {"probe_position_y_px": y, "probe_position_x_px": x, "pos_origin_coords": origin}
    np.savez(tmp_path / "results.npz", object=OBJECT[None], probe=PROBE[None, None], **arrays)
    pixels = frame_of(require_read(tmp_path / "results.npz")).pixels
    patches = cut(
        torch.tensor(OBJECT), torch.tensor(positions + origin, dtype=torch.float32), (SIDE, SIDE)
    ).numpy()
    for patch, (column, row) in zip(patches, np.rint(pixels).astype(int) - SIDE // 2, strict=True):
        np.testing.assert_allclose(patch, OBJECT[row : row + SIDE, column : column + SIDE], atol=1e-4)
