"""A simulated scan in PtychoPINN's data contract, with a record of each step that made it.

``Y`` holds one true patch per image or is left out; PtychoPINN's own phase C wrote a single one.
Metadata name no time and no machine, so equal settings give equal bytes; when and where a step
ran stands in its job's records.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.checks.phase_c import Described, contract_breaches
from ptycho_compare.errors import ScanError, first_of
from ptycho_compare.phases.simulate.exposure import true_patches
from ptycho_compare.scan.write import write_npz
from ptycho_compare.study.making import Simulation

RAW_IMAGES, IMAGES = "diff3d", "diffraction"
"""Keys of the images: as a simulator writes them, and in the contract."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """A scan and its truth.

    Attributes
    ----------
    truth : ndarray, (H, W), complex64
    probe : ndarray, (N, N), complex64
    positions : ndarray, (n, 2), float64
        x, y on the object's grid, px.
    diffraction : ndarray, (n, N, N), float32
        Amplitudes, zero frequency in the centre.
    metadata : mapping
        As PtychoPINN stores it under ``_metadata``.
    """

    truth: NDArray[np.complex64]
    probe: NDArray[np.complex64]
    positions: NDArray[np.float64]
    diffraction: NDArray[np.float32]
    metadata: Mapping[str, Any]

    def take(self, images: NDArray[np.int64]) -> Dataset:
        """Some of the images; the object stays whole."""
        return replace(self, positions=self.positions[images], diffraction=self.diffraction[images])

    def after(self, tool: str, operation: str, **parameters: object) -> Dataset:
        """The same with one more record of a step."""
        record = {"tool": tool, "timestamp": None, "operation": operation, "parameters": parameters}
        done = [*self.metadata["data_transformations"], record]
        return replace(self, metadata={**self.metadata, "data_transformations": done})

    def arrays(
        self, *, images_key: str = IMAGES, patches: bool = False
    ) -> Iterator[tuple[str, NDArray[Any]]]:
        """Yield keys and arrays of the contract; the patches are made only when their turn comes."""
        x, y = self.positions.T
        yield "xcoords", x
        yield "ycoords", y
        yield "xcoords_start", x
        yield "ycoords_start", y
        yield "scan_index", np.zeros(len(x), np.int64)  # all images are of one scan
        yield "probeGuess", self.probe
        yield "objectGuess", self.truth
        yield images_key, self.diffraction
        if patches:
            yield "Y", true_patches(self.truth, self.positions, len(self.probe))

    def write(self, path: Path, *, images_key: str = IMAGES, patches: bool = False) -> Path:
        """Write as NPZ; the same dataset gives the same bytes."""
        write_npz(path, self.arrays(images_key=images_key, patches=patches), metadata=self.metadata)
        return path


def describe(simulation: Simulation, dose: int) -> dict[str, Any]:
    """Make the metadata of a scan that was just simulated.

    Keys that PtychoPINN has and that say nothing here are null: a time or a host would change
    the file's digest, and how networks are trained is no property of the data.
    """
    return {
        "schema_version": "1.0.0",
        "creation_info": {
            "timestamp": None,
            "script": "ptycho_compare.phases.simulate",
            "hostname": None,
            "ptychopinn_version": None,
        },
        "physics_parameters": {"nphotons": float(dose), "gridsize": 1, "N": simulation.patch_px},
        "training_parameters": {"n_images": simulation.images, "batch_size": None, "nepochs": None},
        "data_transformations": [],
        "additional_parameters": {
            "simulation_type": "coordinate_based",
            "buffer": simulation.patch_px // 2,
            **simulation.model_dump(mode="json"),
        },
    }


def require_contract(
    arrays: Mapping[str, Described], *, label: str, gridsize: int = 1, neighbors: int | None = None
) -> None:
    """Refuse arrays, without ``_metadata``, that break the contract; see `contract_breaches`.

    The ScanError names the first breach, and how many there are.
    """
    breaches = list(contract_breaches(arrays, gridsize=gridsize, neighbors=neighbors))
    if breaches:
        raise ScanError(f"{label}: {first_of(breaches)}")
