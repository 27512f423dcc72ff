"""The pages that people read, their fenced blocks, and the commands that are printed there."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from _pytest.config import get_config

from processes import ROOT
from ptycho_compare.cli import compare_arguments, ptycho_hub
from pytest_ptycho.options import add_options

DOCS = ROOT / "docs"
PAGES = sorted(
    path
    for path in (*ROOT.glob("*.md"), *(ROOT / "changes").glob("*.md"), *DOCS.rglob("*.md"))
    if "_build" not in path.parts
)
TEMPLATES = sorted((DOCS / "ci").glob("*.yml"))
PROGRAMS = ("ptycho-hub", "compare_models", "pytest")
NUMBERS = {"D": "1000", "N": "1"}
"""What stands for numbers in the pages."""


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: Path
    number: int
    language: str
    text: str

    @property
    def name(self) -> str:
        return f"{named(self.page)}:{self.number}"


def named(page: Path) -> str:
    """A page by its path in the repository."""
    return page.relative_to(ROOT).as_posix()


def blocks() -> list[Block]:
    """List the blocks of all pages; they are numbered within a page."""
    fence = re.compile(r"^(?P<indent> *)```(?P<language>\S*)\n(?P<text>.*?)^(?P=indent)```$", re.M | re.S)
    found = []
    for page in PAGES:
        matches = fence.finditer(page.read_text(encoding="utf-8"))
        for number, match in enumerate(matches, start=1):
            text = re.sub(f"^{match['indent']}", "", match["text"], flags=re.M)
            found.append(Block(page, number, match["language"], text))
    return found


def printed_on(page: Path) -> Iterator[str]:
    """Yield what stands in code blocks, and in a line of text where it has options: others are only named."""
    text = page.read_text(encoding="utf-8")
    if page.suffix == ".yml":
        yield from re.findall(r"^ *(?:- )?(?:run: )?(.*)$", text, re.MULTILINE)
        return
    for block in blocks():
        if block.page == page and block.language in ("bash", "sh", ""):
            yield from block.text.replace("\\\n", " ").splitlines()
    yield from re.findall(r"`([^`\n]+ --[^`\n]+)`", text)


def commands_on(page: Path) -> list[str]:
    """List those of our programs that have arguments, one for each alternative of a word."""
    found = []
    for line in printed_on(page):
        command = line.split(" #")[0].split("   ")[0].strip()
        if command.partition(" ")[0] in PROGRAMS and " " in command:
            found += alternatives(command)
    return list(dict.fromkeys(found))


def alternatives(command: str) -> list[str]:
    """Write out ``status | watch`` and ``status|watch``, and what stands in brackets."""
    bracket = re.compile(r"\[(:?)([^\]]*)\]")
    plain = bracket.sub(lambda found: "" if found[1] else found[2].split("|")[0], command)
    program, _, rest = plain.partition(" ")
    words = re.match(r"([\w-]+(?: ?\| ?[\w-]+)+)(.*)", rest)
    if words is None:
        return [plain]
    return [f"{program} {word.strip()}{words[2]}" for word in words[1].split("|")]


def words_of(command: str) -> list[str]:
    """Return what is typed behind the program."""
    return [NUMBERS.get(word, word) for word in shlex.split(command)[1:]]


def can_be_typed(command: str) -> bool:
    """Say if the program's own parser takes it."""
    words = words_of(command)
    try:
        if command.startswith("ptycho-hub"):
            ptycho_hub.build_parser(words[:1]).parse_args(words)
        elif command.startswith("compare_models"):
            compare_arguments.build_parser().parse_args(words)
        else:
            _parse_as_pytest(words)
    except SystemExit as ended:
        return ended.code == 0
    return True


def _parse_as_pytest(words: list[str]) -> None:
    """Parse with the options of the plugins that come with ours."""
    config = get_config()
    for name in ("xdist.plugin", "pytest_timeout"):
        config.pluginmanager.import_plugin(name)
    add_options(config._parser)
    config._parser.parse(words)
