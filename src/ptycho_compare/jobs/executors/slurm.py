"""Slurm, by its own commands: sbatch, squeue, scancel, scontrol; sacct only explains, and may be absent."""

from __future__ import annotations

import math
import os
import re
import subprocess
from collections.abc import Collection
from functools import cached_property
from typing import Literal

from ptycho_compare.errors import JobError, MissingProgramError
from ptycho_compare.jobs.executors.batch import TASK, InQueue, Submission
from ptycho_compare.jobs.ticket import Ticket, key_of
from ptycho_compare.printable import one_line
from ptycho_compare.sigterm import EXIT_STOPPED

ANSWER_S = 120.0
"""How long a command may take: a busy controller has its clients wait."""
LEAD_S = 60
"""Between SIGTERM and the time limit."""
_FIELDS = ("%i", "%K", "%T", "%r", "%B", "%k")
_RUNNING = frozenset(
    ("RUNNING", "COMPLETING", "CONFIGURING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT", "RESIZING")
)
_PENDING = frozenset(("PENDING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "RESV_DEL_HOLD", "SPECIAL_EXIT"))
_TOKEN = re.compile(r"ptycho-[0-9a-f]{8}-[0-9a-f]{16}")


class Slurm:
    """See `batch.BatchSystem`."""

    name = "slurm"
    again = (
        'scontrol requeue "${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}${SLURM_ARRAY_TASK_ID:+_$SLURM_ARRAY_TASK_ID}"'
    )
    task = "$SLURM_ARRAY_TASK_ID"

    @cached_property
    def _settings(self) -> dict[str, str]:
        pairs = (line.partition("=") for line in _answer("scontrol", "show", "config").splitlines())
        return {key.strip(): value.strip() for key, _, value in pairs}

    @property
    def cluster(self) -> str:
        """See `batch.BatchSystem.cluster`."""
        return self._settings.get("ClusterName", "")

    @property
    def requeues(self) -> bool:
        """See `batch.BatchSystem.requeues`."""
        for part in self._settings.get("RequeueExit", "").split(","):
            first, _, last = part.partition("-")
            if first.isdecimal() and int(first) <= EXIT_STOPPED <= int(last if last.isdecimal() else first):
                return True
        return False

    def submit(self, submission: Submission) -> tuple[str, list[str]]:
        """See `batch.BatchSystem.submit`."""
        command = ["sbatch", *_options(submission), str(submission.script)]
        number = _answer(*command).strip().partition(";")[0]
        if not number.isdecimal():
            raise JobError(f"{submission.name}: sbatch answered {one_line(number)!r:.200}; needed: a number")
        return number, command

    def look(self, users: Collection[str]) -> dict[str, InQueue]:
        """See `batch.BatchSystem.look`."""
        shown = _answer(
            *("squeue", "--noheader", "--array", "--states=all"),
            *(f"--user={','.join(sorted(users))}", f"--format={'|'.join(_FIELDS)}"),
        )
        found: dict[str, InQueue] = {}
        for line in shown.splitlines():
            words = (*line.split("|", len(_FIELDS) - 1), *[""] * len(_FIELDS))
            job, task, state, reason, host, comment = words[: len(_FIELDS)]
            if not _TOKEN.fullmatch(token := comment.strip()):
                continue
            key = key_of(token, task if task.isdecimal() else "")
            now = InQueue(job, *_meaning(state, reason), host="" if host == "n/a" else host)
            # what is begun again has one line more in some states: the one that goes on counts
            if key not in found or found[key].state == "ended":
                found[key] = now
        return found

    def ask(self, ticket: Ticket) -> None:
        """See `batch.BatchSystem.ask`."""
        if (now := self._now(ticket)) is not None and now.state == "running":
            _answer("scancel", "--batch", "--signal=TERM", now.job, missing_is_fine=True)

    def cancel(self, ticket: Ticket) -> None:
        """See `batch.BatchSystem.cancel`."""
        if (now := self._now(ticket)) is not None and now.state != "ended":
            _answer("scancel", now.job, missing_is_fine=True)

    def why_ended(self, ticket: Ticket) -> str:
        """See `batch.BatchSystem.why_ended`."""
        if (now := self._now(ticket)) is not None:
            return now.reason if now.state == "ended" else ""
        try:
            told = _answer(
                *("sacct", "--noheader", "--allocations", "--parsable2", f"--jobs={_number(ticket)}"),
                "--format=State,ExitCode,Comment",
            )
        except (JobError, MissingProgramError):
            return ""
        for line in told.splitlines():
            state, code, comment = (*line.split("|"), "", "", "")[:3]
            if comment == ticket.token:
                return f"{state}, exit status {code}"
        return ""

    def _now(self, ticket: Ticket) -> InQueue | None:
        """Look before a number is named: it may be another job's by now."""
        return self.look({ticket.user}).get(ticket.key)


def _number(ticket: Ticket) -> str:
    return f"{ticket.job}_{ticket.task}" if ticket.task else ticket.job


def _meaning(state: str, reason: str) -> tuple[Literal["pending", "running", "ended"], str]:
    if state in _PENDING:
        return "pending", reason
    return ("running", "") if state in _RUNNING else ("ended", f"{state}: {reason}")


def _options(submission: Submission) -> list[str]:
    """Return how a script is submitted, with what every submission carries."""
    asked = submission.resources
    options = [
        "--parsable",
        "--requeue",
        "--open-mode=append",
        f"--signal=B:TERM@{LEAD_S}",
        f"--job-name={submission.name}",
        f"--comment={submission.token}",
        f"--chdir={submission.folder}",
        f"--output={str(submission.log).replace('%', '%%').replace(TASK, '%a')}",
    ]
    named = {name: getattr(asked, name) for name in ("partition", "account", "gres", "constraint")}
    options += [f"--{name}={value}" for name, value in named.items() if value]
    if submission.limit_s is not None:
        options.append(f"--time={math.ceil(submission.limit_s / 60)}")
    if submission.tasks:
        options.append(f"--array={','.join(map(str, submission.tasks))}")
    after = [("afterok", [*map(_number, submission.after)])]
    after.append(("afterany", sorted({each.job for each in submission.after_any})))
    if needs := [":".join((how, *numbers)) for how, numbers in after if numbers]:
        options += [f"--dependency={','.join(needs)}", "--kill-on-invalid-dep=yes"]
    return [*options, *asked.options]


def _answer(*command: str, missing_is_fine: bool = False) -> str:
    """Run one of Slurm's commands; what it said."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=ANSWER_S,
            check=False,
            env=os.environ | {"LC_ALL": "C", "SLURM_TIME_FORMAT": "standard"},
        )
    except FileNotFoundError:
        raise MissingProgramError(
            f"{command[0]}: not found; --on slurm needs Slurm's commands, as a login node has them"
        ) from None
    except subprocess.TimeoutExpired:
        raise JobError(
            f"{command[0]}: no answer within {ANSWER_S:.0f} s; is Slurm's controller up?"
        ) from None
    if done.returncode and not missing_is_fine:
        said = [line for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]
        why = one_line(said[-1]) if said else f"exit status {done.returncode}"
        raise JobError(f"{command[0]}: {why[:500]}")
    return done.stdout.decode(errors="replace")
