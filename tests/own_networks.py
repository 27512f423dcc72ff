"""ONNX networks that know a scan by heart: of an image they find the nearest they know, and give its patch.

They need what any trained network needs: images read as they were when it learned. Read otherwise, they give
a patch of another place.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, helper

from onnx_graphs import model, value, write
from scans import true_patches

Gives = Literal["amplitude and phase", "real and imaginary", "phase", "amplitude"]

TOML = """\
[input]
values = "amplitude"
zero_frequency = "{dc}"
scale = {scale}

[output]
values = "{gives}"
planes = {planes}
{phase_range}
"""
_SHARPNESS = 200.0


def write_memorised(
    path: Path,
    arrays: dict[str, Any],
    *,
    gives: Gives = "amplitude and phase",
    dc: Literal["centre", "corner"] = "centre",
    scale: float = 1.0,
    toml: str | None = "",
    said_dc: str | None = None,
    mirrored: bool = False,
    members: int = 1,
) -> Path:
    """Write a network and its toml.

    Parameters
    ----------
    arrays : dict
        Of `scans.make_scan`.
    dc, scale
        Where zero frequency lay, and by what amplitudes were multiplied, when it learned.
    toml : str or None
        Appended; None: no toml at all.
    said_dc : str or None
        What the toml says instead.
    mirrored : bool
        Patches are learned mirrored top to bottom, about pixel [N//2, N//2].
    members : int
        Images of a group; each gives a patch of its own.
    """
    images = arrays["diff3d"].astype(np.float64) * scale
    if dc == "corner":
        images = np.fft.ifftshift(images, axes=(1, 2))
    count, side, _ = images.shape
    positions = np.stack([arrays["xcoords"], arrays["ycoords"]], axis=1)
    patches = true_patches(arrays["objectGuess"], positions, side)
    parts = _parts(np.roll(patches[:, ::-1], 1, axis=1) if mirrored else patches, gives)
    named = {f"part{number}": part for number, part in enumerate(parts)}
    content = _network(images.reshape(count, -1), named, side, members)
    if toml is not None:
        planes = [f"part{number}" for number in range(len(parts))]
        phase_range = 'phase_range = "radians"' if "phase" in gives else ""
        text = TOML.format(
            dc=said_dc or dc,
            scale='"none"' if scale == 1.0 else scale,
            gives=gives,
            planes=str(planes).replace("'", '"'),
            phase_range=phase_range,
        )
        group = f'\n[group]\nsize = {members}\npatches = "separate"\n' if members > 1 else ""
        write(path.with_suffix(".toml"), (text + toml + group).encode())
    return write(path, content)


def _parts(patches: NDArray[Any], gives: Gives) -> list[NDArray[Any]]:
    if gives == "real and imaginary":
        return [patches.real, patches.imag]
    found = {"amplitude": np.abs(patches), "phase": np.angle(patches)}
    return [found[name] for name in gives.split(" and ")]


def _network(known: NDArray[Any], parts: dict[str, NDArray[Any]], side: int, members: int) -> bytes:
    """Softmax of -|x - known|^2, and a sum of patches with these weights."""
    sharpness = _SHARPNESS / np.median(((known - np.roll(known, 1, axis=0)) ** 2).sum(axis=1))
    weights: dict[str, NDArray[Any]] = {
        "known": (2 * sharpness * known.T).astype(np.float32),
        "size": (-sharpness * (known**2).sum(axis=1)).astype(np.float32),
        "row": np.array([-1, side**2]),
        "shape": np.array([-1, members, side, side]),
    }
    nodes: list[NodeProto] = [
        helper.make_node("Reshape", ["x", "row"], ["flat"]),
        helper.make_node("Gemm", ["flat", "known", "size"], ["near"]),
        helper.make_node("Softmax", ["near"], ["share"]),
    ]
    for name, part in parts.items():
        weights[f"{name}_known"] = part.reshape(len(part), -1).astype(np.float32)
        nodes.append(helper.make_node("MatMul", ["share", f"{name}_known"], [f"{name}_flat"]))
        nodes.append(helper.make_node("Reshape", [f"{name}_flat", "shape"], [name]))
    shape = ("B", members, side, side)
    return model(
        nodes, inputs=[value("x", shape)], outputs=[value(name, shape) for name in parts], weights=weights
    )
