"""`--ptycho-verify`: after the tests have judged what is there, the gate judges the hub as a whole."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

import pytest

from pytest_ptycho.options import OPTIONS

if TYPE_CHECKING:
    from pathlib import Path

    from ptycho_compare.hub import Hub
    from ptycho_compare.records.acceptance import Verdict

VERDICT = pytest.StashKey["Verdict"]()
_PROBLEM = pytest.StashKey[str]()


def give_verdict(config: pytest.Config, judged: Collection[str], status: int) -> int:
    """Judge the hub where that was asked for, and write the verdict into it; return the exit status.

    Only tiers of which this session judged a comparison have to be there: ``-m debug`` asks for no more.
    A session whose tests are green ends as the gate does.
    """
    options = config.stash[OPTIONS]
    hub = options.hub
    if not options.verify or config.getoption("collectonly"):
        return status
    if hasattr(config, "workerinput") or hub is None or not hub.exists():
        return status
    from ptycho_compare.sigterm import EXIT_STOPPED

    if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, EXIT_STOPPED):
        return status
    from ptycho_compare.gate import publish

    verdict = config.stash[VERDICT] = _verdict(hub, options.study or hub.study(), judged)
    config.stash[_PROBLEM] = publish(hub, verdict)
    if status != pytest.ExitCode.OK or verdict.outcome == "accepted":
        return status
    return EXIT_STOPPED if verdict.outcome == "deferred" else int(pytest.ExitCode.TESTS_FAILED)


def _verdict(hub: Hub, file: Path, judged: Collection[str]) -> Verdict:
    from ptycho_compare.gate import judge_hub
    from ptycho_compare.study import load_study

    study = load_study(file)
    asked = {comparison.tier for comparison in study.comparisons() if comparison.id in judged}
    return judge_hub(hub, study, file, require=[tier for tier in study.tiers if tier in asked])


def lines(config: pytest.Config) -> Iterator[str]:
    """Yield the verdict's lines for the terminal; none where it was not asked for."""
    verdict, hub = config.stash.get(VERDICT, None), config.stash[OPTIONS].hub
    if verdict is None or hub is None:
        return
    from ptycho_compare.gate import verdict_lines

    yield from verdict_lines(verdict)
    yield config.stash[_PROBLEM] or f"verdict: {hub.relative(hub.verdict().record)}"
