"""The custom layers, each against numpy written from its definition."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pytest
from scipy.ndimage import shift as move

from bundles import NETWORK, diffraction_like, write_bundle, write_supervised_baseline
from later import later
from ptycho_compare.models.bundle import inspect_model
from ptycho_compare.models.predictor import load_predictor

keras, tf = later("keras"), later("tensorflow")
layers, operations = later("ptycho_compare.models.layers"), later("ptycho_compare.models.operations")
N, P = 16, 24


def patches(rows: int, images: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    shape = (rows, N, N, images)
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(np.complex64)


def offsets(rows: int, images: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-3.7, 3.7, (rows, 1, 2, images)).astype(np.float32)


def merged(group: np.ndarray, group_offsets: np.ndarray) -> np.ndarray:
    """Merge one group (N, N, C) as the definition says, with scipy's bilinear shift."""
    margin = (P - N) // 2
    window = np.zeros((N, N))
    window[N // 4 : -N // 4, N // 4 : -N // 4] = 1
    total, cover = np.zeros((P, P), complex), np.zeros((P, P))
    for channel in range(group.shape[-1]):
        x, y = -group_offsets[0, :, channel]  # content moves by minus the local offset
        padded = np.pad(group[..., channel], margin)
        total += move(padded.real, (y, x), order=1) + 1j * move(padded.imag, (y, x), order=1)
        cover += move(np.pad(window, margin), (y, x), order=1)
    return total / (cover + 0.001)


@pytest.mark.parametrize("images", [1, 4])
@pytest.mark.parametrize("rows", [1, 3, 70])
def test_groups_are_merged_each_for_itself(rows, images):
    """70 rows: PtychoPINN's own layer sums whole batches from 64 images on (D1)."""
    layer = layers.ReassemblePatchesLayer(P, N, int(images**0.5), dtype="complex64")
    batch, shifts = patches(rows, images), offsets(rows, images)
    result = np.asarray(tf.function(lambda x, d: layer([x, d]))(batch, shifts))
    assert result.shape == (rows, P, P, 1)
    for row in (0, rows // 2, rows - 1):
        expected = merged(batch[row], shifts[row])
        scale = np.maximum(np.abs(expected), 1)
        assert np.max(np.abs(result[row, ..., 0] - expected) / scale) < 1e-4


def test_a_graph_and_eager_execution_agree():
    """Grappler must not reassociate the interpolation weights (2.6e-5 when it could)."""
    layer = layers.ReassemblePatchesLayer(P, N, 2, dtype="complex64")
    batch, shifts = patches(5, 4), offsets(5, 4)
    eager = np.asarray(layer([batch, shifts]))
    graph = np.asarray(tf.function(lambda x, d: layer([x, d]))(batch, shifts))
    centre = slice(P // 2 - 4, P // 2 + 4)
    assert np.max(np.abs(eager - graph)[:, centre, centre]) < 2e-6


def test_complex_positions_are_positions():
    layer = layers.ReassemblePatchesLayer(P, N, 2, dtype="complex64")
    batch, shifts = patches(2, 4), offsets(2, 4)
    real = np.asarray(layer([batch, shifts]))
    np.testing.assert_array_equal(np.asarray(layer([batch, shifts.astype(np.complex64)])), real)


def test_the_scale_divides():
    x = np.full((2, 4, 4, 1), 6.0, np.float32)
    layer = layers.IntensityScaler(scale=4.0)
    np.testing.assert_array_equal(np.asarray(layer([x])), np.full_like(x, 1.5))
    np.testing.assert_array_equal(np.asarray(layer(x)), np.full_like(x, 1.5))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sigmoid", lambda x: 1 / (1 + np.exp(-x))),
        ("tanh", np.tanh),
        ("swish", lambda x: x / (1 + np.exp(-x))),
        ("silu", lambda x: x / (1 + np.exp(-x))),
        ("softplus", lambda x: np.log1p(np.exp(x))),
        ("relu", lambda x: np.maximum(x, 0)),
    ],
)
def test_named_activations(name, expected):
    x = np.linspace(-8, 8, 33, dtype=np.float32).reshape(1, 33, 1, 1)
    result = np.asarray(layers.ActivationLayer(name, 2.5)(x))
    np.testing.assert_allclose(result, 2.5 * expected(x.astype(float)), rtol=1e-5, atol=1e-6)


def test_silu_is_finite_far_out():
    np.testing.assert_array_equal(np.asarray(operations.silu(tf.constant([-1e4, 0.0, 1e4]))), [0.0, 0.0, 1e4])


def test_masks_complement_each_other():
    x = np.zeros((3, 16, 16, 5), np.float32)
    centre = np.asarray(layers.CenterMaskLayer(16, 2, "center")(x))
    border = np.asarray(layers.CenterMaskLayer(16, 2, "border")(x))
    assert centre.shape == (3, 16, 16, 2)
    assert centre[0, 4, 4, 0] == 1
    assert centre[0, 3, 8, 0] == 0
    assert centre.sum() == 3 * 2 * 8 * 8
    np.testing.assert_array_equal(centre + border, 1)


def test_amplitude_and_phase_or_real_and_imaginary_part():
    a, b = np.float32([[[[2.0]]]]), np.float32([[[[0.5]]]])
    polar = np.asarray(layers.CombineComplexLayer(True)([a, b])).item()
    plain = np.asarray(layers.CombineComplexLayer(False)([a, b])).item()
    assert polar == pytest.approx(2 * np.exp(0.5j), rel=1e-6)
    assert plain == 2 + 0.5j


def test_padding_and_trimming_are_inverse():
    batch = patches(2, 1)
    padded = np.asarray(layers.PadReconstructionLayer(P, dtype="complex64")(batch))
    np.testing.assert_array_equal(padded, np.pad(batch, [(0, 0), (4, 4), (4, 4), (0, 0)]))
    np.testing.assert_array_equal(
        np.asarray(layers.TrimReconstructionLayer(N, dtype="complex64")(padded)), batch
    )
    np.testing.assert_array_equal(
        np.asarray(layers.PadReconstructionLayer(P, dtype="complex64")([batch])), padded
    )


def keras_model(merge: bool) -> keras.Model:
    """Return a model through every custom layer, wired by Keras itself."""
    image, position = keras.Input((N, N, 4)), keras.Input((1, 2, 4))
    x = layers.IntensityScaler(3.0)([image])
    mask = layers.CenterMaskLayer(N, 1, "border")(x)
    a = layers.ActivationLayer("sigmoid", 1.0)(x * mask)
    phi = layers.ActivationLayer("tanh", 3.0)(x)
    obj = layers.CombineComplexLayer()([a, phi])
    if merge:
        canvas = layers.ReassemblePatchesLayer(P, N, 2, dtype="complex64")([obj, position])
    else:
        canvas = layers.PadReconstructionLayer(P, dtype="complex64")(obj)
    trimmed = layers.TrimReconstructionLayer(N, dtype="complex64")(canvas)
    return keras.Model([image, position] if merge else [image], trimmed)


@pytest.mark.parametrize("merge", [True, False])
def test_keras_saves_and_loads_every_layer(merge, tmp_path):
    model = keras_model(merge)
    path = tmp_path / "m.keras"
    model.save(path)
    again = keras.saving.load_model(path, custom_objects={**layers.CUSTOM_OBJECTS, **own_names()})
    assert [layer.get_config() for layer in again.layers] == [layer.get_config() for layer in model.layers]
    feed = [diffraction_like(2, N, 4), offsets(2, 4)][: 2 if merge else 1]
    np.testing.assert_array_equal(np.asarray(again(feed)), np.asarray(model(feed)))


def own_names() -> dict:
    return {cls.__name__: cls for cls in layers.CUSTOM_OBJECTS.values()}


def test_keras_reads_the_written_bundle_and_computes_the_same(tmp_path):
    """Our reader and Keras' own, on one file: the same network (and a true file format)."""
    path = write_bundle(tmp_path / "wts.h5.zip", patch_px=32)
    with zipfile.ZipFile(path) as outer:
        inner = zipfile.ZipFile(io.BytesIO(outer.read(f"{NETWORK}/model.keras")))
    (tmp_path / "m.weights.h5").write_bytes(inner.read("model.weights.h5"))
    config = json.loads(inner.read("config.json"))
    network = keras.saving.deserialize_keras_object(
        config, custom_objects=layers.CUSTOM_OBJECTS, safe_mode=True
    )
    network.load_weights(tmp_path / "m.weights.h5")
    images, shifts = diffraction_like(5, 32, 4), offsets(5, 4)
    # s is not in the file: Keras builds the scaler with 1, so it is fed unscaled images
    expected = np.asarray(network([images, shifts]))[..., 0]
    result = load_predictor(inspect_model(path), batch_rows=4).predict(images, shifts)
    assert np.max(np.abs(result - expected)) < 1e-5


def test_keras_reads_the_written_baseline_and_computes_the_same(tmp_path):
    path = write_supervised_baseline(tmp_path / "baseline_model.h5", patch_px=32)
    network = keras.models.load_model(path, compile=False)
    images = diffraction_like(5, 32, 1)
    amplitude, phase = (np.asarray(output)[..., 0] for output in network(images))
    result = load_predictor(inspect_model(path), batch_rows=4).predict(
        images, np.zeros((5, 1, 2, 1), np.float32)
    )
    assert np.max(np.abs(result - amplitude * np.exp(1j * phase))) < 1e-5


def test_a_baseline_saved_by_keras_is_read(tmp_path):
    """Written by Keras itself, with batch normalisation and its optimizer state."""
    image = keras.Input((16, 16, 1))
    x = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(image)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Concatenate()([x, keras.layers.Activation("tanh")(x)])
    x = keras.layers.Dropout(0.3)(x)
    x = keras.layers.Add()([x, keras.layers.Multiply()([x, x])])
    x = keras.layers.UpSampling2D(2)(keras.layers.MaxPooling2D(2)(x))
    x = keras.layers.Conv2D(4, 3, padding="valid")(keras.layers.ZeroPadding2D(1)(x))
    outputs = [keras.layers.Conv2D(1, 3, padding="same", use_bias=bias)(x) for bias in (True, False)]
    model = keras.Model(image, outputs)
    model.compile("adam", "mean_absolute_error")
    images = diffraction_like(6, 16, 1)
    model.train_on_batch(images, [images, images])  # moves the statistics away from 0 and 1
    path = tmp_path / "baseline_model.h5"
    model.save(path)
    amplitude, phase = (np.asarray(output)[..., 0] for output in model(images, training=False))
    found = load_predictor(inspect_model(path), batch_rows=4).predict(
        images, np.zeros((6, 1, 2, 1), np.float32)
    )
    assert np.max(np.abs(found - amplitude * np.exp(1j * phase))) < 1e-5
