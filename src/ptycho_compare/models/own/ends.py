"""A declaration held against the graph: which tensor is what, and that every size fits."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from ptycho_compare.errors import BundleError, did_you_mean
from ptycho_compare.models.own.declaration import Declaration, InputAxes
from ptycho_compare.untrusted.onnx.contents import OnnxGraph, OnnxValue
from ptycho_compare.untrusted.onnx.measure import measured

_PLANE = re.compile(r"(?P<name>.+?)(\[(?P<first>\d{1,6})(?P<range>:(?P<stop>\d{1,6}))?\])?", re.DOTALL)
LEAST_ROWS = 2


@dataclass(frozen=True)
class Plane:
    """Where a part of a patch comes out: channels of an output, and the order of its axes."""

    output: str
    channels: slice
    axes: str


@dataclass(frozen=True)
class Ends:
    """What goes where.

    Attributes
    ----------
    image, offsets : str
        Names of inputs; offsets "" where there are none.
    axes : str
        Of the image input.
    patch_px : int
        N.
    rows : int or None
        Of a batch that the file fixes; 1 where there is no axis for it.
    row_bytes : int
        Of the largest tensor, for each row of a batch.
    """

    image: str
    offsets: str
    axes: str
    patch_px: int
    rows: int | None
    row_bytes: int
    planes: tuple[Plane, ...]


def fit(graph: OnnxGraph, said: Declaration, *, label: str) -> Ends:
    """Find a network's ends.

    Raises
    ------
    BundleError
        What the toml says does not fit the graph; the line names both.
    ArchiveError
        A size has no bound, or is too large.
    """
    image, offsets = _inputs(graph, said, label)
    axes = _axes(
        image.dims, said.input.axes, said.group.size, f"{label}: input {_named(image.name)}", "input.axes"
    )
    sides = dict(zip(axes, image.dims, strict=True))
    side = sides["H"]
    if not isinstance(side, int) or side != sides["W"]:
        raise BundleError(
            f"{label}: input {_named(image.name)} takes images of {side} x {sides['W']}; needed: a "
            "fixed square N x N (export with a fixed size)"
        )
    if sides.get("C", 1) not in (said.group.size,) and isinstance(sides.get("C", 1), int):
        raise BundleError(
            f"{label}: input {_named(image.name)} takes {sides['C']} images at a time and 'group.size' is "
            f"{said.group.size}; needed: equal"
        )
    batch = sides.get("B", 1)
    rows = batch if isinstance(batch, int) else None
    fed = {image.name: shape_of(axes, rows or LEAST_ROWS, said.group.size, side)}
    if offsets is not None:
        fed[offsets.name] = offsets_shape(said, rows or LEAST_ROWS)
        _require_fed(offsets, fed[offsets.name], label)
    found = measured(graph, fed, label=label)
    planes = tuple(_plane(text, found.outputs, said, side, axes, label) for text in said.output.planes)
    row_bytes = found.largest // (rows or LEAST_ROWS)
    return Ends(image.name, "" if offsets is None else offsets.name, axes, side, rows, row_bytes, planes)


def _named(name: str) -> str:
    """Return a name of the file's, fit for one line."""
    return ascii(name[:60]) if not name.isprintable() else repr(name[:60])


def shape_of(axes: str, rows: int, channels: int, side: int) -> tuple[int, ...]:
    """Return the shape of a tensor with these axes."""
    return tuple({"B": rows, "C": channels, "H": side, "W": side}[letter] for letter in axes)


def offsets_shape(said: Declaration, rows: int) -> tuple[int, ...]:
    """Return the shape in which offsets are taken."""
    size = said.group.size
    return (rows, 1, 2, size) if said.group.offsets == "(1, 2, C)" else (rows, size, 1, 2)


def _inputs(graph: OnnxGraph, said: Declaration, label: str) -> tuple[OnnxValue, OnnxValue | None]:
    named = {each.name: each for each in graph.inputs}
    offsets = said.group.offsets_input
    for key, name in (("input.name", said.input.name), ("group.offsets_input", offsets)):
        if name is not None and name not in named:
            raise BundleError(
                f"{label}: there is no input {_named(name)}, which '{key}' names; there are "
                f"{', '.join(map(_named, named))}{did_you_mean(name, named)}"
            )
    images = [each for name, each in named.items() if name != offsets and said.input.name in (None, name)]
    if len(named) != (1 if offsets is None else 2) or len(images) != 1:
        raise BundleError(
            f"{label}: takes the inputs {', '.join(map(_named, named))}; needed: one of images, and one of "
            "offsets where 'group.offsets_input' names it"
        )
    for each in (images[0], *([] if offsets is None else [named[offsets]])):
        if each.dtype != "float32":
            raise BundleError(f"{label}: input {_named(each.name)} is {each.dtype}; needed: float32")
    return images[0], None if offsets is None else named[offsets]


def _require_fed(offsets: OnnxValue, shape: tuple[int, ...], label: str) -> None:
    fits = len(offsets.dims) == len(shape) and all(
        isinstance(stated, str) or stated == side for stated, side in zip(offsets.dims, shape, strict=True)
    )
    if not fits:
        raise BundleError(
            f"{label}: input {_named(offsets.name)} is {offsets.dims}, and the toml says {shape}"
        )


def possible_axes(dims: Sequence[int | str], channels: int | None) -> list[InputAxes]:
    """Return the orders of axes that a shape may have; `channels` None: any number of them."""
    found = []
    for axes in get_args(InputAxes):
        sides = dict(zip(axes, dims, strict=False))
        if len(axes) != len(dims) or sides["H"] != sides["W"] or isinstance(sides["H"], str):
            continue
        held = sides.get("C", 1)
        if channels is not None and held != channels and not (isinstance(held, str) and "C" in axes):
            continue
        if "B" not in axes and isinstance(dims[0], str):
            continue
        found.append(axes)
    return found


def _axes(
    dims: Sequence[int | str],
    stated: InputAxes | None,
    channels: int | None,
    what: str,
    key: str,
    like: str = "",
) -> InputAxes:
    """Take the axes that are stated, or the only ones that fit; for an output `like` are the input's."""
    if stated is not None:
        if len(stated) != len(dims):
            raise BundleError(f"{what} has the shape {tuple(dims)}, and '{key}' is {stated}")
        return stated
    possible = possible_axes(dims, channels)
    if like:
        possible = [axes for axes in possible if ("B" in axes) == ("B" in like)]
    if len(possible) == 1:
        return possible[0]
    free = possible_axes(dims, None)
    if not possible and len(free) == 1 and channels is not None:
        return free[0]  # the number of channels is what does not fit, and is told as that
    raise BundleError(
        f"{what} has the shape {tuple(dims)}, which may be {' or '.join(possible or free) or 'none'}; "
        f'say it: {key} = "..." out of {", ".join(get_args(InputAxes))}'
    )


def _plane(
    text: str, shapes: Mapping[str, tuple[int, ...]], said: Declaration, side: int, taken: str, label: str
) -> Plane:
    match = _PLANE.fullmatch(text)
    name = text if match is None or text in shapes else match["name"]
    if name not in shapes:
        raise BundleError(
            f"{label}: there is no output {_named(name)}, which 'output.planes' names; there are "
            f"{', '.join(map(_named, shapes))}{did_you_mean(name, shapes)}"
        )
    shape = shapes[name]
    axes = _axes(shape, said.output.axes, None, f"{label}: output {_named(name)}", "output.axes", taken)
    sides = dict(zip(axes, shape, strict=True))
    if (sides["H"], sides["W"]) != (side, side):
        raise BundleError(
            f"{label}: output {_named(name)} holds patches of {sides['H']} x {sides['W']} px, images have "
            f"{side} x {side}; needed: equal"
        )
    held, wanted = sides.get("C", 1), said.group.size if said.group.patches == "separate" else 1
    channels = slice(0, held)
    if match is not None and match["first"] is not None and name != text:
        first = int(match["first"])
        channels = slice(first, int(match["stop"]) if match["range"] else first + 1)
    if not 0 <= channels.start < channels.stop <= held or channels.stop - channels.start != wanted:
        raise BundleError(
            f"{label}: output {_named(name)} has {held} channels, and {text!r} takes "
            f'{channels.stop - channels.start} of them; needed: {wanted}, as "{name}[0'
            f'{f":{wanted}" if wanted > 1 else ""}]"'
        )
    return Plane(name, channels, axes)
