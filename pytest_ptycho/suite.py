"""The acceptance suite that comes with the plugin, and what to type where none of its tests was found."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest

from ptycho_compare.errors import did_you_mean
from pytest_ptycho.cases import STUDIES
from pytest_ptycho.options import OPTIONS

if TYPE_CHECKING:
    from ptycho_compare.hub import Hub

SUITE = "pytest_ptycho.acceptance"


def suite_command(hub: Hub, marks: str) -> str:
    """Return the command line that judges a hub in whichever folder it is typed."""
    return shlex.join(["pytest", "--pyargs", SUITE, "-m", marks, f"--hub={hub.root}"])


def hint(config: pytest.Config, exitstatus: int) -> str:
    """Say what to type in a session on a hub that found no test to run; empty in any other."""
    hub, marks = config.stash[OPTIONS].hub, config.getoption("markexpr")
    if hub is None or exitstatus != pytest.ExitCode.NO_TESTS_COLLECTED:
        return ""
    tiers = [tier for study in config.stash.get(STUDIES, {}).values() if study for tier in study.tiers]
    if not tiers and SUITE not in config.invocation_params.args:
        return f"no test of the hub lies here; type: {suite_command(hub, marks or 'debug')}"
    known = list(dict.fromkeys([*tiers, "acceptance", *(f"phase_{letter}" for letter in "cdefg")]))
    chosen = f" -m {shlex.quote(marks)} selects none;" if marks else ""
    nearest = did_you_mean(marks, known) if marks else ""
    return f"no test was selected:{chosen} marks are {', '.join(known)}{nearest}"
