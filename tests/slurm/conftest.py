"""A Slurm of our own for the tests here, brought up once by each worker that runs any of them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from processes import PTYCHO_HUB, run
from sessions import TRAIN, made_quick, results_of
from sharing import shared

from .cluster import Cluster, why_no_cluster


@pytest.fixture(scope="session")
def slurm_of_session() -> Iterator[Cluster]:
    if why := why_no_cluster():
        pytest.skip(why)
    # sockets have short names, and munged looks at all folders above its own
    with tempfile.TemporaryDirectory(prefix="ptycho-slurm-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        cluster = Cluster(Path(folder) / "c")
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()


@pytest.fixture(scope="session")
def expected(slow_hub: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What one process that nobody breaks off makes of the train split of the slow hub."""

    def make(hub: Path) -> None:
        made_quick(Path(shutil.copytree(slow_hub, hub)))
        done = run((*PTYCHO_HUB, "work", TRAIN, "--hub", str(hub)), hub)
        assert done.returncode == 0, done.stdout

    return results_of(shared(tmp_path_factory, "whole", make))


@pytest.fixture
def cluster(slurm_of_session: Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """The cluster; commands of this process find it, and after the test its queue is empty."""
    for name, value in slurm_of_session.variables.items():
        monkeypatch.setenv(name, value)
    yield slurm_of_session
    slurm_of_session.cancel_all()
