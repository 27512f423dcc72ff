"""One HTML file with all that a person wants to see of a study; it loads nothing and runs nothing foreign."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ptycho_compare.errors import InputError
from ptycho_compare.hub import Hub
from ptycho_compare.records.acceptance import Verdict
from ptycho_compare.records.accepted_scores import artifacts_of
from ptycho_compare.records.manifest import versions
from ptycho_compare.records.study_answers import StudyAnswers, read_answers
from ptycho_compare.reporting.page.attempts import TimeLine, endings_of, read_timeline
from ptycho_compare.reporting.page.comparison import ComparisonPart, read_comparison
from ptycho_compare.reporting.page.history import History, read_history
from ptycho_compare.reporting.page.provenance import Note, StepLine, read_notes, read_steps
from ptycho_compare.reporting.page.responses import StudyPart, part_of
from ptycho_compare.reporting.page.room import pixels_of_images
from ptycho_compare.reporting.page.words import breakable, number_text, readable
from ptycho_compare.storage.files import write_text_atomic
from ptycho_compare.study import Comparison, Study

if TYPE_CHECKING:
    from jinja2 import Template

_FEW = 4  # comparisons that all stand open


@dataclass(frozen=True)
class Page:
    """All that the template shows.

    Attributes
    ----------
    comparisons : tuple of ComparisonPart
        In the study's order.
    notes : tuple of Note
        Blockers that are not closed.
    versions : dict of str to str
        Of what made the page.
    history : History
        Runs that were accepted before.
    whole : StudyPart or None
        What all comparisons say together; None where there is nothing to put together.
    """

    study: Study
    verdict: Verdict
    comparisons: tuple[ComparisonPart, ...]
    notes: tuple[Note, ...]
    timeline: TimeLine | None
    steps: tuple[StepLine, ...]
    versions: dict[str, str]
    history: History
    whole: StudyPart | None

    @property
    def arms(self) -> list[str]:
        """All arms of all comparisons, once each."""
        return list(dict.fromkeys(arm.name for part in self.comparisons for arm in part.arms))

    @property
    def answered(self) -> list[ComparisonPart]:
        """Comparisons as their answers stand: the deepest tier first, and within it in the study's order."""
        return sorted(self.comparisons, key=lambda part: -self.tiers.index(part.verdict.tier))

    @property
    def states(self) -> Counter[str]:
        """Number of comparisons in each state."""
        return Counter(each.state for each in self.verdict.comparisons)

    @property
    def places(self) -> list[Comparison]:
        """A comparison of every row of the matrix; its tier is another's."""
        tier = next(iter(self.tiers), "")
        return list(dict.fromkeys(replace(each.comparison, tier=tier) for each in self.verdict.comparisons))

    @property
    def tiers(self) -> list[str]:
        """The columns of the matrix."""
        return list(dict.fromkeys(each.tier for each in self.verdict.comparisons))

    def part_at(self, place: Comparison, tier: str) -> ComparisonPart | None:
        """One field of the matrix."""
        wanted = replace(place, tier=tier)
        return next((part for part in self.comparisons if part.verdict.comparison == wanted), None)

    def opened(self, part: ComparisonPart) -> bool:
        """True where a comparison stands open: all when they are few, else those that do not hold."""
        return part.has_evidence and (len(self.comparisons) <= _FEW or part.verdict.state == "red")


def write_page(hub: Hub, study: Study, verdict: Verdict, *, output: Path | None = None) -> Path:
    """Write the page of a hub.

    What is missing or cannot be read is said on the page; it stops nothing. Without `output` the page is
    ``report/index.html`` of the hub; its path is returned.
    """
    path = hub.verdict().page if output is None else output
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text_atomic(path, _render(_page(hub, study, verdict, path)))
    return path


def _page(hub: Hub, study: Study, verdict: Verdict, path: Path) -> Page:
    required = {name: tier.required_arms for name, tier in study.tiers.items()}
    pixels = pixels_of_images(verdict.comparisons, required)
    answers: StudyAnswers | None = None
    trouble = ""
    try:
        answers = read_answers(hub, study)
    except InputError as error:
        trouble = str(error)
    tables = {} if answers is None else {each.comparison: each for each in answers.compared}
    parts = tuple(
        read_comparison(
            hub,
            each,
            required=required.get(each.tier, ()),
            pixels=pixels[each.id],
            page=path,
            tables=tables.get(each.comparison),
        )
        for each in verdict.comparisons
    )
    folders = {each.comparison.folder(hub): each.id for each in verdict.comparisons}
    return Page(
        study=study,
        verdict=verdict,
        comparisons=parts,
        notes=read_notes(hub, verdict.blockers, page=path),
        timeline=read_timeline(hub, folders),
        steps=read_steps(hub),
        versions=versions(),
        history=read_history(
            hub.accepted_runs(study.acceptance.store),
            parts,
            tables=[artifacts_of(hub, each).metrics for each in verdict.comparisons],
        ),
        whole=StudyPart(trouble=trouble) if answers is None else part_of(hub, answers, page=path),
    )


@cache
def _template() -> Template:
    """Return the compiled template; compiling it takes longer than filling it in."""
    from jinja2 import Environment, PackageLoader, StrictUndefined  # slow to load

    environment = Environment(
        loader=PackageLoader("ptycho_compare.reporting", "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number_text, "readable": readable, "breakable": breakable}
    return environment.get_template("index.html.j2")


def _render(page: Page) -> str:
    style, script = _own_file("style.css"), _own_file("script.js")
    held: dict[str, Any] = {
        "page": page,
        "style": style,
        "script": script,
        "policy": _policy(style, script),
        "endings": endings_of(page.timeline.jobs) if page.timeline else [],
        "count": _count,
    }
    return _template().render(**held)


def _policy(style: str, script: str) -> str:
    """Allow the page its own style, script and images and nothing else: no network, no foreign script."""
    return (
        f"default-src 'none'; img-src data:; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _own_file(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
