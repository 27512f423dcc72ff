"""The record of an adoption: who took results over, from where, and what was verified."""

from __future__ import annotations

import getpass
import os
import socket
from pathlib import Path
from typing import Any

from ptycho_compare.records.reading import Record, read_json


class AdoptionRecord(Record):
    """Contents of ``adoption.json``.

    Attributes
    ----------
    adopted, by, host, source : str
        When (UTC), by whom, on which machine, and from which folder.
    made : dict
        Where and when the results were computed: command, attempts with their hosts, versions.
    pieces : list of dict
        Windows of the canvases that were computed again, with their largest deviation.
    seed : int
        Of the choice of these windows.
    tables : list of str
        Tables that follow from the canvases.
    """

    adopted: str
    by: str
    host: str
    source: str
    made: dict[str, Any]
    pieces: list[dict[str, Any]]
    seed: int
    tables: list[str]


def read_adoption(path: Path) -> AdoptionRecord:
    """Read the record; ReportError where it is missing or no such record."""
    return read_json(path, AdoptionRecord, made_by="ptycho-hub adopt")


def whoever() -> tuple[str, str]:
    """User and machine of this process."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number that has no name
        user = f"uid {os.getuid()}"
    return user, socket.gethostname()
