"""Who is best, for readers of reports: properties in junit and reportlog, extras of pytest-html."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from pytest_ptycho.fixtures import EVIDENCE

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_ptycho.run_comparison import Evidence

_LARGEST = 8 * 2**20
"""Bytes of a picture that goes into a report; larger ones stay in the hub."""


def attach(reports: Iterable[pytest.TestReport], record: dict[str, Any]) -> None:
    """Hang what became of an attempt on its reports; all of it crosses to xdist's controller.

    Junit reads them off the last one, and off the call's too where both went wrong. The item has none, or a
    later attempt would have them twice.
    """
    board = record.get("board")
    told = ("outcome", "done", "reason") if record["outcome"] == "deferred" else ()
    facts = {name: record[name] for name in told}
    if board:
        facts = {"comparison": record["id"], "outcome": record["outcome"], **board["facts"]}
    for report in reports:
        report.user_properties += [(f"ptycho.{name}", value) for name, value in facts.items()]


def board_of(evidence: Evidence) -> dict[str, Any] | None:
    """Return the scoreboard of what the comparison left; None where that is not what was judged."""
    from ptycho_compare.errors import InputError
    from ptycho_compare.hub import Artifacts
    from ptycho_compare.reporting.scoreboard import board_at

    if evidence.is_of_an_earlier_run:
        return None
    try:
        return asdict(board_at(Artifacts(evidence.job.folder)))
    except InputError:  # a comparison that stopped, which its findings say
        return None


def show(item: pytest.Item, report: pytest.TestReport) -> None:
    """Give pytest-html its extras: it has a row for what a test's body did, and none for its end."""
    evidence = item.stash.get(EVIDENCE, None)
    if evidence is None or not (report.when == "call" or report.failed):
        return
    if not (item.config.pluginmanager.hasplugin("html") and item.config.getoption("htmlpath", None)):
        return
    if board := board_of(evidence):
        from ptycho_compare.hub import Artifacts

        picture = Artifacts(evidence.job.folder).plot
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
