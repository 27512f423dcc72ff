"""What a blocker concerns: the comparisons that cannot be counted while it is open."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ptycho_compare.hub import cell_text
from ptycho_compare.study import Comparison

_NAME = r"[a-z][a-z0-9_]*"
_CELL = r"[A-Za-z0-9_.]+(?:-[A-Za-z0-9_.]+)*"
_COMPARISON = re.compile(rf"dose_(\d+)-(?!reconstruct-|train-)({_NAME})-({_NAME})-({_NAME})(?:-({_CELL}))?")
_DOSE = re.compile(r"dose_(\d+)-.*")
_ALL = "all comparisons"
_TEXT = re.compile(
    rf"dose (\d+)(?:, view ({_NAME}))?(?:, split ({_NAME}))?(?:, tiers? ({_NAME}(?: {_NAME})*))?"
    rf"(?:, cell ({_CELL}))?"
)


@dataclass(frozen=True)
class Scope:
    """Some of a study's comparisons; None and empty fields leave nothing out.

    Attributes
    ----------
    dose : int or None
        Photons per exposure. Without one all comparisons are meant.
    tiers : tuple of str
        Any of them.
    cell : str
        Levels of some of the study's own factors, e.g. ``seed_1``: whatever the others are.
    """

    dose: int | None = None
    view: str = ""
    split: str = ""
    tiers: tuple[str, ...] = ()
    cell: str = ""

    @classmethod
    def of(cls, comparison: Comparison) -> Scope:
        """That one comparison."""
        return cls(
            comparison.dose, comparison.view, comparison.split, (comparison.tier,), cell_text(comparison.cell)
        )

    @classmethod
    def of_subject(cls, subject: str) -> Scope:
        """What is told by the id of a comparison or step alone, as in notes that state no scope."""
        if found := _COMPARISON.fullmatch(subject):
            dose, view, split, tier, cell = found.groups()
            return cls(int(dose), view, split, (tier,), cell or "")
        found = _DOSE.fullmatch(subject)
        return cls(int(found[1])) if found else cls()

    @classmethod
    def parse(cls, text: str) -> Scope | None:
        """Read what `str` gives; None for any other text."""
        found = _TEXT.fullmatch(text)
        if found is None:
            return cls() if text == _ALL else None
        dose, view, split, tiers, cell = found.groups()
        return cls(int(dose), view or "", split or "", tuple((tiers or "").split()), cell or "")

    def concerns(self, comparison: Comparison) -> bool:
        """True for a comparison that cannot be counted while the blocker is open."""
        return (
            self.dose in (None, comparison.dose)
            and self.view in ("", comparison.view)
            and self.split in ("", comparison.split)
            and (not self.tiers or comparison.tier in self.tiers)
            and (not self.cell or set(self.cell.split("-")) <= set(cell_text(comparison.cell).split("-")))
        )

    def __str__(self) -> str:
        if self.dose is None:
            return _ALL
        tiers = f"{'tier' if len(self.tiers) == 1 else 'tiers'} {' '.join(self.tiers)}" if self.tiers else ""
        cell = self.cell and f"cell {self.cell}"
        parts = (self.view and f"view {self.view}", self.split and f"split {self.split}", tiers, cell)
        return ", ".join([f"dose {self.dose}", *filter(None, parts)])


EVERYTHING = Scope()
"""All comparisons."""
