"""`ptycho-hub accept`: a run is kept where the gate accepts, and later hubs are compared with it by name."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from forged import edit_table
from lab_runs import DOSE
from ptycho_compare.cli.ptycho_hub import main
from ptycho_compare.errors import StudyError
from ptycho_compare.hub import Hub
from ptycho_compare.study import load_study

DEBUG = ("--require", "debug")


def accept(hub: Hub, *words: str) -> int:
    return main(["accept", str(hub.root), *words])


def gate(hub: Hub, *words: str) -> int:
    return main(["gate", "--hub", str(hub.root), *words])


def store_in(hub: Hub, folder: str) -> None:
    text = hub.study().read_text()
    assert "[acceptance]" not in text
    hub.study().write_text(f'{text}\n[acceptance]\nstore = "{folder}"\n')


def test_a_run_is_kept_and_compared_with_by_the_command_that_is_printed(
    own: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    assert accept(own, "--name", "v1") == 0
    kept, hint = capsys.readouterr().out.splitlines()
    assert kept == "kept: accepted/v1, 4 comparisons"
    words = shlex.split(hint.removeprefix("compare with it: "))
    assert (words[0], main(words[1:])) == ("ptycho-hub", 0)
    out = capsys.readouterr().out.splitlines()
    assert out[-2].startswith(f"against {own.root}/accepted/v1/report/acceptance.json: 0 worse, ")
    assert main(["inventory", "--hub", str(own.root)]) == 0
    assert "accepted/" not in own.reports().inventory.read_text()  # kept after it was taken


def test_another_hub_is_compared_with_a_run_by_its_folder_or_a_store_of_both(
    own: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store_in(own, "../runs")
    assert accept(own, *DEBUG, "--name", "v1") == 0
    assert (tmp_path / "runs" / "v1" / "accepted.json").is_file()
    folder = own.comparison_dir(DOSE, "dense", "test", "debug")

    def worse(line: str) -> str:
        cells = line.split(",")
        return ",".join([*cells[:2], "0.001", *cells[3:]]) if line.startswith("Baseline,frc50,") else line

    edit_table(folder, worse)
    for named in ("v1", str(tmp_path / "runs" / "v1")):
        capsys.readouterr()
        assert gate(own, *DEBUG, "--against", named) == 1
        assert "Baseline: frc50 amplitude was" in capsys.readouterr().err.splitlines()[-1]
    assert gate(own, *DEBUG, "--against", "v2") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("runs holds v1, and there is no such folder here")


def test_a_hub_that_the_gate_finds_red_is_kept_only_where_that_is_said(
    own: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    assert accept(own, "--list") == 0
    assert capsys.readouterr().err == "accepted: no run was kept\n"
    edit_table(own.comparison_dir(DOSE, "dense", "test", "debug"), lambda line: line + " ", recorded=False)
    assert accept(own, *DEBUG, "--name", "v1") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"ptycho-hub accept: not kept: RED: dose_{DOSE}-dense-test-debug: ")
    assert not own.accepted_runs().exists()
    assert accept(own, *DEBUG, "--name", "v1", "--anyway") == 0
    assert accept(own, "--list") == 0
    line = capsys.readouterr().out.splitlines()[-1]
    assert line.startswith("v1  20")
    assert f"{own.root}  red: dose_{DOSE}-dense-test-debug" in line


@pytest.mark.parametrize("folder", ["analysis", "report/x", "."])
def test_a_store_among_what_is_judged_is_refused(tmp_path: Path, folder: str) -> None:
    hub = Hub(tmp_path)
    hub.study().write_text('name = "x"\ndoses = [1]\nviews = ["dense"]\nsplits = ["test"]\n[tiers.full]\n')
    load_study(hub.study())
    store_in(hub, folder)
    with pytest.raises(StudyError, match=r"'acceptance.store': .*must be 'accepted', or lie outside the hub"):
        load_study(hub.study())
