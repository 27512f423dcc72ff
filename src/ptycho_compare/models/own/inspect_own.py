"""A network of anybody's, inspected: the graph, what is said of it, and that the two fit."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from ptycho_compare.errors import ArchiveError, BundleError
from ptycho_compare.models.bundle import ModelFile
from ptycho_compare.models.own.declaration import Declaration, read_declaration
from ptycho_compare.models.own.ends import Ends, fit
from ptycho_compare.untrusted.onnx.contents import OnnxGraph
from ptycho_compare.untrusted.onnx.read import parse_onnx, read_bytes


@dataclass(frozen=True, eq=False)
class OwnFile:
    """What one look at the files found."""

    file: ModelFile
    graph: OnnxGraph
    said: Declaration
    ends: Ends

    @classmethod
    def of(cls, path: Path, graph: OnnxGraph, said: Declaration, ends: Ends, digest: str = "") -> OwnFile:
        """Put together what belongs together."""
        file = ModelFile(
            path=path,
            kind="onnx",
            patch_px=ends.patch_px,
            group_size=said.group.size,
            input_scale=1.0,
            parameters=said.model_dump(mode="json"),
            sha256=digest,
        )
        return cls(file, graph, said, ends)


def inspect_own(path: Path) -> ModelFile:
    """Read everything about an ONNX network; raises BundleError, one line."""
    return read_own(path).file


def read_own(path: Path) -> OwnFile:
    """Read an ONNX network and its declaration.

    Raises
    ------
    BundleError
        Not one that is run, damaged, hostile, or at odds with what is said of it. One line.
    """
    try:
        content = read_bytes(path)
        graph = parse_onnx(content, label=str(path))
        said, text = read_declaration(path, graph)
        ends = fit(graph, said, label=str(path))
    except OSError as error:
        raise BundleError(f"{path}: cannot be read ({error.strerror or error})") from error
    except ArchiveError as error:
        raise BundleError(str(error)) from error
    # both together: another toml makes another network of the same weights
    digest = hashlib.sha256(hashlib.sha256(content).digest() + hashlib.sha256(text).digest()).hexdigest()
    return OwnFile.of(path, graph, said, ends, digest)
