"""Results that were computed elsewhere become this hub's evidence, after they were verified.

Nothing in them is believed: digests, inputs, settings, plan, canvases and scores are compared
with what is here. What fails is refused with its reason, and the hub stays as it was.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from ptycho_compare.checks import judge_comparison
from ptycho_compare.checks.freshness import other_definitions
from ptycho_compare.errors import AdoptionError, InputError, first_of
from ptycho_compare.hub import Artifacts, utc_text
from ptycho_compare.jobs.context import JobContext, job_context
from ptycho_compare.phases.comparison.compare import open_setting
from ptycho_compare.phases.comparison.inputs import input_files, inspect_inputs
from ptycho_compare.phases.comparison.job import ComparisonJob
from ptycho_compare.phases.comparison.made_again import evidence_differences, made_again, pieces_again
from ptycho_compare.phases.comparison.publish import left_by_others
from ptycho_compare.phases.comparison.request import scoring_of
from ptycho_compare.phases.comparison.stored import stored_plan_differs
from ptycho_compare.reconstruction.user_made import UserSource
from ptycho_compare.records.adoption import AdoptionRecord, whoever
from ptycho_compare.records.manifest import MANIFEST_DIGEST, Manifest, read_manifest
from ptycho_compare.storage.files import digest_of

PIECES = 3
"""How many windows of each network's canvas are computed again."""
_PROGRAMS = ("ptycho-hub", "compare_models")


def results_in(source: Path, job: ComparisonJob) -> Path | None:
    """Find a comparison's results in another hub; None when it holds none."""
    folder = source / job.folder.relative_to(job.hub.root)
    return folder if Artifacts(folder).manifest.is_file() else None


def adopt(job: ComparisonJob, source: Path, *, pieces: int = PIECES) -> AdoptionRecord:
    """Verify results made elsewhere and take them over.

    Parameters
    ----------
    pieces : int
        Windows of each network's canvas that are computed again, at random places.

    Raises
    ------
    AdoptionError
        They do not hold; the message says what was found.
    InputError
        The comparison's own inputs are missing or damaged.
    """
    with job_context(job.files) as context:
        staging = job.files.folder / "adopting"
        shutil.rmtree(staging, ignore_errors=True)  # an interrupted adoption's
        theirs = staging / "theirs"
        try:
            manifest = _copy(source, theirs)
            record = _verified(job, source, theirs, manifest, context, pieces)
            with context.publishing():
                _take_over(job, theirs, record, context)
        except AdoptionError as error:  # what was looked at is a copy, and gone when somebody reads this
            raise AdoptionError(str(error).replace(str(theirs), str(source))) from None
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    return record


def _copy(source: Path, theirs: Path) -> Manifest:
    """Copy the listed files, so that what is verified is what is taken."""
    names = Artifacts(theirs)
    theirs.mkdir(parents=True)
    try:
        shutil.copyfile(Artifacts(source).manifest, names.manifest)
        manifest = read_manifest(names.manifest)
    except OSError as error:
        raise AdoptionError(f"{names.manifest}: {error.strerror}: these results are not complete") from None
    except ValidationError as error:
        raise AdoptionError(f"{names.manifest}: is no manifest ({error.error_count()} problems)") from None
    needed = {path.name for path in (names.metrics, names.differences, names.reconstructions, names.plan)}
    if missing := needed - set(manifest.artifacts):
        raise AdoptionError(f"{names.manifest}: lists no {', '.join(sorted(missing))}")
    for path in _files(source, manifest):
        target = theirs / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    return manifest


def _files(folder: Path, manifest: Manifest) -> Iterator[Path]:
    """List what is taken over besides the manifest: files of that very folder, each once, and the log."""
    names, root = Artifacts(folder), folder.resolve()
    reserved = {names.manifest, names.adoption}
    paths = [folder / name for name in manifest.artifacts]
    for path, (name, record) in zip(paths, manifest.artifacts.items(), strict=True):
        if record.path != name or path.parent != folder or path in reserved:
            raise AdoptionError(f"{names.manifest}: lists {record.path!r}, which is no artifact")
    for path in [*paths, *([names.log] if names.log.exists() else [])]:
        if not path.is_file():
            raise AdoptionError(f"{path}: the manifest lists it and it is not there")
        if path.resolve() != root / path.relative_to(folder):
            raise AdoptionError(f"{path}: is a link, and only files are taken over")
        yield path


def _verified(
    job: ComparisonJob, source: Path, theirs: Path, manifest: Manifest, context: JobContext, pieces: int
) -> AdoptionRecord:
    """Compare everything with what is here; the record of what was compared."""
    for arm in job.request.arms:
        if isinstance(arm.source, UserSource):  # nothing says how to make a piece of what it gave
            raise AdoptionError(
                f"{source}: {arm.name} is made by a user's own code, which cannot be verified"
            )
    _require_same_fingerprint(job, source, manifest)
    findings = judge_comparison(
        theirs, required=job.required_arms, limits=scoring_of(job.study).placing.limits
    )
    if findings:
        raise AdoptionError(f"{source}: {first_of(findings)}")
    inputs = inspect_inputs(job.request)
    seed = secrets.randbits(32)  # not to be guessed by whoever made the results
    names = Artifacts(theirs)
    with open_setting(job.request, inputs, spool_folder=theirs.parent) as (setting, warnings):
        if differs := stored_plan_differs(names.plan, setting.plan):
            raise AdoptionError(f"{names.plan}: {differs}")
        context.step("recomputing pieces")
        generator = np.random.default_rng(seed)
        found = list(pieces_again(inputs, names, setting, pieces=pieces, generator=generator))
        context.step("scoring")
        result = made_again(inputs, names, manifest, setting, warnings)
        rescored = theirs.with_name("rescored")
        rescored.mkdir()
        files = input_files(job.request)
        if differs := next(evidence_differences(names, manifest, result, rescored, inputs=files), ""):
            raise AdoptionError(f"scores do not follow from the canvases: {differs}")
    user, host = whoever()
    return AdoptionRecord(
        adopted=utc_text(to="microseconds"),
        by=user,
        host=host,
        source=str(source.resolve()),
        made={
            "command": manifest.command,
            "started": manifest.started,
            "finished": manifest.finished,
            "attempts": manifest.attempts,
            "versions": manifest.versions,
            "code": manifest.code,
        },
        pieces=[asdict(piece) for piece in found],
        seed=seed,
        tables=[names.metrics.name, names.differences.name],
    )


def _require_same_fingerprint(job: ComparisonJob, source: Path, manifest: Manifest) -> None:
    program = Path(manifest.command[0]).name if manifest.command else ""
    if program not in _PROGRAMS:
        raise AdoptionError(f"{source}: made by {program or 'no command'}; needed: {' or '.join(_PROGRAMS)}")
    if program == "ptycho-hub" and job.id not in manifest.command:
        raise AdoptionError(f"{source}: made by '{' '.join(manifest.command)}', which is not {job.id}")
    here = job.fingerprint()
    if differs := other_definitions(manifest, here):
        raise AdoptionError(f"{source}: {differs}; compare again")
    differences = manifest.fingerprint().differences(here, made_elsewhere=True)
    if differences:
        raise AdoptionError(
            f"{source}: not of the inputs and settings that are here: {'; '.join(differences)}"
        )


def _take_over(job: ComparisonJob, theirs: Path, record: AdoptionRecord, context: JobContext) -> None:
    """Put the verified files in place: the old manifest goes first, the new one comes last."""
    names = Artifacts(job.folder)
    taken = {
        path: job.folder / path.relative_to(theirs)
        for path in _files(theirs, read_manifest(Artifacts(theirs).manifest))
    }
    try:
        names.manifest.unlink(missing_ok=True)
        for path, target in taken.items():
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
        for stale in left_by_others(names) - set(taken.values()):
            stale.unlink(missing_ok=True)
        record.write(names.adoption)
        manifest = Artifacts(theirs).manifest
        digests = {"record_sha256": digest_of(names.adoption), MANIFEST_DIGEST: digest_of(manifest)}
        context.noted("adopted", source=record.source, **digests)
        manifest.replace(names.manifest)
    except OSError as error:
        raise InputError(f"{error.filename}: {error.strerror}") from error
