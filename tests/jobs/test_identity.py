"""Which process is meant: pids come back, boots pass, machines differ."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import psutil
import pytest

from processes import until
from ptycho_compare.jobs import identity
from ptycho_compare.jobs.identity import ProcessIdentity

RENAMED = """
import sys, time
open("/proc/self/comm", "wb").write(sys.argv[1].encode("latin-1"))
print("ready", flush=True)
time.sleep(600)
"""


@contextmanager
def started(*command: str) -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def test_this_process_is_alive() -> None:
    mine = ProcessIdentity.mine()
    assert mine.pid == os.getpid()
    assert mine.state() == "alive"
    assert mine == ProcessIdentity.of(os.getpid())


def test_it_is_found_again_in_its_json() -> None:
    mine = ProcessIdentity.mine()
    assert ProcessIdentity.from_json(json.loads(json.dumps(asdict(mine)))) == mine


def test_a_zombie_is_gone() -> None:
    """A launcher that does not look would else hold its dead supervisor's place for ever."""
    with started("sleep", "600") as child:
        identity = ProcessIdentity.of(child.pid)
        assert identity.state() == "alive"
        child.kill()
        until(lambda: psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE)
        assert identity.state() == "gone"
    assert identity.state() == "gone"


def test_a_process_that_is_held_up_is_alive() -> None:
    with started("sleep", "600") as child:
        child.send_signal(signal.SIGSTOP)
        until(lambda: psutil.Process(child.pid).status() == psutil.STATUS_STOPPED)
        assert ProcessIdentity.of(child.pid).state() == "alive"


def test_nobody_can_be_identified_where_nobody_is() -> None:
    child = subprocess.Popen(["true"])
    child.wait()
    with pytest.raises(psutil.NoSuchProcess):
        ProcessIdentity.of(child.pid)


def test_another_process_with_a_pid_that_came_back_is_not_meant() -> None:
    mine = ProcessIdentity.mine()
    assert replace(mine, started="1").state() == "gone"
    assert replace(mine, started="1") != mine


def test_of_another_boot_nothing_can_be_said() -> None:
    """Another host may have this one's name, and the first pid namespace has the same number everywhere."""
    assert replace(ProcessIdentity.mine(), boot="another").state() == "unseen"


def test_another_name_of_this_machine_is_this_machine() -> None:
    mine = ProcessIdentity.mine()
    assert replace(mine, host=mine.host.replace(mine.host_name, "renamed", 1)).state() == "alive"


def test_a_process_that_is_hidden_from_us_cannot_be_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A /proc mounted with hidepid holds no folder of another user's process; the kernel answers still."""
    with started("sleep", "600") as child:
        theirs = ProcessIdentity.of(child.pid)
        (tmp_path / "self").symlink_to(str(os.getpid()))
        (tmp_path / str(os.getpid())).symlink_to(f"/proc/{os.getpid()}")
        monkeypatch.setattr(identity, "_PROC", tmp_path)
        assert theirs.state() == "unseen"
    assert theirs.state() == "gone"


def test_another_machine_cannot_be_seen_from_here() -> None:
    theirs = replace(ProcessIdentity.mine(), host="elsewhere/pid:[4026531836]", boot="theirs")
    assert theirs.state() == "unseen"
    assert theirs.host_name == "elsewhere"


@pytest.mark.skipif(sys.platform != "linux", reason="another machine is known by its name alone")
def test_another_container_on_this_machine_is_elsewhere() -> None:
    mine = ProcessIdentity.mine()
    theirs = replace(mine, host=f"{mine.host_name}/pid:[1]")
    assert theirs.host_name == mine.host_name
    assert theirs.state() == "unseen"


@pytest.mark.skipif(sys.platform != "linux", reason="names stand in /proc")
@pytest.mark.parametrize("name", ["two words", ") S 1 (", "caf\xe9", "()\n9 9"])
def test_no_name_of_a_process_hides_when_it_started(name: str) -> None:
    with started(sys.executable, "-ISc", RENAMED, name) as child:
        assert child.stdout is not None
        child.stdout.readline()
        identity = ProcessIdentity.of(child.pid)
        assert identity.started.isdecimal()
        assert int(identity.started) >= int(ProcessIdentity.mine().started)
        assert identity.state() == "alive"
