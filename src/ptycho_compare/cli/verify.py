"""`ptycho-hub verify | check-highlights`: whether a hub's reports can be relied on."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ptycho_compare.cli.exit_codes import ExitCode
from ptycho_compare.cli.place_arguments import OPTIONAL_STUDY, add_hub, hub_of, local_path
from ptycho_compare.study import study_if_any

_DOSES, _VIEWS, _SPLITS = (1000,), ("dense",), ("train", "test")


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the commands."""
    verifying = commands.add_parser(
        "verify",
        help="check all files and reports of a dose and view, or of several, and write what was found",
        epilog="exit status: 0 all of it holds, 1 some of it does not, 2 there is no such hub",
    )
    verifying.add_argument("--report", type=local_path, help="default: analysis/verification_report.json")
    verifying.add_argument("--dose", type=int, nargs="+", help="default: those of the study, or 1000")
    verifying.add_argument("--view", nargs="+", help="default: those of the study, or dense")
    verifying.add_argument("--splits", nargs="+", help="default: those of the study, or train and test")
    verifying.add_argument("--study", type=local_path, metavar="FILE", help=OPTIONAL_STUDY)
    verifying.set_defaults(run=_verify)
    checking = commands.add_parser(
        "check-highlights",
        help="compare the delta texts with the numbers they tell",
        epilog="exit status: 0 all of them match, 1 one does not",
    )
    checking.set_defaults(run=_check)
    for parser in (verifying, checking):
        add_hub(parser)


def _verify(arguments: argparse.Namespace, _words: Sequence[str]) -> ExitCode:
    # each of the two commands loads its own alone
    from ptycho_compare.checks.verification import verify, write_verification
    from ptycho_compare.phases.comparison.verified import Recomputation

    hub = hub_of(arguments)
    study, _ = study_if_any(hub, arguments.study)
    doses, views, splits = (
        (_DOSES, _VIEWS, _SPLITS) if study is None else (study.doses, study.views, study.splits)
    )
    verification = verify(
        hub,
        arguments.dose or doses,
        arguments.view or views,
        arguments.splits or splits,
        study=study,
        recompute=None if study is None else Recomputation(hub, study),
    )
    print("\n".join(write_verification(hub, verification, report=arguments.report)))
    return ExitCode.FAILED if verification.findings else ExitCode.OK


def _check(arguments: argparse.Namespace, _words: Sequence[str]) -> ExitCode:
    from ptycho_compare.checks.highlights import check_highlights, write_check

    hub = hub_of(arguments)
    findings = check_highlights(hub)
    lines = write_check(hub, findings)
    print("\n".join(lines), file=sys.stderr if findings else sys.stdout)
    return ExitCode.FAILED if findings else ExitCode.OK
