"""Rules of PtychoPINN's own layers, as in `node_rules`; none has weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ptycho_compare.models.node_settings import (
    ACTIVATIONS,
    MAX_CHANNELS,
    MAX_SIDE,
    Rule,
    SettingError,
    Settings,
    Shape,
    Yield,
    one_input,
)

MASK_FLOOR = 0.001
"""Keeps an uncovered pixel at zero instead of 0/0; the trained networks saw this value."""


def _intensity_scaler(raw: Any, inputs: list[Shape], _extra: list[Any]) -> Yield:
    settings = Settings(raw)
    settings.take("scale")  # the bundle's own intensity_scale holds, see `zip_bundle`
    settings.done()
    return Yield(one_input(inputs))


def _activation_layer(raw: Any, inputs: list[Shape], _extra: list[Any]) -> Yield:
    settings = Settings(raw)
    checked = {
        "activation_name": settings.choice("activation_name", ACTIVATIONS),
        "scale": settings.number("scale", 1.0),
    }
    settings.done()
    return Yield(one_input(inputs), checked)


def _center_mask(raw: Any, inputs: list[Shape], _extra: list[Any]) -> Yield:
    settings = Settings(raw)
    checked = {
        "N": settings.integer("N", 4, MAX_SIDE),
        "c": settings.integer("c", 1, MAX_CHANNELS),
        "kind": settings.choice("kind", {"center", "border"}, "center"),
    }
    settings.done()
    if one_input(inputs)[:2] != (checked["N"], checked["N"]) or checked["N"] % 4:
        raise SettingError(
            f"masks N = {checked['N']} on a map of {inputs[0]}; needed: equal, a multiple of 4"
        )
    return Yield((checked["N"], checked["N"], checked["c"]), checked)


def _combine_complex(raw: Any, inputs: list[Shape], _extra: list[Any]) -> Yield:
    settings = Settings(raw)
    polar = settings.choice("use_polar", {True, False}, True)
    settings.done()
    if len(inputs) != 2 or inputs[0] != inputs[1]:
        raise SettingError(f"combines {inputs}; needed: two maps of one shape")
    return Yield(inputs[0], {"use_polar": polar})


def _reassemble(raw: Any, inputs: list[Shape], _extra: list[Any]) -> Yield:
    settings = Settings(raw, dtype="complex64")
    checked = {key: settings.integer(key, 1, MAX_SIDE) for key in ("padded_size", "N", "gridsize")}
    settings.done()
    side, images = checked["N"], checked["gridsize"] ** 2
    if inputs != [(side, side, images), (1, 2, images)]:
        raise SettingError(f"merges {inputs}; needed: {images} patches of N = {side} and their positions")
    _check_margin(checked["padded_size"], side)
    if side % 4:
        raise SettingError(f"N is {side}; needed: a multiple of 4")
    return Yield((checked["padded_size"], checked["padded_size"], 1), checked)


def _pad_reconstruction(raw: Any, inputs: list[Shape], _extra: list[Any]) -> Yield:
    settings = Settings(raw, dtype="complex64")
    padded = settings.integer("padded_size", 1, MAX_SIDE)
    settings.done()
    rows, columns, channels = one_input(inputs)
    if rows != columns:
        raise SettingError(f"pads a map of {rows}x{columns}; needed: a square")
    _check_margin(padded, rows)
    return Yield((padded, padded, channels), {"padded_size": padded})


def _trim(raw: Any, inputs: list[Shape], _extra: list[Any]) -> Yield:
    settings = Settings(raw, dtype="complex64")
    output = settings.integer("output_size", 1, MAX_SIDE)
    settings.done()
    rows, columns, channels = one_input(inputs)
    if rows != columns:
        raise SettingError(f"trims a map of {rows}x{columns}; needed: a square")
    _check_margin(rows, output)
    return Yield((output, output, channels), {"output_size": output})


def _check_margin(outer: int, inner: int) -> None:
    if outer < inner or (outer - inner) % 2:
        raise SettingError(f"{inner} px cannot lie in the middle of {outer} px")


PTYCHO_RULES: Mapping[str, Rule] = {
    "IntensityScaler": _intensity_scaler,
    "ActivationLayer": _activation_layer,
    "CenterMaskLayer": _center_mask,
    "CombineComplexLayer": _combine_complex,
    "ReassemblePatchesLayer": _reassemble,
    "PadReconstructionLayer": _pad_reconstruction,
    "TrimReconstructionLayer": _trim,
}
