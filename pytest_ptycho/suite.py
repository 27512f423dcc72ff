"""What to type where a session on a hub found no test."""

from __future__ import annotations

import shlex
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from ptycho_compare.errors import did_you_mean
from ptycho_compare.names import SUITE, suite_command
from pytest_ptycho.cases import STUDIES
from pytest_ptycho.options import OPTIONS

if TYPE_CHECKING:
    from ptycho_compare.hub import Hub
    from ptycho_compare.study import Study


def hint(config: pytest.Config, exitstatus: int) -> str:
    """Say what to type in a session on a hub that found no test to run; empty in any other."""
    hub, marks = config.stash[OPTIONS].hub, config.getoption("markexpr")
    if hub is None or exitstatus != pytest.ExitCode.NO_TESTS_COLLECTED:
        return ""
    collected = [study for study in config.stash.get(STUDIES, {}).values() if study]
    if not collected and SUITE not in config.invocation_params.args:
        return f"no test of the hub lies here; type: {suite_command(hub.root, marks or 'debug')}"
    tiers = (tier for study in collected or _of_hub(hub) for tier in study.tiers)
    known = list(dict.fromkeys([*tiers, "acceptance", *(f"phase_{letter}" for letter in "cdefg")]))
    chosen = {"-m": marks, "-k": config.getoption("keyword")}
    words = shlex.join(word for option, text in chosen.items() if text for word in (option, text))
    nearest = did_you_mean(marks, known) if marks else ""
    return f"no test is selected by {words or 'these options'}; marks are {', '.join(known)}{nearest}"


def _of_hub(hub: Hub) -> list[Study]:
    """Read the hub's own study, where xdist's workers have collected and this process has not."""
    from ptycho_compare.errors import StudyError
    from ptycho_compare.study import load_study

    with suppress(StudyError):
        return [load_study(hub.study())]
    return []
