"""`ptycho-hub init`: a study file for a hub that has none, from what lies there."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from ptycho_compare.cli.exit_codes import ExitCode
from ptycho_compare.cli.place_arguments import local_path, named_hub, open_hub
from ptycho_compare.errors import HubError, JobError, StudyError
from ptycho_compare.hub import DEBUG_TIER, HUB_VARIABLE, Hub
from ptycho_compare.jobs.site import SITE_TEXT
from ptycho_compare.names import suite_command
from ptycho_compare.printable import one_line
from ptycho_compare.records.study_draft import draft_study
from ptycho_compare.storage.files import write_text_atomic


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "init",
        help="write study.toml into a hub that has none, from what lies there, with its open questions",
        epilog="exit status: 0 written, 2 there is a study already, or no scan",
    )
    parser.add_argument(
        "hub",
        type=local_path,
        nargs="?",
        default=named_hub(),
        metavar="HUB",
        help=f"the hub's folder (default: what {HUB_VARIABLE} names)",
    )
    parser.add_argument("--site", action="store_true",
                        help="write site.toml: how a batch system is asked to run the jobs")  # fmt: skip
    parser.set_defaults(run=_init)


def _init(arguments: argparse.Namespace, _words: Sequence[str]) -> ExitCode:
    folder: Path | None = arguments.hub
    if folder is None:
        raise HubError(f"no hub: ptycho-hub init HUB, or set {HUB_VARIABLE}")
    if arguments.site:
        return _write_site(folder)
    hub = open_hub(folder, "init")
    file = hub.study()
    if os.path.lexists(file):
        raise StudyError(f"{file}: is there already; edit it, or move it away first")
    draft = draft_study(hub)
    write_text_atomic(file, draft.text)
    comparisons = len(draft.study.comparisons())
    print(one_line(f"written: {file}, {comparisons} comparisons"))
    print("\n".join(f"open: {question}" for question in draft.questions), end="\n" if draft.questions else "")
    print(one_line(f"look at it, then judge: {suite_command(folder, DEBUG_TIER)}"))
    return ExitCode.OK


def _write_site(folder: Path) -> ExitCode:
    if not folder.is_dir():
        raise HubError(f"{folder}: there is no such folder")
    file = Hub(folder.resolve()).site()
    if os.path.lexists(file):
        raise JobError(f"{file}: is there already; edit it, or move it away first")
    write_text_atomic(file, SITE_TEXT)
    print(one_line(f"written: {file}; every line is a comment: say there what your cluster asks for"))
    print(one_line("then give the command that runs the study here with --on slurm"))
    return ExitCode.OK
