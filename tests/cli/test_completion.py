"""Completion: a real shell loads what is printed, and completes by it."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from ptycho_compare.cli.ptycho_hub import COMMANDS_OF, main

Printed = pytest.CaptureFixture[str]


def completed(script: str, program: str, *words: str) -> list[str]:
    """What bash offers for the last of the words."""
    if shutil.which("bash") is None:
        pytest.skip("no bash")
    typed = " ".join((program, *words))
    ask = f"COMP_WORDS=({typed} ''); COMP_CWORD={len(words)}; _shtab_{program.replace('-', '_')}"
    done = subprocess.run(
        ["bash", "-c", f'{script}\n{ask}; printf "%s\\n" "${{COMPREPLY[@]}}"'],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


def test_bash_completes_commands_and_their_options(capsys: Printed) -> None:
    assert main(["completion", "bash"]) == 0
    script = capsys.readouterr().out
    names = {name for declared in COMMANDS_OF.values() for name in declared}
    assert names <= {*completed(script, "ptycho-hub", "''")}
    assert completed(script, "ptycho-hub", "gat") == ["gate"]
    assert "--against" in completed(script, "ptycho-hub", "gate", "--")


def test_bash_completes_compare_models(capsys: Printed) -> None:
    assert main(["completion", "bash", "--program", "compare_models"]) == 0
    offered = completed(capsys.readouterr().out, "compare_models", "--pinn-")
    assert offered == ["--pinn-chunk-size", "--pinn-predict-batch-size"]


def test_without_its_library_one_line_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    monkeypatch.setitem(sys.modules, "shtab", None)  # as Python has it of what cannot be imported
    assert main(["completion", "zsh"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "pip install 'pytest-ptycho[completion]'" in line
