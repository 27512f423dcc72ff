"""PtychoPINN's ``wts.h5.zip``: the inference network, its parameters, and their agreement.

Layout: ``manifest.dill`` and per model a folder with ``model.keras`` (itself a zip),
``params.dill``, ``custom_objects.dill`` and ``model.h5``. Only ``diffraction_to_obj`` is
read; ``custom_objects.dill`` names classes of another program and is never unpickled.
"""

from __future__ import annotations

import io
import math
import re
import reprlib
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ptycho_compare.errors import BundleError
from ptycho_compare.models.config_objects import BUNDLE_OBJECTS, parse_config, refuse_unknown_objects
from ptycho_compare.models.graph import Graph, read_graph
from ptycho_compare.models.weights import Weights, keras_paths, open_weights, read_weights
from ptycho_compare.untrusted.archive import open_zip, read_member
from ptycho_compare.untrusted.pickles import load_plain

MAX_BUNDLE_BYTES = 4 << 30
MAX_CONFIG_BYTES = 16 << 20
MAX_PICKLE_BYTES = 64 << 20
# float weights hardly compress; a large member that shrank this much is a bomb
BOMB_BYTES, BOMB_RATIO = 256 << 20, 200

NETWORK = "diffraction_to_obj"
_MODEL_FILES = frozenset({"model.keras", "params.dill", "custom_objects.dill", "model.h5"})
_KERAS_FILES = frozenset({"metadata.json", "config.json", "model.weights.h5"})


@dataclass(frozen=True)
class ZipBundle:
    """A checked bundle; fields as in `bundle.ModelFile`."""

    patch_px: int
    group_size: int
    input_scale: float
    parameters: Mapping[str, Any]
    graph: Graph
    weights: Weights


def read_zip_bundle(path: Path, *, with_weights: bool) -> ZipBundle:
    """Read and cross-check a bundle.

    Raises
    ------
    BundleError, ArchiveError
        Anything unexpected in it, with the member's name.
    """
    with open_zip(path, label=str(path), max_total_bytes=MAX_BUNDLE_BYTES) as archive:
        _check_members(archive, label=str(path))
        _check_manifest(archive, label=str(path))
        parameters = _read_parameters(archive, path)
        scale = _read_scale(archive, parameters, path)
        plain = _plain_scalars(parameters)
        keras_file = read_member(
            archive, f"{NETWORK}/model.keras", label=str(path), max_bytes=MAX_BUNDLE_BYTES
        )
    graph, weights = _read_keras(
        keras_file, label=f"{path}: {NETWORK}/model.keras", with_weights=with_weights
    )
    side, group_size = _check_ends(graph, plain, label=f"{path}: {NETWORK}")
    return ZipBundle(side, group_size, scale, plain, graph, weights)


def _check_members(archive: zipfile.ZipFile, *, label: str) -> None:
    for info in archive.infolist():
        folder, _, name = info.filename.rpartition("/")
        if name == "saved_model.pb" or "variables" in folder.split("/"):
            raise BundleError(
                f"{label}: member '{info.filename}' makes this an older bundle (TensorFlow SavedModel), "
                "whose graph may hold any code; save it again with a PtychoPINN that writes model.keras"
            )
        if name == "model.pth":
            raise BundleError(_torch_bundle(archive, label))
        known = info.filename == "manifest.dill" or (name in _MODEL_FILES and re.fullmatch(r"\w+", folder))
        if not known and not (info.is_dir() and info.file_size == 0):
            raise BundleError(f"{label}: member '{info.filename}' is not part of a model bundle; refused")
        _refuse_bomb(info, label=label)


def _torch_bundle(archive: zipfile.ZipFile, label: str) -> str:
    """Say how the other kind of bundle becomes an arm: pickled weights without a graph; none is read."""
    stated = "torch_scaling_metadata.pt" in archive.namelist()
    which = "torch_scaling_metadata.pt in it says which" if stated else "it does not say which"
    return (
        f"{label}: a bundle of PtychoPINN's PyTorch side (version 2.0-pytorch), weights without a graph; "
        "export the network to ONNX and compare that (docs/own_networks.md, PtychoPINN on PyTorch); its toml "
        f'names one of three input scales ({which}): "k"; "k" with factor = 2, of its memory-mapped loader; '
        'or values = "counts" with the number rms_input_scale'
    )


def _refuse_bomb(info: zipfile.ZipInfo, *, label: str) -> None:
    if info.file_size > BOMB_BYTES and info.file_size > BOMB_RATIO * info.compress_size:
        raise BundleError(
            f"{label}: member '{info.filename}' unpacks from {info.compress_size} to {info.file_size} bytes; "
            "weights do not compress like that; refused"
        )


def _check_manifest(archive: zipfile.ZipFile, *, label: str) -> None:
    manifest = _unpickle(archive, "manifest.dill", label=label)
    models = manifest.get("models") if isinstance(manifest, dict) else None
    names = [name for name in models if isinstance(name, str)] if isinstance(models, list | tuple) else []
    if NETWORK not in names:
        raise BundleError(f"{label}: manifest.dill lists {reprlib.repr(models)}; needed: '{NETWORK}'")


def _read_parameters(archive: zipfile.ZipFile, path: Path) -> dict[str, Any]:
    value = _unpickle(archive, f"{NETWORK}/params.dill", label=str(path))
    if not isinstance(value, dict):
        raise BundleError(f"{path}: {NETWORK}/params.dill holds a {type(value).__name__}; needed: a dict")
    return value


def _unpickle(archive: zipfile.ZipFile, name: str, *, label: str) -> Any:
    data = read_member(archive, name, label=label, max_bytes=MAX_PICKLE_BYTES)
    return load_plain(data, label=f"{label}: {name}")


def _read_scale(archive: zipfile.ZipFile, parameters: Mapping[str, Any], path: Path) -> float:
    """s, which stands in two members and nowhere in the network."""
    member = f"{NETWORK}/model.h5"
    data = read_member(archive, member, label=str(path), max_bytes=MAX_CONFIG_BYTES)
    with open_weights(data, label=f"{path}: {member}") as file:
        if "intensity_scale" not in file.attrs:
            raise BundleError(f"{path}: {member}: attribute 'intensity_scale' is missing")
        stored = _number(file.attrs["intensity_scale"])
    scale = _number(parameters.get("intensity_scale"))
    for value, where in ((scale, f"{NETWORK}/params.dill: key"), (stored, f"{member}: attribute")):
        if value is None or not math.isfinite(value) or value <= 0:
            raise BundleError(
                f"{path}: {where} 'intensity_scale' is {value}; needed: a finite number above 0"
            )
    if not math.isclose(scale, stored, rel_tol=1e-6):  # type: ignore[arg-type]  # neither is None here
        raise BundleError(
            f"{path}: {NETWORK}/params.dill: key 'intensity_scale' is {scale}, {member} has {stored}; "
            "needed: equal; the members come from different trainings"
        )
    return float(scale)  # type: ignore[arg-type]


def _read_keras(data: bytes, *, label: str, with_weights: bool) -> tuple[Graph, Weights]:
    with open_zip(io.BytesIO(data), label=label, max_total_bytes=MAX_BUNDLE_BYTES) as archive:
        for info in archive.infolist():
            if info.filename not in _KERAS_FILES:
                raise BundleError(f"{label}: member '{info.filename}' is not part of a Keras model; refused")
            _refuse_bomb(info, label=label)
        text = read_member(archive, "config.json", label=label, max_bytes=MAX_CONFIG_BYTES)
        packed = read_member(archive, "model.weights.h5", label=label, max_bytes=MAX_BUNDLE_BYTES)
    config = parse_config(text, label=f"{label}: config.json")
    refuse_unknown_objects(config, BUNDLE_OBJECTS, label=f"{label}: config.json")
    graph = read_graph(config, label=f"{label}: config.json")
    with open_weights(packed, label=f"{label}: model.weights.h5") as file:
        paths = keras_paths(file, graph, label=f"{label}: model.weights.h5")
        return graph, read_weights(file, paths) if with_weights else {}


def _check_ends(graph: Graph, parameters: Mapping[str, Any], *, label: str) -> tuple[int, int]:
    """N and C, after comparing the network's ends with the parameters."""
    side, gridsize = parameters.get("N"), parameters.get("gridsize")
    for key, value in (("N", side), ("gridsize", gridsize)):
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 4096:
            raise BundleError(
                f"{label}/params.dill: key '{key}' is {value!r:.80}; needed: a whole number above 0"
            )
    count = gridsize**2  # type: ignore[operator]  # both are whole numbers here
    shapes = [graph.shape(name) for name in graph.inputs]
    needed = [(side, side, count), (1, 2, count)]
    if shapes != needed:
        raise BundleError(
            f"{label}/model.keras: config.json: the inputs are {shapes}; "
            f"params.dill keys 'N' = {side} and 'gridsize' = {gridsize} need {needed}"
        )
    outputs = [graph.shape(name) for name in graph.outputs]
    if outputs != [(side, side, 1)]:
        raise BundleError(
            f"{label}/model.keras: config.json: the outputs are {outputs}; "
            f"needed: one patch per group, [({side}, {side}, 1)]"
        )
    return side, count  # type: ignore[return-value]


def _number(value: Any) -> float | None:
    if isinstance(value, int | float | np.generic | np.ndarray):
        array = np.asarray(value)
        if array.size == 1 and array.dtype.kind in "fiu":
            return float(array.reshape(-1)[0])
    return None


def _plain_scalars(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that JSON can hold; arrays such as the probe are left out."""
    plain: dict[str, Any] = {}
    for key, value in parameters.items():
        item = value.item() if isinstance(value, np.generic | np.ndarray) and value.size == 1 else value
        if isinstance(item, float) and not math.isfinite(item):
            item = repr(item)  # JSON has no word for it
        if isinstance(key, str) and (item is None or isinstance(item, bool | int | float | str)):
            plain[key] = item
    return plain
