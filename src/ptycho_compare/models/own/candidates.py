"""What a network may expect and give, as far as its graph leaves it open: readings to be tried."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Literal

from ptycho_compare.errors import BundleError
from ptycho_compare.models.own.declaration import Declaration, NetworkGroup, NetworkInput, NetworkOutput
from ptycho_compare.models.own.ends import LEAST_ROWS, possible_axes, shape_of
from ptycho_compare.untrusted.onnx.contents import OnnxGraph, OnnxValue
from ptycho_compare.untrusted.onnx.measure import measured

_VALUES: tuple[Literal["amplitude", "intensity"], ...] = ("amplitude", "intensity")
_PLACES: tuple[Literal["centre", "corner"], ...] = ("centre", "corner")
_SCALES = (("none", 1.0), ("k", 1.0), ("k", 2.0), ("image sum", 1.0), ("image maximum", 1.0))
"""With their factors: twice k is how PtychoPINN's memory-mapped loader on PyTorch scales."""
_RANGES: tuple[str | tuple[float, float], ...] = ("radians", (-1.0, 1.0), (0.0, 1.0))


def readings_of(graph: OnnxGraph, *, label: str) -> list[Declaration]:
    """List what the graph allows, the simplest first; orientations are left as given.

    Raises
    ------
    BundleError
        Its inputs or outputs cannot be those of a network of images.
    ArchiveError
        A size has no bound, or is too large.
    """
    image, offsets = _inputs(graph, label)
    (axes, *others) = possible_axes(image.dims, None)
    if others:
        raise BundleError(
            f"{label}: input {image.name[:60]!a} has the shape {image.dims}, which may be "
            f"{' or '.join([axes, *others])}; write the toml (docs/own_networks.md)"
        )
    sides = dict(zip(axes, image.dims, strict=True))
    size, side = sides.get("C", 1), sides["H"]
    if not isinstance(size, int) or not isinstance(side, int):
        raise BundleError(
            f"{label}: input {image.name[:60]!a} has the shape {image.dims}; needed: only the batch free"
        )
    rows = sides["B"] if isinstance(sides.get("B"), int) else LEAST_ROWS
    fed = {image.name: shape_of(axes, int(rows) if "B" in axes else 1, size, side)}
    taken = NetworkGroup(size=size)
    if offsets is not None:
        last = offsets.dims[-1] == size and size != 2
        shape: Literal["(1, 2, C)", "(C, 1, 2)"] = (
            "(1, 2, C)" if last or offsets.dims[1] == 1 else "(C, 1, 2)"
        )
        taken = NetworkGroup(size=size, offsets=shape, offsets_input=offsets.name)
        fed[offsets.name] = tuple(
            fed[image.name][0] if n == 0 else int(d) for n, d in enumerate(offsets.dims)
        )
    outputs = list(_outputs(measured(graph, fed, label=label).outputs, side, size, batched="B" in axes))
    if not outputs:
        raise BundleError(f"{label}: no output holds one or two planes of {side} x {side}")
    name = image.name if len(graph.inputs) > 1 else None
    return [
        Declaration(
            input=NetworkInput(values=values, zero_frequency=place, scale=scale, factor=factor, name=name),
            output=output,
            group=taken.model_copy(update={"patches": patches}),
        )
        for values, place, (scale, factor), (output, patches) in product(_VALUES, _PLACES, _SCALES, outputs)
    ]


def _inputs(graph: OnnxGraph, label: str) -> tuple[OnnxValue, OnnxValue | None]:
    images = [each for each in graph.inputs if possible_axes(each.dims, None)]
    rest = [each for each in graph.inputs if each not in images]
    offsets = [each for each in rest if len(each.dims) == 4 and 2 in each.dims and 1 in each.dims]
    if len(images) != 1 or len(rest) > 1 or rest != offsets:
        named = ", ".join(f"{each.name[:60]!a} {each.dims}" for each in graph.inputs[:4])
        raise BundleError(
            f"{label}: takes {named}; needed: one input of square images of a fixed size, and at most one of "
            "offsets beside it; write the toml (docs/own_networks.md)"
        )
    return images[0], offsets[0] if offsets else None


def _outputs(
    shapes: Mapping[str, tuple[int, ...]], side: int, size: int, *, batched: bool
) -> Iterator[tuple[NetworkOutput, Literal["merged", "separate"]]]:
    """Give outputs and, for groups, whether a patch comes out of each image."""
    planes: dict[Literal["merged", "separate"], list[str]] = {"merged": [], "separate": []}
    for name, shape in shapes.items():
        axes = [each for each in possible_axes(shape, None) if ("B" in each) == batched]
        if len(axes) != 1:
            continue
        sides = dict(zip(axes[0], shape, strict=True))
        held = sides.get("C", 1)
        if sides["H"] != side:
            continue
        if held <= 2:
            planes["merged"] += [name] if held == 1 else [f"{name}[0]", f"{name}[1]"]
        if size > 1 and held in (size, 2 * size):
            halves = [f"{name}[0:{size}]", f"{name}[{size}:{2 * size}]"]
            planes["separate"] += [name] if held == size else halves
    for patches, found in planes.items():
        for output in _of_planes(found[:2]):
            yield output, patches


def _of_planes(planes: Sequence[str]) -> Iterator[NetworkOutput]:
    """Give what planes may mean; names that say it are believed."""
    if not planes:
        return
    if len(planes) == 1:
        if _hint(planes[0]) != "amplitude":
            for scale in _RANGES:
                yield NetworkOutput(values="phase", planes=tuple(planes), phase_range=scale)
        if _hint(planes[0]) != "phase":
            yield NetworkOutput(values="amplitude", planes=tuple(planes))
        return
    two, back = tuple(planes), tuple(reversed(planes))
    hints = [_hint(each) for each in two]
    for ordered, (first, second) in ((two, hints), (back, hints[::-1])):
        if first in ("", "amplitude") and second in ("", "phase"):
            for scale in _RANGES:
                yield NetworkOutput(values="amplitude and phase", planes=ordered, phase_range=scale)
        if first in ("", "real") and second in ("", "imaginary") and (ordered == two or any(hints)):
            yield NetworkOutput(values="real and imaginary", planes=ordered)


def _hint(plane: str) -> str:
    """Say what a plane is called after: a part, or nothing."""
    name = plane.lower()
    meant = {"amp": "amplitude", "phase": "phase", "phi": "phase", "real": "real", "imag": "imaginary"}
    found = {part for word, part in meant.items() if word in name}
    return found.pop() if len(found) == 1 else ""


def usual(said: Declaration) -> bool:
    """Say if a reading is one of those that most networks have: images as they lie, phase in radians."""
    return said.input.orientation == "as given" and said.output.phase_range in (None, "radians")


def differences(said: Declaration) -> int:
    """Count in how many things a reading is other than the plainest."""
    fed, out = said.input, said.output
    return sum(
        (
            fed.values != "amplitude",
            fed.zero_frequency != "centre",
            fed.scale != "none",
            fed.factor != 1.0,
            fed.orientation != "as given",
            out.phase_range not in (None, "radians"),
        )
    )


def described(said: Declaration) -> str:
    """Say a reading in one line."""
    fed, out = said.input, said.output
    scale = "" if fed.scale == "none" else f", scale {fed.scale}"
    scale += "" if fed.factor == 1.0 else f" times {fed.factor:g}"
    turned = "" if fed.orientation == "as given" else f", {fed.orientation}"
    spread = "" if out.phase_range in (None, "radians") else f", phase_range {out.phase_range}"
    patches = "" if said.group.size == 1 else f", {said.group.patches} patches"
    return (
        f"{fed.values}, zero frequency in the {fed.zero_frequency}{scale}{turned}; "
        f"{out.values} from {', '.join(out.planes)}{spread}{patches}"
    )
