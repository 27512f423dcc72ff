"""Everything that can be wrong with a comparison's inputs, found before a model is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ptycho_compare.errors import BundleError, InputError
from ptycho_compare.hub import dose_of
from ptycho_compare.models.bundle import ModelFile, find_model, inspect_model
from ptycho_compare.phases.request import CompareRequest
from ptycho_compare.reconstruction import ReadyMade, read_ready_made
from ptycho_compare.scan import Scan
from ptycho_compare.study import BASELINE, PTYCHOPINN


@dataclass(frozen=True)
class Models:
    """The inspected models and the ready-made reconstruction of a comparison."""

    networks: Mapping[str, ModelFile]
    ready_made: ReadyMade | None

    @property
    def group_size(self) -> int:
        """C of the plan: the largest group that an arm takes."""
        return max(model.group_size for model in self.networks.values())


def inspect_inputs(request: CompareRequest) -> Models:
    """Read what describes the arms, executing nothing.

    Raises
    ------
    InputError
        A model or reconstruction is missing, damaged or hostile, or two do not fit together.
    """
    networks = {
        PTYCHOPINN: inspect_model(find_model(request.pinn_dir)),
        BASELINE: inspect_model(find_model(request.baseline_dir)),
    }
    sizes = {model.group_size for model in networks.values()}
    if len(sizes - {1}) > 1:
        raise BundleError(
            f"{networks[BASELINE].path}: takes groups of {networks[BASELINE].group_size} images and "
            f"{networks[PTYCHOPINN].path} groups of {networks[PTYCHOPINN].group_size}; "
            "one plan cannot serve both"
        )
    if not request.test_data.is_file():
        raise InputError(f"{request.test_data}: there is no such file (--test_data)")
    ready_made = read_ready_made(request.ready_made) if request.ready_made is not None else None
    return Models(networks, ready_made)


def require_fit(request: CompareRequest, models: Models, scan: Scan) -> list[str]:
    """Check the scan against the models.

    Returns
    -------
    list of str
        What is unusual but may be meant.

    Raises
    ------
    InputError
        A model was trained for another image size, or the crop does not fit into an image.
    """
    for arm, model in models.networks.items():
        if model.patch_px != scan.patch_px:
            raise BundleError(
                f"{model.path}: {arm} takes images of {model.patch_px} x {model.patch_px} px and "
                f"{scan.path} holds {scan.patch_px} x {scan.patch_px}; use a model trained for this size"
            )
    if not 0 < request.crop_px <= scan.patch_px:
        raise InputError(f"--stitch-crop-size is {request.crop_px}; needed: 1 to N = {scan.patch_px}")
    return _unusual(request, models, scan)


def _unusual(request: CompareRequest, models: Models, scan: Scan) -> list[str]:
    found = list(scan.warnings)
    photons = scan.photons
    folder_dose = dose_of(scan.path.resolve().parent)
    if photons is not None and folder_dose is not None and not np.isclose(photons, folder_dose):
        found.append(f"{scan.path}: '_metadata' says {photons:g} photons and the folder says {folder_dose}")
    for arm, model in models.networks.items():
        trained = model.parameters.get("nphotons")
        if photons is not None and isinstance(trained, int | float) and not np.isclose(photons, trained):
            found.append(f"{arm} was trained at {trained:g} photons and the scan has {photons:g}")
        known = model.parameters.get("neighbor_count")
        if model.group_size > 1 and isinstance(known, int) and known != request.neighbors:
            found.append(
                f"{arm} was trained on groups from {known} neighbours, here from {request.neighbors}"
            )
    images = len(scan.positions) if request.images is None else min(request.images, len(scan.positions))
    if request.groups is not None and request.groups > images:
        found.append(
            f"{request.groups} groups were asked for and there are {images} images; one group an image"
        )
    return found
