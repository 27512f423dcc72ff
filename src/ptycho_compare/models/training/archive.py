"""A Keras archive (``model.keras``) as PtychoPINN would have saved it: its names, and always the same bytes.

Keras writes the module and the registered name of a class, the number of an operation in the process
and the time into it. Here they are PtychoPINN's modules and names, counted from 0, and no time.
"""

from __future__ import annotations

import io
import json
import re
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

_MEMBERS = ("metadata.json", "config.json", "model.weights.h5")
_MOMENT = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can hold

_MODULES = {
    "IntensityScaler": "ptycho.model",
    "IntensityScaler_inv": "ptycho.model",
    "ProbeIllumination": "ptycho.model",
    "CenterMaskLayer": "ptycho.tf_helper",
}
_OTHER_MODULE = "ptycho.custom_layers"
_WITHOUT_PACKAGE = ("CenterMaskLayer",)  # registered by its bare name
_UNSTORED = {"IntensityScaler": "scale"}  # PtychoPINN takes it from the parameters


def keras_archive(model: Any) -> bytes:
    """Save a network as the bytes of a ``.keras`` file.

    Parameters
    ----------
    model : keras.Model
        Of `networks.Networks`.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.keras")
        model.save(path)
        with zipfile.ZipFile(path) as archive:
            members = {name: archive.read(name) for name in _MEMBERS}
    metadata = {**json.loads(members["metadata.json"]), "date_saved": "1980-01-01@00:00:00"}
    config = as_ptychopinn(json.loads(members["config.json"]))
    members["metadata.json"] = json.dumps(metadata).encode()
    members["config.json"] = json.dumps(config).encode()
    return zip_bytes(members, compression=zipfile.ZIP_STORED)


def zip_bytes(members: Mapping[str, bytes], *, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Pack files into a zip; the same files in the same order give the same bytes."""
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
