"""A mistake on a command line is one line with the nearest word that there is."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from ptycho_compare import __version__
from ptycho_compare.cli import compare_models, ptycho_hub

PROGRAMS = {"compare_models": compare_models.main, "ptycho-hub": ptycho_hub.main}
MISTAKES = [
    ("compare_models --pinn-dir x", "no option --pinn-dir; did you mean --pinn_dir?"),
    ("compare_models --test_date=x --output_dir y", "no option --test_date; did you mean --test_data?"),
    ("compare_models --metrics standart --test_data x --output_dir y", "did you mean standard?"),
    ("compare_models --test_data x --output_dir y", "no arm to compare"),
    ("ptycho-hub gtae", "did you mean gate?"),
    ("ptycho-hub gate --hbu x", "no option --hbu; did you mean --hub?"),
    ("ptycho-hub blockers close x --resaon y", "no option --resaon; did you mean --reason?"),
    ("ptycho-hub run --dose 5 --viev dense", "no option --viev; did you mean --view?"),
    ("ptycho-hub gate --hub x --quux", "no option --quux ("),
    ("ptycho-hub demo --study", "argument --study: expected one argument"),
]


@pytest.mark.parametrize(("command", "message"), MISTAKES)
def test_it_is_one_line(command: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    program, *words = command.split()
    with pytest.raises(SystemExit) as ended:
        PROGRAMS[program](words)
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(program)
    assert message in line


def test_an_abbreviation_is_still_an_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        compare_models.main(["--test_dat", "x", "--output_dir", "y"])
    assert "no arm to compare" in capsys.readouterr().err


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_says_its_version(program: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        PROGRAMS[program](["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"{program} {__version__}\n"


@pytest.mark.parametrize(
    ("words", "option"),
    [
        ("compare_models --test_data /no/a --output_dir y --arm A=HERE", "--test_data"),
        ("compare_models --test_data HERE --output_dir y --pinn_dir /no/a", "--pinn_dir"),
        ("compare_models --test_data HERE --output_dir y --baseline_dir /no/a", "--baseline_dir"),
        ("compare_models --test_data HERE --output_dir y --arm A=/no/a:object", "--arm A="),
        ("compare_models --test_data HERE --output_dir y --arm A=HERE --halves A HERE /no/a", "--halves A"),
        (
            "compare_models --test_data HERE --output_dir y --arm A=HERE --tike_recon_path /no/a",
            "--tike_recon_path",
        ),
        ("ptycho-hub score /no/a HERE", "RECON"),
        ("ptycho-hub score HERE /no/a:key", "TRUTH"),
        ("ptycho-hub score HERE HERE --mask /no/a", "--mask"),
        ("ptycho-hub score HERE HERE --scan /no/a", "--scan"),
        ("ptycho-hub gate --hub /no/a", "--hub"),
        ("ptycho-hub report --hub /no/a", "--hub"),
    ],
)
def test_a_path_that_is_not_there_is_told_with_its_option(
    words: str, option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here = tmp_path / "here.npz"
    np.savez(here, object=np.ones((4, 4), complex))
    program, *rest = words.replace("HERE", str(here)).split()
    assert PROGRAMS[program](rest) == 2
    errors = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert len(errors) == 1
    assert re.search(r"/no/a: .*no such|no such .*/no/a", errors[0])
    assert option in errors[0]


def test_without_a_hub_it_is_said_how_to_give_one(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("gate", "list", "inventory", "blockers", "status"):
        assert ptycho_hub.main([command]) == 2
        assert capsys.readouterr().err == "ptycho-hub: error: no hub: give --hub DIR, or set PTYCHO_HUB\n"
