"""A hub's reports against its tables of scores: each is made again and compared."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ptycho_compare.checks.check import Validation
from ptycho_compare.checks.remade import cannot_read, first_difference, named, rendered_again
from ptycho_compare.errors import InputError, ReportError
from ptycho_compare.finding import Finding
from ptycho_compare.hub import Hub
from ptycho_compare.hub.moments import UTC_SECONDS
from ptycho_compare.records.comparison_list import (
    JobList,
    Place,
    comparison_at,
    jobs_with_evidence,
    name_of,
    read_job_list,
)
from ptycho_compare.records.job_scores import BlankScoresError
from ptycho_compare.records.metrics_deltas import Deltas, deltas_of, read_deltas
from ptycho_compare.records.metrics_summary import read_summary, summarize
from ptycho_compare.records.phase_c_compliance import ToldHistory, history_of
from ptycho_compare.records.reading import unknown_key
from ptycho_compare.reporting.study.report import DIGEST_SECTIONS, missing_arms
from ptycho_compare.reporting.study.write_reports import (
    DIGEST,
    HIGHLIGHTS,
    REPORT,
    SUMMARY_TEXT,
    digest_of_summary,
)
from ptycho_compare.untrusted import regular
from ptycho_compare.untrusted.regular import read_log

_SUMMARIZE = SUMMARY_TEXT.made_by


def judge_summary(hub: Hub, *arms: str) -> list[Finding]:
    """Judge ``metrics_summary.json``: it is made again from the tables and compared.

    The `arms` must be in it with no score blank, beside those that it says itself. Findings are "blank" for
    each score that an arm lacks, "changed" where the file says something else than the tables.
    """
    path = hub.reports().summary
    try:
        found = read_summary(path)
        listed = _listed(hub, [job.place for job in found.jobs])
        expected = summarize(hub, listed, required=tuple(dict.fromkeys([*found.required_models, *arms])))
    except BlankScoresError as error:
        return [Finding("blank", str(blank), blank.arm) for blank in error.blanks]
    except InputError as error:
        return [cannot_read(error)]
    said, held = found.model_dump(mode="json"), regular.read_json(path)
    # another program's has keys of its own
    if "required_models" in held and (key := unknown_key(held, said)):
        return [Finding("changed", f"{path}: {key} is a key that nobody knows; run {_SUMMARIZE} again")]
    asked = expected.model_copy(update={"required_models": found.required_models})
    difference = first_difference(asked.model_dump(mode="json"), said)
    return [] if difference is None else [Finding("changed", f"{path}: {difference}; run {_SUMMARIZE} again")]


def _listed(hub: Hub, places: Sequence[Place]) -> JobList:
    if hub.comparison_manifest().is_file():
        return read_job_list(hub.comparison_manifest()).only(places)
    return jobs_with_evidence(hub, list(map(comparison_at, places)))


def comparison_list(hub: Hub, places: Sequence[Place]) -> Validation:
    """Judge the pipeline's list: it says that all of these comparisons succeeded."""
    path = hub.comparison_manifest()
    try:
        listed = read_job_list(path)
    except ReportError as error:
        return named(hub, "comparison manifest", path, [cannot_read(error)])
    there = {job.place for job in listed.jobs}
    findings = [*_strange_rows(hub, path, listed)]
    findings += [
        Finding("missing", f"{path}: does not list {name_of(place)}")
        for place in places
        if place not in there
    ]
    findings += [Finding("failed", f"{path}: {problem}") for problem in listed.problems()]
    if any(job.id for job in listed.jobs):  # another program's list has none
        key = unknown_key(regular.read_json(path), listed.model_dump(mode="json"))
        if key is not None:
            findings.append(
                Finding("changed", f"{path}: {key} is a key that nobody knows; run the pipeline again")
            )
    counts = {"n_jobs": listed.n_jobs, "n_success": listed.n_success, "n_failed": listed.n_failed}
    return named(hub, "comparison manifest", path, findings, **counts)


def _strange_rows(hub: Hub, path: Path, listed: JobList) -> Iterator[Finding]:
    """Yield rows that are of no comparison of this hub, or stand there twice."""
    for place, times in Counter(job.place for job in listed.jobs).items():
        if times > 1:
            yield Finding("changed", f"{path}: lists {name_of(place)} {times} times")
    for job in listed.jobs:
        usual = job.comparison.folder(hub)
        if job.id and job.id != job.comparison.id:
            yield Finding("changed", f"{path}: calls {job.name} {job.id!r}; run the pipeline again")
        if job.folder(hub) != usual:
            text = f"says that {job.name} lies in {job.output_dir}, and its place is {hub.relative(usual)}"
            yield Finding("changed", f"{path}: {text}; run the pipeline again")
        elif not usual.is_dir():
            yield Finding("changed", f"{path}: lists {job.name}, and the hub has no such comparison")
    jobs = {job.place for job in listed.jobs}
    for result in listed.execution_results:
        if result.place not in jobs:
            yield Finding("changed", f"{path}: tells how {result.name} ended, and does not list it")


def summary_json(hub: Hub, places: Sequence[Place]) -> Validation:
    """Judge the summary, and that these comparisons are in it."""
    path = hub.reports().summary
    findings = judge_summary(hub)
    if not findings:
        there = {job.place for job in read_summary(path).jobs}
        findings = [
            Finding("missing", f"{path}: has no {name_of(place)}; run {_SUMMARIZE} again")
            for place in places
            if place not in there
        ]
    return named(hub, "metrics summary JSON", path, findings)


def summary_text(hub: Hub) -> Validation:
    """Judge ``metrics_summary.md``: it says what the JSON says."""
    findings = list(rendered_again(hub, SUMMARY_TEXT))
    return named(hub, "metrics summary markdown", hub.reports().summary_text, findings)


def aggregate_highlights(hub: Hub) -> Validation:
    """Judge the report and its highlights: they say what the summary says, and no required arm is missing."""
    names = hub.reports()
    path = names.highlights
    findings = [*rendered_again(hub, HIGHLIGHTS), *rendered_again(hub, REPORT)]
    if not findings:
        findings = [
            Finding("missing", f"{path}: a required arm is missing", arm)
            for arm in missing_arms(read_summary(names.summary))
        ]
    return named(hub, "aggregate report and aggregate highlights", path, findings)


def metrics_digest(hub: Hub) -> Validation:
    """Judge the digest: it has its sections, and says what summary and highlights say."""
    path = hub.reports().digest
    findings = list(rendered_again(hub, DIGEST))
    text = read_log(path) if path.is_file() else ""
    headings = {line.strip() for line in text.splitlines()}
    missing = [heading for heading in DIGEST_SECTIONS if heading not in headings]
    if text and missing:
        findings.insert(0, Finding("missing", f"{path}: has no {', '.join(map(repr, missing))}"))
    return named(
        hub,
        "metrics digest",
        path,
        findings,
        missing_sections=missing,
        line_count=len(text.splitlines()),
        char_count=len(text),
    )


def phase_c_metadata(hub: Hub) -> Validation:
    """Judge the splits that the summary tells of by their scans, and that it says the same; one is needed."""
    path = hub.reports().summary
    findings: list[Finding] = []
    warnings: list[str] = []
    found: dict[str, bool] = {}
    try:
        for dose, splits in read_summary(path).phase_c_metadata_compliance.items():
            for split, told in splits.items():
                place = f"{dose}/{split}"
                history = _history(hub, dose, split)
                found[place] = told.compliant and not history.findings
                findings += history.findings
                warnings += history.warnings
                if told.compliant == bool(history.findings):
                    word = "" if told.compliant else "not "
                    text = f"{path}: says that phase C metadata of {place} are {word}compliant"
                    findings.append(Finding("changed", f"{text}; run {_SUMMARIZE} again"))
        findings += [] if found else [Finding("missing", f"{path}: tells of no split's metadata")]
    except ReportError as error:
        findings = [cannot_read(error)]
    bad = [name for name, compliant in found.items() if not compliant]
    row = named(
        hub,
        "Phase C metadata compliance",
        path,
        findings,
        total_splits=len(found),
        compliant_splits=len(found) - len(bad),
        non_compliant_splits=len(bad),
        non_compliant_list=bad,
    )
    return replace(row, warnings=warnings)


def _history(hub: Hub, dose: str, split: str) -> ToldHistory:
    number = dose.removeprefix("dose_")
    if not number.isdecimal() or Path(split).name != split:
        text = f"{hub.reports().summary}: tells of metadata of {dose}/{split}, which is no dose and split"
        return ToldHistory(findings=(Finding("changed", f"{text}; run {_SUMMARIZE} again"),))
    return history_of(hub, int(number), split)


def delta_summary(hub: Hub) -> Validation:
    """Judge the deltas: they are those of the summary that is there."""
    path = hub.reports().deltas
    try:
        findings = list(_of_deltas(hub, path, read_deltas(path)))
    except ReportError as error:
        findings = [cannot_read(error)]
    return named(hub, "metrics delta summary", path, findings)


def _of_deltas(hub: Hub, path: Path, found: Deltas) -> Iterator[Finding]:
    if not re.match(UTC_SECONDS, found.generated_at):
        yield Finding(
            "changed",
            f"{path}: generated_at '{found.generated_at}' is no UTC time such as 2026-11-23T10:04:11Z",
        )
    source = hub.relative(hub.reports().summary)
    if found.source_metrics != source:
        yield Finding("changed", f"{path}: source_metrics is '{found.source_metrics}'; expected '{source}'")
        return
    if found.source_sha256 not in ("", digest_of_summary(hub)):
        yield Finding("stale", f"{path}: was made from another {source}; run {REPORT.made_by} again")
    expected = deltas_of(read_summary(hub.reports().summary), source=source)
    difference = first_difference(expected.deltas, found.deltas, "deltas")
    if difference is not None:
        yield Finding("changed", f"{path}: {difference}; run {REPORT.made_by} again")
