"""Readers of arrays: scans in every format, images of arms, what a comparison leaves, figures."""

from __future__ import annotations

import bz2
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from matplotlib.image import imsave

from foreign_readers.reader import Reader, of_numpy, written
from ptycho_compare.checks.accounting import judge_plan
from ptycho_compare.checks.figure import judge_figure
from ptycho_compare.phases.comparison.differences import artifact_differences
from ptycho_compare.reconstruction.image_file import open_image_file
from ptycho_compare.reconstruction.ready_made import read_ready_made
from ptycho_compare.records.manifest import Manifest
from ptycho_compare.records.reconstructions_npz import read_reconstructions, write_reconstructions
from ptycho_compare.scan.plan import Plan, save_plan
from ptycho_compare.scan.read import open_scan
from ptycho_compare.scan.reading import AS_FOUND, Reading
from ptycho_compare.storage.fingerprint import Fingerprint
from ptycho_compare.storage.saved_work import SavedWork
from ptycho_compare.untrusted.bzip2 import unpack_bzip2
from scans import make_scan, tike_arrays, write_cxi, write_hdf5, write_scan

_SIDE = 8
_ALONG_THE_BEAM = np.array([[0, -75e-6, 0], [-75e-6, 0, 0]])


def _images(path: Path) -> object:
    with open_image_file(path) as file:
        return [file.array(key) for key in file.arrays()]


def _unpacked(path: Path) -> object:
    with unpack_bzip2(path, folder=path.parent) as stream:
        return stream.read(1 << 20)


def _an_hdf5(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("object", data=np.ones((8, 8), complex), chunks=(4, 4), compression="gzip")
        file["object"].attrs["units"] = "mm"


def _scanned(path: Path, reading: Reading = AS_FOUND) -> None:
    with open_scan(path, spool_folder=path.parent, reading=reading) as scan:
        scan.diffraction.read(np.arange(scan.diffraction.count))
        _ = scan.normalization, scan.photons, scan.probe, scan.patch_px


def _counted(path: Path) -> None:
    _scanned(path, Reading(values="counts"))


@cache
def _scan() -> dict[str, Any]:
    return make_scan(count=6, side=_SIDE, height=20, width=24)


def _positions() -> np.ndarray:
    return np.stack([_scan()["xcoords"], _scan()["ycoords"]], axis=1)


def _a_ptyd(path: Path) -> None:
    """As PtyPy writes it: frames in chunks, positions in metres."""
    scan, pitch = _scan(), 1e-8
    counts = np.rint(100 * scan["diff3d"] ** 2).astype(np.int32)
    metres = np.stack([scan["ycoords"], scan["xcoords"]], axis=1) * pitch
    with h5py.File(path, "w") as file:
        for number, part in enumerate((slice(0, 4), slice(4, 6))):
            chunk = file.create_group(f"chunks/{number}")
            chunk["data"], chunk["positions"] = counts[part], metres[part]
            chunk["indices"] = np.arange(6)[part]
            chunk.create_group("weights")
        wavelength_m, distance_m = 1.722e-10, 1.0
        meta = {"energy": 7.2, "distance": distance_m, "num_frames": 6,
                "psize": [wavelength_m * distance_m / (_SIDE * pitch)] * 2}  # fmt: skip
        for name, value in meta.items():
            file[f"meta/{name}"] = value
        file["info/positions_scan"] = metres


def _a_ptyr(path: Path) -> None:
    """As PtyPy writes a reconstruction."""
    with h5py.File(path, "w") as file:
        file["content/obj/S0/data"] = np.ones((1, 20, 24), np.complex64)
        file["content/obj/S0/_psize"], file["content/obj/S0/_center"] = [1e-8, 1e-8], [10.0, 12.0]
        file["content/probe/S0/data"] = np.ones((2, _SIDE, _SIDE), np.complex64)
        file["content/positions/S0"] = _positions()[:, ::-1] * 1e-8


def _a_product() -> bytes:
    """As ptychodus writes one."""
    return of_numpy(
        np.savez_compressed, object=np.ones((20, 24), complex), object_pixel_width_m=1e-8,
        object_pixel_height_m=1e-8, object_center_x_m=0.0, object_center_y_m=0.0,
        probe_position_indexes=np.arange(6), probe_position_x_m=_positions()[:, 0] * 1e-8,
        probe_position_y_m=_positions()[:, 1] * 1e-8,
        probe=np.ones((1, _SIDE, _SIDE), complex),
    )  # fmt: skip


def _placed(path: Path) -> None:
    ready_made = read_ready_made(path)
    if ready_made.frame is not None:
        ready_made.frame.corner(_positions())


def _stored(path: Path) -> None:
    held = read_reconstructions(path)
    held.truth(path)
    for name in held.names:
        held.arm(path, name)


def _reconstructions(path: Path) -> None:
    image = np.ones((6, 5), np.complex64)
    extra = {"mask": np.ones((6, 5), bool), "origin": np.array([3, 4])}
    write_reconstructions(path, {"Baseline": image}, truth=image, extra=extra)


def _differing(path: Path) -> None:
    """Hold it against the same artifact made again."""
    ours = path.parent / "ours" / path.name
    if not ours.is_file():
        ours.parent.mkdir()
        ours.write_bytes(ARRAYS[_OF_ARTIFACT[path.suffix]].whole())
    list(artifact_differences(path, ours))


_OF_ARTIFACT = {".npz": "artifact", ".png": "figure"}


def _drawn(path: Path) -> None:
    list(judge_figure(path, "a comparison"))
    _differing(path)


_MANIFEST = Manifest.model_construct(plan={"groups": 2, "images_in_scan": 6}, settings={"seed": 3})


def _planned(path: Path) -> None:
    list(judge_plan(path, _MANIFEST))


def _plan(path: Path) -> None:
    save_plan(path, Plan(np.array([[0, 1], [2, 3]]), np.arange(6), 2.5, 3, 4))


_FINGERPRINT = Fingerprint({"a": "0"}, {"groups": 2}, "c", {"numpy": "2"})


def _work(folder: Path) -> SavedWork:
    return SavedWork(folder, "arm", _FINGERPRINT, folder / "set_aside")


def _saved(path: Path) -> None:
    """Go on from a checkpoint, whose arrays may be any."""
    _work(path.parent).read(lambda facts, arrays: (float(facts["seconds"]), arrays["total"]), lambda _: None)


def _record_of_work(path: Path) -> None:
    _work(path.parent).write({"total": np.ones((3, 2), complex)}, {"seconds": 1.5})


def _colours(path: Path) -> None:
    imsave(path, np.linspace(0, 1, 48).reshape(4, 4, 3), metadata={"Software": "x"})


_OBJECTS = np.array("{}", dtype=object)
ARRAYS: Mapping[str, Reader] = {
    "bzip2": Reader("a.npz.bz2", _unpacked, lambda: bz2.compress(b"0123456789" * 99)),
    "npy": Reader("a.npy", _images, lambda: of_numpy(np.save, np.ones((3, 3), complex))),
    "npz": Reader("a.npz", _images,
                  lambda: of_numpy(np.savez_compressed, a=np.ones((3, 3)), metadata=_OBJECTS)),
    "hdf5": Reader("a.h5", _images, written(_an_hdf5)),
    "scan npz": Reader("scan.npz", _scanned, written(lambda path: write_scan(path, _scan()), "scan.npz")),
    "scan of tike": Reader("scan.npz", _scanned,
                           written(lambda path: write_scan(path, tike_arrays(_scan())), "scan.npz")),
    "scan hdf5": Reader("scan.h5", _scanned, written(lambda path: write_hdf5(path, _scan()))),
    "scan cxi": Reader("scan.cxi", _counted,
                       written(lambda path: write_cxi(path, _ALONG_THE_BEAM, count=6, side=_SIDE))),
    "scan ptyd": Reader("scan.ptyd", _scanned, written(_a_ptyd)),
    "object of ptypy": Reader("a.ptyr", _placed, written(_a_ptyr)),
    "object of ptychodus": Reader("a.npz", _placed, _a_product),
    "reconstructions npz": Reader("reconstructions.npz", _stored,
                                  written(_reconstructions, "reconstructions.npz")),
    "artifact": Reader("reconstructions.npz", _differing, written(_reconstructions, "reconstructions.npz")),
    "figure": Reader("comparison_plot.png", _drawn, written(_colours, "plot.png")),
    "plan": Reader("plan.npz", _planned, written(_plan, "plan.npz")),
    "checkpoint": Reader("arm.json", _saved, written(_record_of_work, "arm.json")),
}  # fmt: skip
