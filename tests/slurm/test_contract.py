"""The contract of a `BatchSystem`, which each has to pass: a second one is one more entry in `SYSTEMS`.

What takes a few seconds goes with every push, where there can be a cluster.
"""

from __future__ import annotations

import getpass
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from processes import until
from ptycho_compare.errors import JobError
from ptycho_compare.hub import Hub
from ptycho_compare.jobs.executors.batch import TASK, BatchSystem, InQueue, Submission
from ptycho_compare.jobs.executors.script import script_of
from ptycho_compare.jobs.executors.slurm import Slurm
from ptycho_compare.jobs.site import Resources, Site
from ptycho_compare.jobs.ticket import Ticket, token_for

SYSTEMS: dict[str, Callable[[], BatchSystem]] = {"slurm": Slurm}
FIXTURES = {"slurm": "cluster"}
POLITE = """
trap 'echo asked; exit 75' TERM
if [ -e "$SELF.cue" ]; then exit 0; fi
sleep 600 & wait
"""


@dataclass
class Place:
    """A folder, and the system whose jobs work in it."""

    folder: Path
    system: BatchSystem

    def submit(
        self, name: str, body: str, *after: Ticket, limit_s: float | None = None, **asks: str
    ) -> Ticket:
        script = self.folder / name
        script.write_text(f"#!/bin/bash\nSELF={script}\necho begun\n{body}\n")
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        return self.put(script, *after, limit_s=limit_s, **asks)

    def submit_array(self, name: str, body: str, count: int) -> list[Ticket]:
        script = self.folder / name
        script.write_text(f"#!/bin/bash\nSELF={script}.{self.system.task}\necho begun\n{body}\n")
        token, log = token_for(Hub(self.folder)), Path(f"{script}.{TASK}.log")
        tasks = tuple(range(1, count + 1))
        number, _ = self.system.submit(
            Submission(name, token, script, log, self.folder, Resources(), tasks=tasks)
        )
        first = Ticket(
            *(self.system.name, self.system.cluster, number, "", getpass.getuser(), "", token), [], [], [], 0
        )
        return [replace(first, task=str(task)) for task in tasks]

    def submit_after_any(self, name: str, body: str, *before: Ticket) -> Ticket:
        script = self.folder / name
        script.write_text(f"#!/bin/bash\necho begun\n{body}\n")
        token, log = token_for(Hub(self.folder)), script.with_name(f"{name}.log")
        number, _ = self.system.submit(
            Submission(name, token, script, log, self.folder, Resources(), after_any=before)
        )
        return Ticket(
            *(self.system.name, self.system.cluster, number, "", getpass.getuser(), "", token), [], [], [], 0
        )

    def put(self, script: Path, *after: Ticket, limit_s: float | None = None, **asks: str) -> Ticket:
        token, log = token_for(Hub(self.folder)), script.with_name(f"{script.name}.log")
        number, _ = self.system.submit(
            Submission(script.name, token, script, log, self.folder, Resources(**asks), after, limit_s)
        )
        return Ticket(
            *(self.system.name, self.system.cluster, number, "", getpass.getuser(), "", token), [], [], [], 0
        )

    def now(self, ticket: Ticket) -> InQueue | None:
        return self.system.look({ticket.user}).get(ticket.key)

    def state(self, ticket: Ticket) -> str:
        found = self.now(ticket)
        return "ended" if found is None else found.state

    def until(self, ticket: Ticket, state: str) -> None:
        until(lambda: self.state(ticket) == state, f"{ticket}: not {state}, {self.now(ticket)}")

    def said(self, name: str) -> list[str]:
        log = self.folder / f"{name}.log"
        return log.read_text().splitlines() if log.exists() else []

    def until_said(self, name: str, line: str, times: int = 1) -> None:
        until(lambda: self.said(name).count(line) >= times, f"{name} did not say {line}: {self.said(name)}")


@pytest.fixture(params=SYSTEMS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    request.getfixturevalue(FIXTURES[request.param])
    return Place(tmp_path, SYSTEMS[request.param]())


def test_a_job_runs_and_its_token_finds_it(place: Place) -> None:
    one, other = place.submit("one", POLITE), place.submit("other", POLITE)
    place.until(one, "running")
    place.until_said("one", "begun")
    found = place.system.look({one.user})
    assert found[one.token].job == one.job
    assert found[other.token].job == other.job
    assert found[one.token].host
    assert place.system.look({"nobody"}) == {}


@pytest.mark.slow
def test_what_needs_another_waits_for_it_and_for_its_next_beginning(place: Place) -> None:
    first = place.submit("first", POLITE)
    second = place.submit("second", "exit 0", first)
    place.until_said("first", "begun")
    assert place.state(second) == "pending"
    place.system.ask(first)  # it ends with 75, and is begun again
    place.until_said("first", "asked")
    (place.folder / "first.cue").touch()
    place.until_said("second", "begun")
    assert place.said("first").count("begun") == 2


def test_what_needs_one_that_fails_leaves_the_queue(place: Place) -> None:
    first = place.submit("first", "exit 3")
    second = place.submit("second", "exit 0", first)
    place.until(second, "ended")
    assert place.said("second") == []


@pytest.mark.slow
def test_what_comes_after_an_array_waits_for_all_its_tasks_however_they_end(place: Place) -> None:
    """One fails, one is begun again for its 75, and one ends well: each is found, asked and told of alone."""
    body = 'case $(basename "$SELF") in parts.1) exit 3;; parts.3) exit 0;; esac\n'
    one, two, three = place.submit_array("parts", body + POLITE, 3)
    after = place.submit_after_any("after", "exit 0", one, two, three)
    place.until_said("parts.2", "begun")
    for each in (one, three):
        place.until(each, "ended")
    place.system.ask(two)  # ends with 75
    place.until_said("parts.2", "asked")
    place.until_said("parts.2", "begun", 2)
    assert place.state(after) == "pending"
    (place.folder / "parts.2.cue").touch()
    place.system.ask(two)
    place.until_said("after", "begun")
    assert [place.said(f"parts.{number}").count("begun") for number in (1, 3)] == [1, 1]


def test_a_task_is_taken_out_alone(place: Place) -> None:
    one, two = place.submit_array("parts", POLITE, 2)
    place.until(two, "running")
    place.system.cancel(one)
    place.until(one, "ended")
    assert place.state(two) == "running"


@pytest.mark.slow
def test_75_has_a_job_begun_again_and_its_log_goes_on(place: Place) -> None:
    assert place.system.requeues
    ticket = place.submit("again", "[ $(grep -c '^begun$' $SELF.log) -gt 1 ] || exit 75")
    place.until_said("again", "begun", 2)
    place.until(ticket, "ended")


@pytest.mark.slow
def test_only_the_first_process_is_asked(place: Place) -> None:
    child = "bash -c 'trap \"echo child asked\" TERM; sleep 600 & wait; sleep 2' &"
    ticket = place.submit("polite", f"{child}\ntrap 'echo asked; sleep 1; exit 0' TERM; echo ready; wait")
    place.until_said("polite", "ready")
    place.system.ask(ticket)
    place.until(ticket, "ended")
    assert "asked" in place.said("polite")
    assert "child asked" not in place.said("polite")


def test_a_job_is_taken_out_whether_it_waits_or_runs(place: Place) -> None:
    runs = place.submit("runs", POLITE)
    waits = place.submit("waits", "exit 0", runs)
    place.until(runs, "running")
    for ticket in (waits, runs):
        place.system.cancel(ticket)
        place.until(ticket, "ended")
    assert place.said("waits") == []


def test_a_number_that_another_job_has_by_now_is_not_taken_for_ours(place: Place) -> None:
    theirs = place.submit("theirs", POLITE)
    place.until_said("theirs", "begun")
    ours = Ticket(**{**vars(theirs), "token": token_for(Hub(place.folder))})
    assert place.now(ours) is None
    place.system.ask(ours)
    place.system.cancel(ours)
    assert place.system.why_ended(ours) == ""
    assert place.state(theirs) == "running"
    assert "asked" not in place.said("theirs")


def test_how_a_job_ended_is_told_while_the_system_knows(place: Place) -> None:
    ticket = place.submit("fails", "exit 7")
    until(lambda: place.system.why_ended(ticket), "nothing is told of it")
    assert "FAILED" in place.system.why_ended(ticket)


def test_what_is_refused_is_one_line(place: Place) -> None:
    with pytest.raises(JobError) as refused:
        place.submit("refused", "exit 0", partition="nowhere")
    assert "\n" not in str(refused.value)
    assert "partition" in str(refused.value)


@pytest.mark.slow
def test_a_script_of_ours_that_is_asked_before_its_command_can_hear_is_begun_again(place: Place) -> None:
    """In the lines that the site wants before it."""
    site = Site(prelude='echo begun; [ $(grep -c "^begun$" "$SAID") -gt 1 ] || sleep 5')
    text = script_of("early", ["true"], site)
    script = place.folder / "early"
    script.write_text(text.replace("trap 'exit", f"SAID={script}.log\ntrap 'exit", 1))
    ticket = place.put(script)
    place.until_said("early", "begun")
    place.system.ask(ticket)
    place.until_said("early", "begun", 2)
    place.until(ticket, "ended")


@pytest.mark.slow
def test_a_task_has_itself_begun_again_and_no_other(place: Place) -> None:
    """By the line of shell for systems that begin nothing again; see above for one that is no array's."""
    once = '[ $(basename "$SELF") = own.2 ] && [ $(grep -c begun "$SELF.log") = 1 ]'
    body = f"{once} && {place.system.again}\nexit 0"
    one, two = place.submit_array("own", body, 2)
    place.until_said("own.2", "begun", 2)
    for each in (one, two):
        place.until(each, "ended")
    assert place.said("own.1").count("begun") == 1


@pytest.mark.slow
@pytest.mark.parametrize("early", [True, False], ids=["before its command", "under its command"])
def test_where_no_exit_status_is_begun_again_the_script_does_that(place: Place, early: bool) -> None:
    """The answer of the system, `requeues`, is not asked here: it would do it twice."""
    wait = "trap 'exit 75' TERM; [ $(grep -c '^begun$' \"$0\") -gt 1 ] || { echo ready; sleep 600 & wait; }"
    log = place.folder / "own.log"
    prelude = f"echo begun; {'sleep 4; echo ready' if early else 'true'}"
    text = script_of("own", ["bash", "-c", wait, str(log)], Site(prelude=prelude), again=place.system.again)
    script = place.folder / "own"
    script.write_text(text)
    ticket = place.put(script)
    place.until_said("own", "begun" if early else "ready")
    place.system.ask(ticket)
    place.until_said("own", "begun", 2)
    place.until(ticket, "ended")
