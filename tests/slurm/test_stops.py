"""A job that a person stops while it runs: its work is saved, and no queue begins it again."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from processes import PTYCHO_HUB, environment, nobody_left, run, until
from ptycho_compare.hub import Hub
from ptycho_compare.jobs.executors.slurm import Slurm
from ptycho_compare.jobs.site import Site
from ptycho_compare.jobs.submitter import Submitter
from ptycho_compare.jobs.ticket import read_ticket
from ptycho_compare.phases.pipeline.batch_units import BatchWords, unit_of
from ptycho_compare.phases.pipeline.one_step import find_step
from ptycho_compare.study import load_study
from sessions import TRAIN, gained, job_of, progress_of

from .cluster import Cluster

pytestmark = [pytest.mark.slow]

LEASE = {"PTYCHO_LEASE": "5s"}


@pytest.fixture
def hub(slow_hub: Path, tmp_path: Path, cluster: Cluster) -> Iterator[Path]:
    with nobody_left(Path(shutil.copytree(slow_hub, tmp_path / "hub"))) as copy:
        yield copy
        cluster.run("scancel", "--user=root")
        until(lambda: not cluster.run("squeue", "--noheader", "--states=R,CG").stdout)


def submit(hub: Path, patch: pytest.MonkeyPatch) -> None:
    place = Hub(hub)
    study = load_study(place.study())
    for name, value in environment(hub, **LEASE).items():
        patch.setenv(name, value)
    step = find_step(place, study, place.study(), TRAIN)
    site = Site()
    Submitter(place, Slurm(), site).submit([unit_of(step, BatchWords(place, place.study(), site))])


def number_of(hub: Path) -> str:
    ticket = read_ticket(job_of(hub))
    assert ticket is not None
    return ticket.job


def in_queue(cluster: Cluster, job: str) -> str:
    return cluster.run("squeue", "--noheader", "--format=%T", f"--jobs={job}").stdout.strip()


def test_a_job_that_a_person_stops_saves_and_is_not_begun_again(
    cluster: Cluster, hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit(hub, monkeypatch)
    job = number_of(hub)
    gained(hub)
    stopped = run((*PTYCHO_HUB, "stop", TRAIN, "--hub", str(hub)), hub)
    assert stopped.returncode == 0, stopped.stderr
    until(lambda: in_queue(cluster, job) == "", "it stays in the queue")
    (attempt,) = progress_of(hub).attempts
    assert attempt.gained > 0
    assert "not meant any more" in job_of(hub).batch_log.read_text()
