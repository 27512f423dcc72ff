"""Two machines and one shared folder, another user, a copy: no job is killed or doubled, no artifact torn.

Machines are namespaces with a boot, processes and a network of their own, and the same host name.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from hubs import light
from processes import PTYCHO_HUB, environment, nobody_left, until
from ptycho_compare.hub import Artifacts
from ptycho_compare.jobs.claim import LEASE_VARIABLE
from ptycho_compare.jobs.record import LaunchRecord, read_launch
from results import assert_same_results, results

from .runs import DEBUG, Whole, attempts, debug_folder, events, job_of

pytestmark = pytest.mark.slow

LEASE_S, SHORT_LEASE_S = 10, 5
"""Where nobody is to lose a place for a busy machine, and where the one who holds it does."""
NOBODY = "65534"
_ENTER = 'hostname beamline-7 && mount --bind "$0" /proc/sys/kernel/random/boot_id && exec "$@"'
_HIDDEN = 'mount -t proc -o hidepid=2 proc /proc && exec setpriv "$0" "$@"'
_AS_NOBODY = (
    *("--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"),
    *("--inh-caps", "-all,+dac_override", "--ambient-caps", "-all,+dac_override"),
)
"""May read and write every file, and see or end no process of others."""


@pytest.fixture(scope="module", autouse=True)
def _namespaces() -> None:
    command = ["unshare", "--mount", "--uts", "--net", "--pid", "--fork", "--mount-proc", "true"]
    try:
        made = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        made = False
    if not made or os.geteuid() != 0:
        pytest.skip("no namespaces can be made here: that takes root, and unshare")


@pytest.fixture
def hub(small_hub: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """One whose debug comparison takes seconds, or as a test asks, and in which nobody is left."""
    call_s = getattr(request, "param", 0.15)
    made = light(Path(shutil.copytree(small_hub, tmp_path / "hub")), call_s=call_s)
    with nobody_left(made):
        yield made


def resume(hub: Path) -> tuple[str, ...]:
    return (*PTYCHO_HUB, "resume", DEBUG, "--hub", str(hub))


def on(machine: str, hub: Path, *, own_processes: bool = True) -> list[str]:
    """Bring the comparison to its end on a machine of that name, whose host name is every machine's."""
    boot = hub.parent / machine
    boot.write_text(f"{machine}-0000-0000-0000-000000000000\n")
    pids = ("--pid", "--fork", "--mount-proc", "--kill-child") if own_processes else ()
    return ["unshare", "--mount", "--uts", "--net", *pids, "sh", "-c", _ENTER, str(boot), *resume(hub)]


def started(
    command: list[str] | tuple[str, ...], hub: Path, *, lease_s: int = LEASE_S
) -> subprocess.Popen[str]:
    variables = environment(hub, **{LEASE_VARIABLE: f"{lease_s}s"})
    return subprocess.Popen(
        command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def await_work(hub: Path) -> None:
    until(lambda: any(event["state"] == "working" for event in events(debug_folder(hub))))


def ended(process: subprocess.Popen[str]) -> str:
    said, _ = process.communicate()
    assert process.returncode == 0, said
    return said


def hosts(hub: Path) -> list[str]:
    """Where its attempts ran."""
    return [attempt[0]["host"] for attempt in attempts(events(debug_folder(hub)))]


def test_a_machine_of_the_same_name_joins_the_job_that_runs(hub: Path, light_unbroken: Whole) -> None:
    first = started(on("first", hub), hub)
    await_work(hub)
    second = started(on("second", hub), hub)
    assert "green" in ended(second)
    assert "green" in ended(first)
    assert hosts(hub) == ["beamline-7"]
    assert_same_results(debug_folder(hub), light_unbroken.results)


@pytest.mark.parametrize("hub", [0.05], indirect=True, ids=["quick"])
@pytest.mark.parametrize("meanwhile", [False, True], ids=["afterwards", "meanwhile"])
def test_a_supervisor_that_was_stopped_past_its_lease_publishes_nothing(
    hub: Path, light_unbroken: Whole, meanwhile: bool
) -> None:
    """Another machine takes its place, and can end nothing of it; it goes on after that, or meanwhile."""
    first = started(on("first", hub, own_processes=False), hub, lease_s=SHORT_LEASE_S)
    await_work(hub)
    launch = launch_in(hub)
    (command,) = (event["pid"] for event in events(debug_folder(hub)) if event["state"] == "running")
    for pid in (launch.pid, command):
        os.kill(pid, signal.SIGSTOP)
    second = started(on("second", hub), hub, lease_s=SHORT_LEASE_S)
    if meanwhile:
        until(lambda: launch_in(hub).token != launch.token)
        os.kill(command, signal.SIGCONT)
    assert "green" in ended(second)
    assert hosts(hub) == ["beamline-7", "beamline-7"]
    made, manifest = results(debug_folder(hub)), Artifacts(debug_folder(hub)).manifest.read_bytes()
    for pid in (launch.pid, command):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
    said, _ = first.communicate()
    assert "Traceback" not in said
    assert results(debug_folder(hub)) == made
    assert Artifacts(debug_folder(hub)).manifest.read_bytes() == manifest
    assert_same_results(debug_folder(hub), light_unbroken.results)


def launch_in(hub: Path) -> LaunchRecord:
    launch = read_launch(job_of(debug_folder(hub)))
    assert launch is not None
    return launch


def test_another_user_to_whom_processes_are_hidden_joins_the_job_that_runs(
    hub: Path, light_unbroken: Whole
) -> None:
    first = started(resume(hub), hub)
    await_work(hub)
    second = started(["unshare", "--mount", "sh", "-c", _HIDDEN, *_AS_NOBODY, *resume(hub)], hub)
    assert "green" in ended(second)
    assert "green" in ended(first)
    assert len(hosts(hub)) == 1
    assert_same_results(debug_folder(hub), light_unbroken.results)


def test_a_copy_of_a_hub_whose_original_runs_makes_its_own(hub: Path, light_unbroken: Whole) -> None:
    first = started(resume(hub), hub)
    await_work(hub)
    copy = Path(shutil.copytree(hub, hub.parent / "copy"))
    with nobody_left(copy):
        assert "green" in ended(started(resume(copy), copy))
    assert "green" in ended(first)
    assert (len(hosts(hub)), len(hosts(copy))) == (1, 2)
    for each in (hub, copy):
        assert_same_results(debug_folder(each), light_unbroken.results)
