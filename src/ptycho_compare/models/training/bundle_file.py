"""The bundle of a trained network: ``wts.h5.zip`` in PtychoPINN's layout, under PtychoPINN's names.

The same weights and parameters give the same bytes.
"""

from __future__ import annotations

import io
import json
import pickle
import re
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ptycho_compare.models.training.bundle_parameters import bundle_parameters
from ptycho_compare.models.training.networks import Networks
from ptycho_compare.storage.files import atomic_path

_PROTOCOL = 4  # of pickles, as PtychoPINN writes them
_MOMENT = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can hold
_MEMBERS = ("metadata.json", "config.json", "model.weights.h5")

_MODULES = {
    "IntensityScaler": "ptycho.model",
    "IntensityScaler_inv": "ptycho.model",
    "ProbeIllumination": "ptycho.model",
    "CenterMaskLayer": "ptycho.tf_helper",
}
_OTHER_MODULE = "ptycho.custom_layers"
_WITHOUT_PACKAGE = ("CenterMaskLayer",)  # registered by its bare name
_UNSTORED = {"IntensityScaler": "scale"}  # PtychoPINN takes it from the parameters

_CUSTOM_OBJECTS: dict[str, str] = {
    "ProbeIllumination": "ptycho.model",
    "IntensityScaler": "ptycho.model",
    "IntensityScaler_inv": "ptycho.model",
    "Translation": "ptycho.tf_helper",
    "CenterMaskLayer": "ptycho.tf_helper",
    "negloglik": "ptycho.model",
    "realspace_loss": "ptycho.tf_helper",
    "CombineComplexLayer": "ptycho.custom_layers",
    "ExtractPatchesPositionLayer": "ptycho.custom_layers",
    "PadReconstructionLayer": "ptycho.custom_layers",
    "ReassemblePatchesLayer": "ptycho.custom_layers",
    "TrimReconstructionLayer": "ptycho.custom_layers",
    "PadAndDiffractLayer": "ptycho.custom_layers",
    "FlatToChannelLayer": "ptycho.custom_layers",
    "ScaleLayer": "ptycho.custom_layers",
    "InvScaleLayer": "ptycho.custom_layers",
    "ActivationLayer": "ptycho.custom_layers",
    "SquareLayer": "ptycho.custom_layers",
}
"""Name to module of everything that PtychoPINN lists in ``custom_objects.dill``."""


def write_bundle(path: Path, networks: Networks, facts: dict[str, Any]) -> None:
    """Write both networks, with the parameters that PtychoPINN needs to run them.

    Parameters
    ----------
    path : Path
        In a folder that exists.
    networks : Networks
    facts : dict
        See `bundle_parameters`.
    """
    models = {"autoencoder": networks.measure, "diffraction_to_obj": networks.reconstruct}
    parameters = bundle_parameters(networks.design, networks.probe, facts)
    shared = {
        "custom_objects.dill": _pickle_of_globals(_CUSTOM_OBJECTS),
        "model.h5": _scale_file(networks.design.input_scale),
        "params.dill": pickle.dumps(parameters, protocol=_PROTOCOL),
    }
    manifest = {"models": list(models), "version": "1.0"}
    members = {"manifest.dill": pickle.dumps(manifest, protocol=_PROTOCOL)}
    for name, model in models.items():
        own = {"model.keras": _keras_archive(model), **shared}
        members |= {f"{name}/{member}": data for member, data in own.items()}
    with atomic_path(path) as temporary:
        temporary.write_bytes(_zip_bytes(members))


def _scale_file(scale: float) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.attrs["intensity_scale"] = np.float64(scale)
    return buffer.getvalue()


def _pickle_of_globals(modules: Mapping[str, str]) -> bytes:
    """Pickle a dict of name to the global of that name, from its module; nothing is imported."""
    opcodes = [pickle.PROTO, b"\x04", pickle.EMPTY_DICT, pickle.MARK]
    for name, module in modules.items():
        opcodes += [_text(name), _text(module), _text(name), pickle.STACK_GLOBAL]
    return b"".join([*opcodes, pickle.SETITEMS, pickle.STOP])


def _text(word: str) -> bytes:
    encoded = word.encode("utf-8")
    return pickle.SHORT_BINUNICODE + len(encoded).to_bytes(1, "little") + encoded


def _keras_archive(model: Any) -> bytes:
    """Save a network as the bytes of a ``.keras`` file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.keras")
        model.save(path)
        with zipfile.ZipFile(path) as archive:
            members = {name: archive.read(name) for name in _MEMBERS}
    metadata = {**json.loads(members["metadata.json"]), "date_saved": "1980-01-01@00:00:00"}
    config = as_ptychopinn(json.loads(members["config.json"]))
    members["metadata.json"] = json.dumps(metadata).encode()
    members["config.json"] = json.dumps(config).encode()
    return _zip_bytes(members, compression=zipfile.ZIP_STORED)


def _zip_bytes(members: Mapping[str, bytes], *, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name, date_time=_MOMENT)
            info.compress_type = compression
            info.external_attr = 0o644 << 16
            archive.writestr(info, data)
    return buffer.getvalue()


def as_ptychopinn(config: dict[str, Any]) -> dict[str, Any]:
    """Give a model's configuration the names that PtychoPINN's own has; changed in place, and returned."""
    for entry in _objects(config):
        if str(entry.get("module", "")).startswith("ptycho_compare."):
            kind = entry["class_name"]
            entry["module"] = _MODULES.get(kind, _OTHER_MODULE)
            entry["registered_name"] = kind if kind in _WITHOUT_PACKAGE else f"ptycho>{kind}"
            entry["config"].pop(_UNSTORED.get(kind), None)
        entry.pop("shared_object_id", None)  # an address in memory
    _renumber_operations(config)
    return config


def _renumber_operations(config: dict[str, Any]) -> None:
    """Count the operations of each kind from 0, in the order in which they were made."""
    layers = config["config"]["layers"]
    made: dict[str, list[str]] = defaultdict(list)
    for layer in layers:
        if layer["module"].startswith("keras.src.ops."):
            made[re.sub(r"_\d+$", "", layer["name"])].append(layer["name"])
    names = {
        old: f"{stem}_{number}" if number else stem
        for stem, found in made.items()
        for number, old in enumerate(sorted(found, key=_number))
    }
    for layer in layers:
        layer["name"] = layer["config"]["name"] = names.get(layer["name"], layer["name"])
        for tensor in _objects(layer["inbound_nodes"]):
            if tensor["class_name"] == "__keras_tensor__":
                history = tensor["config"]["keras_history"]
                history[0] = names.get(history[0], history[0])


def _number(name: str) -> int:
    found = re.search(r"_(\d+)$", name)
    return int(found.group(1)) if found else 0


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every object description in a configuration, the outer before the inner."""
    if isinstance(value, dict):
        if "class_name" in value:
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _objects(item)
