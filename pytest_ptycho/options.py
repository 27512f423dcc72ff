"""Options: which hub is judged, by which study. Command line before environment before ini."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from ptycho_compare.errors import HubError
from ptycho_compare.hub import Hub

HUB_VARIABLE = "PTYCHO_HUB"


@dataclass(frozen=True)
class Options:
    """What the user chose.

    Attributes
    ----------
    hub : Hub or None
        The hub; that it exists has been checked only where the command line named it.
    study : Path or None
        A study file given by name; None means HUB/study.toml or the one beside the tests.
    """

    hub: Hub | None
    study: Path | None


OPTIONS = pytest.StashKey[Options]()


def add_options(parser: pytest.Parser) -> None:
    """Declare our options and ini keys."""
    group = parser.getgroup("ptycho", "acceptance testing of ptychographic reconstructions")
    group.addoption(
        "--hub",
        dest="ptycho_hub",
        metavar="DIR",
        help=f"hub to judge (option, then environment {HUB_VARIABLE}, then ini ptycho_hub)",
    )
    group.addoption(
        "--ptycho-study",
        dest="ptycho_study",
        metavar="FILE",
        help="study file (default: HUB/study.toml, then study.toml beside the tests)",
    )
    parser.addini("ptycho_hub", "hub to judge, relative to the root directory", default="")


def resolve(config: pytest.Config) -> Options:
    """Work out the options.

    Raises
    ------
    pytest.UsageError
        A hub or study given on the command line does not exist.
    """
    study_name = config.getoption("ptycho_study")
    study = None if study_name is None else _absolute(config, study_name)
    if study is not None and not study.is_file():
        raise pytest.UsageError(f"--ptycho-study: {study}: there is no such file")
    return Options(_hub(config), study)


def _hub(config: pytest.Config) -> Hub | None:
    if name := config.getoption("ptycho_hub"):
        try:
            return Hub.open(_absolute(config, name))
        except HubError as error:
            raise pytest.UsageError(f"--hub: {error}") from None
    if name := os.environ.get(HUB_VARIABLE):
        return Hub(_absolute(config, name))
    if name := config.getini("ptycho_hub"):
        return Hub(config.rootpath / name)
    return None


def _absolute(config: pytest.Config, name: str) -> Path:
    return (config.invocation_params.dir / name).resolve()
