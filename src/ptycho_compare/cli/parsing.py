"""Command lines: a mistake is one line, with the nearest word that would be right."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from typing import Any, NoReturn

from ptycho_compare import __version__
from ptycho_compare.errors import did_you_mean

_CHOICE = re.compile(r"invalid choice: '(.*?)' \(choose from (.*)\)", re.DOTALL)


class OneLineParser(argparse.ArgumentParser):
    """A parser that tells a mistake without the usage of everything."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Refuse unknown options before anything else: a required one is missing because it was misspelt."""
        if args is not None and self._subparsers is None:
            for word in self._unknown(args):
                self.error(f"no option {word}{did_you_mean(word, self._option_string_actions)}")
        return super().parse_known_args(args, namespace)

    def _unknown(self, words: Sequence[str]) -> list[str]:
        names = [word.partition("=")[0] for word in words[: [*words, "--"].index("--")]]
        long = (name for name in names if name.startswith("--"))
        known = self._option_string_actions
        return [name for name in long if not any(each.startswith(name) for each in known)]

    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one line, and end with status 2."""
        if found := _CHOICE.search(message):
            message += did_you_mean(found[1], re.findall(r"[\w-]+", found[2]))
        self.exit(2, f"{self.prog}: error: {' '.join(message.split())} ({self.prog} --help tells all)\n")


def add_version(parser: argparse.ArgumentParser) -> None:
    """Declare `--version`."""
    parser.add_argument("--version", action="version", version=f"{parser.prog} {__version__}")
