"""Everything that can be wrong with a comparison's inputs, found before a model is loaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ptycho_compare.errors import BundleError, InputError, ReadyMadeError
from ptycho_compare.hub import dose_of
from ptycho_compare.models.bundle import ModelFile, find_model, inspect_model, is_model
from ptycho_compare.models.own.declaration import declaration_beside
from ptycho_compare.models.own.inspect_own import inspect_own
from ptycho_compare.phases.comparison.request import ArmRequest, CompareRequest
from ptycho_compare.reconstruction.ready_made import ReadyMade, read_ready_made
from ptycho_compare.reconstruction.user_made import UserSource, find_reconstructor
from ptycho_compare.scan.read import Scan
from ptycho_compare.storage.watched import WatchedFiles
from ptycho_compare.study import BASELINE, PTYCHOPINN
from ptycho_compare.study.collisions import colliding_arms
from ptycho_compare.untrusted.onnx.read import is_onnx


@dataclass(frozen=True)
class ArmInput:
    """An arm whose input was inspected.

    Attributes
    ----------
    halves : tuple of ReadyMade
        Two reconstructions of half the data each, or none.
    """

    request: ArmRequest
    content: ModelFile | ReadyMade | UserSource
    halves: tuple[ReadyMade, ...] = ()


@dataclass(frozen=True)
class Inputs:
    """The inspected arms of a comparison, by name, in order."""

    arms: Mapping[str, ArmInput]

    @property
    def networks(self) -> dict[str, ModelFile]:
        """The arms that are trained models."""
        return {name: arm.content for name, arm in self.arms.items() if isinstance(arm.content, ModelFile)}

    @property
    def ready_made(self) -> dict[str, ReadyMade]:
        """The arms that were reconstructed elsewhere."""
        return {name: arm.content for name, arm in self.arms.items() if isinstance(arm.content, ReadyMade)}

    @property
    def group_size(self) -> int:
        """C of the plan: the largest group that an arm takes; 1 without networks."""
        return max((model.group_size for model in self.networks.values()), default=1)


def input_files(request: CompareRequest) -> dict[str, Path]:
    """List the files that a comparison reads, under the names by which its manifest records them.

    Raises BundleError when a model's folder holds none, or several.
    """
    files = {"test_data": request.test_data}
    for name, source in request.files_of_arms():
        files[name] = find_model(source.path) if source.key is None and is_model(source.path) else source.path
        files |= companions_of(name, files[name])
    return files


def companions_of(name: str, source: Path) -> dict[str, Path]:
    """List what is read beside an arm's file: the toml of an ONNX network, where it lies there."""
    beside = declaration_beside(source)
    return {} if beside is None else {f"{name}, toml": beside}


def watched_inputs(request: CompareRequest) -> WatchedFiles:
    """Digest the files that a comparison reads, before it does; InputError as `inspect_inputs`."""
    if not request.test_data.is_file():
        raise InputError(f"{request.test_data}: there is no such file (--test_data)")
    return WatchedFiles({name: path for name, path in input_files(request).items() if path.is_file()})


def inspect_inputs(request: CompareRequest) -> Inputs:
    """Read what describes the arms, executing nothing.

    Raises
    ------
    InputError
        A model or reconstruction is missing, damaged or hostile, two have one name, or two do
        not fit together.
    """
    if not request.test_data.is_file():
        raise InputError(f"{request.test_data}: there is no such file (--test_data)")
    arms: dict[str, ArmInput] = {}
    for each in request.arms:
        name, arm = _inspect(each)
        if why := next(colliding_arms([*arms, name]), ""):
            raise InputError(f"{each.source}: {why}")
        arms[name] = arm
    if not arms:
        raise InputError("no arm to compare; give --pinn_dir and --baseline_dir, or --arm NAME=PATH")
    inputs = Inputs(arms)
    _require_kinds(inputs.networks)
    groups = {model.group_size: model for model in inputs.networks.values() if model.group_size > 1}
    if len(groups) > 1:
        (first, one), (second, other), *_ = groups.items()
        raise BundleError(
            f"{one.path}: takes groups of {first} images and {other.path} groups of {second}; "
            "one plan cannot serve both"
        )
    return inputs


def _require_kinds(networks: Mapping[str, ModelFile]) -> None:
    """Refuse a network under the name of the other kind; a PtychoPINN of single images is a PtychoPINN."""
    ours = "give each network its own flag, or compare it under another name: --arm NAME=PATH"
    pinn, baseline = networks.get(PTYCHOPINN), networks.get(BASELINE)
    if baseline is not None and baseline.group_size > 1:
        exchanged = ""
        if pinn is not None and pinn.group_size == 1:
            exchanged = ", as if the two bundles were exchanged"
        raise BundleError(
            f"{baseline.path}: {BASELINE} (--baseline_dir) takes single images, and this network takes "
            f"groups of {baseline.group_size}{exchanged}; {ours}"
        )
    if pinn is not None and pinn.kind == "supervised":
        raise BundleError(
            f"{pinn.path}: {PTYCHOPINN} (--pinn_dir) is a bundle wts.h5.zip, and this is a supervised "
            f"network of single images; {ours}"
        )


def _inspect(request: ArmRequest) -> tuple[str, ArmInput]:
    source = request.source
    if isinstance(source, UserSource):
        find_reconstructor(source)
        return request.name or source.entry, ArmInput(request, source)
    if request.name is not None and source.key is None and is_onnx(source.path):
        return request.name, ArmInput(request, inspect_own(source.path))
    if request.name is not None and source.key is None and is_model(source.path):
        return request.name, ArmInput(request, inspect_model(find_model(source.path)))
    ready_made = read_ready_made(source, arm=request.name)
    halves = tuple(read_ready_made(half, arm=ready_made.arm) for half in request.halves)
    _require_two_images(request, halves)
    return ready_made.arm, ArmInput(request, ready_made, halves)


def _require_two_images(request: ArmRequest, halves: tuple[ReadyMade, ...]) -> None:
    """Refuse one image for both halves: it agrees with itself perfectly, whatever noise is in it."""
    if halves and np.array_equal(halves[0].values, halves[1].values, equal_nan=True):
        one, other = request.halves
        raise ReadyMadeError(
            f"{other}: both halves of {halves[0].arm} are one image, the other is {one}; "
            "needed: two reconstructions, each from half of the data (--halves)"
        )


def require_fit(request: CompareRequest, inputs: Inputs, scan: Scan) -> list[str]:
    """Check the scan against the arms; return what is unusual but may be meant.

    Raises
    ------
    InputError
        A model was trained for another image size, or the crop does not fit into an image.
    """
    for arm, model in inputs.networks.items():
        if model.patch_px != scan.patch_px:
            raise BundleError(
                f"{model.path}: {arm} takes images of {model.patch_px} x {model.patch_px} px and "
                f"{scan.path} holds {scan.patch_px} x {scan.patch_px}; use a model trained for this size"
            )
    if not 0 < request.crop_px <= scan.patch_px:
        raise InputError(f"--stitch-crop-size is {request.crop_px}; needed: 1 to N = {scan.patch_px}")
    return [*scan.warnings, *_unusual(request, inputs, scan)]


def _unusual(request: CompareRequest, inputs: Inputs, scan: Scan) -> Iterator[str]:
    photons = scan.photons
    folder_dose = dose_of(scan.path.resolve().parent)
    if photons is not None and folder_dose is not None and not np.isclose(photons, folder_dose):
        yield f"{scan.path}: '_metadata' says {photons:g} photons and the folder says {folder_dose}"
    for arm, model in inputs.networks.items():
        trained = model.parameters.get("nphotons")
        if photons is not None and isinstance(trained, int | float) and not np.isclose(photons, trained):
            yield f"{arm} was trained at {trained:g} photons and the scan has {photons:g}"
        if model.kind == "onnx" and model.parameters["input"]["values"] == "counts":
            yield from _no_counts(arm, scan)
        known = model.parameters.get("neighbor_count")
        if model.group_size > 1 and isinstance(known, int) and known != request.neighbors:
            yield f"{arm} was trained on groups from {known} neighbours, here from {request.neighbors}"
    images = len(scan.positions) if request.images is None else min(request.images, len(scan.positions))
    if request.groups is not None and request.groups > images:
        yield f"{request.groups} groups were asked for and there are {images} images; one group an image"
    laid = [each for found in inputs.arms.values() for each in (found.content, *found.halves)]
    frames = [each.frame for each in laid if isinstance(each, ReadyMade) and each.frame is not None]
    yield from filter(None, (frame.note(scan.positions) for frame in frames))
    if why := request.why_no_patches(scan):
        yield why
    if scan.truth is None:
        yield f"{scan.path}: holds no true object; arms are judged by residual and agreement"
    if scan.modes is None:
        yield (
            f"{scan.path}: holds no probe; there is no residual, and all of a patch of {scan.patch_px} px is "
            "taken as lit: pixels may be scored that no image saw; name one: --scan-key probe=KEY"
        )


def _no_counts(arm: str, scan: Scan) -> Iterator[str]:
    """Say so where a network was trained on photons and the scan's numbers are not known to be any."""
    energy = scan.diffraction.mean_energy
    counted = scan.values == "counts" or (scan.photons and np.isclose(energy, scan.photons, rtol=0.05))
    if not counted:
        stated = "are not stated" if scan.photons is None else f"are {scan.photons:g}"
        yield (
            f"{arm} expects counts, and {scan.path} holds amplitudes whose squares add up to {energy:.4g} an "
            f"image (photons {stated}); where they are no photons, 'scale' of its toml can say the factor"
        )
