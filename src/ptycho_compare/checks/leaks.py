"""Wrong data in the right place: what is one split's, dose's or comparison's, and serves for another's.

Scores on images that a network was trained on, or of another dose's network, look as good as any. Where files
and records contradict each other, that does not hold; what is unusual and may be meant is a warning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ptycho_compare.checks.check import Validation
from ptycho_compare.checks.held_files import Held, bundle_of, differs, digest_if_readable
from ptycho_compare.checks.origins import judge_network, judge_records
from ptycho_compare.checks.regions import judge_regions, region_warnings
from ptycho_compare.checks.stored_scan import Checksum, StoredScan
from ptycho_compare.finding import Finding
from ptycho_compare.hub import Hub
from ptycho_compare.study import Study
from ptycho_compare.study.factors import trial_of

LEAKS = "data and networks of their own place"


def leaks(
    hub: Hub, pairs: Sequence[tuple[int, str]], splits: Sequence[str], study: Study | None
) -> Validation:
    """Judge whether every scan, network, reconstruction and comparison is of its own place.

    By digests, checksums that archives state, positions and records: no image is read.
    """
    held = Held.of(hub, pairs, splits, study)
    findings = [*_twins(held), *_same_images(held)]
    warnings: list[str] = []
    for dose in dict.fromkeys(dose for dose, _ in pairs):
        paths = [hub.patched(dose, split) for split in splits]
        whole = [held.scans[path] for path in paths if path in held.scans]
        findings += judge_regions(whole)
        warnings += region_warnings(whole)
    for network in held.networks:
        found, unusual = judge_network(network, held, splits)
        findings += found
        warnings += unusual
    warnings += [text for scan in held.scans.values() for text in _of_another_dose(scan)]
    findings += judge_records(held)
    return Validation(LEAKS, "data", findings, warnings=tuple(dict.fromkeys(warnings)))


def _twins(held: Held) -> Iterator[Finding]:
    """Files of different places are different ones, and so are trials, which tell the spread of a score.

    Other levels of a study's factors may come out equal: a training may end before its last epoch.
    """
    bundles = {
        path: (step.dose, step.network, trial_of(step.cell))
        for step in held.networks
        if (path := bundle_of(step)) is not None
    }
    places: dict[str, Mapping[Path, object]] = {
        "place needs a scan": {path: path for path in held.scans},
        "place and seed needs a network": bundles,
        "place and seed needs a reconstruction": held.reconstructions,
    }
    for what, files in places.items():
        first: dict[str, Path] = {}
        for path, place in files.items():
            digest = digest_if_readable(path)
            if digest is None:
                continue
            other = first.setdefault(digest, path)
            if files[other] != place:
                there = held.hub.relative(other)
                text = f"is byte by byte {there}: each {what} of its own"
                yield Finding("input", f"{path}: {text}")


def _same_images(held: Held) -> Iterator[Finding]:
    """No two doses or splits have the same images, whatever else is in their files."""
    first: dict[Checksum, StoredScan] = {}
    for scan in held.scans.values():
        if scan.images is None:
            continue
        other = first.setdefault(scan.images, scan)
        same_place = (scan.dose, scan.split) == (other.dose, other.split)  # a view may keep all images
        if not same_place and digest_if_readable(scan.path) != digest_if_readable(other.path):
            text = f"holds the same images as {held.hub.relative(other.path)}"
            yield Finding("input", f"{scan.path}: {text}: each dose and split needs its own")


def _of_another_dose(scan: StoredScan) -> Iterator[str]:
    if scan.photons is not None and differs(scan.photons, scan.dose):
        said = f"'_metadata' says {scan.photons:g} photons per exposure"
        yield f"{scan.path}: {said}, and its place says {scan.dose}"
