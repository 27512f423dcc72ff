"""What a page or a program tells people to type can be typed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pages import PAGES, TEMPLATES, can_be_typed, commands_on, named
from processes import ROOT
from ptycho_compare.cli import ptycho_hub

SOURCES = [
    path
    for path in sorted([*(ROOT / "src").rglob("*.py"), *(ROOT / "pytest_ptycho").glob("*.py")])
    if "ptycho-hub" in path.read_text(encoding="utf-8")
]


def test_commands_are_found() -> None:
    found = {command for page in PAGES for command in commands_on(page)}
    assert len(found) > 40
    assert {"ptycho-hub watch --hub HUB", "ptycho-hub simulate --hub HUB --dose D"} <= found
    assert [len(commands_on(template)) for template in TEMPLATES] == [3, 3]


@pytest.mark.parametrize("page", [*PAGES, *TEMPLATES], ids=named)
def test_what_a_page_says_can_be_typed(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refused = [command for command in commands_on(page) if not can_be_typed(command)]
    assert refused == [], capsys.readouterr().err


def texts_of(source: Path) -> Iterator[str]:
    """Yield the texts of a module that may be printed, with X for what is filled in; no docstrings."""
    tree = ast.parse(source.read_text(encoding="utf-8"))
    seen = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    seen |= {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "X" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in seen:
            yield node.value


def hints_in(text: str) -> Iterator[tuple[str, bool]]:
    """Yield our commands in a text, and whether they are whole: one with arguments is there to be typed."""
    argument = r"--?[a-z][\w-]*(?:[= ](?:X|[A-Z]{2,}))?|X|[A-Z]{2,}\b(?!:)"
    for found in re.finditer(rf"\b(ptycho-hub [a-z][a-z-]+)\b((?: (?:{argument}))*)", text):
        yield found[0], bool(found[2])


def test_what_our_messages_name_is_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    names = {name for declared in ptycho_hub.COMMANDS_OF.values() for name in declared}
    texts = ((source, text) for source in SOURCES for text in texts_of(source) if "ptycho-hub " in text)
    hints = {hint: named(source) for source, text in texts for hint in hints_in(text)}
    unknown = {command: source for (command, _), source in hints.items() if command.split()[1] not in names}
    assert unknown == {}
    whole = {command: source for (command, is_whole), source in hints.items() if is_whole}
    assert len(whole) > 3
    filled = {command.replace("--on X", "--on slurm"): source for command, source in whole.items()}
    typed = {re.sub(r"\bX\b", "1", command): source for command, source in filled.items()}
    refused = {command: source for command, source in typed.items() if not can_be_typed(command)}
    assert refused == {}, capsys.readouterr().err
