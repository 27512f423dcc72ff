"""Too little memory: smaller batches, then a blocker by name; and what is killed goes on with the next run.

ONNX Runtime raises where memory is short, and what it says is the only sign
(`models/engines/test_onnxruntime.py` has it meet the real thing). What TensorFlow 2.21 does on a CPU depends
on which allocation fails: with oneDNN, its default, it mostly ends by SIGSEGV, else by SIGABRT
(std::bad_alloc), and only where the output of an operation does not fit into its own allocator does it raise
ResourceExhaustedError. So one test has that allocator bounded and meets the real error. It asks 10 s long
before it gives up: the other tests have the error raised where a batch is handed to the engine
(`scarce.py`), and the signals sent.
"""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hubs import command_of
from later import later
from phases.train.mini import DOSE, VIEW, make_hub, shallow_networks
from processes import run
from ptycho_compare.cli.ptycho_hub import main
from ptycho_compare.hub import Artifacts
from ptycho_compare.records.manifest import read_manifest
from results import assert_same_results
from sessions import UNDRAWN, run_here

from .runs import (
    DEBUG,
    STOPPER,
    Whole,
    debug_folder,
    diagnostics,
    events,
    finish_here,
)
from .scarce import short_onnxruntime, short_tensorflow

onnxruntime, bare = later("onnxruntime"), later("ptycho_compare.models.bare_tensorflow")
SCARCE = Path(__file__).with_name("scarce.py")
PINN_IMAGES, BASELINE_IMAGES = 4, 1
"""In a group."""


@pytest.fixture
def no_cores() -> Iterator[None]:
    """Whoever is ended by SIGSEGV leaves no image of its memory here."""
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    yield
    resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))


def limit(rows: int, *, after: int = 0, error: str = "Fail") -> dict[str, Any]:
    """See `scarce.py`."""
    return {"rows": rows, "after": after, "error": error}


def scarce(limits: dict[int, dict[str, Any]]) -> list[str]:
    return [str(SCARCE), json.dumps(limits)]


def judge(hub: Path, *runner: str) -> subprocess.CompletedProcess[str]:
    """Judge the debug comparison; its command runs through a runner."""
    return run_here(hub, "-m", "debug", "-k", "train", runner=runner, **UNDRAWN)


def halvings(folder: Path) -> list[tuple[str, int]]:
    """Which stream went on with batches of what size."""
    return [(event["part"], event["batch"]) for event in events(folder) if event["state"] == "batch_halved"]


def parameters(folder: Path, arm: str) -> dict[str, Any]:
    """What the manifest says of an arm's model, and of its batches."""
    found = read_manifest(Artifacts(folder).manifest).arms[arm].details["parameters"]
    assert isinstance(found, dict)
    return found


BETWEEN = "--- the next ---"
ONE_AFTER_THE_OTHER = f"""
import json, sys
from ptycho_compare.cli.compare_models import main
first, second = json.loads(sys.argv[1])
assert main(first) == 0
print({BETWEEN!r}, file=sys.stderr)
assert main(second) == 0
"""


@pytest.mark.slow
def test_a_batch_for_which_tensorflow_has_no_memory_is_halved(small_hub: Path, tmp_path: Path) -> None:
    """The real thing: its allocator is bounded, 512 rows do not fit and 256 do."""
    folder, whole_folder = tmp_path / "bounded", tmp_path / "whole"
    # oneDNN does not survive such a bound
    bounded = {"TF_CPU_ALLOCATOR_USE_BFC": "true", "TF_CPU_BFC_MEM_LIMIT_IN_MB": "32"}
    commands = []
    for output, batch in ((whole_folder, 32), (folder, 512)):
        options = command_of(small_hub, "train", output, "--n-test-groups", "48")[2:]  # without --pinn_dir
        options += ["--engine", "tensorflow", "--bootstrap-draws", "0"]
        commands.append([*options, "--baseline-predict-batch-size", str(batch)])
    both = [sys.executable, "-c", ONE_AFTER_THE_OTHER, json.dumps(commands)]
    done = run(both, small_hub, TF_ENABLE_ONEDNN_OPTS="0", **bounded)
    assert done.returncode == 0, done.stderr
    said = dict(zip((whole_folder, folder), done.stderr.split(BETWEEN), strict=True))
    assert "goes on with batches" not in said[whole_folder]
    (line,) = [line for line in said[folder].splitlines() if "goes on with batches" in line]
    assert (
        "Baseline: out_of_memory: a batch of 512 did not fit into memory "
        "(OOM when allocating tensor with shape[512," in line
    )
    assert line.endswith("; goes on with batches of 256")
    assert halvings(folder) == [("Baseline", 256)]
    found = parameters(folder, "Baseline")
    assert found["device"] == "cpu"
    assert (found["batch_rows"], found["batches_that_did_not_fit"]) == (256, [512])
    with (
        np.load(folder / "reconstructions.npz") as halved,
        np.load(whole_folder / "reconstructions.npz") as expected,
    ):
        # without oneDNN sums depend on the size of a batch on some processors
        np.testing.assert_allclose(halved["baseline_complex"], expected["baseline_complex"], atol=1e-6)


def test_memory_that_becomes_short_costs_no_patch(
    own_hub: Path, unbroken: Whole, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the middle of its second chunk on for one arm; numpy's want of memory counts as the engine's."""
    study = own_hub / "study.toml"
    study.write_text(study.read_text().replace("batch = 4", "batch = 8"))
    # nine batches: one to warm up, four to see whether the network uses its input, three of the first chunk
    limits = {PINN_IMAGES: limit(3, after=9), BASELINE_IMAGES: limit(4, error="MemoryError")}
    with monkeypatch.context() as patch:
        patch.setattr(onnxruntime.InferenceSession, "run", short_onnxruntime(limits))
        finish_here(own_hub)
    said = capsys.readouterr().err
    folder = debug_folder(own_hub)
    assert halvings(folder) == [("PtychoPINN", 4), ("PtychoPINN", 2), ("Baseline", 4)]
    assert (
        "PtychoPINN: 20 of 48 groups"
        in said.partition("PtychoPINN: out_of_memory: a batch of 8 did not fit")[0]
    )
    assert (
        "PtychoPINN: 40 of 48 groups"
        in said.partition("PtychoPINN: out_of_memory: a batch of 4 did not fit")[2]
    )
    for arm, batch, missed in (("PtychoPINN", 2, [8, 4]), ("Baseline", 4, [8])):
        found = parameters(folder, arm)
        assert (found["batch_rows"], found["batches_that_did_not_fit"]) == (batch, missed)
    # each chunk once, and as it would have been
    assert diagnostics(folder) == unbroken.diagnostics
    assert_same_results(folder, unbroken.results)


def test_an_arm_whose_single_rows_do_not_fit_is_blocked_by_name(own_hub: Path, unbroken: Whole) -> None:
    folder = debug_folder(own_hub)
    done = judge(own_hub, *scarce({PINN_IMAGES: limit(1)}))
    assert done.returncode == 1, done.stdout
    assert "1 failed" in done.stdout
    assert halvings(folder) == [("PtychoPINN", 2), ("PtychoPINN", 1)]
    scored = read_manifest(Artifacts(folder).manifest).arms
    assert {name: arm.status for name, arm in scored.items()} == {
        "PtychoPINN": "failed",
        "Baseline": "ok",
        "PtyChi": "ok",
    }
    said = "out_of_memory: a batch of 2 did not fit into memory (failed to allocate memory for requested"
    assert said in scored["PtychoPINN"].reason
    assert scored["PtychoPINN"].reason.endswith("; not even one row at a time")
    (note,) = (own_hub / "red").glob("blocked_*")
    assert note.name.endswith("Z_out_of_memory.md")
    assert f"blocked, see red/{note.name}" in done.stdout
    assert "The command above runs where what it asks for fits into memory." in note.read_text()
    assert scored["PtychoPINN"].reason in note.read_text()

    finish_here(own_hub)
    again = judge(own_hub)
    assert again.returncode == 0, again.stdout
    assert_same_results(folder, unbroken.results)


def test_a_command_that_is_killed_is_red_by_its_signal_and_the_next_run_goes_on(
    light_hub: Path, light_unbroken: Whole, no_cores: None
) -> None:
    """As TensorFlow ends when it has no memory, and as the kernel ends whoever takes too much of it."""
    folder = debug_folder(light_hub)
    for number, row in ((signal.SIGSEGV, 20), (signal.SIGKILL, 40)):
        done = judge(light_hub, str(STOPPER), "Baseline", str(row), str(int(number)))
        assert done.returncode == 1, done.stdout
        assert "1 failed" in done.stdout
        assert "INTERNALERROR" not in done.stdout
        line = f"ended by {number.name}; the next run goes on from the last checkpoint"
        assert f"{DEBUG}: failed: {line}" in done.stdout
        (log,) = [path for path in (light_hub / "red").glob("*.log") if line in path.read_text()]
        assert f"exit status: {-number}" in log.read_text()
    done = judge(light_hub)
    assert done.returncode == 0, done.stdout
    planned = [event["parts"] for event in events(folder) if event["state"] == "planned"]
    assert [parts["PtychoPINN"][0] for parts in planned] == [0, 48, 48]
    ended = [event["returncode"] for event in events(folder) if event["state"] == "ended"]
    assert ended == [-signal.SIGSEGV, -signal.SIGKILL, 0]
    assert_same_results(folder, light_unbroken.results)


def test_a_training_whose_batch_does_not_fit_says_which_setting_to_lower(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hub = make_hub(tmp_path / "hub")
    what = ("--hub", str(hub.root), "--dose", str(DOSE), "--network", VIEW)
    scarce_now = {PINN_IMAGES: limit(1, error="ResourceExhaustedError")}
    monkeypatch.setattr(bare.tf, "constant", short_tensorflow(scarce_now))
    with shallow_networks():
        assert main(["train", *what]) == 1
    said = capsys.readouterr().err
    (line,) = [line for line in said.splitlines() if line.startswith("ptycho-hub: ")]
    text = (
        "out_of_memory: a batch of 2 (this network's 'batch' in the study) did not fit into memory (OOM when"
    )
    assert line.startswith(f"ptycho-hub: failed: {text}")
    listed = json.loads((hub.phase_e() / "training_manifest.json").read_text())
    assert [job["result"]["status"] for job in listed["jobs"]] == ["failed"]
