"""A trained model on disk: found, inspected, nothing in it executed.

Two kinds are known: PtychoPINN's ``wts.h5.zip`` and the legacy ``baseline_model.h5`` of its
supervised network. Needs no TensorFlow.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from ptycho_compare.errors import ArchiveError, BundleError
from ptycho_compare.hub import MODEL_NAMES
from ptycho_compare.models.config_objects import LEGACY_OBJECTS, parse_config, refuse_unknown_objects
from ptycho_compare.models.graph import Graph, read_graph
from ptycho_compare.models.weights import Weights, legacy_paths, open_weights, read_weights
from ptycho_compare.models.zip_bundle import read_zip_bundle
from ptycho_compare.untrusted.archive import open_zip
from ptycho_compare.untrusted.hdf5 import has_attribute, open_hdf5
from ptycho_compare.untrusted.regular import open_regular

MAX_FILE_BYTES = 8 << 30  # looked at before a digest is taken
_HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True)
class ModelFile:
    """A trained model that passed inspection.

    Attributes
    ----------
    path : Path
    kind : {"ptychopinn", "supervised", "onnx"}
        Scaled input and local offsets to one complex patch per group, plain input to amplitude and phase
        of one image, or whatever the toml of an ONNX file says.
    patch_px : int
        N, side of a diffraction pattern and of a patch, px.
    group_size : int
        C, images per group; 1 for supervised.
    input_scale : float
        s, by which normalised amplitudes are multiplied; 1.0 for the others.
    parameters : mapping
        Scalars of ``params.dill``, fit for JSON; empty for supervised. Of an ONNX file its toml.
    sha256 : str
        Of the whole file; of an ONNX file and its toml.
    """

    path: Path
    kind: Literal["ptychopinn", "supervised", "onnx"]
    patch_px: int
    group_size: int
    input_scale: float
    parameters: Mapping[str, Any]
    sha256: str


_INSPECTED: dict[str, ModelFile] = {}
"""What passed inspection, by its digest: a judge of a hub meets a bundle once for each comparison with it."""


def inspect_model(path: Path) -> ModelFile:
    """Read everything about a model except its weights; a process looks through equal bytes once.

    Raises
    ------
    BundleError
        Not a model this program reads, damaged, hostile, or at odds with itself. One line.
    """
    with _refused_in_one_line(path):
        magic, digest = _magic_and_digest(path)
        if digest in _INSPECTED:
            return replace(_INSPECTED[digest], path=path)
        file = _read(path, magic, digest, with_weights=False)[0]
        if _magic_and_digest(path) == (magic, digest):  # what was exchanged meanwhile is not remembered as it
            _INSPECTED[digest] = file
        return file


def read_model(path: Path, *, with_weights: bool) -> tuple[ModelFile, Graph, Weights]:
    """Inspect a model and return its network too; the weights are empty unless asked for."""
    with _refused_in_one_line(path):
        return _read(path, *_magic_and_digest(path), with_weights=with_weights)


@contextmanager
def _refused_in_one_line(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BundleError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (ArchiveError, BundleError) as error:
        raise BundleError(_one_line(str(error))) from error


def _magic_and_digest(path: Path) -> tuple[bytes, str]:
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise BundleError(f"{path}: holds {size} bytes; at most {MAX_FILE_BYTES} are read as a model")
    with open_regular(path) as stream:
        magic = stream.read(8)
        stream.seek(0)
        return magic, hashlib.file_digest(stream, "sha256").hexdigest()


def _read(path: Path, magic: bytes, digest: str, *, with_weights: bool) -> tuple[ModelFile, Graph, Weights]:
    if magic == _HDF5_MAGIC:
        graph, weights = read_legacy_h5(path, with_weights=with_weights)
        side = graph.shape(graph.inputs[0])[0]
        return ModelFile(path, "supervised", side, 1, 1.0, {}, digest), graph, weights
    if not magic.startswith(b"PK"):
        raise BundleError(
            f"{path}: neither a zip bundle nor an HDF5 model; needed: {' or '.join(MODEL_NAMES)}"
        )
    content = read_zip_bundle(path, with_weights=with_weights)
    file = ModelFile(
        path,
        "ptychopinn",
        content.patch_px,
        content.group_size,
        content.input_scale,
        content.parameters,
        digest,
    )
    return file, content.graph, content.weights


def read_legacy_h5(path: Path, *, with_weights: bool) -> tuple[Graph, Weights]:
    """Read and check a ``baseline_model.h5``.

    Raises
    ------
    BundleError
        Damaged, an object off the list, or other ends than one square image (N, N, 1)
        in and two maps (N, N, 1) out.
    """
    label = str(path)
    with open_weights(path, label=label) as file:
        if "model_config" not in file.attrs:
            raise BundleError(
                f"{label}: attribute 'model_config' is missing; needed: a whole model, not weights alone"
            )
        config = parse_config(file.attrs["model_config"], label=f"{label}: model_config")
        refuse_unknown_objects(config, LEGACY_OBJECTS, label=f"{label}: model_config")
        graph = read_graph(config, label=f"{label}: model_config")
        _check_ends(graph, label=label)
        paths = legacy_paths(file, graph, label=label)
        return graph, read_weights(file, paths) if with_weights else {}


def _check_ends(graph: Graph, *, label: str) -> None:
    inputs = [graph.shape(name) for name in graph.inputs]
    outputs = [graph.shape(name) for name in graph.outputs]
    if len(inputs) != 1 or inputs[0][0] != inputs[0][1] or inputs[0][2] != 1:
        raise BundleError(
            f"{label}: model_config: the inputs are {inputs}; needed: one square image (N, N, 1)"
        )
    if outputs != [inputs[0], inputs[0]]:
        raise BundleError(
            f"{label}: model_config: the outputs are {outputs}; "
            f"needed: amplitude and phase, [{inputs[0]}, {inputs[0]}]"
        )


def is_model(path: Path) -> bool:
    """True for a model, by its first bytes and its listing, and for a folder, which is searched for one."""
    if path.is_dir() or path.name in MODEL_NAMES:
        return True
    try:
        with open_regular(path) as stream:
            magic = stream.read(8)
        if magic == _HDF5_MAGIC:
            with open_hdf5(path) as file:
                return has_attribute(file, "model_config")
        if magic.startswith(b"PK"):
            with open_zip(path, label=str(path), max_total_bytes=MAX_FILE_BYTES) as archive:
                return "manifest.dill" in archive.namelist()
    except (OSError, ArchiveError):  # its reader will say what is wrong
        return False
    return False


def find_model(directory: Path) -> Path:
    """Return the one model in a folder and its subfolders; a file stands for itself.

    Raises
    ------
    BundleError
        No such folder, no model in it, or several: taking the first one met would make
        the result depend on the order of a directory listing.
    """
    if directory.is_file():
        return directory
    if not directory.is_dir():
        raise BundleError(
            f"{directory}: no such folder; give the folder a model was trained into, or the file itself"
        )
    found = _candidates(directory)
    if not found:
        raise BundleError(
            f"{directory}: holds no {' or '.join(MODEL_NAMES)}; train it, or give the folder that has it"
        )
    if len(found) > 1:
        names = ", ".join(str(path.relative_to(directory)) for path in found)
        raise BundleError(
            f"{directory}: holds {len(found)} models ({names}); give one of them by its full path"
        )
    return found[0]


def _candidates(directory: Path) -> list[Path]:
    visited: set[tuple[int, int]] = set()
    found: dict[Path, Path] = {}  # by the file behind symbolic links
    for root, folders, files in os.walk(directory, followlinks=True):
        place = Path(root).stat()
        if (place.st_dev, place.st_ino) in visited:  # a link back up: this ring was walked already
            folders.clear()
            continue
        visited.add((place.st_dev, place.st_ino))
        folders.sort()
        for name in MODEL_NAMES:
            path = Path(root, name)
            if name in files and path.is_file():
                found.setdefault(path.resolve(), path)
    return sorted(found.values())


def _one_line(text: str) -> str:
    # names inside a file are the file's choice; they must not break or colour a terminal line
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:1000]
