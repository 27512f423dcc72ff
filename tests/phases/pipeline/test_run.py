"""Steps of one-line programs, run as the pipeline runs its phases."""

from __future__ import annotations

import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest

from jobs.commands import nobody_begins
from phases.pipeline.steps import COPY, copying, hub_with, run_steps, saying, states, times_run
from processes import until
from ptycho_compare.finding import Finding
from ptycho_compare.hub import Hub
from ptycho_compare.jobs.claim import BusyPlaceError, take_claim
from ptycho_compare.jobs.run_or_join import Ended
from ptycho_compare.phases.pipeline import step as module
from ptycho_compare.records.step_record import read_step_record
from sharing import shared

pytestmark = pytest.mark.usefixtures("unmeasured")

WAITING = "import os, sys, time\nwhile not os.path.exists(sys.argv[1]): time.sleep(0.02)"


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    return hub_with(tmp_path / "hub", a_txt="seed")


def chain(hub: Hub) -> tuple:
    first = copying(hub, "first", "a.txt", "b.txt")
    return first, copying(hub, "second", "b.txt", "c.txt", needs=("first",))


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hub in which the chain was run."""

    def make(root: Path) -> None:
        hub = hub_with(root / "hub", a_txt="seed")
        assert states(run_steps(hub, *chain(hub))) == ["made", "made"]

    return shared(tmp_path_factory, "chain", make) / "hub"


@pytest.fixture
def made(made_once: Path, tmp_path: Path) -> Hub:
    """A copy of it."""
    return Hub(Path(shutil.copytree(made_once, tmp_path / "made")))


class TestAStepThatIsDone:
    def test_is_not_run_again(self, made: Hub) -> None:
        assert (made.root / "c.txt").read_text() == "SEED"
        assert states(run_steps(made, *chain(made))) == ["reused", "reused"]
        assert [times_run(made, name) for name in ("first", "second")] == [1, 1]

    def test_leaves_a_record_of_what_it_rests_on_and_made(self, made: Hub) -> None:
        record = read_step_record(made.step("second").record)
        assert record is not None
        assert set(record.fingerprint.inputs) == {"b.txt"}
        assert record.outputs["c.txt"][1] == 4
        assert record.status == "made"
        assert record.peak_bytes > 0
        assert record.ended.endswith("Z")

    def test_is_run_again_with_all_after_it_when_an_input_changed(self, made: Hub) -> None:
        (made.root / "a.txt").write_text("grain")
        assert states(run_steps(made, *chain(made))) == ["made", "made"]
        assert (made.root / "c.txt").read_text() == "GRAIN"
        assert (made.root / "archive/run/b.txt").read_text() == "SEED"  # nothing is lost

    def test_is_not_run_again_when_what_changed_does_not_matter_to_it(self, made: Hub) -> None:
        first, second = chain(made)
        (made.root / "a.txt").write_text("SEED")  # other bytes, but the first step's output is the same
        assert states(run_steps(made, first, second)) == ["made", "reused"]

    @pytest.mark.parametrize("change", ["settings", "inputs", "outputs"])
    def test_is_run_again_when_anything_it_rests_on_changed(self, made: Hub, change: str) -> None:
        step = copying(made, "first", "a.txt", "b.txt")
        if change == "settings":
            step = copying(made, "first", "a.txt", "b.txt", settings={"of": "another study"})
        else:
            (made.root / {"inputs": "a.txt", "outputs": "b.txt"}[change]).write_text("tampered")
        (finding, *_) = step.why_not_done()
        assert finding.kind == ("changed" if change == "outputs" else "stale")
        assert states(run_steps(made, step)) == ["made"]
        assert step.why_not_done() == []

    def test_is_run_again_when_its_output_is_gone(self, made: Hub) -> None:
        (made.root / "b.txt").unlink()
        assert states(run_steps(made, *chain(made))) == ["made", "reused"]

    def test_that_judges_others_is_run_each_time(self, hub: Hub) -> None:
        step = saying(hub, "verify", "print('looked')", always=True)
        for _ in range(2):
            assert states(run_steps(hub, step)) == ["made"]
        assert times_run(hub, "verify") == 2


class TestAStepThatFails:
    def test_ends_the_run_and_is_made_up_for_by_the_next(self, hub: Hub) -> None:
        program = "import sys; print('no probe in a.txt'); sys.exit(2)"
        outcomes = run_steps(hub, saying(hub, "first", program), chain(hub)[1])
        assert states(outcomes) == ["failed", "not begun"]
        assert outcomes[0].findings == (Finding("input", "exit status 2: no probe in a.txt"),)
        assert states(run_steps(hub, *chain(hub))) == ["made", "made"]

    def test_by_a_signal_says_which(self, hub: Hub) -> None:
        (outcome,) = run_steps(hub, saying(hub, "first", "import os; os.kill(os.getpid(), 11)"))
        assert outcome.state == "failed"
        assert "SIGSEGV" in outcome.findings[0].text

    def test_because_it_left_nothing_behind_is_red_in_spite_of_status_0(self, hub: Hub) -> None:
        step = saying(hub, "first", "print('all well')", outputs=(hub.root / "b.txt",))
        (outcome,) = run_steps(hub, step)
        assert outcome.state == "failed"
        assert outcome.findings[0].kind == "missing"
        assert step.why_not_done() != []

    def test_because_what_it_left_does_not_hold_is_not_recorded(self, hub: Hub) -> None:
        step = copying(hub, "first", "a.txt", "b.txt", check=lambda: [Finding("blank", "b.txt is loud")])
        for _ in range(2):
            (outcome,) = run_steps(hub, step)
            assert outcome.findings == (Finding("blank", "b.txt is loud"),)
        assert times_run(hub, "first") == 2

    def test_for_want_of_an_input_names_it(self, hub: Hub) -> None:
        (outcome,) = run_steps(hub, copying(hub, "first", "lacking.txt", "b.txt"))
        assert outcome.state == "failed"
        assert "lacking.txt" in outcome.findings[0].text


class TestFilesFromElsewhere:
    def test_are_not_overwritten(self, hub: Hub) -> None:
        (hub.root / "b.txt").write_text("measured")
        (outcome,) = run_steps(hub, copying(hub, "first", "a.txt", "b.txt"))
        assert outcome.state == "failed"
        assert "--given" in outcome.findings[0].text
        assert "--clobber" in outcome.findings[0].text
        assert (hub.root / "b.txt").read_text() == "measured"
        assert times_run(hub, "first") == 0

    def test_can_be_given(self, hub: Hub) -> None:
        (hub.root / "b.txt").write_text("measured")
        given = copying(hub, "first", "a.txt", "b.txt", given=True, inputs=())
        second = chain(hub)[1]
        assert states(run_steps(hub, given, second)) == ["given", "made"]
        assert (hub.root / "c.txt").read_text() == "MEASURED"
        assert states(run_steps(hub, given, second)) == ["given", "reused"]
        (hub.root / "b.txt").write_text("measured again")
        assert states(run_steps(hub, given, second)) == ["given", "made"]

    def test_that_are_given_are_checked(self, hub: Hub) -> None:
        given = copying(hub, "first", "a.txt", "b.txt", given=True, inputs=())
        (outcome,) = run_steps(hub, given)
        assert outcome.findings[0].kind == "missing"


class TestSeveralAtATime:
    def test_those_that_need_nothing_of_each_other_overlap(self, hub: Hub) -> None:
        """Each waits for the other's sign, so that one after another they would never end."""
        program = (
            "import sys, time; from pathlib import Path; mine, other = map(Path, sys.argv[1:])\n"
            "mine.write_text('here')\nwhile not other.exists(): time.sleep(0.02)"
        )
        signs = [str(hub.root / name) for name in ("left", "right")]
        one = saying(hub, "one", program, *signs)
        other = saying(hub, "other", program, *reversed(signs))
        assert states(run_steps(hub, one, other, at_a_time=2)) == ["made", "made"]

    def test_no_more_than_asked_for(self, hub: Hub) -> None:
        program = (
            "import sys, time; from pathlib import Path; sign = Path(sys.argv[1])\n"
            "sign.touch(exist_ok=False); time.sleep(0.2); sign.unlink()"
        )
        steps = [saying(hub, f"step_{number}", program, str(hub.root / "sign")) for number in range(3)]
        assert states(run_steps(hub, *steps)) == ["made"] * 3

    def test_a_failure_stops_the_others_and_they_go_on_later(self, hub: Hub) -> None:
        sign = hub.root / "sign"
        failing = saying(hub, "failing", f"import time\ntime.sleep(0.5)\nopen({str(sign)!r})")
        slow = saying(hub, "slow", WAITING, str(sign))
        assert states(run_steps(hub, failing, slow, at_a_time=2)) == ["failed", "stopped"]
        sign.touch()
        assert states(run_steps(hub, failing, slow, at_a_time=2)) == ["made", "made"]


class TestAWindow:
    def test_that_is_over_begins_nothing(self, hub: Hub) -> None:
        assert states(run_steps(hub, *chain(hub), out_of_time=lambda: True)) == ["not begun", "not begun"]
        assert times_run(hub, "first") == 0

    def test_that_ends_before_a_supervisor_begins_is_no_failure(self, hub: Hub) -> None:
        first, after = chain(hub)
        end = time.monotonic() + 0.5
        with nobody_begins(first.files.job):
            outcomes = run_steps(hub, first, after, out_of_time=lambda: time.monotonic() > end)
        assert states(outcomes) == ["not begun", "not begun"]
        assert states(run_steps(hub, first, after)) == ["made", "made"]

    def test_that_ends_in_a_step_stops_it_and_the_next_run_goes_on(self, hub: Hub) -> None:
        sign = hub.root / "sign"
        slow = saying(hub, "slow", WAITING, str(sign))
        first = chain(hub)[0]
        end = time.monotonic() + 2.0
        after = copying(hub, "after", "b.txt", "d.txt", needs=("slow", "first"))
        outcomes = run_steps(hub, first, slow, after, out_of_time=lambda: time.monotonic() > end)
        assert states(outcomes)[1:] == ["stopped", "not begun"]
        sign.touch()
        assert states(run_steps(hub, first, slow, after)) == ["reused", "made", "made"]


class TestARunBesideAnother:
    """Steps that another run works at are waited for beside the next one that is free."""

    def test_takes_the_next_step_and_then_what_the_other_made(self, hub: Hub) -> None:
        signs = [hub.root / name for name in ("left", "right")]
        steps = [saying(hub, sign.name, WAITING, str(sign), outputs=(sign,)) for sign in signs]
        with ThreadPoolExecutor(2) as pool:
            first = pool.submit(run_steps, hub, *steps)
            until(lambda: times_run(hub, "left"), "the first did not begin")
            second = pool.submit(run_steps, hub, *steps)
            until(lambda: times_run(hub, "right"), "the second waits for the first")
            assert not signs[0].exists()
            for sign in signs:
                sign.touch()
            assert states(second.result()) == ["made", "made"]
            # by then the second may have recorded what it made
            assert states(first.result()) in (["made", "made"], ["made", "reused"])
        assert [times_run(hub, sign.name) for sign in signs] == [1, 1]

    def test_makes_anew_what_the_other_began_before_an_input_was_exchanged(self, hub: Hub) -> None:
        source, target, sign = (hub.root / name for name in ("source.txt", "target.txt", "sign"))
        source.write_text("old")
        program = (
            "import sys, time; from pathlib import Path; source, target, sign = map(Path, sys.argv[1:])\n"
            "text = source.read_text(); print('read', text, flush=True)\n"
            "while not sign.exists(): time.sleep(0.02)\ntarget.write_text(text)"
        )
        words = (str(source), str(target), str(sign))
        step = saying(hub, "slow", program, *words, inputs=(source,), outputs=(target,))
        with ThreadPoolExecutor(2) as pool:
            first = pool.submit(run_steps, hub, step)
            until(lambda: times_run(hub, "slow") and "read old" in hub.step_log("slow").read_text())
            source.write_text("new")
            second = pool.submit(run_steps, hub, step)
            time.sleep(1.0)  # until it has joined; where it comes too late it begins its own attempt anyway
            sign.touch()
            assert states(first.result()) == ["failed"]
            assert states(second.result()) == ["made"]
        assert target.read_text() == "new"
        assert states(run_steps(hub, step)) == ["reused"]

    def test_records_what_the_other_has_made_and_not_yet_recorded(self, hub: Hub) -> None:
        """Between the end of a command and its record nothing is made a second time."""
        target = hub.root / "target.txt"
        judging, over = threading.Event(), threading.Event()

        def check() -> list[Finding]:
            judging.set()
            assert over.wait(60)
            return []

        program = "import sys; from pathlib import Path; Path(sys.argv[1]).write_text('made')"
        step = saying(hub, "one", program, str(target), outputs=(target,), check=check)
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(run_steps, hub, step)
            assert judging.wait(60)
            assert states(run_steps(hub, replace(step, check=list[Finding]))) == ["made"]
            assert times_run(hub, "one") == 1
            record = read_step_record(step.files.record)
            assert record is not None
            assert record.seconds > 0
            over.set()
            assert states(first.result()) == ["made"]
        assert states(run_steps(hub, step)) == ["reused"]

    def test_takes_no_more_at_a_time_when_the_other_gives_one_up(self, hub: Hub) -> None:
        program = (
            "import sys, time; from pathlib import Path; sign = Path(sys.argv[1])\n"
            "sign.touch(exist_ok=False); time.sleep(1.0); sign.unlink()"
        )
        steps = [saying(hub, f"step_{number}", program, str(hub.root / "sign")) for number in range(3)]
        claim, _ = take_claim(steps[0].files.job.claim)
        timer = threading.Timer(1.0, claim.release)
        timer.start()
        assert states(run_steps(hub, *steps)) == ["made"] * 3
        timer.join()

    def test_defers_what_the_other_has_not_ended_when_time_is_over(self, hub: Hub) -> None:
        first = chain(hub)[0]
        claim, _ = take_claim(first.files.job.claim)
        end = time.monotonic() + 3.0
        free = saying(hub, "free", "print('done')")
        outcomes = run_steps(hub, first, free, out_of_time=lambda: time.monotonic() > end)
        claim.release()
        assert states(outcomes) == ["stopped", "made"]

    def test_begins_nothing_where_no_place_becomes_free_in_time(self, hub: Hub) -> None:
        """The other gave its step up when the only place was taken."""
        first, sign = chain(hub)[0], hub.root / "sign"
        claim, _ = take_claim(first.files.job.claim)
        slow = saying(hub, "slow", WAITING, str(sign))
        timer = threading.Timer(2.0, claim.release)
        timer.start()
        end = time.monotonic() + 5.0
        outcomes = run_steps(hub, first, slow, out_of_time=lambda: time.monotonic() > end)
        timer.join()
        assert states(outcomes) == ["not begun", "stopped"]
        assert times_run(hub, "first") == 0


EXCHANGING = (
    "import sys; from pathlib import Path; source, target = map(Path, sys.argv[1:])\n"
    "target.write_text(source.read_text()); source.write_text('new')"
)


def test_a_step_whose_input_is_exchanged_while_it_runs_is_void_and_the_next_run_is_right(hub: Hub) -> None:
    """What it left was made from the old file, and its record would name the new one."""
    (hub.root / "in.txt").write_text("old")
    words = (str(hub.root / "in.txt"), str(hub.root / "out.txt"))
    files = {"inputs": (hub.root / "in.txt",), "outputs": (hub.root / "out.txt",)}
    (outcome,) = run_steps(hub, saying(hub, "copy", EXCHANGING, *words, **files))
    assert outcome.state == "failed"
    assert "in.txt: was exchanged or written to while it was used" in str(outcome.findings[0])
    assert not hub.step("copy").record.exists()
    (again,) = run_steps(hub, saying(hub, "copy", COPY, *words, **files))
    assert again.state == "made"
    assert (hub.root / "out.txt").read_text() == "NEW"


class TestAStepThatAnotherProcessMakesAnew:
    """Between the end of a command and its record there is time to check what it left."""

    def test_is_not_recorded_by_who_made_it_before(self, hub: Hub) -> None:
        step = copying(hub, "first", "a.txt", "b.txt")
        (ended,) = run_steps(hub, step)
        step.files.record.unlink()
        claim, _ = take_claim(step.files.job.claim)
        with pytest.raises(BusyPlaceError, match="works there by now"):
            step.seal(Ended("finished", record=ended.done))
        assert not step.files.record.exists()
        claim.release()
        assert step.seal(Ended("finished", record=ended.done)) == []
        assert step.files.record.exists()

    def test_is_joined_and_then_recorded(self, hub: Hub) -> None:
        claims, timers = [], []

        def check() -> list[Finding]:
            if not claims:
                claims.append(take_claim(step.files.job.claim)[0])
                timers.append(threading.Timer(0.5, claims[0].release))
                timers[0].start()
            return []

        step = copying(hub, "first", "a.txt", "b.txt", check=check)
        assert states(run_steps(hub, step)) == ["made"]
        assert times_run(hub, "first") == 2
        assert states(run_steps(hub, step)) == ["reused"]
        timers[0].join()

    def test_is_red_where_its_outputs_changed_while_they_were_judged(
        self, hub: Hub, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        step = copying(hub, "first", "a.txt", "b.txt")
        free = module.while_free

        def exchanged(path: Path) -> AbstractContextManager[None]:
            (hub.root / "b.txt").write_text("another attempt's")
            return free(path)

        monkeypatch.setattr(module, "while_free", exchanged)
        (outcome,) = run_steps(hub, step)
        assert [str(each) for each in outcome.findings] == [
            "stale: first was made anew while it was judged; run it again"
        ]
        assert not step.files.record.exists()
