"""What a page or a program tells people to type can be typed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.config import get_config

from processes import ROOT
from ptycho_compare.cli import compare_arguments, ptycho_hub
from pytest_ptycho.options import add_options

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "docs" / "ci").glob("*.yml")])
SOURCES = sorted([*(ROOT / "src").rglob("*.py"), *(ROOT / "pytest_ptycho").glob("*.py")])
PROGRAMS = ("ptycho-hub", "compare_models", "pytest")
NUMBERS = {"D": "1000", "N": "1"}
"""What stands for numbers in the pages."""


def printed_on(page: Path) -> Iterator[str]:
    """Yield what stands in code blocks, and in a line of text where it has options: others are only named."""
    text = page.read_text()
    if page.suffix == ".yml":
        yield from re.findall(r"^ *(?:- )?(?:run: )?(.*)$", text, re.MULTILINE)
    for block in re.findall(r"^```(?:bash|sh)?\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        yield from block.replace("\\\n", " ").splitlines()
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
    return [NUMBERS.get(word, word) for word in shlex.split(command)[1:]]


def test_commands_are_found() -> None:
    found = {command for page in PAGES for command in commands_on(page)}
    assert len(found) > 40
    assert {"ptycho-hub watch --hub HUB", "ptycho-hub simulate --hub HUB --dose D"} <= found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_what_a_page_says_can_be_typed(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refused = [command for command in commands_on(page) if not can_be_typed(command)]
    assert refused == [], capsys.readouterr().err


def can_be_typed(command: str) -> bool:
    words = words_of(command)
    try:
        if command.startswith("ptycho-hub"):
            ptycho_hub.build_parser(words[:1]).parse_args(words)
        elif command.startswith("compare_models"):
            compare_arguments.build_parser().parse_args(words)
        else:
            parse_as_pytest(words)
    except SystemExit as ended:
        return ended.code == 0
    return True


def parse_as_pytest(words: list[str]) -> None:
    """Parse with the options of the plugins that come with ours."""
    config = get_config()
    for name in ("xdist.plugin", "pytest_timeout"):
        config.pluginmanager.import_plugin(name)
    add_options(config._parser)
    config._parser.parse(words)


def test_what_our_messages_name_is_a_command() -> None:
    names = {name for declared in ptycho_hub.COMMANDS_OF.values() for name in declared}
    for source in SOURCES:
        text = re.sub(r"\s*\n\s*[rf]*\"", "", source.read_text())
        for name in re.findall(r"ptycho-hub ([a-z][a-z-]+)\b", text):
            assert name in names, f"{source}: ptycho-hub {name}"
