"""The rules by which a configuration becomes a network of known size."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bundles import write_bundle
from models.functional_config import FunctionalConfig
from ptycho_compare.errors import BundleError
from ptycho_compare.models.bundle import inspect_model
from ptycho_compare.models.config_objects import BUNDLE_OBJECTS, LEGACY_OBJECTS, refuse_unknown_objects
from ptycho_compare.models.graph import MAX_NODES, endpoints, read_graph, read_inputs


def layer(kind: str, name: str, inputs: list[str], /, **settings: Any) -> dict[str, Any]:
    tensors = [
        {"class_name": "__keras_tensor__", "config": {"keras_history": [source, 0, 0]}} for source in inputs
    ]
    return {
        "class_name": kind,
        "name": name,
        "config": {"name": name, **settings},
        "inbound_nodes": [{"args": [tensors], "kwargs": {}}] if inputs else [],
    }


def image(*shape: int, name: str = "x") -> dict[str, Any]:
    return layer("InputLayer", name, [], batch_shape=[None, *shape])


def graph(*layers: dict[str, Any], outputs: str = "y", inputs: str = "x") -> Any:
    config = {
        "class_name": "Functional",
        "config": {
            "layers": list(layers),
            "input_layers": [[inputs, 0, 0]],
            "output_layers": [[outputs, 0, 0]],
        },
    }
    return read_graph(json.loads(json.dumps(config)), label="a.keras")


CONV = {"filters": 5, "kernel_size": [3, 3], "padding": "same"}


@pytest.mark.parametrize(
    ("kind", "settings", "shape", "weights"),
    [
        ("Conv2D", CONV, (16, 12, 5), ((3, 3, 6, 5), (5,))),
        ("Conv2D", CONV | {"use_bias": False, "padding": "valid"}, (14, 10, 5), ((3, 3, 6, 5),)),
        ("Conv2D", CONV | {"strides": 2}, (8, 6, 5), ((3, 3, 6, 5), (5,))),
        ("MaxPooling2D", {"pool_size": 3, "padding": "same"}, (6, 4, 6), ()),
        ("MaxPooling2D", {"pool_size": [2, 2], "strides": None}, (8, 6, 6), ()),
        ("UpSampling2D", {"size": [2, 3]}, (32, 36, 6), ()),
        ("ZeroPadding2D", {"padding": [[1, 2], [3, 4]]}, (19, 19, 6), ()),
        ("Activation", {"activation": "relu"}, (16, 12, 6), ()),
        ("Dropout", {"rate": 0.5, "seed": 3}, (16, 12, 6), ()),
        ("BatchNormalization", {"axis": [3], "scale": False}, (16, 12, 6), ((6,), (6,), (6,))),
    ],
)
def test_shapes_and_weights(kind, settings, shape, weights):
    (_, node) = graph(image(16, 12, 6), layer(kind, "y", ["x"], **settings)).nodes
    assert (node.shape, node.weights) == (shape, weights)


def test_joined_maps():
    pair = image(8, 8, 3), layer("Activation", "a", ["x"], activation="relu")
    assert graph(*pair, layer("Concatenate", "y", ["x", "a"], axis=-1)).shape("y") == (8, 8, 6)
    assert graph(*pair, layer("Add", "y", ["x", "a"])).shape("y") == (8, 8, 3)


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        ("Conv2D", CONV | {"filters": 10**9}, "filters is 1000000000; accepted: 1 to"),
        ("Conv2D", CONV | {"filters": 2.5}, "filters is 2.5"),
        ("Conv2D", CONV | {"filters": True}, "filters is True"),
        ("Conv2D", CONV | {"kernel_size": [3, 3, 3]}, "needed: two whole numbers"),
        ("Conv2D", CONV | {"kernel_size": [3, 99999]}, "kernel_size is 99999"),
        ("Conv2D", CONV | {"activation": "my_function"}, "activation is 'my_function'"),
        ("Conv2D", CONV | {"padding": "causal"}, "padding is 'causal'"),
        ("Conv2D", CONV | {"groups": 2}, "grouped"),
        ("Conv2D", CONV | {"dilation_rate": 2}, "dilation_rate is 2"),
        ("Conv2D", CONV | {"data_format": "channels_first"}, "data_format"),
        ("Conv2D", CONV | {"dtype": "float16"}, "computes in float16"),
        ("Conv2D", CONV | {"dtype": {"class_name": "DTypePolicy", "config": {"name": "int8"}}}, "int8"),
        ("Conv2D", CONV | {"dtype": {"class_name": "DTypePolicy", "config": "float32"}}, "computes in None"),
        ("Conv2D", CONV | {"lora_rank": 4}, "'lora_rank' is not known"),
        ("Conv2D", CONV | {"kernel_size": 31, "padding": "valid"}, "it would yield"),
        ("UpSampling2D", {"size": 64, "interpolation": "lanczos3"}, "interpolation"),
        ("ZeroPadding2D", {"padding": 3}, "padding is 3"),
        ("ZeroPadding2D", {"padding": [[0, 10**8], [0, 0]]}, "padding is 100000000"),
        ("BatchNormalization", {"axis": 1}, "axis is 1"),
        ("BatchNormalization", {"epsilon": "nan"}, "epsilon is 'nan'"),
        ("BatchNormalization", {"epsilon": float("nan")}, "epsilon is nan"),
        ("Concatenate", {"axis": 1}, "another axis"),
        ("Add", {}, "do not fit"),
        ("Dropout", {"rate": None}, "rate is None"),
        ("GetItem", {}, "slice of the channels"),
        ("CombineComplexLayer", {}, "two maps"),
        ("CenterMaskLayer", {"N": 32}, "masks N = 32|c is None"),
        ("CenterMaskLayer", {"N": 32, "c": 1}, "masks N = 32"),
        ("ReassemblePatchesLayer", {"padded_size": 26, "N": 16, "gridsize": 1}, "merges"),
        ("PadReconstructionLayer", {"padded_size": 15, "dtype": "complex64"}, "cannot lie in the middle"),
        ("PadReconstructionLayer", {"padded_size": 17, "dtype": "complex64"}, "cannot lie in the middle"),
        ("TrimReconstructionLayer", {"output_size": 18, "dtype": "complex64"}, "cannot lie in the middle"),
        ("Dense", {}, "which is no layer of such a network"),
    ],
)
def test_settings_out_of_bounds_are_refused(kind, settings, message):
    with pytest.raises(BundleError, match=message) as caught:
        graph(image(16, 16, 6), layer(kind, "y", ["x"], **settings))
    assert str(caught.value).startswith("a.keras: ")
    assert "'y'" in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "settings"),
    [("PadReconstructionLayer", {"padded_size": 20}), ("TrimReconstructionLayer", {"output_size": 8})],
)
def test_only_squares_are_padded_or_trimmed(kind, settings):
    with pytest.raises(BundleError, match="needed: a square"):
        graph(image(16, 12, 1), layer(kind, "y", ["x"], **settings))


def test_a_merge_needs_a_side_with_a_centre():
    first = image(18, 18, 1), image(1, 2, 1, name="p")
    merge = layer("ReassemblePatchesLayer", "y", ["x", "p"], padded_size=28, N=18, gridsize=1)
    with pytest.raises(BundleError, match="a multiple of 4"):
        graph(*first, merge)


@pytest.mark.parametrize(
    "shape", [[None, 16, 16], [None, None, None, 1], [4, 16, 16, 1], [None, 16, 99999, 1], "16"]
)
def test_inputs_need_a_fixed_image_shape(shape):
    with pytest.raises(BundleError, match="batch_shape"):
        graph(layer("InputLayer", "x", [], batch_shape=shape), outputs="x")


def test_a_layer_takes_one_input():
    with pytest.raises(BundleError, match="takes 2 inputs"):
        graph(image(8, 8, 1), layer("Conv2D", "y", ["x", "x"], **CONV))


def test_a_huge_network_is_refused_before_it_is_built():
    wide = CONV | {"filters": 8192}
    layers = [layer("Conv2D", f"c{i}", [f"c{i - 1}" if i else "x"], **wide) for i in range(4)]
    with pytest.raises(BundleError, match="bytes of weights; at most"):
        graph(image(16, 16, 1), *layers, outputs="c3")
    with pytest.raises(BundleError, match="it would yield a map"):
        graph(image(4096, 4096, 1), layer("UpSampling2D", "y", ["x"], size=64))
    with pytest.raises(BundleError, match=f"at most {MAX_NODES}"):
        graph(image(4, 4, 1), *[image(4, 4, 1, name=str(i)) for i in range(MAX_NODES)], outputs="x")


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([image(8, 8, 1), image(8, 8, 1)], "not unique"),
        ([layer("Conv2D", "x", ["later"], **CONV)], "takes 'later', which does not come before"),
        ([{"config": {}}], "cannot be read"),
        (["x"], "cannot be read"),
        ([image(8, 8, 1) | {"name": 5}], "no text"),
    ],
)
def test_a_layer_list_that_makes_no_graph_is_refused(layers, message):
    with pytest.raises(BundleError, match=message):
        graph(*layers, outputs="x")


def test_ends_must_be_layers():
    with pytest.raises(BundleError, match="'y' is not among the layers"):
        graph(image(8, 8, 1))


@pytest.mark.parametrize(
    "inbound",
    [
        "x",
        [{"args": [], "kwargs": {}}, {"args": [], "kwargs": {}}],
        [{"args": [], "kwargs": {"training": True}}],
        [[["x", 0, 0, {"training": True}]]],
        [[["x", 1, 0, {}]]],
        [[["x", 0, 1, {}]]],
        [[[5, 0, 0, {}]]],
        [["x"]],
    ],
)
def test_other_wirings_are_refused(inbound):
    with pytest.raises((ValueError, TypeError)):
        read_inputs(inbound)


def test_idle_call_arguments_are_no_wiring():
    call = {"args": layer("Add", "y", ["a", "b"])["inbound_nodes"][0]["args"], "kwargs": {"training": None}}
    assert read_inputs([call]) == (("a", "b"), [])
    with pytest.raises(TypeError):
        endpoints({"image": ["x", 0, 0]})


@pytest.mark.parametrize("name", ["trim_reconstruction", "combine_complex"])
def test_layers_of_an_older_ptychopinn_are_named(tmp_path, name):
    def edit(parts):
        parts.config["config"]["layers"][-1].update(module="ptycho.model", class_name=name)

    with pytest.raises(BundleError, match=rf"'trimmed_obj' is a {name} .*older PtychoPINN; train or save"):
        inspect_model(write_bundle(tmp_path / "wts.h5.zip", edit=edit))


def test_one_name_does_not_stand_for_another():
    """Each part of an object's identity counts: module, class and registered name."""
    sound = {"module": "ptycho.model", "class_name": "IntensityScaler"}
    sound["registered_name"] = "ptycho>IntensityScaler"
    refuse_unknown_objects(sound, BUNDLE_OBJECTS, label="x")
    for key in sound:
        with pytest.raises(BundleError, match="not on the list"):
            refuse_unknown_objects(sound | {key: "Other"}, BUNDLE_OBJECTS, label="x")
    with pytest.raises(BundleError, match="something else than text"):
        refuse_unknown_objects(sound | {"module": ["os"]}, BUNDLE_OBJECTS, label="x")
    with pytest.raises(BundleError, match="not on the list"):
        refuse_unknown_objects(sound, LEGACY_OBJECTS, label="x")


def test_what_is_compiled_in_is_not_looked_at():
    loss = {"module": "anything", "class_name": "Loss"}
    refuse_unknown_objects({"compile_config": {"loss": loss}}, BUNDLE_OBJECTS, label="x")
    with pytest.raises(BundleError):
        refuse_unknown_objects({"other": [{"loss": loss}]}, BUNDLE_OBJECTS, label="x")


def test_channels_are_sliced_as_python_slices_them():
    import numpy as np

    network = FunctionalConfig(np.random.default_rng(0))
    network.add_input("x", (8, 8, 6))
    for name, (start, stop) in {"head": (None, -4), "tail": (-4, None)}.items():
        network.get_item("x", start, stop)
        network.layers[-1]["name"] = name
    config = network.functional("f", ["x"], ["head", "tail"])
    result = read_graph(config, label="f")
    assert [result.shape(name) for name in result.outputs] == [(8, 8, 2), (8, 8, 4)]
    config["config"]["layers"][1]["inbound_nodes"][0]["args"][1][1]["config"]["step"] = 2
    with pytest.raises(BundleError, match="slice of the channels"):
        read_graph(config, label="f")
