"""The acceptance suite that comes with the plugin, and the command line that judges a hub by it."""

from __future__ import annotations

import shlex
from pathlib import Path

SUITE = "pytest_ptycho.acceptance"


def suite_command(hub: Path, marks: str, *options: str) -> str:
    """Return the command line that judges a hub in whichever folder it is typed."""
    return shlex.join(["pytest", "--pyargs", SUITE, "-m", marks, *options, f"--hub={hub}"])
