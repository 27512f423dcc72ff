"""Files of the hub that the page shows or links to: where they lie from the page, and what they say."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from ptycho_compare.hub import Hub
from ptycho_compare.reporting.page.words import text_of


@dataclass(frozen=True)
class Note:
    """A note that says why the study stands still.

    Attributes
    ----------
    path : str
        Below the hub.
    link : str
        From the page to it; empty where it lies outside the hub.
    text : str
        What it says; of people and programs, and shown as it is.
    """

    path: str
    link: str
    text: str


def read_notes(hub: Hub, paths: Sequence[str], *, page: Path) -> tuple[Note, ...]:
    """Read the notes of a verdict."""
    return tuple(_note(hub, path, page) for path in paths)


def link_to(hub: Hub, path: Path, *, page: Path) -> str:
    """Return a link from a page to a file of the hub; empty where the file lies outside it."""
    target = path.resolve()
    if not target.is_relative_to(hub.root.resolve()):
        return ""
    return quote(Path(os.path.relpath(target, page.resolve().parent)).as_posix())


def _note(hub: Hub, path: str, page: Path) -> Note:
    link = link_to(hub, hub.root / path, page=page)
    return Note(path, link, text_of(hub.root / path) if link else "not shown: it lies outside the hub")
