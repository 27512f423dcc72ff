"""The note that says why a study stands still, and when it may go on."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from ptycho_compare.checks.finding import Finding
from ptycho_compare.files import write_text_atomic
from ptycho_compare.hub import Artifacts, Hub, stamp
from ptycho_compare.study import BASELINE

_DIAGNOSTIC = "DIAGNOSTIC"
OUT_OF_MEMORY = "out_of_memory"
"""What the reason of an arm says whose smallest batch did not fit."""
_TOPICS = {
    "input": "bad_input",
    "gate": "tier_gate",
    "window": "window_too_small",
    "stalled": "no_progress",
    "adoption": "refused_adoption",
}
_RETURN = {
    "tier_gate": "The tier named above is green in this hub for the same inputs.",
    "window_too_small": "The same tests are run in a window of at least the length named above.",
    "no_progress": "An attempt gains a checkpoint: give it a longer window, or run it with --timeout=0.",
    "refused_adoption": "Results that hold are offered, or the same tests are run without --ptycho-adopt.",
    OUT_OF_MEMORY: "The command above runs where a single row fits into memory.",
}


def topic_of(findings: Sequence[Finding]) -> str | None:
    """Name the blocker, or None when nothing in the findings stops the study.

    A Baseline without usable numbers is the study's own halt rule and keeps its name.
    """
    if any(OUT_OF_MEMORY in finding.text for finding in findings):
        return OUT_OF_MEMORY
    dead = [
        finding.arm for finding in findings if finding.kind in ("dead", "blank", "failed") and finding.arm
    ]
    if BASELINE in dead:
        return "zero_baseline"
    if dead:
        return f"dead_{dead[0].lower()}"
    kinds = {finding.kind for finding in findings}
    return next((topic for kind, topic in _TOPICS.items() if kind in kinds), None)


def write_blocker(
    hub: Hub,
    topic: str,
    findings: Sequence[Finding],
    *,
    comparison_id: str,
    command: Sequence[str],
    returncode: int | None,
    folder: Path,
    command_log: Path,
    moment: datetime,
) -> Path:
    """Write ``red/blocked_<UTC>_<topic>.md``; an earlier note is never overwritten.

    Returns
    -------
    Path
        The note.
    """
    names = Artifacts(folder)
    evidence = [names.metrics, names.manifest, names.reconstructions, names.plot, names.log, command_log]
    lines = [
        f"# Blocked: {comparison_id}: {topic}",
        "",
        f"**When:** {stamp(moment)}",
        "",
        "## What was found",
        *(f"- {finding}" for finding in findings),
        "",
        "## Numbers",
        "```",
        *(_diagnostics(names.log) or ["no DIAGNOSTIC lines were logged"]),
        "```",
        "",
        f"## Command ({'not started' if returncode is None else f'exit status {returncode}'})",
        "```bash",
        shlex.join(command),
        "```",
        "",
        "## Evidence",
        *(f"- `{hub.relative(path)}`" for path in evidence if path.exists()),
        "",
        "## Condition to return",
        _RETURN.get(
            topic,
            f"The command above ends with exit status 0 and nothing is found: `{comparison_id}` is green.",
        ),
        "Until then nothing that rests on it may be counted.",
        "",
    ]
    path = hub.blocker(topic, moment=moment)
    number = 2
    while path.exists():  # two comparisons may stop within the same second
        path = hub.blocker(f"{topic}_{number}", moment=moment)
        number += 1
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text_atomic(path, "\n".join(lines))
    return path


def _diagnostics(log: Path) -> list[str]:
    if not log.is_file():
        return []
    text = log.read_text(encoding="utf-8", errors="replace")
    return [line for line in text.splitlines() if _DIAGNOSTIC in line]
