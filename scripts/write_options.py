"""Write docs/options.md from the parsers: ``python scripts/write_options.py``. A test holds it to them."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ptycho_compare.cli import compare_arguments, ptycho_hub
from pytest_ptycho.options import add_options

PAGE = Path(__file__).parents[1] / "docs" / "options.md"
HEAD = """\
# Every option

Written by `python scripts/write_options.py` from the parsers. Paths may begin with `~`; a time is `540`,
`9m` or `1h30m`. A misspelt option, command, key or value is one line, with the nearest one that there is.
"""


def page() -> str:
    """Return the text of the page."""
    lines = [HEAD, "## `pytest`", "", *_table(_of_plugin())]
    for name, parser in parsers():
        lines += ["", f"## `{name}`", "", *_table(_of(parser))]
    return "\n".join([*lines, ""])


def parsers() -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Yield the parser of each program and command, under its name."""
    yield "compare_models", compare_arguments.build_parser()
    for command, parser in commands_of(ptycho_hub.build_parser(())):
        yield f"ptycho-hub {command}", parser
        yield from ((f"ptycho-hub {command} {below}", each) for below, each in commands_of(parser))


def commands_of(parser: argparse.ArgumentParser) -> list[tuple[str, argparse.ArgumentParser]]:
    """List the commands below a parser."""
    groups = [each for each in parser._actions if isinstance(each, argparse._SubParsersAction)]
    return [pair for group in groups for pair in group.choices.items()]


def _of(parser: argparse.ArgumentParser) -> Iterator[tuple[str, str]]:
    for action in parser._actions:
        names = ", ".join(action.option_strings) or str(action.metavar or action.dest)
        if isinstance(action, argparse._HelpAction | argparse._SubParsersAction):
            continue
        text = (action.help or "") % {**vars(action), "prog": parser.prog}
        yield names, f"{text} ({', '.join(map(str, action.choices))})" if action.choices else text


def _of_plugin() -> list[tuple[str, str]]:
    rows = [("ptycho_hub (ini key)", "hub to judge, relative to the root directory")]

    class Recorder:
        def getgroup(self, *_: str) -> Recorder:
            return self

        def addoption(self, *names: str, **settings: Any) -> None:
            rows.append((", ".join(names), settings["help"]))

        def addini(self, *_: str, **__: str) -> None:
            pass

    add_options(Recorder())
    return rows


def _table(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    yield from ("| option | |", "|---|---|")
    for option, text in rows:
        yield f"| `{option}` | {' '.join(text.split()).replace('|', '/')} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
