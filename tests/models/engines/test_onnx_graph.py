"""Networks written as ONNX graphs: the merge against its definition, and who accepts what is written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import shift as move

from bundles import diffraction_like, write_bundle, write_supervised_baseline
from ptycho_compare.models.bundle import read_model
from ptycho_compare.models.engines import open_onnx
from ptycho_compare.models.engines.onnx_graph import IMAGES, OFFSETS, serialised, write_onnx
from ptycho_compare.models.engines.onnx_merge import merge_patches
from ptycho_compare.models.engines.onnx_parts import OnnxParts
from ptycho_compare.models.predictor import load_predictor
from ptycho_compare.untrusted.onnx.read import parse_onnx
from thorough import examples

N, P = 8, 14


def merged(group: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Merge one group (C, N, N) at offsets (C, 2) as the definition says, with scipy's bilinear shift."""
    margin, quarter = (P - N) // 2, N // 4
    window = np.zeros((N, N))
    window[quarter:-quarter, quarter:-quarter] = 1
    total, cover = np.zeros((P, P), complex), np.zeros((P, P))
    for patch, (x, y) in zip(group, offsets.astype(float), strict=True):
        padded = np.pad(patch.astype(complex), margin)
        total += move(padded.real, (-y, -x), order=1) + 1j * move(padded.imag, (-y, -x), order=1)
        cover += move(np.pad(window, margin), (-y, -x), order=1)
    return total / (cover + 0.001)


@examples(50)
@given(
    images=st.sampled_from([1, 4]),
    rows=st.sampled_from([1, 3]),
    reach=st.sampled_from([0.0, 2.0, 5.0, 40.0]),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_merge_is_what_its_definition_says(images: int, rows: int, reach: float, seed: int) -> None:
    """Up to moves of a patch off its canvas, where nothing is left of it."""
    generator = np.random.default_rng(seed)
    fed = generator.standard_normal((2, rows, images, N, N)).astype(np.float32)
    offsets = generator.uniform(-reach, reach, (rows, images, 1, 2)).astype(np.float32)
    parts = OnnxParts()
    real, imaginary = merge_patches(parts, ("re", "im"), "offsets", side=N, canvas_px=P)
    ends = {"re": (images, N, N), "im": (images, N, N), "offsets": (images, 1, 2)}
    graph = serialised(parts, ends, {real: (1, P, P), imaginary: (1, P, P)})
    found = open_onnx(graph, label="merge", threads=1).run({"re": fed[0], "im": fed[1], "offsets": offsets})
    for row in range(rows):
        expected = merged(fed[0, row] + 1j * fed[1, row], offsets[row, :, 0])
        result = found[real][row, 0] + 1j * found[imaginary][row, 0]
        # next to nothing is divided by 0.001 where hardly a mask reaches
        assert np.max(np.abs(result - expected) / np.maximum(np.abs(expected), 1)) < 2e-3


@pytest.mark.parametrize("kind", ["ptychopinn", "supervised"])
def test_what_is_written_is_accepted_by_the_checker_and_as_a_file_from_outside(
    tmp_path: Path, kind: str
) -> None:
    write = write_bundle if kind == "ptychopinn" else write_supervised_baseline
    model, graph, weights = read_model(write(tmp_path / "model"), with_weights=True)
    written = write_onnx(graph, weights, kind=model.kind, input_scale=model.input_scale, label="it")
    onnx.checker.check_model(onnx.load_model_from_string(written), full_check=True)
    parse_onnx(written, label="it")
    # of any number of rows, and the same network
    images, offsets = diffraction_like(5, 32, model.group_size), np.zeros((5, 1, 2, model.group_size), "f4")
    session = open_onnx(written, label="it", threads=1)
    fed = {IMAGES: images, OFFSETS: offsets}
    found = session.run({name: fed[name] for name in session.inputs})
    expected = load_predictor(model, batch_rows=2).predict(images, offsets)
    np.testing.assert_array_equal(found["real"] + 1j * found["imaginary"], expected)
