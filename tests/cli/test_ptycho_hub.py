"""`ptycho-hub`: comparisons by id."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubs import DOSE
from ptycho_compare.cli.exit_codes import ExitCode, reporting_bad_input
from ptycho_compare.cli.ptycho_hub import main
from ptycho_compare.errors import ArmError


def test_list(small_hub: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--hub", str(small_hub)]) == 0
    names = capsys.readouterr().out.split()
    assert names == [
        f"dose_{DOSE}-dense-{split}-{tier}" for split in ("train", "test") for tier in ("debug", "full")
    ]


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
