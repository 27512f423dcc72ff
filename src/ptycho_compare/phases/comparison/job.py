"""One comparison of a study as a job: how it is started, how far it is, and how it ended."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from pydantic import ValidationError

from ptycho_compare.checks import judge_comparison, stale
from ptycho_compare.checks.job_records import judge_job_of
from ptycho_compare.errors import HubError, InputError
from ptycho_compare.finding import Finding
from ptycho_compare.hub import Artifacts, Hub, JobFiles
from ptycho_compare.jobs.claim import Claim, living_claim
from ptycho_compare.jobs.pace import Pace
from ptycho_compare.jobs.progress import AttemptProgress, JobProgress, attempts_so_far, read_progress
from ptycho_compare.jobs.record import DoneRecord, JobSpec
from ptycho_compare.jobs.run_or_join import Ended
from ptycho_compare.models.engines import libraries_of
from ptycho_compare.phases.comparison import COMPUTED_BY
from ptycho_compare.phases.comparison.inputs import input_files
from ptycho_compare.phases.comparison.paces import Paces
from ptycho_compare.phases.comparison.request import CompareRequest, request_of, scoring_of
from ptycho_compare.phases.comparison.sharing import Shard
from ptycho_compare.records.manifest import read_manifest
from ptycho_compare.storage.files import digest_of
from ptycho_compare.storage.fingerprint import Fingerprint
from ptycho_compare.study import Comparison, Study, doses_of

ADOPTION = "adoption"
"""Kind of a job that takes results over instead of computing them."""
_NOT_GREEN = 1  # exit status of a command that came to its end


@dataclass(frozen=True)
class ComparisonJob:
    """One comparison of a study in a hub; the file that the study was read from is part of its command.

    Attributes
    ----------
    paces : Paces
        What the study's comparisons took; jobs that share it read that once.
    """

    hub: Hub
    study: Study
    study_file: Path
    comparison: Comparison
    paces: Paces = field(default_factory=Paces, compare=False, repr=False)

    @property
    def id(self) -> str:
        """The comparison's."""
        return self.comparison.id

    @property
    def folder(self) -> Path:
        """Where its evidence lies."""
        return self.comparison.folder(self.hub)

    @property
    def files(self) -> JobFiles:
        """Records of its attempts."""
        return Artifacts(self.folder).job

    @property
    def log(self) -> Path:
        """Output of its command, attempt after attempt."""
        return self.hub.command_log(self.id)

    @property
    def required_arms(self) -> tuple[str, ...]:
        """Arms that must be alive and scored."""
        return self.study.tiers[self.comparison.tier].required_arms

    @cached_property
    def request(self) -> CompareRequest:
        """The request that it computes; raises HubError when a required reconstruction is missing."""
        return request_of(self.hub, self.study, self.comparison)

    @property
    def command(self) -> tuple[str, ...]:
        """Argument list that computes it, as it can be typed."""
        return self._command("compare", self.id)

    def _command(self, *words: str) -> tuple[str, ...]:
        return (
            *(sys.executable, "-m", "ptycho_compare.cli.ptycho_hub", *words),
            *("--hub", str(self.hub.root), "--study", str(self.study_file)),
        )

    def spec(
        self,
        *,
        command: tuple[str, ...] | None = None,
        adopted_from: Path | None = None,
        environment: Mapping[str, str] | None = None,
        detached: bool = False,
        deadline_s: float | None = None,
        grace_s: float = 10.0,
        slots: int | None = None,
    ) -> JobSpec:
        """State how it is to run; see `JobSpec`.

        `command` stands in place of its own; results in the folder `adopted_from`
        are verified and taken over instead.
        """
        if adopted_from is not None:
            command = self._command("adopt", str(adopted_from), self.id)
        return JobSpec(
            self.files.folder,
            command or self.command,
            self.log,
            environment=environment or {},
            detached=detached,
            deadline_s=deadline_s,
            grace_s=grace_s,
            slots=slots,
            slots_folder=self.hub.slots(),
            kind="" if adopted_from is None else ADOPTION,
        )

    def shard_spec(self, shard: Shard) -> JobSpec:
        """State how one of its shards is to run: a job of its own, its records among the comparison's."""
        command = self._command("compare", self.id, "--shard", str(shard))
        return JobSpec(shard.job(self.files).folder, command, shard.output(self.files))

    def fingerprint(self) -> Fingerprint:
        """Return the fingerprint of evidence computed here and now; reads every input once.

        Raises InputError when an input is missing.
        """
        if (there := self.hub.doses()) and self.comparison.dose not in there:
            doses = doses_of(self.hub, self.study)
            raise HubError(
                f"{self.hub.root}: {self.study_file} {doses}; {self.id} has nothing to be made from"
            )
        try:
            files = input_files(self.request)
            digests = {name: digest_of(path) for name, path in files.items()}
        except OSError as error:
            raise HubError(f"{error.filename}: {error.strerror}, and {self.id} needs it") from None
        settings = self.request.settings()
        libraries = libraries_of(settings, files.values())
        return Fingerprint.here(
            digests,
            settings,
            computed_by=COMPUTED_BY,
            libraries=libraries,
            of_own=self.request.reconstructor_versions(),
        )

    def why_not_ready(self) -> list[Finding]:
        """Say which of its inputs are not there; empty when it can begin."""
        try:
            self.fingerprint()
        except InputError as error:
            return [Finding("missing", str(error))]
        return []

    def judge(self, *, arrays: bool = True) -> list[Finding]:
        """Say what does not hold in the evidence and the records of its job, by the study's limits."""
        limits = scoring_of(self.study).placing.limits
        found = judge_comparison(self.folder, required=self.required_arms, limits=limits, arrays=arrays)
        try:
            return [*found, *judge_job_of(self.folder, read_manifest(Artifacts(self.folder).manifest))]
        except (OSError, ValidationError):
            return found  # which says so

    def why_not_current(self) -> list[Finding]:
        """Say why there is no evidence of just these inputs, settings and code; empty when there is."""
        if not Artifacts(self.folder).manifest.exists():
            return [Finding("missing", f"{self.id} was not computed in this hub")]
        try:
            return list(stale(self.folder, self.fingerprint()))
        except InputError as error:
            return [Finding("input", str(error))]

    def why_not_done(self) -> list[Finding]:
        """Say why the evidence that is there cannot be used as it is; empty when it is current and green."""
        return self.why_not_current() or self.judge()

    def is_done(self) -> bool:
        """Say if there is evidence of just these inputs, settings and code, and it is green."""
        return not self.why_not_done()

    def conclude(self, ended: Ended) -> Ended:
        """Say how the comparison ended, where it is known how its command did: by the evidence it left.

        It is ``finished`` when its evidence is current and green, whatever stopped the command afterwards.
        """
        record = ended.record
        if ended.state == "stopped" and record is not None:
            return replace(ended, state="finished") if self.is_done() and self._was_made_by(record) else ended
        if record is None or record.returncode not in (0, _NOT_GREEN):
            return ended
        if record.kind == ADOPTION and record.returncode != 0:
            return replace(ended, state="refused", findings=(Finding("adoption", record.last_line),))
        # without a finding in the evidence, the command ended by a fault of its own and left it as it was
        findings = tuple(self.judge() or self.why_not_current()) or ended.findings
        return replace(ended, state="failed" if findings else "finished", findings=findings)

    def _was_made_by(self, record: DoneRecord) -> bool:
        """Say if an attempt made the evidence that is there, by what both say of it, whatever clocks say.

        An adoption takes over what another hub's attempts made.
        """
        if record.kind == ADOPTION:
            return True
        names = ("attempt", "launched")
        made = [
            [each.get(name) for name in names]
            for each in read_manifest(Artifacts(self.folder).manifest).attempts
        ]
        known = [[each[name] for name in names] for each in attempts_so_far(self.files)]
        return any(each[0] == record.attempt and each in known for each in made[-1:])

    def prerequisite(self) -> ComparisonJob | None:
        """Return the comparison that must be green before this one starts, if there is one."""
        before = self.study.prerequisite_of(self.comparison)
        return None if before is None else replace(self, comparison=before)

    def state(self) -> JobState:
        """Say how far it is and what is left to do, from its records; nothing is run."""
        progress = read_progress(self.files)
        held = self.files.checkpoints.exists()  # a finished job has none any more
        remaining = {name: part.total - (part.saved if held else 0) for name, part in progress.parts.items()}
        if not remaining:
            remaining = self._expected()
        pace = self.paces.of(self.hub, self.study, self.comparison, progress)
        claim = living_claim(self.files.claim)
        return JobState(progress, remaining, pace, claim, self.study.tiers[self.comparison.tier].chunk)

    def _expected(self) -> dict[str, int]:
        """Patches per part before any attempt has counted them, from the tier before."""
        before = self.prerequisite()
        if before is None:
            return {}
        try:
            images = read_manifest(Artifacts(before.folder).manifest).plan["images_in_scan"]
        except (OSError, ValidationError, KeyError):
            return {}
        groups = min(self.study.tiers[self.comparison.tier].groups or images, images)
        return dict.fromkeys(read_progress(before.files).parts, groups)


@dataclass(frozen=True)
class JobState:
    """How far a comparison is.

    Attributes
    ----------
    remaining : dict
        Patches not yet safe, by part; empty when they were never counted.
    pace : Pace or None
        None when nothing of its kind was ever measured.
    claim : Claim or None
        Of the process that works at it now.
    chunk : int
        Groups in a chunk.
    """

    progress: JobProgress
    remaining: Mapping[str, int]
    pace: Pace | None
    claim: Claim | None
    chunk: int

    @property
    def running(self) -> bool:
        """True while a process works at it."""
        return self.claim is not None

    @property
    def died(self) -> AttemptProgress | None:
        """The newest attempt, where it ended without a record."""
        last = self.progress.attempts[-1] if self.progress.attempts else None
        return last if last is not None and last.ended is None and not self.running else None

    @property
    def forecast_s(self) -> float | None:
        """Seconds until it is finished, if one attempt does it; None when unknown."""
        return self.pace.forecast_s(self.remaining) if self.pace is not None and self.remaining else None

    @property
    def least_s(self) -> float | None:
        """Seconds without which an attempt gains nothing; None when unknown."""
        return self.pace.least_s(self.remaining, units=self.chunk) if self.pace and self.remaining else None

    @property
    def total(self) -> int:
        """Patches in all, as far as they were counted."""
        return self.progress.total or sum(self.remaining.values())

    @property
    def saved(self) -> int:
        """Patches that need not be computed again."""
        return self.total - sum(self.remaining.values())
