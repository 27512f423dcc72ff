"""Who is best, for readers of reports: properties in junit and reportlog, extras of pytest-html."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from pytest_ptycho.fixtures import EVIDENCE

if TYPE_CHECKING:
    from pathlib import Path

_LARGEST = 8 * 2**20
"""Bytes of a picture that goes into a report; larger ones stay in the hub."""


def attach(item: pytest.Item, report: pytest.TestReport, record: dict[str, Any]) -> None:
    """Hang the answer of a comparison on its test; all of it crosses to xdist's controller."""
    board = record.get("board")
    if not board:
        return
    facts = {"comparison": record["id"], "outcome": record["outcome"], **board["facts"]}
    found = [(f"ptycho.{name}", value) for name, value in facts.items()]
    # reportlog reads them off this report; junit off that of the teardown, which takes them from the item
    report.user_properties += found
    item.user_properties += found
    if item.config.pluginmanager.hasplugin("html") and item.config.getoption("htmlpath", None):
        from ptycho_compare.hub import Artifacts

        picture = Artifacts(item.stash[EVIDENCE].job.folder).plot
        report.extras = [*getattr(report, "extras", []), *_extras(board, picture)]  # type: ignore[attr-defined]


def _extras(board: dict[str, Any], picture: Path) -> Iterator[dict[str, Any]]:
    extras: Any = import_module("pytest_html.extras")
    yield extras.html(_table(board))
    if picture.is_file() and picture.stat().st_size <= _LARGEST:
        yield extras.png(base64.b64encode(picture.read_bytes()).decode("ascii"), name=picture.name)


def _table(board: dict[str, Any]) -> str:
    verdict, *lines = (html.escape(line) for line in board["lines"])
    text = "".join(f"<p>{line}</p>" for line in lines)
    rows = [_row("th", board["columns"]), *(_row("td", row) for row in board["rows"])]
    return f"<p><strong>{verdict}</strong></p>{text}<table>{''.join(rows)}</table>"


def _row(tag: str, cells: list[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{html.escape(cell)}</{tag}>' for cell in cells)}</tr>"
