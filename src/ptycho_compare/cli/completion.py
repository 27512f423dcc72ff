"""`ptycho-hub completion`: what a shell loads so that it completes commands, options and paths."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence

from ptycho_compare.cli.compare_arguments import build_parser
from ptycho_compare.cli.exit_codes import ExitCode
from ptycho_compare.cli.place_arguments import local_path
from ptycho_compare.errors import MissingProgramError

_SHELLS = ("bash", "zsh", "tcsh")
_PROGRAMS = ("ptycho-hub", "compare_models")


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    help_text = 'for a shell to load: eval "$(ptycho-hub completion bash)"'
    parser = commands.add_parser("completion", help=help_text)
    parser.add_argument("shell", choices=_SHELLS)
    parser.add_argument("--program", choices=_PROGRAMS, default=_PROGRAMS[0], help="default: %(default)s")
    parser.set_defaults(run=_completion)


def _completion(arguments: argparse.Namespace, _words: Sequence[str]) -> ExitCode:
    try:
        import shtab
    except ModuleNotFoundError:
        raise MissingProgramError("completion needs shtab: pip install 'pytest-ptycho[completion]'") from None
    parser = _parser_of(arguments.program)
    for action in _actions(parser):
        if action.type is local_path:
            action.complete = shtab.FILE  # type: ignore[attr-defined]
    print(shtab.complete(parser, arguments.shell))
    return ExitCode.OK


def _parser_of(program: str) -> argparse.ArgumentParser:
    if program != _PROGRAMS[0]:
        return build_parser()
    from ptycho_compare.cli import ptycho_hub  # which loads this module for its commands

    return ptycho_hub.build_parser(())


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Yield every option and argument, those of commands too."""
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from _actions(below)
