"""Scores that nobody measured: a table and its digest edited, reports remade by the product's commands."""

from __future__ import annotations

import re

import pytest

from forged import edit_table
from lab_runs import DOSE, WHERE
from ptycho_compare.cli.ptycho_hub import main
from ptycho_compare.hub import FULL_TIER, Hub
from ptycho_compare.phases.comparison import verified
from sessions import run_on

NAMED = (
    rf"dose_{DOSE}-dense-test-full: comparison_metrics.csv: Baseline mae amplitude is 0\.001000; the canvases"
)


def forge(hub: Hub) -> None:
    """Give an arm a score that it has not."""
    folder = hub.comparison_dir(DOSE, "dense", "test", FULL_TIER)

    def better(line: str) -> str:
        return re.sub(r"^(Baseline,mae),[^,]*", r"\1,0.001000", line)

    edit_table(folder, better)


def run(hub: Hub, command: str, *words: str) -> int:
    return main([command, "--hub", str(hub.root), *words])


def test_no_summary_is_made_of_it_and_verify_names_it(own: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    forge(own)
    before = own.reports().summary.read_bytes()
    assert run(own, "summarize") == 1
    assert re.search(NAMED, capsys.readouterr().err)
    assert own.reports().summary.read_bytes() == before
    for command in ("report", "digest", "ssim-grid"):
        assert run(own, command) == 1
        assert "no report is made of this:\nchanged: " in capsys.readouterr().err
    assert run(own, "inventory") == 0  # which says what lies there, and of nothing that it holds
    assert run(own, "verify", *WHERE) == 1
    assert re.search(NAMED, capsys.readouterr().out)


def test_no_report_is_made_of_what_the_gate_calls_red(own: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody has to run the gate first."""
    (own.comparison_dir(DOSE, "dense", "train", FULL_TIER) / "job" / "done.json").unlink()
    before = {path: path.read_bytes() for path in own.analysis().glob("*.*")}
    for command in ("report", "digest", "ssim-grid"):
        assert run(own, command) == 1
        assert "job/done.json: is not there" in capsys.readouterr().err
    assert before == {path: path.read_bytes() for path in own.analysis().glob("*.*")}


@pytest.mark.slow
def test_reports_that_were_remade_all_the_same_do_not_help(
    own: Hub, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A forger has this package, too, and leaves out what refuses."""
    forge(own)
    with monkeypatch.context() as patch:
        patch.setattr(verified.Recomputation, "alone", lambda *_: [])
        for command in ("summarize", "report", "digest", "ssim-grid", "inventory"):
            assert run(own, command) == 0
    assert run(own, "gate") == 0  # which reads no canvas
    capsys.readouterr()
    assert run(own, "verify", *WHERE) == 1
    said = capsys.readouterr().out
    assert re.search(NAMED, said)
    assert [line.split(":")[0] for line in said.splitlines() if line.startswith("INVALID")] == [
        "INVALID canvases test"
    ]


@pytest.mark.slow
def test_acceptance_is_red_and_an_honest_rerun_green_with_the_same_bytes(own: Hub) -> None:
    folder = own.comparison_dir(DOSE, "dense", "test", FULL_TIER)
    table = folder / "comparison_metrics.csv"
    honest = table.read_bytes()
    forge(own)
    done = run_on(own.root, "-m", "acceptance", "--ptycho-allow-commands")
    assert done.returncode == 1
    assert re.search(NAMED, done.stdout), done.stdout
    (folder / "manifest.json").unlink()  # so that it is computed again
    done = run_on(own.root, "-m", "acceptance", "--ptycho-allow-commands")
    assert done.returncode == 0, done.stdout
    assert re.sub(rb"(computation_time_s,,,)[^,]*", rb"\1", table.read_bytes()) == re.sub(
        rb"(computation_time_s,,,)[^,]*", rb"\1", honest
    )
