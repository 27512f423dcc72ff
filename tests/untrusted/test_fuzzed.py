"""Every reader of foreign bytes, whatever they are: a value, or an error of this program's own."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_compare.errors import InputError
from ptycho_compare.hub import JobFiles
from ptycho_compare.jobs.claim import read_claim
from ptycho_compare.jobs.record import read_done, read_launch
from ptycho_compare.jobs.states import read_states
from ptycho_compare.reconstruction.image_file import open_image_file
from ptycho_compare.records.acceptance import read_verdict
from ptycho_compare.records.adoption import read_adoption
from ptycho_compare.records.inventory import read_digests
from ptycho_compare.records.tables.metrics_csv import COLUMNS, read_metrics_csv
from ptycho_compare.study import load_study
from ptycho_compare.untrusted.regular import read_json
from thorough import examples

JOB = {
    "attempt": 1, "command": ["x"], "folder": "f", "log": "l", "done": "d", "host": "h", "pid": 7,
    "token": "t", "started": "2026-11-28T00:00:00Z", "detached": False, "deadline": None, "kind": "",
}  # fmt: skip
CLAIM = {"holder": {"host": "h", "boot": "b", "pid": 7, "started": "1"}, "token": "t"}
STATE = '{"time": "2026-11-28T00:00:00+00:00", "state": "launched", "attempt": 1, "host": "h"}\n'
STUDY = b'name = "s"\ndoses = [1]\nviews = ["a"]\nsplits = ["t"]\n[tiers.full]\n'
ROW = ["Baseline", "mae", "0.25", "0.5", *[""] * (len(COLUMNS) - 4)]


def images(path: Path) -> object:
    with open_image_file(path) as file:
        return [file.array(key) for key in file.arrays()]


def of_job(read: Callable[[JobFiles], object]) -> Callable[[Path], object]:
    return lambda path: read(JobFiles(path.parent))


def of_numpy(save: Callable[..., Any], *arrays: Any, **named: Any) -> bytes:
    buffer = io.BytesIO()
    save(buffer, *arrays, **named)
    return buffer.getvalue()


def an_hdf5() -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.create_dataset("object", data=np.ones((8, 8), complex), chunks=(4, 4), compression="gzip")
        file["object"].attrs["units"] = "mm"
    return buffer.getvalue()


TEXT = np.array("{}", dtype=object)
READERS: dict[str, tuple[str, Callable[[Path], object], bytes]] = {
    "json": ("a.json", read_json, json.dumps({"a": [1, 2.5, "x", None]}).encode()),
    "study": ("study.toml", load_study, STUDY),
    "table": ("t.csv", read_metrics_csv, f"{','.join(COLUMNS)}\n{','.join(ROW)}\n".encode()),
    "digests": ("d.tsv", read_digests, b"sha256\tbytes\tpath\n" + b"a" * 64 + b"\t12\tx/y\n"),
    "claim": ("claim.json", read_claim, json.dumps(CLAIM).encode()),
    "launch": ("launch.json", of_job(read_launch), json.dumps(JOB).encode()),
    "done": ("done.json", of_job(read_done), json.dumps(JOB).encode()),
    "states": ("states.jsonl", lambda path: list(read_states(path)), 2 * STATE.encode()),
    "verdict": ("acceptance.json", read_verdict, b"{}"),
    "adoption": ("adoption.json", read_adoption, b'{"adopted": "x", "made": {}}'),
    "npy": ("a.npy", images, of_numpy(np.save, np.ones((3, 3), complex))),
    "npz": ("a.npz", images, of_numpy(np.savez_compressed, a=np.ones((3, 3)), metadata=TEXT)),
    "hdf5": ("a.h5", images, an_hdf5()),
}  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """The file with some bytes exchanged, cut, or with others in between; now and then any bytes at all."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=200))
    data = bytearray(whole)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data) - 1)) if data else 0
        match draw(st.sampled_from(["set", "cut", "put"])):
            case "set" if data:
                data[at] = draw(st.integers(0, 255))
            case "cut":
                del data[at:]
            case _:
                data[at:at] = draw(st.binary(max_size=8))
    return bytes(data)


@pytest.mark.parametrize("name", READERS)
@given(data=st.data())
@examples(60)
def test_any_bytes_give_a_value_or_an_error_of_our_own(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    file, read, whole = READERS[name]
    path = tmp_path_factory.mktemp("fuzzed") / file
    path.write_bytes(data.draw(damaged(whole)))
    # what `read_json` raises its callers put into words
    own = (OSError, ValueError) if read is read_json else (InputError,)
    with contextlib.suppress(*own):
        read(path)
