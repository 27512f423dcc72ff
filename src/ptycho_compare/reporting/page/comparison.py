"""One comparison on the page: its arms, images, curves, scores and provenance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from ptycho_compare.hub import Artifacts, Hub, cell_text
from ptycho_compare.records.acceptance import ComparisonVerdict
from ptycho_compare.records.answer import Answer
from ptycho_compare.records.compared import Compared
from ptycho_compare.records.manifest import Manifest, read_manifest
from ptycho_compare.reporting.figures.side_by_side import KINDS
from ptycho_compare.reporting.page.curves import CurveSet, read_curves
from ptycho_compare.reporting.page.gallery import Gallery, read_gallery
from ptycho_compare.reporting.page.provenance import Provenance, link_to, provenance_of
from ptycho_compare.reporting.page.scores import Scores, read_scores
from ptycho_compare.reporting.page.words import readable
from ptycho_compare.storage.files import digest_of

MISSING = "missing"
_REFERENCES = {"truth": "Truth", "independent_half": "Other half", "same_data": "Reference"}


@dataclass(frozen=True)
class ShownArm:
    """An arm and how it came out: ``ok``, ``failed``, ``unscored`` or ``missing``, and why.

    An arm that is ok may have verdicts: how little it shows.
    """

    name: str
    status: str
    reason: str
    verdicts: tuple[str, ...] = ()


@dataclass(frozen=True)
class ComparisonPart:
    """One comparison on the page.

    Attributes
    ----------
    arms : tuple of ShownArm
        Those of the evidence, then those that the study requires and that are missing.
    against : str
        What the arms were compared with, in words.
    provenance : Provenance or None
        None where there is no readable manifest; `trouble` says why.
    links : dict of str to str
        To its files, by their names.
    answer : Answer or None
        Who is best; None where there are no scores that say.
    """

    verdict: ComparisonVerdict
    arms: tuple[ShownArm, ...]
    against: str
    gallery: Gallery
    curves: CurveSet
    scores: Scores
    provenance: Provenance | None
    trouble: str
    links: Mapping[str, str]
    answer: Answer | None = None

    @property
    def title(self) -> str:
        """The comparison as a person says it."""
        return place_text(self.verdict)

    @property
    def columns(self) -> int:
        """Number of images side by side: all arms, and what they are compared with."""
        return max((len(row.pictures) for row in self.gallery.rows), default=0)

    @property
    def has_evidence(self) -> bool:
        """True where there is anything of it to look at."""
        return self.provenance is not None or bool(self.gallery.rows or self.scores.scores)

    def status_of(self, arm: str) -> str:
        """Status of an arm."""
        return next((each.status for each in self.arms if each.name == arm), MISSING)


def read_comparison(
    hub: Hub,
    verdict: ComparisonVerdict,
    *,
    required: Sequence[str],
    pixels: int,
    page: Path,
    tables: Compared | None = None,
) -> ComparisonPart:
    """Read the evidence of a comparison, as far as it is there.

    Parameters
    ----------
    pixels : int
        Most of an image; 0 leaves images and curves out.
    page : Path
        Where the page will lie: links start there.
    tables : Compared or None
        Its tables where they were read already.
    """
    names = Artifacts(verdict.comparison.folder(hub))
    manifest, trouble = _manifest(names)
    if manifest and verdict.manifest_sha256 not in ("", digest_of(names.manifest)):
        trouble = f"{names.manifest.name}: is not the one that was judged; run ptycho-hub gate again"
    arms = _arms(manifest, required)
    scored = [arm.name for arm in arms if arm.status != MISSING]
    if manifest is None or names.differences.name not in manifest.artifacts:
        tables = None  # it holds no differences, and there may be some
    scores = read_scores(names, scored or [arm.name for arm in arms], tables)
    reference = manifest.reference if manifest else "truth"
    statuses = {arm.name: arm.status for arm in arms}
    linked = (names.plot, names.frc_plot, names.metrics, names.patch_scores, names.manifest, names.log)
    return ComparisonPart(
        verdict=verdict,
        arms=arms,
        against=dict(KINDS).get(reference, reference),  # type: ignore[call-overload]
        gallery=read_gallery(
            names,
            statuses,
            truth_name=_REFERENCES.get(reference, "Truth"),
            pixels=pixels,
            pixel_m=manifest.scan.get("object_pixel_m") if manifest else None,
        )
        if pixels
        else Gallery(notes=("Images left out: more comparisons than one page can show.",)),
        curves=read_curves(names, [arm.name for arm in arms]) if pixels else CurveSet(left_out=True),
        scores=scores,
        provenance=provenance_of(
            manifest,
            origin=verdict.origin,
            adoption=names.adoption,
            manifest_sha256=verdict.manifest_sha256,
        )
        if manifest
        else None,
        trouble=trouble,
        links={path.name: link_to(hub, path, page=page) for path in linked if path.is_file()},
        answer=scores.answer,
    )


def place_text(verdict: ComparisonVerdict) -> str:
    """Return where a comparison stands in its study, as a person says it."""
    cell = f", {cell_text(verdict.comparison.cell)}" if verdict.cell else ""
    return f"Dose {verdict.dose:,}, {verdict.view}, {verdict.split}{cell}, {verdict.tier}"


def _manifest(names: Artifacts) -> tuple[Manifest | None, str]:
    try:
        return read_manifest(names.manifest), ""
    except FileNotFoundError:
        return None, f"{names.manifest.name}: missing"
    except OSError as error:
        return None, f"{names.manifest.name}: cannot be read ({error.strerror})"
    except ValidationError as error:
        return None, f"{names.manifest.name}: is no manifest ({error.error_count()} mistakes)"


def _arms(manifest: Manifest | None, required: Sequence[str]) -> tuple[ShownArm, ...]:
    held = {} if manifest is None else manifest.arms
    found = [
        ShownArm(name, record.status, readable(record.reason), tuple(map(readable, record.verdicts)))
        for name, record in held.items()
    ]
    lacking = [ShownArm(name, MISSING, "required by the study") for name in required if name not in held]
    return (*found, *lacking)
