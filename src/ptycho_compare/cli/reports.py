"""`ptycho-hub summarize | report | digest | ssim-grid`: what all comparisons of a hub come to.

Each takes ``--hub`` and finds its files there; a file can be named in their place, as PtychoPINN's own
tools take them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from ptycho_compare.checks.grounds import judge_grounds
from ptycho_compare.cli.exit_codes import ExitCode
from ptycho_compare.cli.place_arguments import (
    OPTIONAL_STUDY,
    add_hub,
    hub_of,
    local_path,
    named_hub,
    require_of_study,
)
from ptycho_compare.errors import InputError, MissingReportError, ReportError, ResultsError
from ptycho_compare.finding import Finding
from ptycho_compare.hub import FULL_TIER, Hub, ReportFiles, utc_now
from ptycho_compare.records.arm_names import STUDY_ARMS
from ptycho_compare.records.comparison_list import Place, jobs_of
from ptycho_compare.records.job_scores import BlankScore, BlankScoresError
from ptycho_compare.records.metrics_summary import read_summary
from ptycho_compare.records.reading import read_text
from ptycho_compare.reporting.study.deltas import PreviewError, delta_highlights
from ptycho_compare.reporting.study.report import (
    FAILURES,
    digest_markdown,
    failure_line,
    highlights_text,
    missing_arms,
    report_markdown,
)
from ptycho_compare.reporting.study.write_reports import (
    SSIM_GRID,
    digest_references,
    persist_deltas,
    publish_summary,
)
from ptycho_compare.storage.files import write_text_atomic
from ptycho_compare.study import LOW_MS_SSIM, Comparison, Study, study_if_any

_NONE_MADE = "no report is made of this:"


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the commands."""
    _add_summarize(commands)
    _add_report(commands)
    _add_digest(commands)
    grid = commands.add_parser(
        "ssim-grid",
        help="write the phase deltas as tables",
        epilog="exit status: 0 written, 1 the preview speaks of amplitudes, or what it rests on does not "
        "hold, 2 deltas or preview are missing or damaged",
    )
    add_hub(grid)
    grid.add_argument("--output", type=local_path, help="default: analysis/ssim_grid_summary.md")
    grid.set_defaults(run=_ssim_grid)


def _add_summarize(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "summarize",
        help="gather the scores of all comparisons",
        epilog="exit status: 0 written, 1 a comparison failed, is missing or left a required score blank "
        "(then with a note in red/), 2 bad input",
    )
    add_hub(parser)
    parser.add_argument("--study", type=local_path, metavar="FILE", help=OPTIONAL_STUDY)
    parser.add_argument("--dose", type=int, help="default: all that were compared")
    parser.add_argument("--view", help="default: all that were compared")
    parser.add_argument("--splits", dest="split", nargs="+", help="default: all of the study")
    parser.set_defaults(run=_summarize)


def _add_report(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "report",
        help="print averages and differences of the arms, and write them into the hub",
        epilog="exit status: 0 written, 1 a required arm is missing, or what it rests on does not hold, "
        "2 the summary is missing or damaged; an "
        "arm below the threshold changes nothing",
    )
    parser.add_argument("--hub", type=local_path, help="the hub's folder")
    parser.add_argument("--study", type=local_path, metavar="FILE", help=OPTIONAL_STUDY)
    parser.add_argument(
        "--metrics", type=local_path, help="default: analysis/metrics_summary.json of the hub"
    )
    parser.add_argument("--output", type=local_path, help="default: analysis/aggregate_report.md of the hub")
    parser.add_argument("--highlights", type=local_path, help="default: analysis/aggregate_highlights.txt")
    text = f"mean MS-SSIM below which an arm is low (default: the study's, else {LOW_MS_SSIM:g})"
    parser.add_argument("--ms-ssim-threshold", type=_threshold, metavar="S", help=text)
    parser.set_defaults(run=_report)


def _add_digest(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "digest",
        help="write one page on all comparisons",
        epilog="exit status: 0 written, 1 comparisons failed (written all the same), an input is missing, or "
        "what it rests on does not hold, 2 an input is damaged or the page cannot be written",
    )
    parser.add_argument("--hub", type=local_path, help="the hub's folder")
    parser.add_argument(
        "--metrics", type=local_path, help="default: analysis/metrics_summary.json of the hub"
    )
    parser.add_argument("--highlights", type=local_path, help="default: analysis/aggregate_highlights.txt")
    parser.add_argument("--output", type=local_path, help="default: analysis/metrics_digest.md of the hub")
    parser.set_defaults(run=_digest)


def _summarize(arguments: argparse.Namespace, words: Sequence[str]) -> ExitCode:
    hub = hub_of(arguments)
    study, file = study_if_any(hub, arguments.study)
    required: Sequence[str] = STUDY_ARMS
    comparisons = None
    if study is not None:
        require_of_study(study, file, arguments)
        required = study.tiers[FULL_TIER].required_arms if FULL_TIER in study.tiers else STUDY_ARMS
        comparisons = [each for each in study.comparisons() if each.tier == FULL_TIER]

    def asked(place: Place) -> bool:
        dose, view, split, _ = place
        wanted = (arguments.dose in (None, dose), arguments.view in (None, view))
        return all(wanted) and split in (arguments.split or [split])

    try:
        listed = jobs_of(hub, comparisons, asked=asked)
        if study is not None:
            _require_grounds(hub, study, [job.comparison for job in listed.jobs])
        summary = publish_summary(hub, listed, required=required)
    except BlankScoresError as error:
        return _blank(hub, error.blanks, words)
    except ResultsError as error:
        return _failed(str(error))
    names = hub.reports()
    print(f"{summary.n_jobs} comparisons, arms {', '.join(summary.arms)}")
    print("\n".join(f"wrote {hub.relative(path)}" for path in (names.summary, names.summary_text)))
    return ExitCode.OK


def _require_grounds(hub: Hub, study: Study, comparisons: Sequence[Comparison]) -> None:
    """Compute again what a report is to rest on: one made of a forged table would lend it credit.

    Figures are left to `verify`: no report rests on them.

    Raises ResultsError, which names what does not hold, where some of it does not.
    """
    from ptycho_compare.phases.comparison.verified import Recomputation  # no other report computes

    recompute = Recomputation(hub, study, figures=False)
    there = [each for each in comparisons if recompute.is_there(each)]
    findings = [finding for each in there for finding in recompute.alone(each)]
    if findings:
        raise ResultsError("\n".join([_NONE_MADE, *map(str, findings)]))


def _unsound(hub: Hub | None, named: Path | None = None) -> str:
    """Say what does not hold in what a report rests on, by its records; empty for a file that was named."""
    findings = [] if hub is None or named is not None else judge_grounds(hub)
    return "\n".join([_NONE_MADE, *map(str, findings)]) if findings else ""


def _blank(hub: Hub, blanks: Sequence[BlankScore], words: Sequence[str]) -> ExitCode:
    """Say what is blank, and why the study stands still."""
    from ptycho_compare.checks.blocker import topic_of, write_blocker

    findings = [Finding("blank", str(blank), blank.arm) for blank in blanks]
    job = blanks[0].job
    comparison = job.comparison
    note = write_blocker(
        hub,
        topic_of(findings) or "blank_scores",
        findings,
        comparison_id=comparison.id,
        command=["ptycho-hub", *words],
        returncode=ExitCode.FAILED,
        folder=job.folder(hub),
        command_log=hub.command_log(comparison.id),
        moment=utc_now(),
    )
    return _failed("\n".join([f"note: {hub.relative(note)}", *map(str, findings)]))


def _report(arguments: argparse.Namespace, _words: Sequence[str]) -> ExitCode:
    hub = _hub(arguments)
    if unsound := _unsound(hub, arguments.metrics):
        return _failed(unsound)
    summary = read_summary(_needed("--metrics", arguments.metrics, hub, lambda names: names.summary))
    missing = missing_arms(summary)
    if missing:
        return _failed(f"missing: {', '.join(missing)}; available: {', '.join(summary.arms) or 'none'}")
    threshold = _threshold_of(hub, arguments)
    report = report_markdown(summary, threshold=threshold)
    print(report)
    _write(_file(arguments.output, hub, lambda names: names.report), report)
    highlights = highlights_text(summary, threshold=threshold)
    _write(_file(arguments.highlights, hub, lambda names: names.highlights), highlights)
    if hub is not None and arguments.metrics is None:
        print(f"Key Metrics Deltas\n{delta_highlights(persist_deltas(hub))}", end="")
    return ExitCode.OK


def _threshold(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 0 to 1")
    return value


def _threshold_of(hub: Hub | None, arguments: argparse.Namespace) -> float:
    """Return the one that was given, or that of the study, which the gate takes too."""
    given: float | None = arguments.ms_ssim_threshold
    if given is not None:
        return given
    if arguments.study is not None and hub is None:
        raise InputError("--study: without --hub there is nothing that it is about; give --ms-ssim-threshold")
    study = None if hub is None else study_if_any(hub, arguments.study)[0]
    return LOW_MS_SSIM if study is None else study.acceptance.ms_ssim


def _digest(arguments: argparse.Namespace, _words: Sequence[str]) -> ExitCode:
    hub = _hub(arguments)
    if unsound := _unsound(hub, arguments.metrics):
        return _failed(unsound)
    source = _needed("--highlights", arguments.highlights, hub, lambda names: names.highlights)
    output = _needed("--output", arguments.output, hub, lambda names: names.digest)
    try:
        summary = read_summary(_needed("--metrics", arguments.metrics, hub, lambda names: names.summary))
        highlights = read_text(source, made_by="ptycho-hub report")
    except MissingReportError as error:
        return _failed(str(error))
    try:
        text = digest_markdown(summary, highlights, references=digest_references(hub or Hub(Path())))
    except ReportError as error:
        raise ReportError(f"{source}: {error}") from None
    print(text)
    _write(output, text)
    return _failed(f"{FAILURES}\n{failure_line(summary)}") if summary.n_failed else ExitCode.OK


def _ssim_grid(arguments: argparse.Namespace, _words: Sequence[str]) -> ExitCode:
    hub = hub_of(arguments)
    if unsound := _unsound(hub):
        return _failed(unsound)
    try:
        path = SSIM_GRID.write(hub, output=arguments.output)
    except PreviewError as error:
        return _failed(str(error))
    print(f"wrote {hub.relative(path)}")
    return ExitCode.OK


def _hub(arguments: argparse.Namespace) -> Hub | None:
    """Open the hub that the command line names or, where it names no file in its place, the environment."""
    if arguments.hub is None and arguments.metrics is None:
        arguments.hub = named_hub()
    return None if arguments.hub is None else hub_of(arguments)


def _file(named: Path | None, hub: Hub | None, usual: Callable[[ReportFiles], Path]) -> Path | None:
    """Choose a file: the one that was named, or that of the hub."""
    return named if named is not None or hub is None else usual(hub.reports())


def _needed(flag: str, named: Path | None, hub: Hub | None, usual: Callable[[ReportFiles], Path]) -> Path:
    path = _file(named, hub, usual)
    if path is None:
        raise InputError(f"neither --hub nor {flag} is given; one of the two is needed")
    return path


def _write(path: Path | None, text: str) -> None:
    if path is None:
        return
    try:
        write_text_atomic(path, text)
    except OSError as error:
        raise ReportError(f"{path}: cannot be written ({error.strerror})") from None
    print(f"wrote {path}")


def _failed(text: str) -> ExitCode:
    print(text, file=sys.stderr)
    return ExitCode.FAILED
