"""Small model files for tests, in the layouts of PtychoPINN, and images in that of pty-chi, without either.

The networks are untrained but alive: for a diffraction-like input amplitude and phase
vary over the patch, differ between images, and depend on every input channel.
"""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np
from numpy.typing import NDArray

from models.functional_config import FunctionalConfig

NETWORK = "diffraction_to_obj"


@dataclass
class BundleParts:
    """Everything a bundle is written from; an `edit` changes it in place."""

    config: dict[str, Any]
    weights: dict[str, NDArray[Any]]  # dataset path in model.weights.h5 -> values
    parameters: dict[str, Any]
    manifest: Any
    stored_scale: float | None  # attribute of model.h5; None: no attribute
    keras_members: dict[str, bytes] = field(default_factory=dict)  # replace or add, inside model.keras
    members: dict[str, bytes | None] = field(default_factory=dict)  # replace, add or (None) leave out


def write_bundle(
    path: Path,
    *,
    gridsize: int = 2,
    n_filters: int = 4,
    patch_px: int = 32,
    nphotons: float = 1e9,
    seed: int = 0,
    object_big: bool = True,
    probe_big: bool = True,
    pad_object: bool = True,
    amp_activation: str = "sigmoid",
    use_polar: bool = True,
    edit: Callable[[BundleParts], None] | None = None,
) -> Path:
    """Write a complete small ``wts.h5.zip`` and return its path.

    Parameters
    ----------
    path : Path
        The file; its folder is made.
    gridsize, patch_px, nphotons
        g, N (a multiple of 16) and the dose; s = sqrt(nphotons) / (N / 2).
    n_filters : int
        Channels of the first convolution.
    object_big, probe_big, pad_object, amp_activation, use_polar
        As PtychoPINN's parameters of those names.
    edit : callable, optional
        Given the `BundleParts` just before they are written.
    """
    network = FunctionalConfig(np.random.default_rng(seed))
    _pinn(
        network,
        side=patch_px,
        gridsize=gridsize,
        n_filters=n_filters,
        object_big=object_big,
        probe_big=probe_big,
        pad_object=pad_object,
        amp_activation=amp_activation,
        use_polar=use_polar,
    )
    scale = float(np.sqrt(nphotons) / (patch_px / 2))
    parts = BundleParts(
        config=network.functional("functional_1", ["input", "input_positions"], ["trimmed_obj"]),
        weights=network.numbered_weights(),
        parameters={
            "N": patch_px,
            "gridsize": gridsize,
            "offset": 4,
            "max_position_jitter": 10,
            "nphotons": nphotons,
            "intensity_scale": scale,
            "n_filters_scale": 1,
            "model_type": "pinn",
            "amp_activation": amp_activation,
            "object.big": object_big,
            "probe.big": probe_big,
            "pad_object": pad_object,
            "probe.mask": False,
            "neighbor_count": 7,
            "label": "",
            "train_data_file_path": None,
            "_version": "1.0",
            "probe": np.ones((patch_px, patch_px, 1), np.complex64),
        },
        manifest={"models": ["autoencoder", NETWORK], "version": "1.0"},
        stored_scale=scale,
    )
    if edit is not None:
        edit(parts)
    path.parent.mkdir(parents=True, exist_ok=True)
    _write_outer(path, parts)
    return path


def write_supervised_baseline(
    path: Path,
    *,
    patch_px: int = 32,
    n_filters: int = 4,
    seed: int = 0,
    edit: Callable[[dict[str, Any]], None] | None = None,
) -> Path:
    """Write a legacy ``baseline_model.h5`` of stock layers with outputs amplitude and phase."""
    network = FunctionalConfig(np.random.default_rng(seed), with_modules=False)
    network.add_input("input_layer", (patch_px, patch_px, 1))
    deep = network.encode("input_layer", n_filters)
    heads = []
    for gain in (4.0, 3.0):
        x = network.decode(deep, [4 * n_filters, 2 * n_filters, n_filters], gain_last=1.0)
        heads.append(network.conv(x, 1, activation="linear", gain=gain, bias=0.5))
    config = network.functional("functional", ["input_layer"], heads)
    config = {"class_name": config["class_name"], "config": config["config"]}
    config["config"]["input_layers"] = ["input_layer", 0, 0]  # Keras leaves a single end unwrapped
    if edit is not None:
        edit(config)
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        file.attrs.update(keras_version="3.15.1", backend="tensorflow", model_config=json.dumps(config))
        root = file.create_group("model_weights")
        root.attrs["layer_names"] = [layer["config"]["name"] for layer in config["config"]["layers"]]
        for name in root.attrs["layer_names"]:
            group = root.create_group(name)
            arrays = dict(zip(("kernel", "bias"), network.weights.get(name, ()), strict=False))
            group.attrs["weight_names"] = [f"{name}/{key}" for key in arrays]
            for key, values in arrays.items():
                group[f"{name}/{key}"] = values
    return path


def damage_weights(bundle_path: Path, how: Literal["zero", "nan", "flat"]) -> None:
    """Rewrite the network of an existing ``wts.h5.zip`` in place so that its arm is dead.

    "zero" sets every weight to 0, "nan" one value of a head's kernel to NaN, and "flat" the
    kernels of all heads to 0, so that the output no longer depends on the input.
    """
    with zipfile.ZipFile(bundle_path) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    inner_name = f"{NETWORK}/model.keras"
    with zipfile.ZipFile(io.BytesIO(members[inner_name])) as inner:
        inner_members = {info.filename: inner.read(info) for info in inner.infolist()}
    heads = _head_kernels(json.loads(inner_members["config.json"]))
    buffer = io.BytesIO(inner_members["model.weights.h5"])
    with h5py.File(buffer, "r+") as file:
        paths: list[str] = []
        file.visititems(lambda name, item: paths.append(name) if isinstance(item, h5py.Dataset) else None)
        for name in paths:
            if how == "zero" or (how == "flat" and name in heads):
                file[name][...] = 0.0
        if how == "nan":  # in a head: a relu behind it would turn NaN into 0
            head = file[sorted(heads)[0]]
            head[(0,) * head.ndim] = np.nan
    inner_members["model.weights.h5"] = buffer.getvalue()
    members[inner_name] = zip_bytes(inner_members, stored=True)
    temporary = bundle_path.with_name(bundle_path.name + ".new")
    temporary.write_bytes(zip_bytes(members))
    temporary.replace(bundle_path)


def zip_bytes(members: dict[str, bytes], *, stored: bool = False) -> bytes:
    """Return a zip archive of these members; the same members give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name, date_time=(2026, 1, 1, 0, 0, 0))
            info.compress_type = archive.compression
            archive.writestr(info, data)
    return buffer.getvalue()


def diffraction_like(count: int, patch_px: int, members: int, *, seed: int = 0) -> NDArray[np.float32]:
    """Return (count, N, N, members) float32 normalised amplitudes of a probe on random objects."""
    rng = np.random.default_rng(seed)
    axis = np.arange(patch_px) - patch_px // 2
    probe = np.exp(-(axis[:, None] ** 2 + axis[None, :] ** 2) / (2 * (patch_px / 6) ** 2))
    probe = probe * np.exp(0.02j * (axis[:, None] ** 2 + axis[None, :] ** 2))
    shape = (count, members, patch_px, patch_px)
    rough = np.fft.fft2(rng.standard_normal(shape)) * (np.hypot(*np.meshgrid(axis, axis)) < patch_px / 5)
    phase = np.fft.ifft2(np.fft.ifftshift(rough, axes=(2, 3))).real
    field_ = np.fft.fftshift(np.fft.fft2(probe * np.exp(2j * phase / phase.std())), axes=(2, 3))
    amplitude = np.abs(field_) / patch_px
    scale = (patch_px / 2) / np.sqrt(np.mean(np.sum(amplitude**2, axis=(2, 3))))
    return np.ascontiguousarray((scale * amplitude).transpose(0, 2, 3, 1), dtype=np.float32)


def _write_outer(path: Path, parts: BundleParts) -> None:
    keras_members = {
        "metadata.json": json.dumps(
            {"keras_version": "3.15.1", "date_saved": "2026-01-01@00:00:00"}
        ).encode(),
        "config.json": json.dumps(parts.config).encode(),
        "model.weights.h5": hdf5_bytes(parts.weights, {}),
        **parts.keras_members,
    }
    attributes = {} if parts.stored_scale is None else {"intensity_scale": np.float64(parts.stored_scale)}
    submodel = {
        "custom_objects.dill": b"not a pickle, and nobody may try to read it as one",
        "model.keras": zip_bytes(keras_members, stored=True),
        "model.h5": hdf5_bytes({}, attributes),
        "params.dill": pickle.dumps(parts.parameters, protocol=4),
    }
    members: dict[str, bytes | None] = {"manifest.dill": pickle.dumps(parts.manifest, protocol=4)}
    members.update({f"{NETWORK}/{name}": data for name, data in submodel.items()})
    members["autoencoder/model.keras"] = b"never read"
    members.update(parts.members)
    path.write_bytes(zip_bytes({name: data for name, data in members.items() if data is not None}))


def hdf5_bytes(datasets: dict[str, NDArray[Any]], attributes: dict[str, Any]) -> bytes:
    """Return an HDF5 file with these datasets and root attributes."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.attrs.update(attributes)
        for name, values in datasets.items():
            file[name] = values
    return buffer.getvalue()


def _head_kernels(config: dict[str, Any]) -> set[str]:
    """Return the dataset paths of the kernels whose output an activation turns into a map."""
    layers = config["config"]["layers"]
    convolutions = [layer["name"] for layer in layers if layer["class_name"] == "Conv2D"]
    fed = {
        layer["inbound_nodes"][0]["args"][0]["config"]["keras_history"][0]
        for layer in layers
        if layer["class_name"] in ("ActivationLayer", "Silu")
    }
    return {
        f"layers/conv2d{f'_{index}' if index else ''}/vars/0"
        for index, name in enumerate(convolutions)
        if name in fed
    }


def _pinn(
    network: FunctionalConfig,
    *,
    side: int,
    gridsize: int,
    n_filters: int,
    object_big: bool,
    probe_big: bool,
    pad_object: bool,
    amp_activation: str,
    use_polar: bool,
) -> None:
    """Lay out PtychoPINN's inference network (core_spec 2.1)."""
    images = gridsize**2
    maps = images if object_big else 1
    network.add_input("input", (side, side, images))
    network.add_input("input_positions", (1, 2, images))
    scaled = network.add("ptycho.model", "IntensityScaler", {}, [["input"]], (side, side, images))
    deep = network.encode(scaled, n_filters)
    halves = []
    for name, activation, constant, gain in (("amp", amp_activation, 1.0, 12.0), ("phi", "tanh", np.pi, 3.0)):
        x = network.decode(deep, [4 * n_filters, max(2 * n_filters, 8)], gain_last=1.0)
        settings = {"activation_name": activation, "scale": float(constant)}
        if not pad_object:
            x = network.conv(network.up_block(x, n_filters, 1.0), maps, activation="linear", gain=gain)
            halves.append(network.add_custom("ActivationLayer", settings, [x], (side, side, maps), name=name))
            continue
        inner = network.get_item(x, None, -4)
        head = network.conv(inner, maps, activation="linear", gain=gain)
        half = (side // 2, side // 2, maps)
        head = network.add_custom("ActivationLayer", settings, [head], half, name=name)
        padding = {"padding": [[side // 4] * 2] * 2, "data_format": "channels_last"}
        head = network.add("keras.layers", "ZeroPadding2D", padding, [head], (side, side, maps))
        if probe_big:
            # small: outside the centre the merge divides by 0.001
            border = network.conv(
                network.up_block(network.get_item(x, -4, None), n_filters, 1.0),
                maps,
                activation="linear",
                gain=1e-3,
            )
            border = network.op("keras.src.ops.nn", "Silu", [border])
            mask = {"N": side, "c": 1, "kind": "border"}
            mask_name = network.add("ptycho.tf_helper", "CenterMaskLayer", mask, [border], (side, side, 1))
            head = network.op("keras.src.ops.numpy", "Add", [head, network.op_multiply(border, mask_name)])
        halves.append(head)
    obj = network.add_custom("CombineComplexLayer", {"use_polar": use_polar}, [halves], (side, side, maps))
    padded = side + (gridsize - 1) * 4 + 10
    if object_big:
        merge = {"padded_size": padded, "N": side, "gridsize": gridsize}
        source: list[Any] = [[obj, "input_positions"]]
        merged = network.add_custom("ReassemblePatchesLayer", merge, source, (padded, padded, 1))
    else:
        merged = network.add_custom(
            "PadReconstructionLayer", {"padded_size": padded}, [obj], (padded, padded, 1)
        )
    network.add_custom(
        "TrimReconstructionLayer", {"output_size": side}, [merged], (side, side, 1), name="trimmed_obj"
    )


def write_ptychi(path: Path, arrays: dict[str, np.ndarray], *, noise: float = 0.03, seed: int = 7) -> Path:
    """Write a noisy object as pty-chi would: its middle lies on the middle of the positions."""
    truth = arrays["objectGuess"]
    height, width = 70, 86
    middle = [(arrays[key].min() + arrays[key].max()) / 2 for key in ("ycoords", "xcoords")]
    row, column = round(middle[0] - height / 2), round(middle[1] - width / 2)
    padded = np.pad(truth, 40, mode="reflect")
    window = padded[row + 40 : row + 40 + height, column + 40 : column + 40 + width]
    generator = np.random.default_rng(seed)
    noisy = window + noise * (generator.standard_normal((2, *window.shape)) * [[[1]], [[1j]]]).sum(axis=0)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(
        path, reconstructed_object=(1.7 * np.exp(0.4j) * noisy).astype(np.complex64), algorithm="pty-chi"
    )
    return path
