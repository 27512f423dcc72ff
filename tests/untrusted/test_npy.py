"""NPY files from outside: one array, its header checked before its data, never a pickle."""

import os

import numpy as np
import pytest
from hypothesis import given

from ptycho_compare.errors import ArchiveError
from ptycho_compare.untrusted import npy
from ptycho_compare.untrusted.npy import open_npy

from .test_npz import ARRAYS


def read(path):
    with open_npy(path) as file:
        return file.array()


class Touch:
    """Touches a file when it is unpickled without care."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@given(ARRAYS)
def test_any_numeric_or_text_array_comes_back_equal(tmp_path_factory, array):
    path = tmp_path_factory.mktemp("npy") / "a.npy"
    np.save(path, array)
    result = read(path)
    assert (result.shape, result.dtype) == (array.shape, array.dtype)
    assert result.tobytes() == array.tobytes()


def test_an_array_can_be_read_twice_and_written_to(tmp_path):
    np.save(tmp_path / "a.npy", np.asfortranarray(np.arange(6.0).reshape(2, 3)))
    with open_npy(tmp_path / "a.npy") as file:
        file.array()[:] = 7
        np.testing.assert_array_equal(file.array(), np.arange(6.0).reshape(2, 3))


def test_objects_are_refused_and_nothing_runs(tmp_path):
    np.save(tmp_path / "a.npy", np.array([Touch(tmp_path / "ran")], dtype=object), allow_pickle=True)
    with pytest.raises(ArchiveError, match=r"a\.npy: the array holds pickled Python objects"):
        read(tmp_path / "a.npy")
    assert not (tmp_path / "ran").exists()


def test_the_cap_is_checked_before_the_data(tmp_path, monkeypatch):
    np.save(tmp_path / "a.npy", np.zeros(100))
    monkeypatch.setattr(npy, "MAX_ARRAY_BYTES", 799)
    with pytest.raises(ArchiveError, match="holds 800 bytes; at most 799"):
        read(tmp_path / "a.npy")


@pytest.mark.parametrize(
    ("keep", "message"), [(3, "no readable array header"), (-8, "800 bytes of data and")]
)
def test_a_cut_file_is_named(tmp_path, keep, message):
    np.save(tmp_path / "a.npy", np.zeros(100))
    (tmp_path / "a.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:keep])
    with pytest.raises(ArchiveError, match=message):
        read(tmp_path / "a.npy")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ArchiveError, match=r"a\.npy: no such file"):
        read(tmp_path / "a.npy")
