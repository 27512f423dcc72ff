"""Reconstructions on disk: PtychoPINN's keys, numbers only, equal bytes for equal arrays."""

import time
import zipfile

import numpy as np
import pytest

from ptycho_compare.records.reconstructions_npz import write_reconstructions
from ptycho_compare.untrusted.npz import open_npz


def image(seed=0, shape=(6, 8)):
    rng = np.random.default_rng(seed)
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


def test_every_arm_has_amplitude_phase_and_complex(tmp_path):
    arms = {"PtychoPINN": image(1), "Baseline": image(2), "PtyChi": image(3)}
    write_reconstructions(tmp_path / "a.npz", arms)
    with np.load(tmp_path / "a.npz", allow_pickle=False) as file:
        assert file.files == [
            f"{arm}_{part}"
            for arm in ("ptychopinn", "baseline", "ptychi")
            for part in ("amplitude", "phase", "complex")
        ]
        for arm, values in arms.items():
            key = arm.lower()
            assert [file[f"{key}_{part}"].dtype.str for part in ("amplitude", "phase", "complex")] == [
                "<f4",
                "<f4",
                "<c8",
            ]
            np.testing.assert_allclose(file[f"{key}_amplitude"], np.abs(values), rtol=1e-6)
            np.testing.assert_allclose(file[f"{key}_phase"], np.angle(values), rtol=1e-5, atol=1e-6)
            np.testing.assert_allclose(file[f"{key}_complex"], values, rtol=1e-6)


def test_the_truth_stands_beside_the_arms_and_may_have_another_size(tmp_path):
    write_reconstructions(tmp_path / "a.npz", {"Baseline": image()}, truth=image(5, (30, 40)))
    with np.load(tmp_path / "a.npz", allow_pickle=False) as file:
        assert file["ground_truth_complex"].shape == (30, 40)
        assert file["ground_truth_amplitude"].dtype == np.float32
        assert "ground_truth_phase" in file


def test_without_a_truth_there_is_no_key_for_it(tmp_path):
    write_reconstructions(tmp_path / "a.npz", {"Baseline": image()})
    with np.load(tmp_path / "a.npz", allow_pickle=False) as file:
        assert not [key for key in file.files if key.startswith("ground_truth")]


def test_extra_arrays_and_numbers_keep_their_keys_and_types(tmp_path):
    extra = {
        "mask": np.eye(3, dtype=bool),
        "origin": np.array([3, -4]),
        "pinn_offset_dy": 0.25,
        "baseline_offset_dx": float("nan"),
    }
    write_reconstructions(tmp_path / "a.npz", {}, extra=extra)
    with np.load(tmp_path / "a.npz", allow_pickle=False) as file:
        np.testing.assert_array_equal(file["mask"], np.eye(3, dtype=bool), strict=True)
        np.testing.assert_array_equal(file["origin"], [3, -4])
        assert file["pinn_offset_dy"] == 0.25
        assert file["pinn_offset_dy"].shape == ()
        assert np.isnan(file["baseline_offset_dx"])


def test_the_companion_lists_every_key(tmp_path):
    write_reconstructions(
        tmp_path / "reconstructions.npz", {"PtyChi": image()}, extra={"mask": np.ones((6, 8), bool)}
    )
    assert (tmp_path / "reconstructions_metadata.txt").read_text() == (
        "ptychi_amplitude: (6, 8) float32\n"
        "ptychi_phase: (6, 8) float32\n"
        "ptychi_complex: (6, 8) complex64\n"
        "mask: (6, 8) bool\n"
    )
    assert len(list(tmp_path.iterdir())) == 2


def test_equal_arrays_give_equal_bytes_at_any_time_and_in_any_memory_order(tmp_path, monkeypatch):
    write_reconstructions(tmp_path / "a.npz", {"Baseline": image()}, extra={"m": np.ones((3, 4))})
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    tomorrow = time.localtime(time.time() + 86400)
    monkeypatch.setattr(time, "localtime", lambda *_: tomorrow)
    fortran = {"m": np.asfortranarray(np.ones((3, 4)))}
    write_reconstructions(tmp_path / "b.npz", {"Baseline": np.asfortranarray(image())}, extra=fortran)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    write_reconstructions(tmp_path / "c.npz", {"Baseline": image(9)}, extra={"m": np.ones((3, 4))})
    assert (tmp_path / "a.npz").read_bytes() != (tmp_path / "c.npz").read_bytes()


def test_the_file_is_compressed(tmp_path):
    write_reconstructions(tmp_path / "a.npz", {"Baseline": np.zeros((500, 500), complex)})
    assert (tmp_path / "a.npz").stat().st_size < 50_000


def test_our_own_reader_takes_it(tmp_path):
    write_reconstructions(tmp_path / "a.npz", {"Baseline": image()}, extra={"x": 1.5})
    with open_npz(tmp_path / "a.npz") as file:
        np.testing.assert_allclose(file.array("baseline_complex"), image(), rtol=1e-6)
        assert file.plain("x") == 1.5


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_a_dead_arm_is_written_as_it_is(tmp_path):
    values = np.array([[np.nan, np.inf], [1e300, 0]], dtype=complex)
    write_reconstructions(tmp_path / "a.npz", {"Baseline": values})
    with np.load(tmp_path / "a.npz") as file:
        amplitude = file["baseline_amplitude"]
    assert np.isnan(amplitude[0, 0])
    assert np.isinf(amplitude[0, 1])
    assert np.isinf(amplitude[1, 0])
    assert amplitude[1, 1] == 0


@pytest.mark.parametrize("value", [None, np.array([{"a": 1}], dtype=object), np.array(["a", None])])
def test_an_object_array_is_never_written(tmp_path, value):
    with pytest.raises(ValueError, match="'offset' holds Python objects"):
        write_reconstructions(tmp_path / "a.npz", {"Baseline": image()}, extra={"offset": value})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arms", "extra"),
    [
        ({"PtyChi": image(), "PTYCHI": image()}, {}),
        ({"PtyChi": image()}, {"ptychi_phase": 1.0}),
        ({"Ground_Truth": image()}, {}),
    ],
)
def test_two_arrays_under_one_key_are_refused(tmp_path, arms, extra):
    with pytest.raises(ValueError, match="two arrays are called"):
        write_reconstructions(tmp_path / "a.npz", arms, truth=image(), extra=extra)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_while_writing_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.npz"
    write_reconstructions(path, {"Baseline": image()})
    old = path.read_bytes()

    def fail(*_args, **_settings):
        raise OSError("no space left on device")

    monkeypatch.setattr("ptycho_compare.records.reconstructions_npz.npy.write_array", fail)
    with pytest.raises(OSError, match="no space left"):
        write_reconstructions(path, {"Baseline": image(1)})
    assert path.read_bytes() == old
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a.npz", "a_metadata.txt"]
