"""Jobs of a hub in a queue: how each stands, and that none is submitted twice."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from ptycho_compare.errors import JobError
from ptycho_compare.hub import Hub
from ptycho_compare.jobs.claim import take_claim
from ptycho_compare.jobs.executors.batch import TASK
from ptycho_compare.jobs.executors.queue import bring_all, not_good
from ptycho_compare.jobs.record import DoneRecord, LaunchRecord, write_record
from ptycho_compare.jobs.site import Site
from ptycho_compare.jobs.states import read_states
from ptycho_compare.jobs.submitter import Submitter
from ptycho_compare.jobs.ticket import is_meant, read_ticket, write_ticket
from ptycho_compare.jobs.unit import Array, Unit

from .paper_queue import PaperQueue
from .state_logs import StateLog

FORECAST_S = 3000.0


class Study:
    """Three units, the last of which needs the others; what is done is what a test says."""

    def __init__(self, folder: Path) -> None:
        self.hub, self.done = Hub(folder), set[str]()
        self.queue = PaperQueue()
        self.submitter = Submitter(self.hub, self.queue, Site(time=86400))

    def unit(self, name: str, *needs: str, forecast_s: float | None = None) -> Unit:
        files = self.hub.step(name).job
        return Unit(
            name, "train", files, ("work", name), lambda: name in self.done, needs, lambda: forecast_s
        )

    @property
    def units(self) -> list[Unit]:
        return [self.unit("a"), self.unit("b", forecast_s=FORECAST_S), self.unit("c", "a", "b")]

    def split(self, count: int) -> Unit:
        """A unit that needs another and is split."""
        unit, files = self.unit("c", "a"), self.hub.step("c").job

        def part(number: int, count: int) -> Unit:
            name, its = f"c {number}/{count}", files.shard(number, count)
            return Unit(name, "", its, ("part", f"{TASK}/{count}"), lambda: False, number=number, count=count)

        def counts() -> list[int]:
            return sorted({int(path.name.partition("-of-")[2]) for path in files.shards.glob("*-of-*")})

        array = Array(
            "c-parts",
            files.shards_script,
            lambda count: files.shard(TASK, count).batch_log,
            lambda: count,
            counts,
            part,
        )
        return replace(unit, array=array)

    def submit(self) -> dict[str, str]:
        return {name: each.state for name, each in self.submitter.submit(self.units).items()}

    def stand(self) -> dict[str, str]:
        return {name: each.state for name, each in self.submitter.stand(self.units).items()}

    def attempt(self, name: str, code: int, *, saved: int = 0) -> None:
        """An attempt on a node, from its launch to its end."""
        files = self.hub.step(name).job
        number = 1 + sum(event["state"] == "launched" for event in read_states(files.states))
        log = StateLog(files.folder)
        log._attempts = number - 1
        log.launch()
        if saved:
            log.plan(PINN=(0, 40))
            log.save("PINN", saved)
        log.end(code, 1.0)
        common = {"attempt": number, "command": [], "started": "", "host": "node", "log": ""}
        write_record(
            files.launch,
            LaunchRecord(**common, folder="", done="", pid=1, token="t", detached=False, deadline=None),
        )
        write_record(
            files.done,
            DoneRecord(**common, returncode=code, reason="", ended="", seconds=1.0, cpu_s=1.0, peak_bytes=1,
                       tail=["last"]),
        )  # fmt: skip


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return Study(tmp_path)


def test_each_is_submitted_once_after_what_it_needs(study: Study) -> None:
    assert study.submit() == dict.fromkeys("abc", "waits")
    assert study.submit() == dict.fromkeys("abc", "waits")
    assert study.queue.names == ["a", "b", "c"]
    a, b, c = study.queue.submitted
    assert [each.token for each in c.after] == [a.token, b.token]
    assert (a.after, a.limit_s, b.limit_s) == ((), 86400, 2 * FORECAST_S)
    ticket = read_ticket(study.hub.step("c").job)
    assert ticket is not None
    assert (ticket.job, ticket.needs, ticket.options) == ("3", ["a", "b"], ["submit", "c"])
    assert ticket.command == ["work", "c", c.token]
    assert f'exec "${{waiting[@]}}" work c {c.token}' in c.script.read_text()
    assert os.access(c.script, os.R_OK)


def test_what_is_done_is_not_submitted_and_what_rests_on_new_work_is(study: Study) -> None:
    study.done = {"a", "c"}
    assert study.submit() == {"a": "done", "b": "waits", "c": "waits"}
    assert [each.token for each in study.queue.submitted[1].after] == [study.queue.submitted[0].token]


def test_states_in_the_queue_come_with_its_reasons(study: Study) -> None:
    study.submit()
    study.queue.put("a", "running")
    study.queue.put("b", "pending", "Resources")
    assert study.stand() == {"a": "starts", "b": "waits", "c": "waits"}
    assert study.submitter.stand(study.units)["b"].note == "Resources"


def test_a_process_at_work_is_running_whatever_the_queue_says(study: Study) -> None:
    claim, _ = take_claim(study.hub.step("a").job.claim)
    try:
        assert study.submit() == {"a": "running", "b": "waits", "c": "held"}
    finally:
        claim.release()
    assert study.submit() == {"a": "waits", "b": "waits", "c": "waits"}


def test_a_job_that_ended_with_a_record_is_told_by_it_and_tried_again_on_command(study: Study) -> None:
    study.submit()
    study.attempt("a", 1)
    study.queue.put("a", "ended", "FAILED")
    found = study.submitter.stand(study.units)
    assert (found["a"].state, found["a"].note) == ("ended", "last")
    assert not_good(found.values()) == (1, 2)
    assert study.submit()["a"] == "waits"
    assert study.queue.names.count("a") == 2


def test_a_record_of_an_attempt_before_the_ticket_is_not_its_end(study: Study) -> None:
    study.attempt("a", 1)
    study.submit()
    study.queue.put("a", "gone")
    assert study.stand()["a"] == "lost"


def test_a_lost_job_is_submitted_again_and_counted_and_the_second_ends_red(study: Study) -> None:
    study.submit()
    study.queue.put("a", "gone")
    assert study.submit()["a"] == "waits"
    study.hub.step("a").job.batch_log.write_text("one\nmodule: command not found\n\n")
    study.queue.put("a", "gone")
    found = study.submitter.submit(study.units)["a"]
    assert found.state == "failed"
    assert "2 jobs in a row were lost" in found.note
    assert "TIMEOUT, last line: module: command not found" in found.note
    assert [event["state"] for event in read_states(study.hub.step("a").job.states)] == ["lost", "lost"]
    assert study.submit()["a"] == "waits"  # whoever mended it begins to count anew
    assert study.queue.names.count("a") == 3


def test_a_lost_job_that_gained_something_is_no_stall(study: Study) -> None:
    for saved in (8, 16, 24):
        study.submit()
        study.attempt("a", -9, saved=saved)
        study.hub.step("a").job.done.unlink()
        study.queue.put("a", "gone")
    assert study.submit()["a"] == "waits"


def test_what_left_the_queue_because_its_need_failed_is_not_counted(study: Study) -> None:
    for _ in range(4):
        assert study.submit()["c"] == "waits"
        study.queue.put("c", "gone")
    assert study.queue.names.count("c") == 4


def test_a_number_given_to_another_job_is_not_ours(study: Study) -> None:
    study.submit()
    ticket = read_ticket(study.hub.step("a").job)
    assert ticket is not None
    study.queue.jobs[ticket.token.replace("ptycho", "others")] = study.queue.jobs.pop(ticket.token)
    assert study.stand()["a"] == "lost"


def test_a_submitter_that_died_before_it_noted_the_number_submits_nothing_twice(study: Study) -> None:
    study.submit()
    files = study.hub.step("a").job
    ticket = read_ticket(files)
    assert ticket is not None
    write_ticket(files, replace(ticket, job=""))
    assert study.submitter.stand(study.units)["a"].ticket == ticket
    assert study.submit()["a"] == "waits"
    assert study.queue.names.count("a") == 1


def test_a_refusal_leaves_no_ticket_and_what_was_submitted_before(study: Study) -> None:
    study.submitter.submit(study.units[:1])
    study.queue.refuses = "invalid account"
    with pytest.raises(JobError, match="invalid account"):
        study.submit()
    assert read_ticket(study.hub.step("b").job) is None
    assert study.stand()["a"] == "waits"


def test_no_more_than_the_site_allows_are_in_the_queue(study: Study) -> None:
    study.submitter.site = Site(jobs=2)
    assert study.submit() == {"a": "waits", "b": "waits", "c": "held"}
    study.done = {"a", "b"}
    study.queue.put("a", "ended")
    study.queue.put("b", "ended")
    assert study.submit()["c"] == "waits"


def test_a_job_of_another_cluster_is_left_to_it(study: Study) -> None:
    study.submit()
    study.queue.cluster = "other"
    assert study.stand()["a"] == "elsewhere"
    assert study.submit()["a"] == "elsewhere"


def test_a_withdrawn_job_is_taken_out_or_asked_and_not_meant_any_more(study: Study) -> None:
    study.submit()
    tokens = [each.token for each in study.queue.submitted]
    study.queue.put("a", "running")
    assert [study.submitter.withdraw(unit) for unit in study.units] == [True] * 3
    assert (study.queue.asked, study.queue.cancelled) == (tokens[:1], tokens[1:])
    assert not is_meant(study.hub.step("a").job, tokens[0])
    assert study.submitter.withdraw(study.units[0]) is False


def test_whoever_submits_beside_another_waits_and_finds_all_in_the_queue(study: Study) -> None:
    said = []
    other = Submitter(study.hub, study.queue, Site(), say=said.append)
    study.submit()
    found = other.submit(study.units)
    assert {each.state for each in found.values()} == {"waits"}
    assert said == []


def test_a_wait_ends_when_all_is_done(study: Study) -> None:
    def work() -> bool:
        """A step further each time the clock is asked."""
        left = [name for name in "abc" if name not in study.done]
        if left:
            study.queue.put(left[0], "ended")
            study.done.add(left[0])
        return False

    found = bring_all(study.submitter, study.units, wait=True, out_of_time=work)
    assert not_good(found.values()) == (0, 0)


def test_a_wait_takes_what_failed_as_it_is(study: Study) -> None:
    def fail() -> bool:
        if "a" not in {event["state"] for event in read_states(study.hub.step("a").job.states)} and (
            study.queue.jobs
        ):
            study.attempt("a", 3)
            study.queue.jobs.clear()
            study.done = {"b"}
        return False

    found = bring_all(study.submitter, study.units, wait=True, out_of_time=fail)
    assert {name: each.state for name, each in found.items()} == {"a": "ended", "b": "done", "c": "held"}
    assert study.queue.names.count("a") == 1


def test_parts_are_one_array_before_the_unit_which_waits_for_them_however_they_end(study: Study) -> None:
    units = [study.unit("a"), study.split(3)]
    found = study.submitter.submit(units)
    assert {name: each.state for name, each in found.items()} == {"a": "waits", "c": "waits"}
    a, array, whole = study.queue.submitted
    assert [each.name for each in study.queue.submitted] == ["a", "c-parts", "c"]
    assert (array.tasks, [each.token for each in array.after]) == ((1, 2, 3), [a.token])
    assert [each.token for each in whole.after] == [a.token]
    assert {each.job for each in whole.after_any} == {"2"}
    assert f'part "$TASK"/3 {array.token}' in array.script.read_text()
    tickets = [read_ticket(part.files) for part in units[1].array.of(3)] if units[1].array else []
    assert [(each.job, each.task, each.token) for each in tickets if each] == [
        ("2", number, array.token) for number in "123"
    ]
    assert study.submitter.submit(units)["c"].state == "waits"
    assert len(study.queue.submitted) == 3
    study.queue.put("c-parts", "ended", "FAILED", task="2")
    stand = study.submitter.parts_of(units)["c"]
    assert {name: each.state for name, each in stand.items()} == {
        "c 1/3": "waits",
        "c 2/3": "lost",
        "c 3/3": "waits",
    }


def test_a_unit_that_was_lost_goes_on_with_the_parts_that_are_in_the_queue(study: Study) -> None:
    """Split as it was, whatever is wanted by now."""
    study.done = {"a"}
    study.submitter.submit([study.split(3)])
    study.queue.put("c", "gone")
    study.queue.put("c-parts", "gone", task="2")
    study.submitter.submit([study.split(2)])
    _, _, array, whole = study.queue.submitted
    assert (array.name, array.tasks) == ("c-parts", (2,))
    assert {each.job for each in whole.after_any} == {"1", "3"}


def test_parts_take_their_room_in_the_queue(study: Study) -> None:
    study.submitter.site = Site(jobs=4)
    study.done = {"a"}
    assert study.submitter.submit([study.unit("b"), study.split(9)])["c"].state == "held"
    assert study.queue.names == ["b"]
    study.done |= {"b"}
    study.queue.put("b", "ended")
    study.submitter.submit([study.split(9)])
    assert study.queue.submitted[1].tasks == (1, 2, 3)


def test_an_array_that_is_refused_leaves_no_ticket(study: Study) -> None:
    unit = study.split(2)
    study.queue.refuses = "invalid account"
    with pytest.raises(JobError, match="invalid account"):
        study.submitter.submit([unit])
    assert unit.array is not None
    assert [read_ticket(part.files) for part in unit.array.of(2)] == [None, None]
