"""Steps made of one-line programs, and what their runs leave behind."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ptycho_compare.finding import Finding
from ptycho_compare.hub import Hub
from ptycho_compare.phases.pipeline.run import Runner, StepOutcome
from ptycho_compare.phases.pipeline.step import PhaseStep

COPY = (
    "import sys; from pathlib import Path; source, target = map(Path, sys.argv[1:])\n"
    "target.write_text(source.read_text().upper()); print('copied')"
)
"""Writes its first file in capitals under the name of the second."""


def copying(hub: Hub, name: str, source: str, target: str, **changes: Any) -> PhaseStep:
    """Return a step that copies one file of the hub to another."""
    source_path, target_path = hub.root / source, hub.root / target
    values = {"inputs": (source_path,), "outputs": (target_path,), **changes}
    return saying(hub, name, COPY, str(source_path), str(target_path), **values)


def saying(hub: Hub, name: str, program: str, *words: str, **changes: Any) -> PhaseStep:
    """Return a step that runs a program of Python."""
    values: dict[str, Any] = {
        "hub": hub,
        "id": name,
        "title": f"Step {name}",
        "command": (sys.executable, "-c", program, *words),
        "log_name": name,
        "inputs": (),
        "outputs": (),
        "settings": {"of": "study"},
        "computed_by": "",
        "check": list[Finding],
        "libraries": (),
    }
    return PhaseStep(**{**values, **changes})


def run_steps(
    hub: Hub, *steps: PhaseStep, at_a_time: int = 1, out_of_time: Callable[[], bool] = lambda: False
) -> list[StepOutcome]:
    """Run steps; what is said is dropped."""
    archive = hub.root / "archive" / "run"
    return Runner(lambda _: None, archive, at_a_time, out_of_time, grace_s=5.0).run(steps)


def states(outcomes: list[StepOutcome]) -> list[str]:
    """Return how each ended."""
    return [outcome.state for outcome in outcomes]


def times_run(hub: Hub, name: str) -> int:
    """Count the attempts at a step, by the log of its command."""
    log = hub.step_log(name)
    return log.read_text().count("--- attempt") if log.exists() else 0


def hub_with(root: Path, **texts: str) -> Hub:
    """Make a hub that holds these files; ``_`` in a name stands for the dot."""
    for name, text in texts.items():
        path = root / name.replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Hub(root)
