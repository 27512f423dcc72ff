"""The objects that a model's configuration may name; all others are refused by name.

A Keras configuration is JSON in which any dictionary may ask for a Python class by module
and name. Nothing here looks such a class up: names are compared with a list.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from ptycho_compare.errors import BundleError
from ptycho_compare.untrusted.bounds import why_unbounded

Identity = tuple[str | None, str, str | None]  # module, class_name, registered_name

_INITIALIZERS = ("GlorotUniform", "GlorotNormal", "HeNormal", "HeUniform", "Zeros", "Ones")
_PLAIN_DATA = ("__keras_tensor__", "__ellipsis__", "__slice__", "__tuple__")


def _stock(module: str, names: Iterable[str]) -> set[Identity]:
    return {(module, name, None) for name in names}


_SHARED: set[Identity] = {
    *_stock("keras.initializers", _INITIALIZERS),
    *_stock("keras", ["DTypePolicy"]),
    *((None, name, None) for name in _PLAIN_DATA),
}

# exactly what PtychoPINN writes into diffraction_to_obj/model.keras
BUNDLE_OBJECTS: frozenset[Identity] = frozenset(
    {
        *_SHARED,
        ("keras.src.models.functional", "Functional", "Functional"),
        *_stock("keras.layers", ["InputLayer", "Conv2D", "MaxPooling2D", "UpSampling2D", "ZeroPadding2D"]),
        *(("keras.src.ops.numpy", name, name) for name in ("GetItem", "Multiply", "Add")),
        ("keras.src.ops.nn", "Silu", "Silu"),
        ("ptycho.model", "IntensityScaler", "ptycho>IntensityScaler"),
        ("ptycho.tf_helper", "CenterMaskLayer", "CenterMaskLayer"),
        *(
            ("ptycho.custom_layers", name, f"ptycho>{name}")
            for name in (
                "ActivationLayer",
                "CombineComplexLayer",
                "ReassemblePatchesLayer",
                "PadReconstructionLayer",
                "TrimReconstructionLayer",
            )
        ),
    }
)

_LEGACY_LAYERS = (
    "InputLayer",
    "Conv2D",
    "MaxPooling2D",
    "UpSampling2D",
    "ZeroPadding2D",
    "Activation",
    "Concatenate",
    "Add",
    "Multiply",
    "BatchNormalization",
    "Dropout",
)

# HDF5 files written by Keras 3 name no module for layers, those by Keras 2.13 to 2.15 do
LEGACY_OBJECTS: frozenset[Identity] = frozenset(
    {
        *_SHARED,
        *((None, name, None) for name in (*_LEGACY_LAYERS, *_INITIALIZERS, "Functional", "Model")),
        *_stock("keras.layers", _LEGACY_LAYERS),
        *_stock("keras", ["Functional", "Model"]),
        ("keras.src.models.functional", "Functional", "Functional"),
        ("keras.src.engine.functional", "Functional", "Functional"),
    }
)

_CODE_FROM_FILE = frozenset({"Lambda", "__lambda__", "function", "SlicingOpLambda", "TFOpLambda"})
# names in bundles from before PtychoPINN had registered layers
_OLD_LAYERS = frozenset(
    {"trim_reconstruction", "combine_complex", "reassemble_patches", "pad_reconstruction"}
)


def parse_config(text: bytes | str, *, label: str) -> Any:
    """Parse JSON; a BundleError where it is none."""
    try:
        config = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{label}: not readable as JSON ({error})") from error
    why = why_unbounded(config)
    if why:
        raise BundleError(f"{label}: {why}; refused")
    return config


def refuse_unknown_objects(config: Any, allowed: frozenset[Identity], *, label: str) -> None:
    """Walk a configuration and compare every object it names with the list.

    ``compile_config`` (loss, optimizer) is not walked: nobody reads it.

    Raises
    ------
    BundleError
        The first object that is not on the list, with the layer that names it.
    """
    # no recursion: depth is the file's choice
    todo: list[tuple[Any, str]] = [(config, "the model")] if isinstance(config, dict | list) else []
    while todo:
        value, owner = todo.pop()
        if isinstance(value, dict):
            if "class_name" in value:
                owner = _owner(value) or owner
                _check(value, allowed, owner=owner, label=label)
            held = [item for key, item in value.items() if key != "compile_config"]
        else:
            held = value
        todo.extend((item, owner) for item in held if isinstance(item, dict | list))


def _owner(value: dict[str, Any]) -> str | None:
    """Name an object that has a name of its own in the graph; else None."""
    name = value.get("name")
    return f"layer '{name}'" if isinstance(name, str) else None


def _check(value: dict[str, Any], allowed: frozenset[Identity], *, owner: str, label: str) -> None:
    identity = (value.get("module"), value["class_name"], value.get("registered_name"))
    if not all(part is None or isinstance(part, str) for part in identity):
        raise BundleError(f"{label}: {owner} names its class by something else than text; refused")
    if identity in allowed:
        return
    module, name, registered = identity
    where = f"{name} ({module or 'no module'})"
    if name in _CODE_FROM_FILE:
        raise BundleError(f"{label}: {owner} is a {where}: it would run code from the file; refused")
    if name in _OLD_LAYERS:
        raise BundleError(
            f"{label}: {owner} is a {where}, a layer of an older PtychoPINN; train or save the model again"
        )
    registered_as = f", registered as {registered}" if registered else ""
    raise BundleError(
        f"{label}: {owner} names {where}{registered_as}, which is not on the list of known objects; refused"
    )
