"""`study.toml` of a hub that has none, as far as what lies there tells it; what it does not tell is asked."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ptycho_compare.errors import HubError, StudyError, first_of
from ptycho_compare.hub import DEBUG_TIER, FULL_TIER, Hub
from ptycho_compare.printable import one_line
from ptycho_compare.records.study_facts import ScanFacts, ViewFacts, read_scans, read_views
from ptycho_compare.study import NAME, NETWORKS, PTYCHI, Stitching, Study, parse_study
from ptycho_compare.study.holdings import Holdings, ScanPlace, holdings_of

_ASKED = "#? "
_DEBUG_GROUPS = 320
_FEW = 3
_NAME_CHARACTERS = 100
_USUAL_ARM = re.compile(r"[^A-Za-z0-9_.-]+")


@dataclass(frozen=True)
class StudyDraft:
    """A study file that was not written yet.

    Attributes
    ----------
    text : str
        What it would hold.
    study : Study
        What it says.
    questions : tuple of str
        What the hub does not tell, as it stands in the comments.
    """

    text: str
    study: Study
    questions: tuple[str, ...]


def draft_study(hub: Hub) -> StudyDraft:
    """Write down the study of what lies in a hub.

    Raises
    ------
    HubError
        There is no scan, or one is called as nothing in a study may be; one line.
    """
    held = holdings_of(hub)
    _require_scans(held)
    scans = read_scans(held)
    views = read_views(held, scans.images)
    sections = (
        _head(held),
        _tiers(held, scans),
        _grouping(scans, views),
        _scoring(scans),
        _scan(scans),
        _factors(held),
        _arms(held),
    )
    text = "\n\n".join("\n".join(section) for section in map(list, sections) if section) + "\n"
    try:
        study = parse_study(text, hub.study())
    except StudyError as error:
        reason = str(error).removeprefix(f"{hub.study()}: ")
        raise HubError(f"{hub.root}: what lies there makes no study: {reason}; rename it there") from None
    asked = tuple(line.removeprefix(_ASKED) for line in text.splitlines() if line.startswith(_ASKED))
    return StudyDraft(text, study, asked)


def _require_scans(held: Holdings) -> None:
    hub = held.hub
    if not held.scans:
        lies = f"of dose {', '.join(map(str, hub.doses()))}" if hub.doses() else "of any dose"
        found = sorted(hub.relative(path) for path in hub.root.glob("data/phase_[cd]/*"))
        seen = f" (found {first_of(found)})" if found else ""
        raise HubError(
            f"{hub.root}: holds no scan {lies}{seen}; a scan is data/phase_c/dose_D/patched_SPLIT.npz, where "
            "D is the number of photons per exposure, a whole number; put it there"
        )
    for place, path in held.scans.items():
        for kind, name in (("view", place.view), ("split", place.split)):
            if not re.fullmatch(NAME, name):
                raise HubError(
                    f"{path}: a study has no {kind} {name!r}: lower-case letters, digits and _, a letter "
                    "first; rename it"
                )


def _ask(text: str) -> str:
    return f"{_ASKED}{one_line(text)}"


def _listed(places: Sequence[ScanPlace]) -> str:
    return _some([f"dose_{place.dose} {place.view} {place.split}" for place in places])


def _head(held: Holdings) -> Iterator[str]:
    yield "# The study of this hub, as `ptycho-hub init` understood it from what lies here: edit it. All keys"
    yield "# stand in docs/hub_and_study.md of pytest-ptycho."
    yield f"# A line that begins with {_ASKED.strip()} asks what the files do not tell."
    yield ""
    yield f"name = {_value(one_line(held.hub.root.name)[:_NAME_CHARACTERS] or 'hub')}"
    yield f"doses = {_value(list(held.doses))}  # photons per exposure; one folder dose_D each"
    yield f"views = {_value(list(held.views))}"
    yield f"splits = {_value(list(held.splits))}"
    if gaps := held.gaps():
        yield _ask(
            f"Is a scan still to come? There is none of {_listed(gaps)}; "
            "where it is not, leave out its dose, view or split"
        )
    if dry := sorted({*held.hub.doses()} - {*held.doses}):
        yield _ask(f"Where are the scans of dose {', '.join(map(str, dry))}? Other files of it are here")


def _tiers(held: Holdings, scans: ScanFacts) -> Iterator[str]:
    """Require the arms that are there for every scan, and ask about others."""
    there = {place: held.arms_of(place) for place in held.scans}
    required, asked = [], []
    for arm in (*NETWORKS, PTYCHI):
        without = [place for place, cells in there.items() if not all(arm in arms for arms in cells)]
        if not without:
            required.append(arm)
        elif any(arm in arms for cells in there.values() for arms in cells):
            asked.append(f"Is {arm} required? It is not there for {_listed(without)}")
    if not any(arms for cells in there.values() for arms in cells):
        asked.append(
            "Which arms are compared? No network and no reconstruction lies here under a name that is known"
        )
    images = min(scans.images.values(), default=None)
    few = "" if images is None else f"  # of the {images} images of the smallest split"
    yield f"[tiers.{DEBUG_TIER}]  # pytest -m debug: minutes"
    yield f"groups = {_DEBUG_GROUPS if images is None else max(1, min(_DEBUG_GROUPS, images // 2))}{few}"
    yield f"required_arms = {_value(required)}  # without one of these a comparison is red"
    yield from map(_ask, asked)
    yield ""
    yield f"[tiers.{FULL_TIER}]  # pytest -m full --timeout=0: the whole splits, counted, once debug is green"
    yield f"required_arms = {_value(required)}"
    for tier in held.tiers():
        if tier not in (DEBUG_TIER, FULL_TIER):
            where = held.hub.relative(held.hub.analysis())
            yield _ask(f"What was tier {tier}? Results of it lie in {where}: say its groups, required_arms")


def _grouping(scans: ScanFacts, views: ViewFacts) -> Iterator[str]:
    usual = Stitching().crop_px
    crop = usual if scans.patch_px is None else max(1, min(usual, 3 * scans.patch_px // 8))
    if views.grouping_seed is not None:
        yield "[grouping]"
        yield f"seed = {views.grouping_seed}  # as phase D took it"
        yield ""
    yield "[stitching]"
    yield f"crop_px = {crop}  # central part of each patch that is used"
    plain = {key: value for key, value in views.overlap.items() if key != "views"}
    if plain:
        yield ""
        yield "[overlap]  # as metrics of phase D tell it"
        yield from _pairs(plain)
    for view, drawn in views.overlap.get("views", {}).items():
        yield ""
        yield f"[overlap.views.{view}]"
        yield from _pairs(drawn)
    yield from map(_ask, views.questions)


def _scoring(scans: ScanFacts) -> Iterator[str]:
    if not scans.truths:
        if scans.images:
            yield "# The scans hold no true object: arms are judged by residual, halves and each other."
        return
    yield "[scoring]"
    yield _ask("Is the object in the scans the truth of a simulation? Else: independent_half, or same_data")
    yield '# reference = "truth"'


def _scan(scans: ScanFacts) -> Iterator[str]:
    yield from map(_ask, scans.questions)
    if scans.unread:
        yield _ask(f"What do the scans hold? {first_of(scans.unread)}; `ptycho-hub scan FILE` shows it")
        yield "# [scan]"
        yield '# keys = { diffraction = "KEY", positions = "KEY", probe = "KEY", object = "KEY" }'
        yield '# values = "counts"'
        yield '# dc = "corner"'


def _factors(held: Holdings) -> Iterator[str]:
    """Write the levels that names of folders tell; ask about what lies nowhere, and about other names."""
    cells = held.cells
    if cells.factors:
        yield "[factors]  # as the folders of networks, reconstructions and comparisons are called"
        yield from (f"{_key(name)} = {_value(levels)}" for name, levels in cells.factors.items())
    if cells.missing:
        yield _ask(
            f"Are all levels compared in all combinations? Nothing lies here of {_some(cells.missing)}"
        )
    if cells.why:
        yield _ask(f"Which [factors] are meant? Of the folders' names: {cells.why}")
    unknown = [held.hub.relative(folder) for folder in cells.unknown]
    if unknown:
        yield _ask(f"What is {_some(unknown)}? Behind the first - no level of a factor stands there")


def _arms(held: Holdings) -> Iterator[str]:
    """Ask about files that may be arms; nothing that is found becomes one by itself."""
    found = [(pattern, "path", paths) for pattern, paths in held.other_images().items()]
    found += [(held.hub.relative(path), "network", [path]) for path in held.own_networks()]
    named: set[str] = set()
    for pattern, key, paths in found:
        name = _arm_name(Path(pattern).stem, named)
        where = held.hub.relative(paths[0])
        if one_line(pattern) != pattern:
            yield _ask(f"Is {where} an arm? Its name has characters that no study takes")
            continue
        many = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
        yield _ask(f"Is this an arm too? {where}{many}")
        yield f"# [arms.{json.dumps(name)}]"
        yield f"# {key} = {_value(pattern)}"


def _arm_name(stem: str, named: set[str]) -> str:
    """Return a name that a study takes, and that no other file got."""
    plain = _USUAL_ARM.sub("_", stem).strip("_.-")[:30]
    base = plain if plain[:1].isalpha() else f"arm_{plain}".rstrip("_")
    name = next(
        each for n in range(len(named) + 1) if (each := f"{base}_{n + 1}" if n else base).lower() not in named
    )
    named.add(name.lower())
    return name


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _FEW} more" if len(names) > _FEW else ""
    return f"{', '.join(names[:_FEW])}{more}"


def _key(name: str) -> str:
    """Write a key in TOML: in quotes where dots belong to it."""
    return _value(name) if "." in name else name


def _pairs(values: dict[str, Any]) -> Iterator[str]:
    return (f"{key} = {_value(value)}" for key, value in values.items())


def _value(value: Any) -> str:
    """Write a value in TOML: numbers, texts of printable characters, and lists of them."""
    return json.dumps(value, ensure_ascii=False)
