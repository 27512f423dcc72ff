"""Every reader of bytes from outside, with a small whole file for it: what fuzzing starts from."""

from __future__ import annotations

import bz2
import io
import json
import pickle
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from pydantic import ValidationError

from bundles import write_bundle
from ptycho_compare.checks.blocker import read_blocker
from ptycho_compare.errors import InputError
from ptycho_compare.hub import JobFiles
from ptycho_compare.jobs.claim import read_claim
from ptycho_compare.jobs.record import read_done, read_launch
from ptycho_compare.jobs.states import read_states
from ptycho_compare.models.bundle import inspect_model
from ptycho_compare.reconstruction.image_file import open_image_file
from ptycho_compare.records.acceptance import read_verdict
from ptycho_compare.records.adoption import read_adoption
from ptycho_compare.records.comparison_list import read_job_list
from ptycho_compare.records.inventory import read_digests
from ptycho_compare.records.manifest import read_manifest
from ptycho_compare.records.metrics_summary import read_summary
from ptycho_compare.records.step_record import read_step_record
from ptycho_compare.records.tables.metrics_csv import COLUMNS, read_metrics_csv
from ptycho_compare.records.training_history import read_history
from ptycho_compare.study import load_study
from ptycho_compare.untrusted.bzip2 import unpack_bzip2
from ptycho_compare.untrusted.pickles import load_plain
from ptycho_compare.untrusted.regular import read_json

Read = Callable[[Path], object]


@dataclass(frozen=True)
class Reader:
    """One reader of a file.

    Attributes
    ----------
    file : str
        What the file is called: some readers go by that.
    whole : callable
        Gives a file that it reads.
    own : tuple of exception types
        What it may raise; beside errors of this program, what its callers put into words.
    """

    file: str
    read: Read
    whole: Callable[[], bytes]
    own: tuple[type[Exception], ...] = (InputError,)

    def tried_on(self, path: Path) -> None:
        """Read; anything raised that is not its own goes on."""
        try:
            self.read(path)
        except self.own:
            return


_JOB = {
    "attempt": 1, "command": ["x"], "folder": "f", "log": "l", "done": "d", "host": "h", "pid": 7,
    "token": "t", "started": "2026-11-28T00:00:00Z", "detached": False, "deadline": None, "kind": "",
}  # fmt: skip
_CLAIM = {"holder": {"host": "h", "boot": "b", "pid": 7, "started": "1"}, "token": "t"}
_STATE = '{"time": "2026-11-28T00:00:00+00:00", "state": "launched", "attempt": 1, "host": "h"}\n'
_STUDY = 'name = "s"\ndoses = [1]\nviews = ["a"]\nsplits = ["t"]\n[tiers.full]\n'
_ROW = ["Baseline", "mae", "0.25", "0.5", *[""] * (len(COLUMNS) - 4)]
_FILE = {"path": "a", "sha256": "0" * 64, "bytes": 1}
_MANIFEST = {
    "started": "2026-11-28T00:00:00Z", "finished": "2026-11-28T00:00:01Z", "command": ["x"], "settings": {},
    "inputs": {"test_data": _FILE}, "plan": {"groups": 1}, "mask_pixels": 1, "reference": "truth",
    "truth_range": {"phase": 1.0}, "scan": {}, "metric_version": "v", "warnings": [], "versions": {},
    "arms": {"A": {"status": "ok", "reason": "", "seconds": {}, "details": {}}}, "code": "c",
    "attempts": [], "artifacts": {"a": _FILE},
}  # fmt: skip
_STEP = {
    "id": "s", "title": "S", "status": "made", "command": ["x"],
    "fingerprint": {"inputs": {"a": "0"}, "settings": {}, "code": "c", "versions": {"numpy": "2"}},
    "outputs": {"a": ["0" * 64, 1]}, "attempts": [], "seconds": 1.0, "cpu_s": 1.0, "peak_bytes": 1,
    "ended": "e",
}  # fmt: skip
_LISTED = {"id": "a", "dose": 1, "view": "d", "split": "t"}
_LIST = {
    "n_jobs": 1, "n_success": 1, "n_failed": 0, "jobs": [_LISTED],
    "execution_results": [{**_LISTED, "returncode": 0}],
}  # fmt: skip
_NOTE = "# Blocked: dose_1-dense-test-full: missing_input\n\n**Concerns:** dose 1\n\n## What was found\n- x\n"


def _json(content: object) -> Callable[[], bytes]:
    return lambda: json.dumps(content).encode()


def _text(content: str) -> Callable[[], bytes]:
    return content.encode


def _images(path: Path) -> object:
    with open_image_file(path) as file:
        return [file.array(key) for key in file.arrays()]


def _unpacked(path: Path) -> object:
    with unpack_bzip2(path, folder=path.parent) as stream:
        return stream.read(1 << 20)


def _of_job(read: Callable[[JobFiles], object]) -> Read:
    return lambda path: read(JobFiles(path.parent))


def _of_numpy(save: Callable[..., Any], *arrays: Any, **named: Any) -> bytes:
    buffer = io.BytesIO()
    save(buffer, *arrays, **named)
    return buffer.getvalue()


def _an_hdf5() -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.create_dataset("object", data=np.ones((8, 8), complex), chunks=(4, 4), compression="gzip")
        file["object"].attrs["units"] = "mm"
    return buffer.getvalue()


def _a_bundle() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "wts.h5.zip"
        write_bundle(path, n_filters=1, patch_px=16)
        return path.read_bytes()


_OBJECTS = np.array("{}", dtype=object)
_PARAMETERS = {"N": 16, "gridsize": 2, "nphotons": 1e9, "intensity_scale": np.float64(3.0), "a": np.ones(2)}
READERS: Mapping[str, Reader] = {
    "json": Reader("a.json", read_json, _json({"a": [1, 2.5, "x", None]}), (OSError, ValueError)),
    "study": Reader("study.toml", load_study, _text(_STUDY)),
    "table": Reader("t.csv", read_metrics_csv, _text(f"{','.join(COLUMNS)}\n{','.join(_ROW)}\n")),
    "digests": Reader("d.tsv", read_digests, _text("sha256\tbytes\tpath\n" + "a" * 64 + "\t12\tx/y\n")),
    "claim": Reader("claim.json", read_claim, _json(_CLAIM)),
    "launch": Reader("launch.json", _of_job(read_launch), _json(_JOB)),
    "done": Reader("done.json", _of_job(read_done), _json(_JOB)),
    "states": Reader("states.jsonl", lambda path: list(read_states(path)), _text(2 * _STATE)),
    "verdict": Reader("acceptance.json", read_verdict, _text("{}")),
    "adoption": Reader("adoption.json", read_adoption, _text('{"adopted": "x", "made": {}}')),
    "manifest": Reader("manifest.json", read_manifest, _json(_MANIFEST), (OSError, ValidationError)),
    "step record": Reader("record.json", read_step_record, _json(_STEP)),
    "list": Reader("comparison_manifest.json", read_job_list, _json(_LIST)),
    "summary": Reader("metrics_summary.json", read_summary, _text("{}")),
    "history": Reader("history.csv", read_history, _text("epoch,loss,val_loss\n1,0.5,0.6\n")),
    "note": Reader("blocked_20261128T000000Z_missing_input.md", read_blocker, _text(_NOTE)),
    "pickle": Reader("params.dill", lambda path: load_plain(path.read_bytes(), label="x"),
                     lambda: pickle.dumps(_PARAMETERS, protocol=4)),
    "bundle": Reader("wts.h5.zip", inspect_model, _a_bundle),
    "bzip2": Reader("a.npz.bz2", _unpacked, lambda: bz2.compress(b"0123456789" * 99)),
    "npy": Reader("a.npy", _images, lambda: _of_numpy(np.save, np.ones((3, 3), complex))),
    "npz": Reader("a.npz", _images,
                  lambda: _of_numpy(np.savez_compressed, a=np.ones((3, 3)), metadata=_OBJECTS)),
    "hdf5": Reader("a.h5", _images, _an_hdf5),
}  # fmt: skip
