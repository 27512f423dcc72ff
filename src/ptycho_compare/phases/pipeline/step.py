"""A step: one command of the pipeline, what it reads and what it must leave behind.

A finished step leaves a record: its fingerprint (digests of inputs, settings, code, libraries) and the
digests of its outputs. On the same fingerprint, with the outputs as they were written, it is not
run again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ptycho_compare.checks.blocker import EVERYTHING, Scope
from ptycho_compare.errors import HubError
from ptycho_compare.finding import Finding
from ptycho_compare.hub import Hub, StepFiles, utc_text
from ptycho_compare.jobs.claim import while_free
from ptycho_compare.jobs.progress import attempts_so_far
from ptycho_compare.jobs.record import DoneRecord, JobSpec, read_launch
from ptycho_compare.jobs.run_or_join import Ended
from ptycho_compare.records.step_record import StepFingerprint, StepRecord, read_step_record
from ptycho_compare.storage.files import digest_of
from ptycho_compare.storage.fingerprint import NUMERIC_LIBRARIES, Fingerprint
from ptycho_compare.storage.watched import WatchedFiles


class Step(Protocol):
    """What the pipeline asks of a step; comparisons are steps of their own kind."""

    @property
    def id(self) -> str:
        """Stable name, e.g. ``dose_1000-train-baseline``."""
        ...

    @property
    def title(self) -> str:
        """A line for people on what it does."""
        ...

    @property
    def kind(self) -> str:
        """Steps of one kind take about as long."""
        ...

    @property
    def needs(self) -> Sequence[str]:
        """Ids of steps that must be done before it."""
        ...

    @property
    def files(self) -> StepFiles:
        """Names of its records."""
        ...

    def spec(self, *, grace_s: float) -> JobSpec:
        """State how its command runs."""
        ...

    @property
    def given(self) -> bool:
        """True when nothing is run, because what it makes was brought from elsewhere."""
        ...

    @property
    def label(self) -> str:
        """What a failure is called in ``analysis/blocker.log``; empty for the command itself."""
        ...

    @property
    def scope(self) -> Scope:
        """The comparisons that cannot be counted where it fails."""
        ...

    def why_not_done(self) -> list[Finding]:
        """Say why what is there cannot be used as it is; empty when it can."""
        ...

    def is_made(self) -> bool:
        """Say if its command need not run; asked under the claim."""
        ...

    def rests_on(self) -> str:
        """Return a digest of all that its results depend on; empty where its command sees to that itself."""
        ...

    def set_aside(self, archive: Path) -> list[Path]:
        """Move away what it would overwrite; says what was moved."""
        ...

    def watch(self) -> WatchedFiles:
        """Digest what its command will read; a comparison's does so itself."""
        ...

    def seal(self, ended: Ended) -> list[Finding]:
        """Check what it left behind, and record it when all of it holds."""
        ...


def left_to_run(steps: Iterable[Step]) -> dict[str, str]:
    """Say of which steps something is left to do, by id, and why; `steps` are in the order of a plan.

    Behind a step that is run all are looked at again. One that is given leaves its files as they are.
    """
    left: dict[str, str] = {}
    run: set[str] = set()
    for step in steps:
        before = run.intersection(step.needs)
        if before:
            left[step.id] = f"after {', '.join(sorted(before))}"
        elif reasons := step.why_not_done():
            left[step.id] = str(reasons[0])
        if step.id in left and not step.given:
            run.add(step.id)
    return left


@dataclass(frozen=True)
class PhaseStep:
    """A step whose command makes files.

    Attributes
    ----------
    log_name : str
        Of its log in ``cli/``.
    inputs, outputs : tuple of Path
        What it reads, and what must be there when it has ended.
    settings : mapping
        What of the study it depends on.
    computed_by : str
        Module whose code its outputs rest on; empty for a lab's own command.
    libraries : tuple of str
        Distributions that its numbers depend on.
    check : callable
        Says what does not hold in the outputs.
    given : bool
        Whether its outputs come from elsewhere: then they are checked and recorded, and nothing is run.
    always : bool
        Whether it is run each time: what judges others may not rest on its own record.
    derived : bool
        Whether its outputs can be written anew from others at any time, so that nobody misses old ones.
    foreign : bool
        Whether its command is a lab's own, which does not ask for its claim.
    kind : str
        Steps of one kind take about as long.
    """

    hub: Hub
    id: str
    title: str
    command: tuple[str, ...]
    log_name: str
    inputs: tuple[Path, ...]
    outputs: tuple[Path, ...]
    settings: Mapping[str, Any]
    computed_by: str
    check: Callable[[], list[Finding]]
    libraries: tuple[str, ...] = NUMERIC_LIBRARIES
    needs: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    given: bool = False
    always: bool = False
    derived: bool = False
    foreign: bool = False
    label: str = ""
    kind: str = ""
    scope: Scope = EVERYTHING

    @property
    def files(self) -> StepFiles:
        """Names of its records."""
        return self.hub.step(self.id)

    def spec(self, *, grace_s: float) -> JobSpec:
        """State how its command runs."""
        return JobSpec(
            self.files.job.folder,
            self.command,
            self.hub.step_log(self.log_name),
            environment=self.environment,
            grace_s=grace_s,
            fenced=self.foreign,
        )

    def fingerprint(self) -> Fingerprint:
        """State what its outputs would rest on, made here and now.

        Raises HubError when an input is missing.
        """
        try:
            digests = {self.hub.relative(path): digest_of(path) for path in self.inputs}
        except OSError as error:
            raise HubError(f"{error.filename}: {error.strerror}, and {self.id} needs it") from None
        settings = {**self.settings, "given": self.given}
        return Fingerprint.here(digests, settings, computed_by=self.computed_by, libraries=self.libraries)

    def why_not_done(self) -> list[Finding]:
        """Say why what is there cannot be used as it is; empty when it can."""
        if self.always:
            return [Finding("missing", f"{self.id} is run each time")]
        record = self._record()
        try:
            fingerprint = self.fingerprint()
        except HubError as error:
            return [Finding("input", str(error))]
        if record is None:
            return [Finding("missing", f"{self.id} was not run in this hub")]
        differences = record.fingerprint.as_one().differences(fingerprint)
        if differences:
            return [Finding("stale", f"{self.files.record}: {difference}") for difference in differences]
        return [
            Finding("changed", f"{self.hub.root / name}: is not as {self.id} wrote it")
            for name, (sha256, _) in record.outputs.items()
            if not (self.hub.root / name).is_file() or digest_of(self.hub.root / name) != sha256
        ]

    def is_made(self) -> bool:
        """Say if its command need not run."""
        return not self.why_not_done()

    def rests_on(self) -> str:
        """Return a digest of its fingerprint; of a step that is run each time nothing is recorded."""
        return "" if self.always else self.fingerprint().digest

    def require_own_outputs(self) -> None:
        """See that nothing of somebody else's lies where it is to write.

        Raises HubError when an output is there that no attempt at this step can have written.
        """
        there = [path for path in self.outputs if path.exists()]
        if not there or self.derived or self.given or read_launch(self.files.job) is not None:
            return
        raise HubError(
            f"{there[0]}: is there, and {self.id} did not make it; take it as it is with --given, "
            "or archive all that is there with --clobber"
        )

    def set_aside(self, archive: Path) -> list[Path]:
        """Move finished outputs away before they are made again.

        Raises HubError when an output is there that no attempt at this step can have written.
        """
        there = [path for path in self.outputs if path.exists()]
        if self.derived or self.given or not there:
            return []
        self.require_own_outputs()
        if self._record() is None:
            return []  # an attempt was interrupted; what it left is its own
        self.files.record.unlink()
        for path in there:
            place = archive / self.hub.relative(path)
            place.parent.mkdir(parents=True, exist_ok=True)
            path.rename(place)
        return there

    def watch(self) -> WatchedFiles:
        """Digest its inputs; of a step that is run each time nothing is recorded."""
        inputs = () if self.always else self.inputs
        return WatchedFiles({self.hub.relative(path): path for path in inputs})

    def seal(self, ended: Ended) -> list[Finding]:
        """Check what it left behind, and record it when all of it holds.

        Raises BusyPlaceError where another process makes it anew by now: what that leaves counts.
        """
        if ended.findings:
            return list(ended.findings)
        missing = [path for path in self.outputs if not path.is_file()]
        findings = [Finding("missing", f"{path}: {self.id} left no such file") for path in missing]
        findings = findings or self.check()
        if findings:
            return findings
        judged = self._outputs()
        with while_free(self.files.job.claim):
            if self._outputs() != judged:  # cheap: a file that is as it was is not read again
                return [Finding("stale", f"{self.id} was made anew while it was judged; run it again")]
            self._write_record(ended.record)
        return []

    def _outputs(self) -> dict[str, tuple[str, int]]:
        """Digest and size of each output, by name."""
        return {self.hub.relative(path): (digest_of(path), path.stat().st_size) for path in self.outputs}

    def _write_record(self, done: DoneRecord | None) -> None:
        record = StepRecord(
            id=self.id,
            title=self.title,
            status="given" if self.given else "made",
            command=self.command,
            fingerprint=StepFingerprint(**self.fingerprint().to_json()),
            outputs=self._outputs(),
            attempts=attempts_so_far(self.files.job),
            seconds=0.0 if done is None else round(done.seconds, 3),
            cpu_s=0.0 if done is None else round(done.cpu_s, 3),
            peak_bytes=0 if done is None else done.peak_bytes,
            ended=utc_text(),
        )
        self.files.folder.mkdir(parents=True, exist_ok=True)
        record.write(self.files.record)

    def _record(self) -> StepRecord | None:
        return read_step_record(self.files.record)
