"""SIGTERM is heard from a command's first line on; what an allocation of a batch system changes."""

from __future__ import annotations

import gc
import subprocess
from pathlib import Path

import pytest

from hubs import DOSE
from processes import COMPARE_MODELS, PTYCHO_HUB, environment
from ptycho_compare.cli.exit_codes import ExitCode, reporting_bad_input
from ptycho_compare.cli.program import loading, run_program
from ptycho_compare.cli.ptycho_hub import main
from ptycho_compare.hub import Artifacts, Hub
from ptycho_compare.sigterm import Stopped

DEBUG = f"dose_{DOSE}-dense-train-debug"
_REAL_PSUTIL = """
here = __path__[0].rpartition("/")[0]
sys.path.remove(here)
del sys.modules["psutil"]
import psutil
sys.path.insert(0, here)
"""
"""Puts the library in place of the module of its name that was found first."""
COMMANDS = ("run", "resume", "compare", "conditions", "demo", "status", "gate")


@pytest.fixture
def interrupted(tmp_path: Path) -> dict[str, str]:
    """Environment in which a library that every command loads is loaded as SIGTERM comes."""
    (tmp_path / "psutil.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\n")
    variables = environment(None)
    return {**variables, "PYTHONPATH": f"{tmp_path}:{variables['PYTHONPATH']}"}


@pytest.mark.parametrize("command", [*((*PTYCHO_HUB, name) for name in COMMANDS), COMPARE_MODELS])
def test_sigterm_while_a_command_loads_what_it_needs_ends_with_75(
    command: tuple[str, ...], interrupted: dict[str, str]
) -> None:
    done = subprocess.run(command, env=interrupted, capture_output=True, text=True, check=False)
    name = "compare_models" if command == COMPARE_MODELS else "ptycho-hub"
    said = f"{name}: stopped by SIGTERM; the same command goes on from here\n"
    assert (done.returncode, done.stdout, done.stderr) == (75, "", said)


@pytest.mark.parametrize("named", [("--hub", "HUB"), pytest.param(("--hub=HUB",), marks=pytest.mark.slow)])
def test_a_batch_job_whose_time_is_over_before_it_knows_what_to_do_ends_red_too(
    named: tuple[str, ...], tmp_path: Path
) -> None:
    """Its time limit is too short to load the libraries."""
    once = "import os, signal\nif os.environ.pop('ONCE', ''): os.kill(os.getpid(), signal.SIGTERM)\n"
    (tmp_path / "psutil").mkdir()
    (tmp_path / "psutil/__init__.py").write_text(f"{once}import sys\n{_REAL_PSUTIL}")
    hub = tmp_path / "hub"
    (hub / "data").mkdir(parents=True)
    words = [word.replace("HUB", str(hub)) for word in named]
    variables = environment(None)
    statuses = []
    for restarts in range(3):
        more = {"SLURM_JOB_ID": "17", "SLURM_RESTART_COUNT": str(restarts), "ONCE": "1"}
        more["PYTHONPATH"] = f"{tmp_path}:{variables['PYTHONPATH']}"
        done = subprocess.run(
            [*PTYCHO_HUB, "resume", *words], env=variables | more, capture_output=True, text=True, check=False
        )
        statuses.append(done.returncode)
    assert statuses == [75, 75, 1]
    assert "2 restarts of batch job 17 in a row saved nothing new" in done.stderr


@pytest.mark.parametrize("told", ["raised", "returned"])
def test_a_batch_job_whose_restarts_save_nothing_ends_red(
    told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """However the command says that it was stopped; outside an allocation each of these is a stop."""

    def stopped() -> ExitCode:
        if told == "raised":
            raise Stopped("SIGTERM")
        return ExitCode.DEFERRED

    def ends() -> int:
        return run_program("ptycho-hub", lambda: reporting_bad_input("ptycho-hub", stopped, hub=tmp_path))

    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    assert [ends() for _ in range(4)] == [75] * 4
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    statuses = []
    for restarts in range(4):
        monkeypatch.setenv("SLURM_RESTART_COUNT", str(restarts))
        capsys.readouterr()
        statuses.append(ends())
    assert statuses == [75, 75, 1, 1]
    assert capsys.readouterr().err == (
        f"ptycho-hub: failed: {tmp_path}: 2 restarts of batch job 17 in a row saved nothing new: its window "
        "is too short; submit it with a longer time limit (sbatch --time)\n"
    )


def test_the_command_of_a_job_leaves_counting_to_its_launcher(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    monkeypatch.setenv("PTYCHO_JOB_TOKEN", "of a job")
    for restarts in range(4):
        monkeypatch.setenv("SLURM_RESTART_COUNT", str(restarts))
        assert reporting_bad_input("ptycho-hub", lambda: ExitCode.DEFERRED, hub=tmp_path) == 75


def test_nothing_is_detached_inside_an_allocation(
    quick_hub: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    assert main(["resume", DEBUG, "--detach", "--hub", str(quick_hub)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("ptycho-hub: error: no job is detached inside a Slurm allocation (job 17)")
    assert (said.count("\n"), "leave out --detach or --ptycho-detach" in said) == (1, True)
    assert not Artifacts(Hub(quick_hub).comparison_dir(DOSE, "dense", "train", "debug")).job.folder.exists()


def test_no_garbage_is_looked_for_while_a_command_loads_and_then_it_is() -> None:
    with loading():
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(ImportError), loading():
        raise ImportError
    assert gc.isenabled()


def test_who_looks_for_no_garbage_is_not_made_to(request: pytest.FixtureRequest) -> None:
    gc.disable()
    request.addfinalizer(gc.enable)
    with loading():
        pass
    assert not gc.isenabled()
