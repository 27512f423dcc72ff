"""How many pixels images of each comparison have, so that a large study has a page that can be opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ptycho_compare.hub import DEBUG_TIER
from ptycho_compare.records.acceptance import ComparisonVerdict

MANY = 24  # comparisons; of more not all have images and curves
_PIXELS = 5_500_000  # of all images of a page of so many: a byte each at most, a third more as text
_PAGE_BYTES = 4_800_000  # of a page of more
_AROUND = 600_000  # bytes: style, script, the study as a whole, records
_OF_COMPARISON, _OF_CURVES = 29_000, 17_000  # bytes
_BYTES_PER_PIXEL = 1.35
_LEAST = 4096  # pixels of an image on which anything can be seen


def pixels_of_images(
    comparisons: Sequence[ComparisonVerdict], required: Mapping[str, Sequence[str]]
) -> dict[str, int]:
    """Return the most pixels of an image of each comparison, by id; 0 leaves its images and curves out.

    Where there is no room for all, those that do not hold come first, and of the others as many as find
    room, spread evenly over the study; those of the debug tier stay out.
    """
    crowded = len(comparisons) > MANY
    pictured = [each for each in comparisons if not (crowded and each.tier == DEBUG_TIER)]
    # amplitude, phase and error of each arm, amplitude and phase of the truth
    images = {each.id: 3 * len(required.get(each.tier, ())) + 2 for each in pictured}
    room: float = _PIXELS
    if crowded:
        left = _PAGE_BYTES - _AROUND - _OF_COMPARISON * len(comparisons)
        pictured = _chosen(pictured, images, room=left)
        room = (left - _OF_CURVES * len(pictured)) / _BYTES_PER_PIXEL
    shown = sum(images[each.id] for each in pictured)
    held = {each.id: int(room) // shown for each in pictured} if shown else {}
    return {each.id: held.get(each.id, 0) for each in comparisons}


def _chosen(
    pictured: Sequence[ComparisonVerdict], images: Mapping[str, int], *, room: float
) -> list[ComparisonVerdict]:
    """Choose comparisons whose images and curves take at most so many bytes."""
    needed = {name: _OF_CURVES + _LEAST * _BYTES_PER_PIXEL * count for name, count in images.items()}
    share = min(room / max(sum(needed.values()), 1.0), 1.0)
    spread = [each.id for at, each in enumerate(pictured) if int((at + 1) * share) > int(at * share)]
    red = [each.id for each in pictured if each.state == "red"]
    chosen, left = set(), room
    for name in dict.fromkeys([*red, *spread]):
        if needed[name] <= left:
            chosen.add(name)
            left -= needed[name]
    return [each for each in pictured if each.id in chosen]
