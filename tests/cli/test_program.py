"""SIGTERM is heard from a command's first line on, while it still loads what it needs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from processes import COMPARE_MODELS, PTYCHO_HUB, environment

COMMANDS = ("run", "resume", "compare", "conditions", "demo", "status", "gate")


@pytest.fixture
def interrupted(tmp_path: Path) -> dict[str, str]:
    """Environment in which a library that every command loads is loaded as SIGTERM comes."""
    (tmp_path / "psutil.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\n")
    variables = environment(None)
    return {**variables, "PYTHONPATH": f"{tmp_path}:{variables['PYTHONPATH']}"}


@pytest.mark.parametrize("command", [*((*PTYCHO_HUB, name) for name in COMMANDS), COMPARE_MODELS])
def test_sigterm_while_a_command_loads_what_it_needs_ends_with_75(
    command: tuple[str, ...], interrupted: dict[str, str]
) -> None:
    done = subprocess.run(command, env=interrupted, capture_output=True, text=True, check=False)
    name = "compare_models" if command == COMPARE_MODELS else "ptycho-hub"
    said = f"{name}: stopped by SIGTERM; the same command goes on from here\n"
    assert (done.returncode, done.stdout, done.stderr) == (75, "", said)
