"""What the middle of a patch does not need is not computed, and the middle stays the same to the last bit."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundles import diffraction_like, write_bundle, write_supervised_baseline
from later import later
from ptycho_compare.models.bundle import inspect_model, read_model
from ptycho_compare.models.graph import Graph, Node
from ptycho_compare.models.without_border import room_px, without_border
from thorough import examples

predictors = later("ptycho_compare.models.predictor")
ENGINES = ("onnxruntime", "tensorflow")
SIDE = 32
USED = slice(10, 22)  # two pixels inside the central 16


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("border")
    return functools.cache(lambda gridsize: write_bundle(folder / f"gs{gridsize}.zip", gridsize=gridsize))


@pytest.fixture(scope="module")
def predictor(bundle):
    """By gridsize, engine, and the pixels that are wanted, both ends."""

    @functools.cache
    def loaded(gridsize: int, engine: str, first: int, stop: int):
        model = inspect_model(bundle(gridsize))
        return predictors.load_predictor(model, batch_rows=4, engine=engine, used=slice(first, stop))

    return loaded


def graph_of(path: Path) -> Graph:
    return read_model(path, with_weights=False)[1]


def fed(gridsize: int, offsets: object = 0.0) -> tuple[np.ndarray, np.ndarray]:
    members = gridsize**2
    places = np.zeros((4, 1, 2, members), np.float32)
    return diffraction_like(4, SIDE, members), places + np.asarray(offsets, np.float32)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("gridsize", [1, 2])
def test_the_middle_is_the_same_and_around_it_is_nothing(predictor, gridsize: int, engine: str) -> None:
    whole = predictor(gridsize, engine, 0, SIDE).predict(*fed(gridsize))
    part = predictor(gridsize, engine, USED.start, USED.stop).predict(*fed(gridsize))
    np.testing.assert_array_equal(part[:, USED, USED], whole[:, USED, USED])
    assert np.abs(whole[:, :8]).max() > 0  # there is a border
    part[:, USED, USED] = 0
    assert not part.any()


@examples(20)
@given(offsets=st.lists(st.floats(-4, 4, width=32), min_size=32, max_size=32))
def test_groups_of_any_offsets_have_the_same_middle(predictor, offsets: list[float]) -> None:
    """Those that reach the border have it computed."""
    where = fed(2, np.reshape(offsets, (4, 1, 2, 4)))
    whole = predictor(2, "onnxruntime", 0, SIDE).predict(*where)
    part = predictor(2, "onnxruntime", USED.start, USED.stop).predict(*where)
    np.testing.assert_array_equal(part[:, USED, USED], whole[:, USED, USED])


def test_a_border_that_is_reached_counts(predictor) -> None:
    """The test above would hold if borders never mattered."""
    loaded = predictor(2, "onnxruntime", USED.start, USED.stop)
    assert loaded.inner_reach_px == 2
    images, far = fed(2, 6.0)
    whole, inner = (network(images, far) for network in (loaded.network, loaded.inner))
    assert not np.array_equal(whole[:, USED, USED], inner[:, USED, USED])


def test_two_branches_of_a_decoder_each_are_left_out(bundle) -> None:
    graph = graph_of(bundle(1))
    left = without_border(graph)
    assert left is not None
    assert (left.inputs, left.outputs) == (graph.inputs, graph.outputs)
    gone = [node.kind for node in graph.nodes if node.name not in {each.name for each in left.nodes}]
    assert gone.count("CenterMaskLayer") == gone.count("Multiply") == gone.count("Add") == 2
    assert gone.count("Conv2D") == 6


def test_networks_without_a_border_stay_whole(tmp_path: Path) -> None:
    assert without_border(graph_of(write_supervised_baseline(tmp_path / "baseline_model.h5"))) is None
    assert without_border(graph_of(write_bundle(tmp_path / "small.zip", probe_big=False))) is None


def behind_the_sum(graph: Graph) -> Graph:
    """Put a node that mixes pixels between the first sum and what takes it."""
    total = next(node for node in graph.nodes if node.kind == "Add")
    mixed = Node("mixed", "Conv2D", {}, (total.name,), total.shape, ())
    nodes: list[Node] = []
    for node in graph.nodes:
        inputs = tuple("mixed" if name == total.name else name for name in node.inputs)
        nodes += [replace(node, inputs=inputs), *([mixed] if node is total else [])]
    return Graph(tuple(nodes), graph.inputs, graph.outputs)


def beside_the_sum(graph: Graph) -> Graph:
    """Let a border go into something else too."""
    border = next(node for node in graph.nodes if node.kind == "Multiply")
    other = Node("other", "Conv2D", {}, (border.name,), border.shape, ())
    return Graph((*graph.nodes, other), graph.inputs, graph.outputs)


@pytest.mark.parametrize("changed", [behind_the_sum, beside_the_sum])
def test_a_border_that_goes_elsewhere_is_kept(bundle, changed) -> None:
    assert without_border(changed(graph_of(bundle(1)))) is None


@pytest.mark.parametrize(
    ("side", "used", "room"),
    [(64, slice(16, 48), 0), (64, slice(None), -16), (128, slice(48, 80), 16), (64, slice(15, 48), -1)],
)
def test_room_around_what_is_used(side: int, used: slice, room: int) -> None:
    assert room_px(side, used) == room
