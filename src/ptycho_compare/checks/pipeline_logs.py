"""The pipeline's logs and step records: they show that every phase was run to its end."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from ptycho_compare.checks.check import Validation
from ptycho_compare.finding import Finding
from ptycho_compare.hub import Hub
from ptycho_compare.records.step_record import StepRecord, read_step_record
from ptycho_compare.storage.files import digest_of
from ptycho_compare.study import Study
from ptycho_compare.study.step import StudyStep
from ptycho_compare.study.steps import WHOLE_STUDY, CompareStep, is_of_the_study, transcript_name
from ptycho_compare.study.steps_in_cells import counted_steps
from ptycho_compare.untrusted.regular import read_log

HELPER_LOGS = ("aggregate_report_cli", "metrics_digest_cli", "ssim_grid_cli")
_SUCCESS = "SUCCESS: All phases completed"
_COMPLETE = re.compile(r"\bcomplete(d)?\b", re.IGNORECASE)  # "incomplete" is another word
_RUN = re.compile(r"^--- run of ", re.MULTILINE)
_FIRST_BANNER = re.compile(r"^(?=\[1/\d+\] )", re.MULTILINE)  # where transcripts do not tell runs apart
_BANNER = re.compile(r"^\[(\d+)/(\d+)\] ", re.MULTILINE)


def cli_logs(
    hub: Hub, dose: int, view: str, splits: Sequence[str], *, study: Study | None = None
) -> Validation:
    """Judge the transcript, the phases' logs or records, and the logs of the reporting commands.

    A hub with records of the study's steps is judged by them: a phase counts as run when a record vouches
    for each of its files by digest, and only what was made here must have a log. In a hub without, one of
    PtychoPINN's, each log must exist and say "complete". That all of it succeeded is said last, after the
    verification, and so is not asked for.
    """
    phases = counted_steps(hub, study, dose, view, splits)
    logs = {phase.id: _log_of(hub, phase, study) for phase in phases}
    transcripts = [hub.step_log(transcript_name(each)) for each in (view, WHOLE_STUDY)]
    # that of a run over the whole study serves as well; the one that has more of it is judged
    transcript = max(transcripts, key=lambda path: (path.is_file(), -_lacking(path, phases)))
    text = _text(transcript)
    banners = _missing_banners(text or "", len(phases))
    records = _records(hub)
    missing = [
        logs[phase.id]
        for phase in phases
        if not hub.step_log(logs[phase.id]).is_file()
        and (records is None or _is_made(phase.outputs(splits), hub, records))
    ]
    incomplete = [] if records is not None else _incomplete(hub, logs.values())
    helpers = {name: hub.step_log(name).is_file() for name in HELPER_LOGS}
    findings = (
        [] if text is not None else [Finding("missing", f"{transcript}: not found; the pipeline writes it")]
    )
    if text is not None and banners:
        findings.append(Finding("missing", f"{transcript}: has no banner {', '.join(banners)}"))
    findings += [Finding("missing", f"{hub.step_log(name)}: not found") for name in missing]
    findings += [
        Finding("missing", f"{hub.step_log(name)}: not found; the command writes it")
        for name, there in helpers.items()
        if not there
    ]
    findings += [Finding("failed", f"{hub.step_log(name)}: does not say 'complete'") for name in incomplete]
    if records is not None:
        findings += _of_records(hub, phases, splits, records, logs)
    details = {
        "found_logs": [hub.relative(transcript)] if text is not None else [],
        "missing_banners": banners,
        "has_success": _SUCCESS in (text or ""),
        "found_phase_logs": [name for name in logs.values() if hub.step_log(name).is_file()],
        "missing_phase_logs": missing,
        "found_helper_logs": [name for name, there in helpers.items() if there],
        "missing_helper_logs": [name for name, there in helpers.items() if not there],
        "incomplete_phase_logs": incomplete,
        "step_records": sorted(records or {}),
    }
    return Validation("CLI orchestrator logs", hub.relative(transcript), findings, details)


def _lacking(transcript: Path, phases: Sequence[StudyStep]) -> int:
    return len(_missing_banners(_text(transcript) or "", len(phases)))


def _missing_banners(text: str, phases: int) -> list[str]:
    """Name the phases' banners that the last run in a transcript lacks; it may have more steps."""
    last = re.split(_RUN if re.search(_RUN, text) else _FIRST_BANNER, text)[-1]
    found = {int(number): int(total) for number, total in _BANNER.findall(last)}
    total = max([phases, *found.values()])
    return [f"[{number}/{total}]" for number in range(1, phases + 1) if found.get(number) != total]


def _is_made(outputs: Sequence[Path], hub: Hub, records: Mapping[str, StepRecord | None]) -> bool:
    """True when a command of this hub's pipeline made the files of a phase, and so has left a log."""
    names = {hub.relative(path) for path in outputs}
    return any(each is not None and each.status == "made" and names & each.outputs.keys()
               for each in records.values())  # fmt: skip


def _log_of(hub: Hub, phase: StudyStep, study: Study | None) -> str:
    """Name a phase's log; one that all doses share, as PtychoPINN's tools have it, serves as well."""
    name = phase.log_name_in(study)
    return (
        name if hub.step_log(name).is_file() or not hub.step_log(phase.log_name).is_file() else phase.log_name
    )


def _incomplete(hub: Hub, names: Iterable[str]) -> list[str]:
    """Name the phases whose log does not say that they came to their end."""
    texts = {name: _text(hub.step_log(name)) for name in names}
    return [name for name, text in texts.items() if text is not None and not _COMPLETE.search(text)]


def _records(hub: Hub) -> dict[str, StepRecord | None] | None:
    """Read the records of the study's steps, by step; None where none of them was run in this hub.

    Of a step without a readable record there is None. Steps of a lab's own say nothing of how the phases
    were made.
    """
    folders = sorted(path for path in hub.step("").folder.glob("dose_*") if path.is_dir())
    steps = [folder.name for folder in folders if is_of_the_study(folder.name)]
    if not steps:
        return None
    return {step: read_step_record(hub.step(step).record) for step in steps}


def _of_records(
    hub: Hub,
    phases: Sequence[StudyStep],
    splits: Sequence[str],
    records: Mapping[str, StepRecord | None],
    logs: Mapping[str, str],
) -> Iterator[Finding]:
    made = [record for record in records.values() if record is not None]
    vouched = {name: sha256 for record in made for name, (sha256, _) in record.outputs.items()}
    for phase in phases:
        for path in phase.outputs(splits):
            if not isinstance(phase, CompareStep):
                yield from _of_output(path, vouched.get(hub.relative(path)), logs[phase.id])
            elif not path.is_file():  # a comparison's evidence is its record
                yield Finding("missing", f"{path}: not found; {logs[phase.id]} has not come to its end")


def _of_output(path: Path, sha256: str | None, phase: str) -> Iterator[Finding]:
    if sha256 is None:
        yield Finding("missing", f"{path}: no record of a finished step vouches for it ({phase})")
    elif not path.is_file():
        yield Finding("missing", f"{path}: not found, and the record of its step lists it ({phase})")
    elif digest_of(path) != sha256:
        yield Finding("changed", f"{path}: differs from the digest in the record of its step ({phase})")


def _text(path: Path) -> str | None:
    return read_log(path) if path.is_file() else None
