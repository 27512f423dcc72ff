"""A real Slurm on this one machine, from Debian's packages: munge, a controller, three nodes on the loopback.

As root, without systemd, dbus, cgroups or accounting. Where the kernel allows it each node is a host of its
own to its jobs (a pid and a uts namespace), and a node that is killed takes them with it.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from processes import until

PROGRAMS = ("munged", "munge", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol")
HOSTS = Path("/etc/hosts")
NODES = ("n0", "n1", "n2")
_OWN_HOST = ("unshare", "--pid", "--uts", "--mount-proc", "--fork", "--kill-child")
# the first process reaps whom its jobs leave
_INIT = "hostname {node}; slurmd -D -N {node} -f {conf} & wait $!; wait"
_CONF = """\
ClusterName=tests
SlurmctldHost={machine}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={root}/munge.socket,cred_expire=5
CredType=cred/munge
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation={root}/state
SlurmctldPidFile={root}/slurmctld.pid
SlurmctldLogFile={root}/slurmctld.log
SlurmdPidFile={root}/slurmd-%n.pid
SlurmdLogFile={root}/slurmd-%n.log
SlurmdSpoolDir={root}/spool-%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2,bf_continue
SlurmdParameters=config_overrides
ReturnToService=2
SlurmdTimeout=10
SlurmctldTimeout=10
InactiveLimit=0
KillWait=30
MessageTimeout=30
MinJobAge=300
JobRequeue=1
RequeueExit=75
EnforcePartLimits=ALL
MailProg=/bin/true
NodeName=DEFAULT CPUs=2 Boards=1 SocketsPerBoard=1 CoresPerSocket=2 ThreadsPerCore=1 RealMemory=4000
{nodes}
PartitionName=main Nodes={names} Default=YES MaxTime=INFINITE DefaultTime=60 State=UP OverSubscribe=NO
"""


def why_no_cluster() -> str:
    """Say why there can be none here; empty where there can."""
    if os.geteuid() != 0:
        return "not root: slurmd starts jobs as their users"
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    return f"no {', '.join(missing)}: apt-get install slurm-wlm munge" if missing else ""


@dataclass
class Cluster:
    """What runs in `root`; commands find it by `variables`."""

    root: Path
    machine: str = field(default_factory=lambda: socket.gethostname().partition(".")[0])
    daemons: dict[str, psutil.Popen] = field(default_factory=dict)
    own_hosts: bool = False
    kept: set[str] = field(default_factory=set)
    """Jobs that outlast the test that began them."""

    @property
    def conf(self) -> Path:
        return self.root / "slurm.conf"

    @property
    def variables(self) -> dict[str, str]:
        return {"SLURM_CONF": str(self.conf)}

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """One of Slurm's commands."""
        variables = os.environ | self.variables
        return subprocess.run(
            command, env=variables, capture_output=True, text=True, check=False, timeout=120
        )

    def start(self) -> None:
        self.own_hosts = (
            subprocess.run([*_OWN_HOST, "true"], capture_output=True, check=False).returncode == 0
        )
        os.umask(0o022)  # munged refuses folders that others may write to
        (self.root / "state").mkdir(parents=True)
        for folder in (self.root, *self.root.parents):
            if (
                folder.stat().st_uid == 0
                and folder.stat().st_mode & 0o022
                and not folder.stat().st_mode & 0o1000
            ):
                folder.chmod(0o755)
        self._write_conf()
        self._name_hosts([self.machine, *NODES])
        key = self.root / "munge.key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o400)
        self._start("munged", *self._munged())
        until((self.root / "munge.socket").exists, "no munged")
        self.start_controller()
        for node in NODES:
            self.start_node(node)
        until(lambda: self.idle() == len(NODES), f"the nodes did not come up: {self.root}")

    def stop(self) -> None:
        """End what was started here, jobs first: a step daemon outlives its node's daemon."""
        try:
            self.run("scancel", "--user=root")
            until(lambda: self.own_hosts or not self._at_work(), "jobs stay")
        finally:
            for name in reversed([*self.daemons]):
                self.end(name, kill=self.own_hosts and name in NODES)  # with all that runs on it
            self._forget_hosts()

    def _at_work(self) -> str:
        return self.run("squeue", "--noheader", "--states=R,CG").stdout

    def start_controller(self) -> None:
        self._start("slurmctld", "slurmctld", "-D", "-f", str(self.conf))
        until(lambda: "UP" in self.run("scontrol", "ping").stdout, "no controller")

    def start_node(self, node: str) -> None:
        (self.root / f"spool-{node}").mkdir(exist_ok=True)
        plain = ("slurmd", "-D", "-N", node, "-f", str(self.conf))
        own = (*_OWN_HOST, "sh", "-c", _INIT.format(node=node, conf=self.conf))
        self._start(node, *(own if self.own_hosts else plain))

    def end(self, name: str, *, kill: bool = False) -> None:
        """End a node, or another daemon; a kill is as when the power goes."""
        daemon = self.daemons.pop(name)
        daemon.kill() if kill else daemon.terminate()
        try:
            daemon.wait(timeout=30)
        except psutil.TimeoutExpired:
            daemon.kill()
            daemon.wait()

    def cancel_all(self) -> None:
        """Cancel every job but those that are kept."""
        found = {*self.run("squeue", "--noheader", "--format=%A").stdout.split()} - self.kept
        if found:
            self.run("scancel", *found)

    def at_work(self) -> bool:
        """Whether any job runs or comes to its end but those that are kept."""
        found = self.run("squeue", "--noheader", "--states=R,CG", "--format=%A").stdout.split()
        return not self.kept.issuperset(found)

    def idle(self) -> int:
        return self.run("sinfo", "--noheader", "-N", "--format=%t").stdout.split().count("idle")

    def set(self, name: str, value: str) -> None:
        """Change a setting of the site, also for daemons that run."""
        lines = [line for line in self.conf.read_text().splitlines() if not line.startswith(f"{name}=")]
        self.conf.write_text("\n".join([f"{name}={value}" if value else "", *lines, ""]))
        self.run("scontrol", "reconfigure")

    def state_of(self, job: str) -> dict[str, str]:
        """What the controller says of a job; empty where it knows none."""
        words = self.run("scontrol", "show", "job", "--oneliner", job).stdout.split()
        return dict(word.split("=", 1) for word in words if "=" in word)

    def _munged(self) -> Sequence[str]:
        names = {
            "socket": "socket",
            "key-file": "key",
            "pid-file": "pid",
            "log-file": "log",
            "seed-file": "seed",
        }
        own = [f"--{option}={self.root / f'munge.{name}'}" for option, name in names.items()]
        return ["munged", "--foreground", "--origin=127.0.0.1", *own]

    def _start(self, name: str, *command: str) -> None:
        with (self.root / f"{name}.out").open("ab") as said:
            self.daemons[name] = psutil.Popen(
                command,
                env=os.environ | self.variables,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _write_conf(self) -> None:
        ports = _free_ports(1 + len(NODES))
        nodes = "\n".join(
            f"NodeName={node} NodeHostname={self.machine} NodeAddr=127.0.0.1 Port={port}"
            for node, port in zip(NODES, ports[1:], strict=True)
        )
        values = {"root": self.root, "machine": self.machine, "port": ports[0], "nodes": nodes}
        self.conf.write_text(_CONF.format(**values, names=",".join(NODES)))
        # 22.05 loads a cgroup plugin although nothing uses it; of the second version it would look for dbus
        (self.root / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\nCgroupAutomount=no\n")

    def _name_hosts(self, names: Sequence[str]) -> None:
        """Give every name an address: daemons and clients would wait for a name server."""
        with _hosts_alone():
            known = HOSTS.read_text().split()
            new = [name for name in names if name in NODES or name not in known]
            with HOSTS.open("a") as hosts:
                hosts.writelines(f"127.0.0.1 {name} {self._tag}\n" for name in new)
        try:
            socket.getaddrinfo(self.machine, None, socket.AF_INET)
        except socket.gaierror:  # the loopback is all there is: no IPv4 name is found before there is more
            subprocess.run(["ip", "addr", "add", "192.0.2.1/32", "dev", "lo"], check=True)

    def _forget_hosts(self) -> None:
        with _hosts_alone():  # mounted in containers: written, not replaced
            lines = [line for line in HOSTS.read_text().splitlines(keepends=True) if self._tag not in line]
            HOSTS.write_text("".join(lines))

    @property
    def _tag(self) -> str:
        return f"# tests {self.root}"


@contextmanager
def _hosts_alone() -> Iterator[None]:
    with Path("/tmp/.pytest-ptycho-hosts.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _free_ports(count: int) -> list[int]:
    held = [socket.socket() for _ in range(count)]
    try:
        for each in held:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in held]
    finally:
        for each in held:
            each.close()
