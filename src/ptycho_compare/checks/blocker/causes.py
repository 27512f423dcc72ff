"""Why a study stands still: what is found, the topic under which that is noted, and what ends it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ptycho_compare.errors import OUT_OF_MEMORY
from ptycho_compare.finding import Finding, Kind
from ptycho_compare.study import BASELINE

OWN_CHECK = "own_check"
"""What checks of the user's own found, which only a session that has them can find mended."""


@dataclass(frozen=True)
class Cause:
    """One way to stand still.

    Attributes
    ----------
    topic : str
        Part of the note's file name; ``{arm}`` stands for the arm.
    kinds : tuple of str
        Of the findings that show it.
    returns : str
        When the study may go on; empty for "the command ends well".
    said : str
        What the text of the finding must hold.
    arm : str
        About which; empty for any.
    before_start : bool
        True where it can only stop what was not started.
    """

    topic: str
    kinds: tuple[Kind, ...] = ()
    returns: str = ""
    said: str = ""
    of_arm: bool = False
    arm: str = ""
    before_start: bool = False

    def is_topic(self, topic: str) -> bool:
        """True for a topic that a note of this cause is named by, whichever the arm."""
        begin, _, end = self.topic.partition("{arm}")
        return topic == self.topic or (
            "{arm}" in self.topic and topic.startswith(begin) and topic.endswith(end)
        )

    def shown_by(self, finding: Finding, *, started: bool) -> bool:
        """True when a finding is of this cause."""
        return (
            (not self.kinds or finding.kind in self.kinds)
            and self.said in finding.text
            and (bool(finding.arm) or not self.of_arm)
            and self.arm in ("", finding.arm)
            and not (self.before_start and started)
        )


CAUSES = (
    Cause(
        OUT_OF_MEMORY,
        said=OUT_OF_MEMORY,
        returns="The command above runs where what it asks for fits into memory.",
    ),
    Cause("zero_baseline", ("dead", "blank"), of_arm=True, arm=BASELINE),
    Cause("dead_{arm}", ("dead",), of_arm=True),
    Cause("blank_{arm}", ("blank",), of_arm=True),
    Cause(
        "environment_{arm}",
        ("environment",),
        "The file system or the library named above works again, and the command above is run once more.",
        of_arm=True,
    ),
    Cause(
        "failed_{arm}",
        ("failed",),
        "The arm named above runs to its end: mend what its text and the log say, and run the command again.",
        of_arm=True,
    ),
    Cause(
        "orphan_alive",
        ("orphan",),
        "The processes named above have ended.",
    ),
    Cause("missing_input", ("missing",), "The files named above are there.", before_start=True),
    Cause("bad_input", ("input",)),
    Cause("tier_gate", ("prerequisite",), "The tier named above is green in this hub for the same inputs."),
    Cause(
        "window_too_small",
        ("window",),
        "The same tests are run in a window of at least the length named above.",
    ),
    Cause(
        "no_progress",
        ("stalled",),
        "An attempt gains a checkpoint: give it a longer window, or run it with --timeout=0.",
    ),
    Cause(
        "refused_adoption",
        ("adoption",),
        "Results that hold are offered, or the same tests are run without --ptycho-adopt.",
    ),
    Cause(
        "stale_evidence",
        ("stale",),
        "The command above was run on what is there now, or what the evidence was made from is back.",
    ),
    Cause(
        OWN_CHECK,
        ("own",),
        "The checks of your own that are named above find nothing in a session of the same tests.",
    ),
)
"""The weightiest first: a note is about one."""


def topic_of(findings: Sequence[Finding], *, started: bool = True) -> str | None:
    """Name the blocker, or None when nothing in the findings stops the study.

    A Baseline whose canvas was measured to be dead, or whose scores are blank, is the study's own halt rule
    and keeps its name; one that was not computed is not. Once what is blocked
    was `started`, "missing" is what it failed to leave, not what it needs.
    """
    for cause in CAUSES:
        for finding in findings:
            if cause.shown_by(finding, started=started):
                return cause.topic.format(arm=finding.arm.lower())
    return None


def return_condition(topic: str, subject: str) -> str:
    """Say when what is noted under a topic may go on."""
    usual = f"The command above ends with exit status 0 and nothing is found: `{subject}` is green."
    return next((cause.returns for cause in CAUSES if cause.returns and cause.is_topic(topic)), usual)
