"""A trained bundle of ours as an ONNX file with its toml: for programs that run ONNX, and as an arm.

Importing this module imports onnx.
"""

from __future__ import annotations

from pathlib import Path

from ptycho_compare.errors import BundleError
from ptycho_compare.models.bundle import ModelFile, read_model
from ptycho_compare.models.engines.onnx_graph import IMAGES, IMAGINARY, OFFSETS, REAL, write_onnx
from ptycho_compare.models.own.declaration import Declaration, NetworkGroup, NetworkInput, NetworkOutput
from ptycho_compare.models.own.toml_text import toml_of


def exported(bundle: Path) -> tuple[bytes, str]:
    """Return a bundle as an ONNX file, any number of groups at a time, and the text of its toml.

    Raises BundleError: it cannot be read, or written so.
    """
    file, graph, weights = read_model(bundle, with_weights=True)
    if file.kind == "onnx":
        raise BundleError(f"{bundle}: is an ONNX file already")
    content = write_onnx(graph, weights, kind=file.kind, input_scale=file.input_scale, label=str(bundle))
    return content, toml_of(_said(file), remark=f"exported from {bundle.name}, sha256 {file.sha256}")


def _said(file: ModelFile) -> Declaration:
    merges = file.kind == "ptychopinn"
    return Declaration(
        input=NetworkInput(
            values="amplitude",
            zero_frequency="centre",
            scale="k",
            axes="BHWC",
            name=IMAGES if merges else None,
        ),
        output=NetworkOutput(values="real and imaginary", planes=(REAL, IMAGINARY)),
        group=NetworkGroup(
            size=file.group_size,
            offsets="(1, 2, C)" if merges else "none",
            offsets_input=OFFSETS if merges else None,
        ),
    )
