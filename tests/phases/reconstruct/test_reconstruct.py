"""pty-chi itself: what it leaves, where it lies, and that no break changes it."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from exchanging import exchanging, replaced, restored
from processes import PTYCHO_HUB, ROOT, environment, marked, nobody_left, until
from ptycho_compare.cli.exit_codes import ExitCode
from ptycho_compare.errors import (
    EngineError,
    ExchangedError,
    HubError,
    MissingProgramError,
    StudyError,
)
from ptycho_compare.hub import Hub, ReconstructionFiles
from ptycho_compare.jobs.progress import read_progress
from ptycho_compare.phases.reconstruct import scan_run
from ptycho_compare.phases.reconstruct.engine import short_of_memory
from ptycho_compare.phases.reconstruct.reconstruct import reconstruct
from ptycho_compare.phases.reconstruct.scan_run import PART
from ptycho_compare.reconstruction.canvas import Grid
from ptycho_compare.reconstruction.ready_made import read_ready_made
from ptycho_compare.scan.read import open_scan
from ptycho_compare.scoring.alignment.gauge import fienup_error
from ptycho_compare.scoring.alignment.registration import register
from ptycho_compare.study import Study, load_study
from resume.runs import stopped_at

from .conftest import DOSE, EPOCHS, SEGMENT, SPLIT, VIEW, make_tiny_hub

WHERE = (DOSE, VIEW, SPLIT)
STEP = f"dose_{DOSE}-reconstruct-{VIEW}-{SPLIT}"


def arrays_of(hub: Hub) -> dict[str, np.ndarray]:
    with np.load(hub.ptychi(*WHERE)) as held:
        return {key: held[key] for key in held.files}


def laid(hub: Hub) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The reconstruction on the truth's grid, the truth, and the pixels between the positions."""
    with open_scan(hub.patched(DOSE, SPLIT)) as scan:
        truth, positions = scan.truth, scan.positions
    values, _ = read_ready_made(hub.ptychi(*WHERE)).on_grid(positions, Grid((0, 0), truth.shape))
    (left, top), (right, bottom) = (
        each.astype(int) for each in (positions.min(axis=0), positions.max(axis=0))
    )
    mask = np.zeros(truth.shape, np.bool_)
    mask[top:bottom, left:right] = True
    return values, truth, mask


def test_the_truth_comes_back_in_its_place(whole: Hub) -> None:
    values, truth, mask = laid(whole)
    assert read_ready_made(whole.ptychi(*WHERE)).placed
    assert fienup_error(values, truth, mask) < 0.03  # a flat object is at 0.22
    shift = register(values, truth, mask, radius_px=3.0)
    assert max(abs(shift.dy), abs(shift.dx)) < 0.05


def test_the_file_holds_numbers_and_text_only(whole: Hub) -> None:
    held = arrays_of(whole)
    assert held["reconstructed_object"].dtype == held["reconstructed_probe"].dtype == np.complex64
    assert held["reconstructed_probe"].shape == (32, 32)
    assert (str(held["algorithm"]), str(held["engine"])) == ("pty-chi", "LSQML")
    assert held["origin_yx_px"].shape == (2,)
    np.testing.assert_array_equal(held["image_numbers"], np.arange(120))
    losses = held["losses"]
    assert losses.shape == (EPOCHS,)
    assert losses[-1] < 0.05 * losses[0]
    found = read_ready_made(whole.ptychi(*WHERE))
    assert found.arm == "PtyChi"
    assert found.seconds == pytest.approx(float(held["reconstruction_time"]))
    assert found.probe is not None


def test_manifest_log_and_figure_tell_of_it(whole: Hub) -> None:
    files = ReconstructionFiles(whole.ptychi_dir(*WHERE))
    assert files.figure.read_bytes().startswith(b"\x89PNG")
    log = files.log.read_text()
    for part in (f"job: dose_{DOSE}-{VIEW}-{SPLIT}", "return code: 0", "--- STDOUT ---", "--- STDERR ---"):
        assert part in log
    assert "Traceback" not in log
    assert "RuntimeWarning" not in log
    manifest = json.loads((whole.phase_f() / "reconstruction_manifest.json").read_text())
    (job,), (result,) = manifest["jobs"], manifest["execution_results"]
    assert (job["algorithm"], job["num_epochs"]) == ("LSQML", EPOCHS)
    assert (result["returncode"], result["epochs"], result["images"]) == (0, EPOCHS, 120)
    assert (whole.root / result["log_path"]).samefile(files.log)
    progress = read_progress(whole.step(STEP).job)
    assert (progress.unit, progress.saved, progress.total) == ("epochs", EPOCHS, EPOCHS)
    assert not whole.step(STEP).job.checkpoints.exists()


@pytest.mark.parametrize(
    ("killed", "stopped"),
    [(0, SEGMENT), pytest.param(SEGMENT, 2 * SEGMENT, marks=pytest.mark.slow)],
    ids=["early", "late"],
)
@pytest.mark.usefixtures("unmeasured")
def test_killed_and_stopped_it_goes_on_and_nothing_differs(
    whole: Hub,
    tiny_study: Study,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    killed: int,
    stopped: int,
) -> None:
    """In the epoch after so many; whoever is killed at 0 has an engine that still loads torch."""
    hub = make_tiny_hub(tmp_path / "hub")
    job = hub.step(STEP).job
    command = [
        *(*PTYCHO_HUB, "reconstruct", "--hub", str(hub.root), "--study", str(hub.study())),
        *("--dose", str(DOSE), "--view", VIEW, "--split", SPLIT),
    ]
    with nobody_left(hub.root):
        for number, saved in ((signal.SIGKILL, killed), (signal.SIGTERM, stopped)):
            begun = stopped_at(PART, saved + 1, command, number) if saved else command
            process = subprocess.Popen(
                begun, cwd=ROOT, env=environment(hub.root), start_new_session=True,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            if not saved:
                until(lambda: len(marked(hub.root)) > 1, "no engine")
                process.send_signal(number)
            process.wait()
        assert process.returncode == ExitCode.DEFERRED
    assert not hub.ptychi(*WHERE).exists()
    reconstruct(hub, tiny_study, *WHERE)
    assert f"{stopped} of {EPOCHS} epochs done" in capsys.readouterr().out
    ours, theirs = arrays_of(hub), arrays_of(whole)
    assert ours.keys() == theirs.keys()
    for key in ours.keys() - {"reconstruction_time"}:
        np.testing.assert_array_equal(ours[key], theirs[key], err_msg=key)
    gained = [attempt.gained for attempt in read_progress(job).attempts]
    assert gained == [killed, stopped - killed, EPOCHS - stopped]


def test_without_ptychi_it_says_what_to_install(
    tiny_study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = make_tiny_hub(tmp_path / "hub")
    monkeypatch.setitem(sys.modules, "ptychi", None)  # Python's own way to say that there is none
    with pytest.raises(MissingProgramError, match=r"has no .*ptychi.*: pip install .* --no-deps"):
        reconstruct(hub, tiny_study, *WHERE)
    assert not hub.ptychi(*WHERE).exists()


def test_a_split_that_is_not_there_is_listed_and_refused(tiny_study: Study, tmp_path: Path) -> None:
    hub = Hub(tmp_path / "hub")
    with pytest.raises(HubError, match="phase C makes it"):
        reconstruct(hub, tiny_study, *WHERE)
    skipped = json.loads((hub.phase_f() / "skip_summary.json").read_text())
    assert skipped["skipped_count"] == 1
    assert skipped["skipped_jobs"][0]["split"] == SPLIT


def test_a_device_that_is_not_there_is_the_study_s_to_change(
    ptychi: None, tiny_study: Study, tmp_path: Path
) -> None:
    how = tiny_study.reconstruction.model_copy(update={"device": "gpu"})
    study = tiny_study.model_copy(update={"reconstruction": how})
    with pytest.raises(StudyError, match="device is 'gpu', and torch finds none"):
        reconstruct(make_tiny_hub(tmp_path / "hub"), study, *WHERE)


def test_a_want_of_memory_is_known_for_one(ptychi: None) -> None:
    import torch

    with pytest.raises(RuntimeError) as raised:
        torch.empty(2**60)
    assert short_of_memory(raised.value)
    # both on an H100 whose memory another process held
    assert short_of_memory(RuntimeError("CUDA error: out of memory\nSearch for `cudaErrorMemoryAllocation'"))
    assert short_of_memory(RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate`"))
    assert not short_of_memory(RuntimeError("shape mismatch"))


@pytest.mark.usefixtures("unmeasured")
def test_an_engine_that_breaks_is_an_error_with_its_last_words(
    ptychi: None, tiny_study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = make_tiny_hub(tmp_path / "hub")
    broken = tmp_path / "broken" / "torch"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise ImportError('a library is broken')")
    monkeypatch.setenv("PYTHONPATH", str(broken.parent))
    with pytest.raises(
        EngineError, match=r"LSQML ended with exit status 1: ImportError: a library is broken"
    ):
        reconstruct(hub, tiny_study, *WHERE)
    manifest = json.loads((hub.phase_f() / "reconstruction_manifest.json").read_text())
    assert manifest["execution_results"][0]["returncode"] == 1
    assert "Traceback" in ReconstructionFiles(hub.ptychi_dir(*WHERE)).log.read_text()
    assert not hub.ptychi(*WHERE).exists()


@pytest.mark.slow
@pytest.mark.usefixtures("unmeasured")
def test_a_scan_exchanged_while_pty_chi_runs_makes_it_void(
    whole: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = make_tiny_hub(tmp_path / "hub")
    study, scan = load_study(hub.study()), hub.patched(DOSE, SPLIT)
    shutil.copy2(scan, tmp_path / "kept")
    with monkeypatch.context() as patch:
        patch.setattr(scan_run, "write_log", exchanging(scan, replaced, scan_run.write_log))  # all is done
        with pytest.raises(ExchangedError) as caught:
            reconstruct(hub, study, *WHERE)
    assert str(caught.value).startswith(f"{scan}: was exchanged or written to while it was used as the scan")
    assert "; this attempt is void, and nothing of it counts: run the same command again" in str(caught.value)
    assert not hub.ptychi(*WHERE).exists()
    (tmp_path / "kept").replace(scan)
    reconstruct(hub, study, *WHERE)
    found = arrays_of(hub)
    for key, values in arrays_of(whole).items():
        assert key == "reconstruction_time" or np.array_equal(found[key], values), key


def test_a_scan_exchanged_before_it_is_read_never_reaches_pty_chi(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ptychi: None
) -> None:
    """What was computed from it would be gone on from once the other is put back."""
    hub = make_tiny_hub(tmp_path)
    scan = hub.patched(DOSE, SPLIT)
    monkeypatch.setattr(scan_run, "open_scan", exchanging(scan, restored, scan_run.open_scan))
    monkeypatch.setattr(scan_run, "run_engine", pytest.fail)
    with pytest.raises(ExchangedError, match="used as the scan; this attempt is void"):
        reconstruct(hub, load_study(hub.study()), *WHERE)
