"""`ptycho-hub gate`: one exit status and one line why, for whatever state a hub is in."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from forged import edit_manifest, edit_table
from lab_runs import DOSE, WHERE, ptycho_hub
from processes import PTYCHO_HUB, run
from ptycho_compare.checks.blocker import Scope, closing_of, open_blockers, write_blocker
from ptycho_compare.cli.ptycho_hub import main
from ptycho_compare.finding import Finding
from ptycho_compare.hub import Artifacts, Hub
from ptycho_compare.jobs.claim import place_of
from ptycho_compare.jobs.record import read_done, read_launch
from ptycho_compare.jobs.tree import TOKEN_VARIABLE
from ptycho_compare.records.acceptance import read_verdict
from ptycho_compare.sigterm import EXIT_STOPPED
from resume.runs import stopped_at

PLACE = f"dose_{DOSE}-dense"
Gate = Callable[..., tuple[int, list[str]]]
FULL = f"{PLACE}-test-full"
ALL = [f"{PLACE}-{split}-{tier}" for split in ("train", "test") for tier in ("debug", "full")]


@pytest.fixture
def gate(capsys: pytest.CaptureFixture[str]) -> Gate:
    """Runs the command: its status, and the lines that it said."""

    def judged(hub: Hub, *words: str) -> tuple[int, list[str]]:
        capsys.readouterr()
        status = main(["gate", "--hub", str(hub.root), *words])
        said = capsys.readouterr()
        assert not (said.out and said.err)
        return status, (said.out or said.err).splitlines()

    return judged


def folder(hub: Hub, split: str = "test", tier: str = "full") -> Path:
    return hub.comparison_dir(DOSE, "dense", split, tier)


def without_full(hub: Hub) -> None:
    """Only the debug tier was run."""
    for split in ("train", "test"):
        shutil.rmtree(folder(hub, split))


def without_one(hub: Hub) -> None:
    """One comparison is not there."""
    shutil.rmtree(folder(hub))


def stopped(hub: Hub) -> None:
    """One comparison was stopped with its work saved."""
    without_one(hub)
    command = [*PTYCHO_HUB, "compare", FULL, "--hub", str(hub.root)]
    done = run(stopped_at("PtychoPINN", 20, command), hub.root)
    assert done.returncode == EXIT_STOPPED, done.stderr


def take_inventory(hub: Hub) -> None:
    assert main(["inventory", "--hub", str(hub.root)]) == 0


def adopted(hub: Hub) -> None:
    """One comparison was computed elsewhere, and the inventory was taken again."""
    there = hub.root.with_name("there")
    shutil.move(folder(hub), there)
    done = ptycho_hub(hub, "adopt", str(there), FULL)
    assert done.returncode == 0, done.stderr
    take_inventory(hub)


def of_other_code(hub: Hub) -> None:
    """One comparison was computed by other code than is here."""
    edit_manifest(folder(hub), lambda manifest: manifest.update(code="0" * 64))


def with_a_digit(hub: Hub) -> None:
    """One score was changed."""
    edit_table(folder(hub), lambda line: line.replace("Baseline,mae,0.", "Baseline,mae,0.9"), recorded=False)


def with_a_dead_arm(hub: Hub) -> None:
    """The study asks for an arm that gave nothing."""
    edit_manifest(
        folder(hub), lambda manifest: manifest["arms"]["PtyChi"].update(status="failed", reason="zero: x")
    )


def without_a_network(hub: Hub) -> None:
    """What all comparisons rest on is gone."""
    (hub.baseline_dir(DOSE) / "wts.h5.zip").unlink()


def with_networks_exchanged(hub: Hub) -> None:
    """Each bundle lies in the other's place, so nothing is missing; no comparison can be of them."""
    one, two = (folder / "wts.h5.zip" for folder in (hub.baseline_dir(DOSE), hub.pinn_dir(DOSE, "dense")))
    content = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(content)


def with_another_summary(hub: Hub) -> None:
    """A report says something else than its tables."""
    names = hub.reports()
    text = names.summary.read_text()
    names.summary.write_text(text.replace('"n_jobs": 2', '"n_jobs": 3'))


@dataclass(frozen=True)
class State:
    """How a hub stands, and what the gate says of it.

    Attributes
    ----------
    change : callable or None
        Brings a finished hub there.
    status : int
    said : str
        The last line begins so.
    words : tuple of str
        Of the command line.
    """

    change: Callable[[Hub], None] | None
    status: int
    said: str
    words: tuple[str, ...] = ()

    def __str__(self) -> str:
        name = "finished" if self.change is None else self.change.__name__.replace("_", "-")
        return "-".join((name, *self.words)).replace("---", "-")


STATES = [
    State(None, 0, "ACCEPTED: all 4 comparisons hold"),
    State(None, 0, "ACCEPTED: all 2 comparisons hold", ("--require", "full")),
    State(without_full, 3, f"INCOMPLETE: {PLACE}-train-full is missing: missing: "),
    State(without_full, 0, "ACCEPTED: all 2 comparisons hold", ("--require", "debug")),
    State(without_one, 3, f"INCOMPLETE: {FULL} is missing: missing: {FULL} was not computed in this hub"),
    State(stopped, 75, f"DEFERRED: {FULL} is deferred: deferred: {FULL} was stopped at "),
    State(adopted, 0, "ACCEPTED: all 4 comparisons hold, 1 of them adopted from elsewhere"),
    State(of_other_code, 3, f"INCOMPLETE: {FULL} is stale: stale: "),
    State(with_a_digit, 1, f"RED: {FULL}: changed: analysis/dose_{DOSE}/dense/test/comparison_metrics.csv: "),
    State(with_a_dead_arm, 1, f"RED: {FULL}: dead: arm PtyChi: zero: x"),
    State(without_a_network, 3, f"INCOMPLETE: {PLACE}-train-debug is missing: "),
    State(with_networks_exchanged, 1, "RED: phase E dense "),
    State(with_another_summary, 1, "RED: "),
]


@pytest.mark.parametrize("state", STATES, ids=str)
def test_a_state_has_its_status_and_one_line_why(own: Hub, gate: Gate, state: State) -> None:
    if state.change is not None:
        state.change(own)
    status, lines = gate(own, *state.words)
    assert (status, lines[-1].startswith(state.said)) == (state.status, True), lines
    assert [line.split()[0] for line in lines[:4]] == ALL
    verdict = read_verdict(own.verdict().record)
    assert lines[-1] == f"{verdict.outcome.upper()}: {verdict.reason}"


def test_what_was_judged_is_written_for_people_and_programs(
    own: Hub, gate: Gate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = tmp_path / "summary.md"
    shown.write_text("# before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(shown))
    without_one(own)
    assert gate(own)[0] == 3
    names = own.verdict()
    verdict = json.loads(names.record.read_text())
    assert (verdict["outcome"], verdict["required_tiers"]) == ("incomplete", ["debug", "full"])
    assert {each["id"]: each["state"] for each in verdict["comparisons"]} == {
        name: "missing" if name == FULL else "accepted" for name in ALL
    }
    (suite, *_) = ElementTree.parse(names.junit).getroot().iter("testsuite")
    assert int(suite.get("tests", "0")) >= len(ALL)
    assert shown.read_text() == f"# before\n{names.text.read_text()}"


def blocked(hub: Hub, subject: str, **more: Any) -> Path:
    """Note that something stands still."""
    return write_blocker(
        hub,
        "no_progress",
        [Finding("stalled", "two attempts gained nothing")],
        comparison_id=subject,
        command=["ptycho-hub", "compare"],
        returncode=None,
        folder=folder(hub),
        command_log=hub.command_log(FULL),
        moment=datetime.now(UTC),
        **more,
    )


def test_a_blocker_is_closed_by_what_it_waited_for_and_no_other(own: Hub, gate: Gate) -> None:
    for subject in (FULL, f"dose_{DOSE}-train-dense"):
        blocked(own, subject)
    status, lines = gate(own)
    (left,) = open_blockers(own)
    assert status == 3
    assert lines[-1] == (f"INCOMPLETE: {left.note.name} is not closed: dose_{DOSE}-train-dense stands still")
    (note,) = [path for path in (own.root / "red").glob("*.md") if path != left.note]
    closing = json.loads(closing_of(note).read_text())
    assert (closing["subject"], closing["closed_by"]) == (FULL, "ptycho-hub gate")
    assert list(closing["evidence"]) == [own.relative(Artifacts(folder(own)).manifest)]
    assert ptycho_hub(own, "run", *WHERE, "--skip-post-verify").returncode == 0
    assert open_blockers(own) == []
    assert gate(own)[0] == 0


def test_only_blockers_of_what_is_asked_for_count(own: Hub, gate: Gate) -> None:
    """A wrong first study and a window that was too short for `full` leave notes, and stop nothing else."""
    without_full(own)
    blocked(own, "dose_1000000000-dense-train-debug")  # no dose of this study
    blocked(own, f"{PLACE}-validation-debug")  # no split
    blocked(own, FULL)
    blocked(own, "inventory", scope=Scope(DOSE, "dense", tiers=("full",)))
    blocked(own, f"dose_{DOSE}-reconstruct-dense-test", scope=Scope(DOSE, "dense", "test", ("full",)))
    status, lines = gate(own, "--require", "debug")
    assert (status, lines[-1]) == (0, "ACCEPTED: all 2 comparisons hold")
    assert not [line for line in lines if line.startswith("open: ")]
    status, lines = gate(own)
    assert status == 3
    assert len([line for line in lines if line.startswith("open: ")]) == 3


def test_a_blocker_that_a_person_closes_is_listed_with_the_reason(
    own: Hub, gate: Gate, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(4):  # found again and again: one note
        note = blocked(own, f"dose_{DOSE}-train-dense")
    assert gate(own)[0] == 3
    listed = ("blockers", "--hub", str(own.root))
    assert main(listed) == 0
    told = capsys.readouterr().out
    name = note.stem.removeprefix("blocked_")
    assert told.splitlines()[0] == name
    assert f"dose_{DOSE}-train-dense: no_progress, found 4 times" in told
    assert main(["blockers", "close", "no_such", "--reason", "x", "--hub", str(own.root)]) == 2
    assert f"no open blocker 'no_such'; open are {name}" in capsys.readouterr().err
    assert main([*listed, "close", name, "--reason", "trained elsewhere"]) == 0
    capsys.readouterr()
    assert main(listed) == 0
    assert capsys.readouterr().out == "no open blocker\n"
    assert main([*listed, "--all"]) == 0
    assert re.search(
        r"closed at .* by .*, ptycho-hub blockers close: trained elsewhere", capsys.readouterr().out
    )
    assert gate(own)[0] == 0


def test_a_study_about_another_hub_judges_nothing(
    own: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other.toml"
    other.write_text(own.study().read_text().replace(f"doses = [{DOSE}]", "doses = [5, 7]"))
    for command in ("gate", "list", "status", "page"):
        assert main([command, "--hub", str(own.root), "--study", str(other)]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert f"{other}: the study asks for dose 5, 7, and the hub holds dose {DOSE}" in line
    assert main(["list", "--hub", str(own.root)]) == 0
    assert capsys.readouterr().err == (
        f"study {own.study()}: asks for dose {DOSE}, and the hub holds dose {DOSE}\n"
    )
    own.study().unlink()
    monkeypatch.chdir(tmp_path)
    assert main(["list", "--hub", str(own.root)]) == 2
    assert f"{own.study()}: there is no such file; name the study" in capsys.readouterr().err
    (tmp_path / "acceptance").mkdir()
    other.rename(tmp_path / "acceptance" / "study.toml")
    for said in ("asks for dose 5, 7", "there is no such file; name the study"):
        assert main(["list", "--hub", str(own.root)]) == 2
        assert said in capsys.readouterr().err


def test_a_process_that_outlived_its_job_is_noted_once_and_until_it_is_gone(own: Hub, gate: Gate) -> None:
    files = Artifacts(folder(own)).job
    launch = read_launch(files)
    assert launch is not None
    # the hub is a copy, whose jobs are the original's; this one was started here
    files.launch.write_text(json.dumps({**asdict(launch), "place": place_of(files.folder)}))
    sleeping = [sys.executable, "-c", "import time; time.sleep(600)"]
    with subprocess.Popen(sleeping, env={**os.environ, TOKEN_VARIABLE: launch.token}) as process:
        try:
            for _ in range(2):
                status, lines = gate(own)
                assert status == 1
                assert lines[-1].startswith("RED: no process is left over: orphan: ")
                assert lines[-1].endswith(f"kill {process.pid}")
        finally:
            process.kill()
    (note,) = (own.root / "red").glob("blocked_*_orphan_alive*.md")
    assert not closing_of(note).exists()
    assert gate(own)[0] == 0
    assert closing_of(note).exists()


class TestAgainstAnEarlierHub:
    def test_the_same_scores_are_accepted(self, own: Hub, run_hub: Hub, gate: Gate, tmp_path: Path) -> None:
        earlier = Hub(Path(shutil.copytree(run_hub.root, tmp_path / "earlier")))
        assert gate(earlier)[0] == 0
        status, lines = gate(own, "--against", str(earlier.root))
        assert status == 0
        assert lines[-2].startswith(f"against {earlier.verdict().record}: 0 worse, ")

    def test_worse_scores_are_red(self, own: Hub, run_hub: Hub, gate: Gate, tmp_path: Path) -> None:
        earlier = Hub(Path(shutil.copytree(run_hub.root, tmp_path / "earlier")))
        edit_table(folder(earlier, tier="debug"), lambda line: _with(line, "Baseline,frc50,", 2, "25.0"))
        assert gate(earlier, "--require", "debug")[0] == 0
        status, lines = gate(own, "--require", "debug", "--against", str(earlier.root))
        assert status == 1
        told = f"RED: {PLACE}-test-debug: Baseline: frc50 amplitude was 25.0, is "
        assert lines[-1].startswith(told)
        assert lines[-1].endswith(": worse (not within 0.01 of the accepted value)")

    def test_one_that_was_not_judged_is_refused(
        self, own: Hub, run_hub: Hub, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["gate", "--hub", str(own.root), "--against", str(run_hub.root)]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert str(run_hub.verdict().record) in line
        assert "ptycho-hub gate" in line


def _with(line: str, beginning: str, column: int, value: str) -> str:
    """Set a cell of the line that begins so."""
    cells = line.split(",")
    return ",".join([*cells[:column], value, *cells[column + 1 :]]) if line.startswith(beginning) else line


def test_a_tier_that_the_study_has_not_is_refused(own: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gate", "--hub", str(own.root), "--require", "night"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "--require night: the study has debug, full" in line


def test_a_hundred_comparisons_are_judged_without_computing_any(own: Hub, gate: Gate) -> None:
    """In less time than computing a few of them took on this very machine."""
    tiers = [f"night{number:02}" for number in range(48)]
    study = own.study().read_text()
    own.study().write_text(study + "".join(f"\n[tiers.{tier}]\nchunk = 32\nbatch = 8\n" for tier in tiers))
    for split in ("train", "test"):
        for tier in tiers:
            shutil.copytree(folder(own, split), folder(own, split, tier))
    take_inventory(own)
    began = time.process_time()
    status, lines = gate(own)
    judging_s = time.process_time() - began
    assert (status, lines[-1]) == (0, "ACCEPTED: all 100 comparisons hold")
    done = read_done(Artifacts(folder(own)).job)
    assert done is not None
    assert judging_s / 100 < done.cpu_s / 20
