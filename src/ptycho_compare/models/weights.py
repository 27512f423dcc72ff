"""The weights of a network in HDF5: links inspected, shapes compared, then read.

HDF5 can refer to other files (external links, external storage, virtual datasets) and can
claim sizes it does not hold. A weights file needs none of that, so it is all refused.
"""

from __future__ import annotations

import io
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ArchiveError, BundleError
from ptycho_compare.models.graph import MAX_WEIGHT_BYTES, Graph
from ptycho_compare.untrusted.hdf5_inside import require_inside
from ptycho_compare.untrusted.hdf5_survey import require_sound

MAX_OBJECTS = 20_000

DatasetPaths = Mapping[str, tuple[str, ...]]  # node name -> dataset paths, in Keras' order
Weights = Mapping[str, list[NDArray[np.float32]]]


@contextmanager
def open_weights(source: Path | bytes, *, label: str) -> Iterator[h5py.File]:
    """Open an HDF5 file whose every link stays inside it and whose datasets are plain.

    Raises
    ------
    BundleError
        No HDF5, damaged, a link or a storage outside the file, or too large.
    """
    try:
        require_sound(source, label=label)
        with h5py.File(io.BytesIO(source) if isinstance(source, bytes) else source, "r") as file:
            _inspect(file, label=label)
            yield file
    except BundleError:
        raise
    except ArchiveError as error:
        raise BundleError(str(error)) from error
    except Exception as error:  # a damaged file makes the HDF5 library raise nearly anything
        raise BundleError(
            f"{label}: not a readable HDF5 file ({type(error).__name__}: {error}); copy or train it again"
        ) from error


def keras_paths(file: h5py.File, graph: Graph, *, label: str) -> DatasetPaths:
    """Find each node's datasets in a Keras 3 weights file and compare their shapes.

    Such a file numbers layers by class in the order of the configuration: the second
    Conv2D is ``layers/conv2d_1``, whatever its own name.
    """
    counts: Counter[str] = Counter()
    paths = {}
    for node in graph.nodes:
        if not node.weights:
            continue
        stem = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", node.kind).lower()
        group = f"layers/{stem}_{counts[stem]}" if counts[stem] else f"layers/{stem}"
        counts[stem] += 1
        paths[node.name] = tuple(f"{group}/vars/{index}" for index in range(len(node.weights)))
    _compare(file, graph, paths, root="layers", label=label)
    return paths


def legacy_paths(file: h5py.File, graph: Graph, *, label: str) -> DatasetPaths:
    """Find each node's datasets in a legacy ``.h5`` model and compare their shapes."""
    paths = {}
    for node in graph.nodes:
        group = file.get(f"model_weights/{node.name}")
        names = [] if group is None else _weight_names(group)
        if len(names) != len(node.weights):
            raise BundleError(
                f"{label}: layer '{node.name}' has {len(names)} weights; needed: {len(node.weights)}"
            )
        paths[node.name] = tuple(f"model_weights/{node.name}/{name}" for name in names)
    _compare(file, graph, paths, root="model_weights", label=label)
    return paths


def read_weights(file: h5py.File, paths: DatasetPaths) -> Weights:
    """Read the datasets as float32."""
    return {name: [np.asarray(file[path], dtype=np.float32) for path in own] for name, own in paths.items()}


def _inspect(file: h5py.File, *, label: str) -> None:
    seen: set[int] = set()
    total = 0
    todo: list[tuple[str, h5py.Group]] = [("", file["/"])]
    while todo:
        prefix, group = todo.pop()
        for name in group:
            path = f"{prefix}/{name}"
            item = _follow(group, name, path, label=label)
            address = h5py.h5o.get_info(item.id).addr
            if address in seen:  # two hard links to one object may also form a ring
                raise BundleError(f"{label}: '{path}' is linked twice; refused")
            seen.add(address)
            if len(seen) > MAX_OBJECTS:
                raise BundleError(f"{label}: holds more than {MAX_OBJECTS} objects; refused")
            if isinstance(item, h5py.Group):
                todo.append((path, item))
            else:
                total += _dataset_bytes(item, path, label=label)
    if total > 3 * MAX_WEIGHT_BYTES:  # an optimizer keeps two more arrays beside each weight
        raise BundleError(
            f"{label}: its datasets claim {total} bytes; at most {3 * MAX_WEIGHT_BYTES} are read"
        )


def _follow(group: h5py.Group, name: str, path: str, *, label: str) -> h5py.Group | h5py.Dataset:
    link = group.get(name, getlink=True)
    if isinstance(link, h5py.ExternalLink):
        raise BundleError(f"{label}: '{path}' is a link to another file ({link.filename}); refused")
    if not isinstance(link, h5py.HardLink):
        raise BundleError(
            f"{label}: '{path}' is a {type(link).__name__}; only plain groups and datasets are read"
        )
    item = group[name]
    if not isinstance(item, h5py.Group | h5py.Dataset):
        raise BundleError(f"{label}: '{path}' is neither a group nor a dataset; refused")
    return item


def _dataset_bytes(dataset: h5py.Dataset, path: str, *, label: str) -> int:
    try:
        require_inside(dataset, label=label)
    except ArchiveError as error:
        raise BundleError(str(error)) from error
    if dataset.dtype.kind not in "fiu" or dataset.dtype.itemsize > 8 or dataset.shape is None:
        raise BundleError(f"{label}: '{path}' holds {dataset.dtype}; only plain numbers are read")
    size: int = math.prod(dataset.shape) * dataset.dtype.itemsize
    return size


def _weight_names(group: h5py.Group) -> list[str]:
    # a list too long for one attribute is split into weight_names0, weight_names1, ...
    keys = sorted(
        (key for key in group.attrs if re.fullmatch(r"weight_names\d*", key)), key=lambda k: (len(k), k)
    )
    return [
        name.decode() if isinstance(name, bytes) else str(name) for key in keys for name in group.attrs[key]
    ]


def _compare(file: h5py.File, graph: Graph, paths: DatasetPaths, *, root: str, label: str) -> None:
    present: dict[str, h5py.Dataset] = {}
    group = file.get(root)
    if isinstance(group, h5py.Group):
        group.visititems(
            lambda name, item: (
                present.update({f"{root}/{name}": item}) if isinstance(item, h5py.Dataset) else None
            )
        )
    for node in graph.nodes:
        for path, shape in zip(paths.get(node.name, ()), node.weights, strict=True):
            found = present[path] if path in present else file.get(path)
            if not isinstance(found, h5py.Dataset):
                raise BundleError(f"{label}: weights '{path}' of layer '{node.name}' are missing")
            if found.shape != shape or found.dtype.kind != "f":
                raise BundleError(
                    f"{label}: weights '{path}' of layer '{node.name}' are {found.dtype}{found.shape}; "
                    f"needed: float32{shape}"
                )
    needed = {path for own in paths.values() for path in own}
    surplus = sorted(set(present) - needed)
    if surplus:
        raise BundleError(f"{label}: weights '{surplus[0]}' belong to no layer of the configuration")
