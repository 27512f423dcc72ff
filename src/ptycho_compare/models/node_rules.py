"""Rules of the stock Keras layers and operations: accepted settings, shape that comes out, weights.

A rule takes the settings of one layer as the file has them, the shapes of its inputs and
its arguments that are no tensors, and returns a `Yield`. Settings outside a rule are
refused, since Keras could give them a meaning.
"""

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
    bounded,
    one_input,
)


def _input_layer(raw: Any, inputs: list[Shape], _extra: list[Any]) -> Yield:
    settings = Settings(raw)
    shape = settings.take("batch_shape") or settings.take("batch_input_shape")
    settings.take("batch_input_shape")
    settings.done()
    if inputs or not isinstance(shape, list) or len(shape) != 4 or shape[0] is not None:
        raise SettingError(f"batch_shape is {shape!r}; needed: [null, rows, columns, channels]")
    rows, columns, channels = (bounded(side, "batch_shape", 1, MAX_SIDE) for side in shape[1:])
    return Yield((rows, columns, channels))


def _conv(raw: Any, inputs: list[Shape], _extra: list[Any]) -> Yield:
    rows, columns, channels = one_input(inputs)
    settings = Settings(raw)
    checked = {
        "filters": settings.integer("filters", 1, MAX_CHANNELS),
        "kernel_size": settings.pair("kernel_size", 1, 31),
        "strides": settings.pair("strides", 1, 8, default=1),
        "padding": settings.choice("padding", {"same", "valid"}, "valid"),
        "activation": settings.choice("activation", ACTIVATIONS, "linear"),
        "use_bias": settings.choice("use_bias", {True, False}, True),
    }
    settings.choice("data_format", {"channels_last"}, "channels_last")
    settings.pair("dilation_rate", 1, 1, default=1)
    if settings.take("groups", 1) != 1:
        raise SettingError("grouped convolutions are not read")
    settings.done()
    sides = _window((rows, columns), checked["kernel_size"], checked["strides"], checked["padding"])
    kernel = (*checked["kernel_size"], channels, checked["filters"])
    weights = (kernel, (checked["filters"],)) if checked["use_bias"] else (kernel,)
    return Yield((*sides, checked["filters"]), checked, weights)


def _pool(raw: Any, inputs: list[Shape], _extra: list[Any]) -> Yield:
    rows, columns, channels = one_input(inputs)
    settings = Settings(raw)
    size = settings.pair("pool_size", 1, 64, default=2)
    strides = settings.pair("strides", 1, 64, default=size)
    padding = settings.choice("padding", {"same", "valid"}, "valid")
    settings.choice("data_format", {"channels_last"}, "channels_last")
    settings.done()
    sides = _window((rows, columns), size, strides, padding)
    return Yield((*sides, channels), {"pool_size": size, "strides": strides, "padding": padding})


def _window(
    sides: tuple[int, int], size: tuple[int, int], strides: tuple[int, int], padding: str
) -> tuple[int, int]:
    if padding == "same":
        return -(-sides[0] // strides[0]), -(-sides[1] // strides[1])
    return (sides[0] - size[0]) // strides[0] + 1, (sides[1] - size[1]) // strides[1] + 1


def _upsample(raw: Any, inputs: list[Shape], _extra: list[Any]) -> Yield:
    rows, columns, channels = one_input(inputs)
    settings = Settings(raw)
    size = settings.pair("size", 1, 64, default=2)
    interpolation = settings.choice("interpolation", {"nearest", "bilinear"}, "nearest")
    settings.choice("data_format", {"channels_last"}, "channels_last")
    settings.done()
    shape = (rows * size[0], columns * size[1], channels)
    return Yield(shape, {"size": size, "interpolation": interpolation})


def _zero_pad(raw: Any, inputs: list[Shape], _extra: list[Any]) -> Yield:
    rows, columns, channels = one_input(inputs)
    settings = Settings(raw)
    padding = settings.take("padding", [[1, 1], [1, 1]])
    settings.choice("data_format", {"channels_last"}, "channels_last")
    settings.done()
    try:
        (top, bottom), (left, right) = padding
    except (TypeError, ValueError):
        raise SettingError(f"padding is {padding!r}; needed: [[top, bottom], [left, right]]") from None
    for side in (top, bottom, left, right):
        bounded(side, "padding", 0, MAX_SIDE)
    return Yield(
        (rows + top + bottom, columns + left + right, channels),
        {"padding": ((top, bottom), (left, right))},
    )


def _activation(raw: Any, inputs: list[Shape], _extra: list[Any]) -> Yield:
    settings = Settings(raw)
    name = settings.choice("activation", ACTIVATIONS)
    settings.done()
    return Yield(one_input(inputs), {"activation": name})


def _dropout(raw: Any, inputs: list[Shape], _extra: list[Any]) -> Yield:
    settings = Settings(raw)
    settings.number("rate", 0.0)
    settings.done()
    return Yield(one_input(inputs))


def _batch_norm(raw: Any, inputs: list[Shape], _extra: list[Any]) -> Yield:
    shape = one_input(inputs)
    settings = Settings(raw)
    axis = settings.take("axis", -1)
    if axis not in (-1, 3, [-1], [3]):
        raise SettingError(f"axis is {axis!r}; needed: -1")
    checked = {
        "epsilon": settings.number("epsilon", 1e-3),
        "center": settings.choice("center", {True, False}, True),
        "scale": settings.choice("scale", {True, False}, True),
    }
    settings.done()
    count = 2 + bool(checked["center"]) + bool(checked["scale"])
    return Yield(shape, checked, ((shape[2],),) * count)


def _concatenate(raw: Any, inputs: list[Shape], _extra: list[Any]) -> Yield:
    settings = Settings(raw)
    if settings.take("axis", -1) not in (-1, 3):
        raise SettingError("concatenates along another axis than the channels")
    settings.done()
    if len({shape[:2] for shape in inputs}) != 1:
        raise SettingError(f"joins maps of different sides: {inputs}")
    return Yield((*inputs[0][:2], sum(shape[2] for shape in inputs)))


def _elementwise(raw: Any, inputs: list[Shape], _extra: list[Any]) -> Yield:
    Settings(raw).done()
    channels = {shape[2] for shape in inputs} - {1}
    if len(inputs) < 2 or len({shape[:2] for shape in inputs}) != 1 or len(channels) > 1:
        raise SettingError(f"combines maps that do not fit: {inputs}")
    return Yield((*inputs[0][:2], max(channels, default=1)))


def _silu(raw: Any, inputs: list[Shape], _extra: list[Any]) -> Yield:
    Settings(raw).done()
    return Yield(one_input(inputs))


def _get_item(raw: Any, inputs: list[Shape], extra: list[Any]) -> Yield:
    """Slice the channels: ``x[..., start:stop]``."""
    Settings(raw).done()
    rows, columns, channels = one_input(inputs)
    try:
        (key,) = extra
        ellipsis, part = key["items"] if isinstance(key, dict) else key
        if ellipsis["class_name"] != "__ellipsis__" or part["class_name"] != "__slice__":
            raise TypeError
        bounds = part["config"]
        if bounds.get("step") not in (None, 1):
            raise TypeError
        start, stop = bounds.get("start"), bounds.get("stop")
        for bound in (start, stop):
            if bound is not None:
                bounded(bound, "slice", -MAX_CHANNELS, MAX_CHANNELS)
    except (TypeError, ValueError, KeyError, AttributeError):
        raise SettingError("takes another part of its input than a slice of the channels") from None
    left = len(range(*slice(start, stop).indices(channels)))
    return Yield((rows, columns, left), {"start": start, "stop": stop})


STOCK_RULES: Mapping[str, Rule] = {
    "InputLayer": _input_layer,
    "Conv2D": _conv,
    "MaxPooling2D": _pool,
    "UpSampling2D": _upsample,
    "ZeroPadding2D": _zero_pad,
    "Activation": _activation,
    "Concatenate": _concatenate,
    "Add": _elementwise,
    "Multiply": _elementwise,
    "BatchNormalization": _batch_norm,
    "Dropout": _dropout,
    "GetItem": _get_item,
    "Silu": _silu,
}
