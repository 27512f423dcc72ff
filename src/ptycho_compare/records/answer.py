"""The answer of a comparison and its sentences: who is best, by how much, what cannot be told apart.

`answering` finds it; whoever shows it takes its words from here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ptycho_compare.records.deciding import RESIDUAL, Deciding, Margin, digits
from ptycho_compare.records.measures import REFERENCES

WITHOUT_TRUTH = "no true object: arms are judged by their residual"

Kind = Literal["best", "alike", "disagree", "leads", "flat", "one", "none"]


@dataclass(frozen=True)
class Answer:
    """Who is best in one comparison.

    Attributes
    ----------
    kind : str
        "best": the first arm is told apart from all others. "alike": it cannot be told apart from those in
        `beside`. "disagree": the scores contradict each other about it and those in `beside`. "leads": no
        interval tells whether it is apart from those in `beside`. "flat": the arm with the best number
        shows nothing. "one", "none": only so many arms have a number.
    score : Deciding or None
        What decides; None where nothing does.
    numbers : dict of str to float
        Numbers of that score by arm, best first.
    beside, behind : tuple of str
        Arms that the first one is not told apart from, and those that it is better than; best first.
    margin : Margin or None
        Distance of the first arm from the nearest one of `beside`, or else of `behind`.
    against : Margin or None
        Where the scores disagree: the score that says the opposite.
    remarks : tuple of str
        What else to know, a sentence each: who failed, who is flat, which other arms are alike.
    flat, failed : frozenset of str
        Arms that show nothing, and arms without scores.
    reference : str
        What the arms were compared with: "truth", "independent_half", "same_data" or "none".
    mask_pixels : int or None
        Scored pixels, the same for all arms.
    """

    kind: Kind
    score: Deciding | None
    numbers: dict[str, float]
    beside: tuple[str, ...] = ()
    behind: tuple[str, ...] = ()
    margin: Margin | None = None
    against: Margin | None = None
    remarks: tuple[str, ...] = ()
    flat: frozenset[str] = frozenset()
    failed: frozenset[str] = frozenset()
    reference: str = ""
    mask_pixels: int | None = None

    @property
    def first(self) -> str:
        """The arm with the best number; empty where none has one."""
        return next(iter(self.numbers), "")

    @property
    def winner(self) -> str | None:
        """The arm that is best; None where nobody is."""
        return self.first if self.kind == "best" else None

    @property
    def verdict(self) -> str:
        """Who wins, in a few words."""
        words = {
            "best": f"{self.first} {'agrees best' if self.reference == 'same_data' else 'is best'}",
            "alike": f"{listed([self.first, *self.beside])} cannot be told apart{self._ahead_of_the_rest()}",
            "disagree": f"no winner: the scores disagree about {listed([self.first, *self.beside])}",
            "leads": f"{self.first} leads, but nobody knows whether it can be told apart from "
            f"{listed(self.beside)}",
            "flat": f"no winner: {self.first}, first by the numbers, is flat",
            "one": f"no winner: only one arm is scored, {self.first}",
            "none": "no winner: no arm has a score that decides",
        }
        return words[self.kind]

    def _ahead_of_the_rest(self) -> str:
        if not self.behind:
            return ""
        return f"; {'both' if len(self.beside) == 1 else 'all'} are better than {listed(self.behind)}"

    @property
    def why(self) -> str:
        """By which score, by how much, with its interval; empty where no arm has a number."""
        if self.score is None:
            return ""
        said = f"{self.score.name} {digits(self.numbers[self.first])}"
        if self.margin is None:
            return said
        if self.against is not None:
            return f"{self.margin.sentence}; {self.against.sentence}"
        other = self.margin.behind
        return f"{said} against {digits(self.numbers[other])} of {other}, {self.margin.distance}"

    def standing(self, arm: str) -> str:
        """What the answer says of one arm, in two or three words."""
        if arm in self.failed:
            return "failed"
        if arm not in self.numbers:
            return "not scored"
        if arm in self.flat:
            return "flat"
        if arm == self.first:
            return {"best": "best", "leads": "leads", "one": ""}.get(self.kind, "first")
        if arm in self.beside:
            return {"alike": "not told apart", "disagree": "scores disagree", "leads": "not known"}[self.kind]
        return "behind"

    @property
    def grounds(self) -> str:
        """What the arms were compared with, and on which pixels."""
        pixels = ""
        if self.mask_pixels is not None:
            pixels = f"on the {self.mask_pixels:,} pixels that every arm covers"
        if self.score == RESIDUAL or self.reference == "none":
            against = WITHOUT_TRUTH if self.score == RESIDUAL else "no true object, and no residual"
            return ", ".join(filter(None, (against, pixels)))
        known = self.reference in REFERENCES
        against = f"compared with {REFERENCES[self.reference]}" if known else ""
        return ", ".join(filter(None, (against, pixels)))

    @property
    def lines(self) -> tuple[str, ...]:
        """The whole answer: verdict, why, grounds, and a line for each remark."""
        return tuple(filter(None, (self.verdict, self.why, self.grounds, *self.remarks)))


def listed(arms: Sequence[str]) -> str:
    """Return names as a list in a sentence: ``A, B and C``."""
    return " and ".join(filter(None, (", ".join(arms[:-1]), *arms[-1:])))
