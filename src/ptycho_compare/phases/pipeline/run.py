"""Run steps: what is done is reused, what is not is run as a job, as many at a time as asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from ptycho_compare.duration import duration_text
from ptycho_compare.errors import InputError, PtychoCompareError
from ptycho_compare.finding import Finding
from ptycho_compare.jobs.claim import BusyPlaceError
from ptycho_compare.jobs.progress import ATTEMPTS_WITHOUT_PROGRESS, read_progress
from ptycho_compare.jobs.record import DoneRecord, JobSpec, ended_well_on, read_done, read_launch
from ptycho_compare.jobs.run_or_join import Ended, run_or_join
from ptycho_compare.phases.pipeline.forecast import Forecast
from ptycho_compare.phases.pipeline.places import PlacedExecutor
from ptycho_compare.phases.pipeline.step import Step
from ptycho_compare.storage.locks import LockTakenError, locked
from ptycho_compare.storage.watched import WatchedFiles

State = Literal["made", "reused", "given", "stopped", "failed", "not begun"]
_LOOK_S = 0.1
_RULE = "=" * 80


@dataclass(frozen=True)
class StepOutcome:
    """How a step ended.

    Attributes
    ----------
    state : str
        ``reused`` steps ran nothing; ``stopped`` ones go on with the next run.
    findings : tuple of Finding
        Why it failed.
    done : DoneRecord or None
        Of its command, if it ran.
    """

    step: Step
    state: State
    findings: tuple[Finding, ...] = ()
    done: DoneRecord | None = None

    @property
    def good(self) -> bool:
        """True when what comes after it may begin."""
        return self.state in ("made", "reused", "given")

    def __str__(self) -> str:
        if self.done is None:
            return f"{self.step.title}: {self.state}"
        cost = f"{duration_text(self.done.seconds)}, {self.done.cpu_s:.0f} CPU s, "
        return f"{self.step.title}: {self.state} in {cost}{self.done.peak_bytes / 2**20:.0f} MiB"


@dataclass
class Runner:
    """Runs steps.

    Attributes
    ----------
    say : callable
        Takes lines of the transcript; called from several threads.
    archive : Path
        Where stale outputs are moved.
    at_a_time : int
        Steps that may run at the same time; more than one where they do not need each other.
    out_of_time, asked : callable
        Whether a window is over, and whether somebody has asked for the end.
    grace_s : float
        Between asking a step to stop and killing it.
    forecast : Forecast or None
        Says after each step how long the others will take.
    """

    say: Callable[[str], None]
    archive: Path
    at_a_time: int = 1
    out_of_time: Callable[[], bool] = lambda: False
    asked: Callable[[], bool] = lambda: False
    grace_s: float = 10.0
    forecast: Forecast | None = None
    _over: threading.Event = field(default_factory=threading.Event)

    def stop(self) -> None:
        """Have the steps that run save their work and end, and begin no more."""
        self._over.set()

    def run(self, steps: Sequence[Step]) -> list[StepOutcome]:
        """Run steps, each after those that it needs; the first that fails ends the run.

        They come in an order in which they could be run one after another, and so do their outcomes.
        """
        outcomes: dict[str, StepOutcome] = {}
        numbers = {step.id: number for number, step in enumerate(steps, start=1)}
        waiting, running = list(steps), dict[Future[StepOutcome], Step]()
        places, executors = threading.Semaphore(self.at_a_time), dict[str, PlacedExecutor]()
        # a thread for each step that is at work, here or elsewhere
        with (
            ThreadPoolExecutor(max(1, len(steps)), thread_name_prefix="step") as pool,
            self._stopped_by_errors(),
        ):
            while waiting or running:
                busy = sum(not executors[step.id].elsewhere for step in running.values())
                for step in self._ready(waiting, running, self.at_a_time - busy):
                    waiting.remove(step)
                    banner = f"[{numbers[step.id]}/{len(steps)}] {step.title}"
                    executors[step.id] = PlacedExecutor(places)
                    running[pool.submit(self._bring, step, banner, executors[step.id])] = step
                if not running:
                    break  # what waits needs something that failed, or the time is over
                ended, _ = wait(running, timeout=_LOOK_S, return_when=FIRST_COMPLETED)
                for future in ended:
                    outcome = future.result()
                    outcomes[running.pop(future).id] = outcome
                    self._tell(outcome)
                    if not outcome.good:
                        self.stop()
        return [outcomes.get(step.id, StepOutcome(step, "not begun")) for step in steps]

    def _tell(self, outcome: StepOutcome) -> None:
        """Say how long it will still take, where that is known better than before."""
        if self.forecast is not None and outcome.good:
            done = outcome.done
            self.forecast.ended(outcome.step, None if done is None else done.seconds)
            if done is not None:
                self.say(f"forecast: {self.forecast}")

    @contextmanager
    def _stopped_by_errors(self) -> Iterator[None]:
        """Let whatever interrupts the wait (Ctrl-C in a test) stop the steps that run."""
        try:
            yield
        except BaseException:
            self.stop()
            raise

    def _ready(
        self, waiting: Sequence[Step], running: dict[Future[StepOutcome], Step], places: int
    ) -> list[Step]:
        if self._is_over() or places <= 0:
            return []
        among = {step.id for step in (*waiting, *running.values())}
        logs = {self._log_of(step) for step in running.values()}
        ready: list[Step] = []
        for step in waiting:
            if len(ready) < places and not among.intersection(step.needs) and self._log_of(step) not in logs:
                logs.add(self._log_of(step))  # doses share the names of some logs: one writes at a time
                ready.append(step)
        return ready

    def _log_of(self, step: Step) -> Path:
        return step.spec(grace_s=self.grace_s).log

    def _is_over(self) -> bool:
        return self._over.is_set() or self.asked() or self.out_of_time()

    def _bring(self, step: Step, banner: str, executor: PlacedExecutor) -> StepOutcome:
        """Bring one step to its end, or as far as time allows."""
        try:
            outcome = self._brought(step, banner, executor)
        except (PtychoCompareError, OSError) as error:
            kind: Literal["input", "failed"] = "input" if isinstance(error, InputError) else "failed"
            outcome = StepOutcome(step, "failed", (Finding(kind, str(error)),))
        finally:
            executor.give_back()
        self.say(str(outcome))
        return outcome

    def _brought(self, step: Step, banner: str, executor: PlacedExecutor) -> StepOutcome:
        reasons, heading = step.why_not_done(), [_RULE, banner, _RULE]
        if not reasons or reasons[0].kind == "input":
            self.say("\n".join(heading))
            state: State = "failed" if reasons else "given" if step.given else "reused"
            return StepOutcome(step, state, tuple(reasons))
        heading += [f"set aside: {path}" for path in step.set_aside(self.archive)]
        if step.given:
            self.say("\n".join(heading))
            findings = tuple(step.seal(Ended("finished")))
            return StepOutcome(step, "failed" if findings else "given", findings)
        spec = step.spec(grace_s=self.grace_s)
        self.say("\n".join([*heading, f"log: {spec.log}"]))
        watched = step.watch()
        spec = replace(spec, rests_on=step.rests_on())
        with _alone_at(step, spec) as alone:
            while True:
                with suppress(BusyPlaceError):  # somebody makes it anew before it is recorded: joined in turn
                    if outcome := self._ended(step, spec, watched, executor, others=not alone):
                        return outcome

    def _ended(
        self, step: Step, spec: JobSpec, watched: WatchedFiles, executor: PlacedExecutor, *, others: bool
    ) -> StepOutcome | None:
        """Run a step's job, or join it, and record it; None where somebody's attempt rests on something else.

        Where `others` bring it too, what has ended well may not be recorded yet.
        """

        def is_done() -> bool:
            return step.is_made() or (others and ended_well_on(spec.files, spec.rests_on))

        ended = run_or_join(spec, executor, is_done=is_done, out_of_time=self._is_over)
        if ended.state == "not begun":
            return StepOutcome(step, "not begun")
        if ended.state == "finished":
            if self._is_anothers(step, spec):
                return None
            ended = replace(ended, record=ended.record or read_done(spec.files))
        if ended.state in ("running", "stopped"):
            findings = tuple(self._stalled(step)) if ended.state == "stopped" else ()
            return StepOutcome(step, "failed" if findings else "stopped", findings, ended.record)
        # outputs of another file than the one that is there now are of nobody's
        exchanged = [Finding("stale", f"{text}; run it again") for text in watched.exchanged()]
        findings = tuple(exchanged or step.seal(ended))
        return StepOutcome(step, "failed" if findings else "made", findings, ended.record)

    def _is_anothers(self, step: Step, spec: JobSpec) -> bool:
        """True where the attempt that ended was begun on something else, and nobody has recorded it since."""
        launch = read_launch(spec.files)
        return launch is not None and launch.rests_on != spec.rests_on and not step.is_made()

    def _stalled(self, step: Step) -> Iterator[Finding]:
        """Tell of attempts that gained nothing because the window is too short for the step."""
        count = read_progress(step.files.job).stalled
        # what was stopped because somebody asked for it could have gone on, and one before may have been
        if not self._over.is_set() and not self.asked() and count > ATTEMPTS_WITHOUT_PROGRESS:
            text = f"{count} attempts in a row were stopped and gained nothing; give it a longer window"
            yield Finding("stalled", f"{step.id}: {text}")


@contextmanager
def _alone_at(step: Step, spec: JobSpec) -> Iterator[bool]:
    """Show that a step is brought about in this block; False where somebody else shows that already."""
    with ExitStack() as shown:
        try:
            if spec.rests_on:  # of others there is no record
                shown.enter_context(locked(step.files.lock, timeout_s=0.0, required=False))
        except LockTakenError:
            yield False
        else:
            yield True
