"""`ptycho-hub status | stop` over a hub and its queue, whose jobs are held: nothing runs."""

from __future__ import annotations

import fcntl
import shutil
from pathlib import Path

import pytest

from hubs import DOSE
from ptycho_compare.cli.ptycho_hub import main
from ptycho_compare.hub import Hub
from ptycho_compare.jobs.ticket import read_ticket

from .cluster import Cluster

SPLITS = ("train", "test")
RUN = ("run", "--on", "slurm", "--dose", str(DOSE), "--view", "dense", "--given", "C", "D", "E", "F")


@pytest.fixture
def hub(quick_hub: Path, tmp_path: Path) -> Hub:
    hub = Hub(Path(shutil.copytree(quick_hub, tmp_path / "hub")))
    hub.site().write_text('time = "3m"\noptions = ["--hold"]\n')
    return hub


def test_held_jobs_are_pending_with_their_reason_and_stop_takes_them_out(
    cluster: Cluster, hub: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    place = ("--hub", str(hub.root))
    assert main([*RUN, *place]) == 2
    assert "site.toml: options would be run by the jobs" in capsys.readouterr().err
    assert main([*RUN, *place, "--allow-commands"]) == 75
    said = capsys.readouterr().out
    ids = [f"dose_{DOSE}-dense-{split}-full" for split in SPLITS]
    for comparison in ids:
        assert f"{comparison}: submitted as slurm job" in said
    assert main(["status", *place]) == 0
    rows = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    for comparison in ids:
        assert rows[comparison].split()[1] == "pending"
        assert "slurm job" in rows[comparison]
    assert "not begun" in rows[ids[0].replace("full", "debug")]
    assert main(["stop", ids[0], *place]) == 0
    assert f"{ids[0]}: taken out of the queue" in capsys.readouterr().out
    assert main(["stop", *place]) == 0
    said = capsys.readouterr().out
    assert ids[0] not in said
    assert f"{ids[1]}: taken out of the queue" in said
    assert cluster.run("squeue", "--noheader").stdout == ""
    assert [read_ticket(files) for files in hub.jobs()] == [None] * len(hub.jobs())
    assert main(["stop", *place]) == 0
    assert capsys.readouterr().out == "nothing runs\n"


def test_inside_an_allocation_nothing_is_submitted(
    cluster: Cluster, hub: Hub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    assert main([*RUN, "--hub", str(hub.root), "--allow-commands"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "nothing is submitted inside a Slurm allocation (job 7)" in line


def test_where_slurm_s_commands_are_missing_it_is_one_line(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(hub.root))
    assert main([*RUN, "--hub", str(hub.root), "--allow-commands"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "not found; --on slurm needs Slurm's commands" in line


def test_a_comparison_that_is_split_is_submitted_once_and_stop_takes_all_of_it_out(
    cluster: Cluster, hub: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    with hub.site().open("a") as site:
        site.write("[shards]\ncount = 3\n")
    comparison, place = f"dose_{DOSE}-dense-train-full", ("--hub", str(hub.root))
    resume = ("resume", comparison, "--on", "slurm", "--allow-commands", *place)
    assert main([*resume]) == 75
    said = capsys.readouterr().out
    assert f"{comparison}-shards: submitted as slurm job" in said
    assert f"{comparison}: submitted as slurm job" in said
    assert "  shards: 3 waits\n" in said
    assert main([*resume]) == 75
    assert "submitted as" not in capsys.readouterr().out
    assert len(cluster.run("squeue", "--noheader", "--array").stdout.splitlines()) == 4
    assert main(["stop", comparison, *place]) == 0
    said = capsys.readouterr().out
    for name in (comparison, *(f"{comparison} shard {number}/3" for number in (1, 2, 3))):
        assert f"{name}: taken out of the queue" in said
    assert cluster.run("squeue", "--noheader").stdout == ""


@pytest.mark.parametrize(
    "words", [("--wait",), ("--on", "slurm", "--detach"), ("--on", "slurm", "--window", "5m")]
)
def test_what_means_this_machine_does_not_go_with_a_queue(
    words: tuple[str, ...], hub: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["resume", *words, "--hub", str(hub.root)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert words[-1].partition(" ")[0] in line or words[2] in line


@pytest.mark.parametrize(
    "words",
    [
        (*RUN, "--allow-commands"),
        ("resume", f"dose_{DOSE}-dense-train-full", "--on", "slurm", "--allow-commands"),
        ("work", f"dose_{DOSE}-dense-train-full", "--ticket", "ptycho-0-0"),
    ],
    ids=["run", "resume", "work"],
)
def test_where_locks_keep_nobody_out_nothing_is_submitted_or_begun(
    words: tuple[str, ...],
    cluster: Cluster,
    hub: Hub,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fcntl, "lockf", lambda *_: None)
    assert main([*words, "--hub", str(hub.root)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "two processes were inside one lock" in line
    assert "ptycho-hub probe HUB" in line
    assert cluster.run("squeue", "--noheader").stdout == ""
    assert [read_ticket(files) for files in hub.jobs()] == [None] * len(hub.jobs())
