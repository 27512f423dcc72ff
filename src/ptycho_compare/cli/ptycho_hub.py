"""`ptycho-hub`: work with a study hub from the shell."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from itertools import pairwise
from typing import TYPE_CHECKING

from ptycho_compare.cli.program import loading, run_program
from ptycho_compare.sigterm import Stopped

if TYPE_CHECKING:  # whatever takes time to load is loaded once SIGTERM is heard
    from ptycho_compare.cli.parsing import OneLineParser

_NAME = "ptycho-hub"
COMMANDS_OF = {
    "compare": ("compare",),
    "init": ("init",),
    "listing": ("list",),
    "status": ("status",),
    "probe": ("probe",),
    "watch": ("watch",),
    "jobs": ("stop", "resume"),
    "adopt": ("adopt",),
    "run": ("run", "demo"),
    "conditions": ("conditions",),
    "work": ("work",),
    "phases": ("simulate", "overlap", "train", "reconstruct"),
    "reports": ("summarize", "report", "digest", "ssim-grid"),
    "study": ("study",),
    "take_inventory": ("inventory",),
    "verify": ("verify", "check-highlights"),
    "gate": ("gate", "seal"),
    "accept": ("accept",),
    "blockers": ("blockers",),
    "page": ("page",),
    "score": ("score",),
    "rescore": ("rescore",),
    "scan": ("scan",),
    "network": ("network", "export"),
    "completion": ("completion",),
}
"""Which module beside this one declares which commands."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    return run_program(_NAME, lambda: _main(list(sys.argv[1:] if argv is None else argv)))


def _main(words: list[str]) -> int:
    try:
        with loading():
            from ptycho_compare.cli.exit_codes import reporting_bad_input

            parser = build_parser(words[:1])
        arguments = parser.parse_args(words)
    except Stopped as stopped:
        return _stopped_early(words, stopped)
    hub = getattr(arguments, "hub", None)
    return reporting_bad_input(_NAME, lambda: arguments.run(arguments, words), hub=hub)


def _stopped_early(words: Sequence[str], stopped: Stopped) -> int:
    """End as a command that was stopped at its work: in a batch job such an end counts among its restarts."""
    import os
    from pathlib import Path

    from ptycho_compare.cli.exit_codes import ExitCode, reporting_bad_input
    from ptycho_compare.hub import HUB_VARIABLE

    def stop_again() -> ExitCode:
        raise stopped

    named = [os.environ.get(HUB_VARIABLE, "")]
    for word, after in pairwise([*words, ""]):
        if word == "--hub" or word.startswith("--hub="):
            named.append(word.partition("=")[2] or after)
    return reporting_bad_input(_NAME, stop_again, hub=Path(named[-1]) if named[-1] else None)


def build_parser(asked: Sequence[str]) -> OneLineParser:
    """Build the parser of the command that was asked for, or of all where it was none of them.

    Every command loads libraries of its own, and a pipeline starts one process after another.
    """
    from ptycho_compare.cli.parsing import OneLineParser, add_version

    parser = OneLineParser(prog=_NAME, description="Work with a study hub.")
    add_version(parser)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    modules = [name for name, declared in COMMANDS_OF.items() if {*asked} & {*declared}] or [*COMMANDS_OF]
    for name in modules:
        import_module(f"ptycho_compare.cli.{name}").add_commands(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
