"""What people type and see of hub and study, also in a pytest that judges none: this module loads nothing."""

from __future__ import annotations

import shlex
from pathlib import Path

STUDY_FILE = "study.toml"
HUB_VARIABLE = "PTYCHO_HUB"
"""Of the environment: the hub that is meant where a command line names none."""
SUITE = "pytest_ptycho.acceptance"
"""The acceptance suite that comes with the plugin."""


def suite_command(hub: Path, marks: str, *options: str) -> str:
    """Return the command line that judges a hub in whichever folder it is typed."""
    return shlex.join(["pytest", "--pyargs", SUITE, "-m", marks, *options, f"--hub={hub}"])
