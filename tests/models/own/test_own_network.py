"""Networks of anybody's: images go in as their toml says, and what comes out becomes complex patches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import helper

from onnx_graphs import model, value, write
from ptycho_compare.errors import BundleError, OutOfMemoryError
from ptycho_compare.models.own import own_network
from ptycho_compare.models.own.inspect_own import inspect_own, read_own
from ptycho_compare.models.own.own_network import load_own
from ptycho_compare.models.own.turning import ORIENTATION_NAMES, turned, undoing
from ptycho_compare.scoring.alignment.orientation import ORIENTATIONS

SIDE, K = 8, 0.5
node = helper.make_node
TOML = """
[input]
values = "amplitude"
zero_frequency = "centre"
scale = "none"
[output]
values = "amplitude and phase"
planes = ["a", "p"]
phase_range = "radians"
"""
ONE = ("B", 1, SIDE, SIDE)


def two_planes(**more: Any) -> bytes:
    """Amplitude is the image, phase a tenth of it."""
    nodes = [node("Identity", ["x"], ["a"]), node("Mul", ["x", "tenth"], ["p"])]
    return model(
        nodes,
        inputs=[value("x", more.pop("shape", ONE))],
        outputs=[value("a", ONE), value("p", ONE)],
        weights={"tenth": np.float32(0.1)},
        **more,
    )


def network(folder: Path, *changes: tuple[str, str], content: bytes | None = None) -> Path:
    """Write a network and its toml, in which some text stands for other."""
    text = TOML
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    write(folder / "net.toml", text.encode())
    return write(folder / "net.onnx", two_planes() if content is None else content)


def images(rows: int = 3, members: int = 1) -> np.ndarray:
    return np.random.default_rng(0).random((rows, SIDE, SIDE, members), np.float32) + np.float32(0.1)


def predicted(path: Path, rows: np.ndarray, *, batch_rows: int = 2) -> np.ndarray:
    offsets = np.random.default_rng(1).random((len(rows), 1, 2, rows.shape[-1]), np.float32)
    return load_own(inspect_own(path), batch_rows=batch_rows, normalization=K).predict(rows, offsets)


def seen(folder: Path, *changes: tuple[str, str]) -> np.ndarray:
    """What the network was fed, which is the amplitude of what it gives."""
    return np.abs(predicted(network(folder, *changes), images()))


AMPLITUDE = images()[..., 0] / K


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ([], AMPLITUDE),
        ([('"none"', '"k"')], AMPLITUDE * K),
        ([('"amplitude"\nz', '"intensity"\nz')], AMPLITUDE**2),
        ([('"amplitude"\nz', '"counts"\nz'), ('"none"', '"k"')], (AMPLITUDE * K) ** 2),
        ([('"none"', "12.5")], AMPLITUDE * 12.5),
        ([('"none"', '"k"\nfactor = 2')], AMPLITUDE * K * 2),
        ([('"none"', '"image sum"')], AMPLITUDE / AMPLITUDE.sum(axis=(1, 2), keepdims=True)),
        ([('"none"', '"image maximum"')], AMPLITUDE / AMPLITUDE.max(axis=(1, 2), keepdims=True)),
        ([('"centre"', '"corner"')], np.fft.ifftshift(AMPLITUDE, axes=(1, 2))),
        ([('"none"', '"none"\norientation = "turned by 90 degrees clockwise"')], AMPLITUDE),
        (
            [
                ('"none"', '"none"\norientation = "mirrored top to bottom"'),
                ('"rad', '"radians"\norientation = "as given"#'),
            ],
            np.roll(AMPLITUDE[:, ::-1], 1, axis=1),
        ),
    ],
)
def test_images_go_in_as_the_toml_says(
    tmp_path: Path, changes: list[tuple[str, str]], expected: np.ndarray
) -> None:
    np.testing.assert_allclose(seen(tmp_path, *changes), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ([], AMPLITUDE * np.exp(0.1j * AMPLITUDE)),
        ([('"radians"', "[0.0, 1.0]")], AMPLITUDE * np.exp(1j * np.pi * (0.2 * AMPLITUDE - 1))),
        ([("amplitude and phase", "real and imaginary")], AMPLITUDE * (1 + 0.1j)),
        ([('"amplitude and phase"', '"phase"'), ('"a", "p"', '"p"')], np.exp(0.1j * AMPLITUDE)),
        ([('"amplitude and phase"', '"amplitude"'), ('"a", "p"', '"p"')], 0.1 * AMPLITUDE),
    ],
)
def test_what_comes_out_becomes_a_complex_patch(
    tmp_path: Path, changes: list[tuple[str, str]], expected: np.ndarray
) -> None:
    np.testing.assert_allclose(
        predicted(network(tmp_path, *changes), images()), expected, rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("batch", [1, 2, 3, 16])
@pytest.mark.parametrize("rows", ["B", 1, 2, 5])
def test_a_batch_that_the_file_fixes_is_filled_up(tmp_path: Path, rows: Any, batch: int) -> None:
    path = network(tmp_path, content=two_planes(shape=(rows, 1, SIDE, SIDE)))
    found = predicted(path, images(7), batch_rows=batch)
    np.testing.assert_allclose(np.abs(found), images(7)[..., 0] / K, rtol=1e-6)


@pytest.mark.parametrize(
    ("shape", "axes"),
    [((SIDE, SIDE), ""), (("B", SIDE, SIDE), ""), (("B", SIDE, SIDE, 1), ""), ((1, SIDE, SIDE), "BHW")],
)
def test_axes_are_found_or_said(tmp_path: Path, shape: tuple[Any, ...], axes: str) -> None:
    content = model([node("Identity", ["x"], ["a"])], inputs=[value("x", shape)], outputs=[value("a", shape)])
    said = f'\naxes = "{axes}"' if axes else ""
    changes = [
        ('"amplitude and phase"', '"amplitude"' + said),
        ('"a", "p"', '"a"'),
        ('"none"', '"none"' + said),
    ]
    found = predicted(network(tmp_path, *changes, content=content), images())
    np.testing.assert_allclose(np.abs(found), AMPLITUDE, rtol=1e-6)


def test_groups_give_one_patch_or_one_of_each_image_and_take_offsets(tmp_path: Path) -> None:
    four = ("B", 4, SIDE, SIDE)
    apart = model(
        [node("ReduceSum", ["o", "axes"], ["s"]), node("Add", ["x", "s"], ["a"])],
        inputs=[value("x", four), value("o", ("B", 4, 1, 2))],
        outputs=[value("a", four)],
        weights={"axes": np.array([2, 3])},
    )
    group = '\n[group]\nsize = 4\noffsets = "(C, 1, 2)"\noffsets_input = "o"\npatches = "separate"\n'
    amplitude = [('"amplitude and phase"', '"amplitude"'), ('phase_range = "radians"', group)]
    path = network(tmp_path, *amplitude, ('"a", "p"', '"a"'), content=apart)
    rows = images(members=4)
    offsets = np.random.default_rng(1).random((3, 1, 2, 4), np.float32)
    predictor = load_own(inspect_own(path), batch_rows=2, normalization=K)
    assert predictor.separate
    expected = rows.transpose(0, 3, 1, 2) / K + offsets.sum(axis=(1, 2))[:, :, None, None]
    np.testing.assert_allclose(predictor.predict(rows, offsets), expected, rtol=1e-5)
    merged = ('phase_range = "radians"', group.replace("separate", "merged"))
    with pytest.raises(BundleError, match=r"takes 4 of them; needed: 1, as .a\[0\]"):
        inspect_own(network(tmp_path, amplitude[0], merged, ('"a", "p"', '"a"'), content=apart))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            [('zero_frequency = "centre"\nscale = "none"', "")],
            "'input.zero_frequency', 'input.scale': Field required",
        ),
        (
            [('values = "amplitude"\nz', 'valuess = "amplitude"\nz')],
            r"line 3: 'input.valuess'.*did you mean values\?",
        ),
        ([('"centre"', '"center"')], r"line 4: 'input.zero_frequency'.*did you mean centre\?"),
        ([('"none"', '"image sun"')], r"'input.scale'.*did you mean image sum\?"),
        ([('"none"', "-1.0")], "'input.scale'.*above 0"),
        ([('phase_range = "radians"', "")], "'phase_range' is missing"),
        ([('"radians"', "[1.0, 0.0]")], "the lower first"),
        ([('["a", "p"]', '["a"]')], "names 1, and amplitude and phase needs 2"),
        ([('["a", "p"]', '["a", "phase"]')], "no output 'phase'"),
        ([('["a", "p"]', '["a", "p[1]"]')], "output 'p' has 1 channels"),
        ([('"none"', '"none"\nname = "y"')], "no input 'y', which 'input.name' names"),
        ([('"none"', '"none"\naxes = "BHW"')], "and 'input.axes' is BHW"),
        ([('"radians"', '"radians"\n[group]\nsize = 4')], "takes 1 images at a time and 'group.size' is 4"),
        ([('"radians"', '"radians"\n[group]\noffsets = "(1, 2, C)"')], "belong together"),
        ([("[input]", "[inputs")], "is not TOML"),
    ],
)
def test_a_wrong_toml_is_told_in_one_line(tmp_path: Path, changes: list[tuple[str, str]], words: str) -> None:
    with pytest.raises(BundleError, match=words) as told:
        inspect_own(network(tmp_path, *changes))
    assert str(told.value).startswith(str(tmp_path / "net."))
    assert str(told.value).isprintable()


def test_without_a_toml_it_is_asked_for_and_the_files_own_metadata_serve(tmp_path: Path) -> None:
    bare = write(tmp_path / "bare.onnx", two_planes())
    with pytest.raises(
        BundleError, match=r"no bare\.toml beside it; .*ptycho-hub network .*bare\.onnx --scan"
    ):
        inspect_own(bare)
    held = write(tmp_path / "held.onnx", two_planes(metadata={"ptycho_network": TOML}))
    assert inspect_own(held).patch_px == SIDE
    wrong = write(
        tmp_path / "wrong.onnx", two_planes(metadata={"ptycho_network": TOML.replace("radians", "degrees")})
    )
    with pytest.raises(BundleError, match=r"metadata 'ptycho_network': line 9: 'output\.phase_range'"):
        inspect_own(wrong)


def test_file_and_toml_are_one_input(tmp_path: Path) -> None:
    path = network(tmp_path)
    first = inspect_own(path)
    network(tmp_path, ('"none"', '"k"'))
    assert inspect_own(path).sha256 != first.sha256
    with pytest.raises(BundleError, match="changed since"):
        load_own(first, batch_rows=2, normalization=K)


def test_weights_that_are_not_finite_are_a_fault(tmp_path: Path) -> None:
    content = model(
        [node("Relu", ["x"], ["r"]), node("Mul", ["r", "w"], ["a"]), node("Identity", ["x"], ["p"])],
        outputs=[value("a", ONE), value("p", ONE)],
        weights={"w": np.array([np.nan, 1], np.float32)[:1]},
    )
    predictor = load_own(inspect_own(network(tmp_path, content=content)), batch_rows=2, normalization=K)
    assert predictor.fault == "non_finite: 1 of 1 weights are not finite (in w)"


def test_orientations_are_those_of_geometry_checks() -> None:
    pattern = np.random.default_rng(0).random((2, SIDE, SIDE))
    assert [str(each) for each in ORIENTATIONS] == list(ORIENTATION_NAMES)
    for each, name in zip(ORIENTATIONS, ORIENTATION_NAMES, strict=True):
        np.testing.assert_array_equal(turned(pattern, name), each.of_pattern(pattern))
        np.testing.assert_array_equal(turned(turned(pattern, name), undoing(name)), pattern)


def test_a_hostile_network_is_a_bad_bundle(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="truncated"):
        read_own(network(tmp_path, content=two_planes()[:-3]))


def test_a_batch_whose_tensors_are_too_large_is_halved_before_it_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model_file = inspect_own(network(tmp_path))
    monkeypatch.setattr(own_network, "MAX_BATCH_BYTES", 8 * SIDE**2 * 4)
    with pytest.raises(OutOfMemoryError, match="a batch of 9 makes a tensor of 2304 bytes"):
        load_own(model_file, batch_rows=9, normalization=K)
    assert load_own(model_file, batch_rows=8, normalization=K).batch_rows == 8


def test_names_from_the_file_cannot_break_the_line(tmp_path: Path) -> None:
    odd = "p\n\x1b[2J"
    content = model(
        [node("Identity", ["x"], ["a"]), node("Neg", ["x"], [odd])],
        outputs=[value("a", ONE), value(odd, ONE)],
    )
    with pytest.raises(BundleError, match="no output 'p'") as told:
        inspect_own(network(tmp_path, content=content))
    assert str(told.value).isprintable()
