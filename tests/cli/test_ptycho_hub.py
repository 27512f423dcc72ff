"""`ptycho-hub`: comparisons by id."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import pytest

from hubs import DOSE
from ptycho_compare.cli.exit_codes import ExitCode, reporting_bad_input
from ptycho_compare.cli.ptycho_hub import COMMANDS_OF, main
from ptycho_compare.errors import ArmError


def test_list(small_hub: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--hub", str(small_hub)]) == 0
    names = capsys.readouterr().out.split()
    assert names == [
        f"dose_{DOSE}-dense-{split}-{tier}" for split in ("train", "test") for tier in ("debug", "full")
    ]


@pytest.mark.usefixtures("undrawn", "built_once")
def test_compare(own_hub: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", f"dose_{DOSE}-dense-train-debug", "--hub", str(own_hub)]) == 0
    assert "PtyChi,fienup" in capsys.readouterr().out
    assert (own_hub / f"analysis/dose_{DOSE}/dense/train_debug_v4/manifest.json").exists()


def test_bad_input_is_one_line(small_hub: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words, message in (
        (
            ["compare", "dose_5-dense-train-full", "--hub", str(small_hub)],
            "no comparison of this study; known: dose_",
        ),
        (["list", "--hub", str(tmp_path)], "the folder has no data/"),
        (["list", "--hub", str(small_hub), "--study", str(tmp_path / "s.toml")], "cannot be read"),
    ):
        assert main(words) == 2
        error = capsys.readouterr().err
        assert error.startswith("ptycho-hub: error: ")
        assert message in error
        assert error.count("\n") == 1


def test_a_computation_that_failed_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def diverges() -> ExitCode:
        raise ArmError("baseline: the loss is nan after epoch 3")

    assert reporting_bad_input("ptycho-hub", diverges) == 1
    assert capsys.readouterr().err == "ptycho-hub: failed: baseline: the loss is nan after epoch 3\n"


@pytest.mark.parametrize(("module", "names"), COMMANDS_OF.items())
def test_a_module_declares_the_commands_it_is_loaded_for(module: str, names: Sequence[str]) -> None:
    commands = argparse.ArgumentParser().add_subparsers()
    import_module(f"ptycho_compare.cli.{module}").add_commands(commands)
    assert sorted(commands.choices) == sorted(names)


@pytest.mark.parametrize(("words", "status"), [(["--help"], 0), (["no-such"], 2)])
def test_without_a_command_all_are_told(
    words: list[str], status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == status
    captured = capsys.readouterr()
    assert all(name in captured.out + captured.err for names in COMMANDS_OF.values() for name in names)
