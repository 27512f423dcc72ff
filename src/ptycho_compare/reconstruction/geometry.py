"""Whether a scan's geometry explains its images: as given, or clearly better otherwise.

Positions mirrored or in the other axis order, patterns of another orientation, an object with the other
sign of phase: each gives plausible numbers that are wrong. An object that is known (the truth, else an
arm's image) tells them apart through the residual R.

The measure is what a reading explains beyond chance: R with the positions shuffled among the images, less
R. A flat object explains nothing in any reading, and noise takes from all of them alike. Another reading
is clearly better where it explains more than twice as much as the one given. Nothing can once that one
explains half of R: most right scans are settled before any other reading is tried.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy
from numpy.typing import NDArray

from ptycho_compare.blas import one_blas_thread
from ptycho_compare.errors import ArmError, ScoringError
from ptycho_compare.reconstruction.canvas import Grid
from ptycho_compare.reconstruction.geometry_search import GeometryReading, search
from ptycho_compare.reconstruction.held_images import Explained, HeldImages
from ptycho_compare.reconstruction.residual import MeasuredImages

MOST_IMAGES, LEAST_IMAGES = 64, 6
CLEARLY = 2.0
"""How many times as much another reading must explain."""
LEAST_EXPLAINED = 0.05
"""Part of R that it must explain at least."""
CHANCE = 1e-4
"""Chance of such a difference between images where there is none."""
HARDLY, NOTHING, LEAST_CONTRADICTING = 0.2, 0.05, 16
"""Part of what a right reading would explain, below which none is: where it may be chance, and where it is
certain; images that are needed to say so."""
RANKED_BY = 16
"""Images by which the last few readings are ranked."""
SIMPLER = 0.02
"""Part of R by which a reading must be better for each thing more in which it differs."""
_SEED = 20


@dataclass(frozen=True)
class GeometryCheck:
    """How well images are explained by an object, as given and otherwise.

    Attributes
    ----------
    through : str
        Whose object: ``the truth``, or an arm.
    reason : str
        What was found, a sentence.
    images : int
        That were compared.
    r_factor, shuffled : float or None
        R as given, and with positions shuffled; None where it was not measured.
    better : str
        The reading that is clearly better; empty where none is.
    better_r_factor : float or None
        Its R, on the same images.
    unexplained : bool
        Images should differ by where they lie on this object, and nothing of that is seen in any reading.
    """

    through: str
    reason: str
    images: int = 0
    r_factor: float | None = None
    shuffled: float | None = None
    better: str = ""
    better_r_factor: float | None = None
    unexplained: bool = False

    @property
    def fits(self) -> bool:
        """The reading as given explains the images beyond chance, and none is clearly better."""
        if self.better or self.r_factor is None or self.shuffled is None:
            return False
        return self.r_factor < (1 - LEAST_EXPLAINED) * self.shuffled

    def __str__(self) -> str:
        return f"geometry, through {self.through}: {self.reason}"


def check_geometry(
    values: NDArray[np.complexfloating],
    covered: NDArray[np.bool_],
    diffraction: MeasuredImages,
    positions: NDArray[np.float64],
    probe: NDArray[np.complexfloating],
    *,
    grid: Grid,
    images: NDArray[np.int64],
    movable: bool,
    through: str,
) -> GeometryCheck:
    """Hold up to 64 images against an object, as given and in other geometries.

    Parameters
    ----------
    values, covered, diffraction, positions, probe, grid
        As in `diffraction_residual`.
    images : ndarray, (k,), int64
        Image numbers to draw from.
    movable : bool
        Where the object lies is only guessed: a shift of a few px is no fault of the geometry.
    through : str
        Whose object it is, for the record.
    """
    drawn = np.random.default_rng(_SEED).permutation(images)[:MOST_IMAGES]
    if len(drawn) < LEAST_IMAGES:
        return GeometryCheck(through, f"not checked: {len(drawn)} images tell too little")
    amplitudes, good = diffraction.read_measured(drawn)
    places = positions[:, ::-1] - np.array(grid.origin)
    middle = (places.min(axis=0) + places.max(axis=0)) / 2
    held = HeldImages(values, covered, probe, amplitudes, good, places[drawn], middle)
    try:
        with one_blas_thread():
            return _checked(held, through, movable=movable)
    except (ArmError, ScoringError) as error:
        return GeometryCheck(through, f"not checked: {error}")


def _checked(held: HeldImages, through: str, *, movable: bool) -> GeometryCheck:
    given, everything = GeometryReading(framed=not movable), np.arange(len(held.positions))
    lit = held.lit(given, everything)
    if len(lit) >= LEAST_IMAGES:
        found = held.explained(given, lit)
        if settled(found):
            return _as_given(through, found)
    # fewer of large images, and never more than a third: the others judge what is found
    seen = max(2, min(len(everything) // 3, int(np.clip(384 // held.side, 4, 8))))
    ranked = search(held.sample(seen), movable=movable)
    if movable:
        given = next(each for each in ranked if not each.parts)
    others = [each for each in ranked if each.parts or (not movable and any(each.shift))]
    return _judged(held, through, given, _shortlist(others), everything[seen:])


def _shortlist(ranked: list[GeometryReading]) -> list[GeometryReading]:
    """The best few, and the best of those that differ in one thing only."""
    simple = [each for each in ranked if each.parts <= 1]
    return list(dict.fromkeys([*ranked[:3], *simple[:5]]))


def _judged(
    held: HeldImages,
    through: str,
    given: GeometryReading,
    others: list[GeometryReading],
    images: NDArray[np.int64],
) -> GeometryCheck:
    """Compare the reading as given with the best of others, on images that the search has not seen."""
    lit = held.lit(given, images)
    ranked = sorted((_rank(held, each, lit[:RANKED_BY]), number) for number, each in enumerate(others))
    for _, number in ranked:  # one that takes most images off the object cannot be judged
        other = others[number]
        common = held.lit(other, lit)
        if len(common) >= LEAST_IMAGES - 2:
            break
    else:
        return GeometryCheck(through, f"not checked: {len(common)} of {len(images)} images lie on the object")
    one, two = held.explained(given, common), held.explained(other, common)
    found = _as_given(through, one)
    if not clearly_better(two, one):
        if len(common) < LEAST_CONTRADICTING <= len(lit):
            common, one = lit, held.explained(given, lit)
            found = _as_given(through, one)
        return _unless_contradicted(found, one, held.spread(given, common))
    reason = (
        f"R of {one.images} images is {one.r_factor:.4f} as given and {two.r_factor:.4f} otherwise: {other}"
    )
    return replace(found, reason=reason, better=str(other), better_r_factor=two.r_factor)


def clearly_better(other: Explained, one: Explained) -> bool:
    """Say if one reading of the same images explains over twice as much as another, and not by chance."""
    more = other.beyond - CLEARLY * max(float(one.beyond.mean()), 0.0)
    return bool(more.mean() > _chance_of(more)) and other.r_factor <= (1 - LEAST_EXPLAINED) * other.shuffled


def settled(found: Explained) -> bool:
    """Say if a reading explains half of R: no other can be clearly better."""
    return found.r_factor < found.shuffled / CLEARLY


def _unless_contradicted(found: GeometryCheck, one: Explained, spread: float) -> GeometryCheck:
    """Say so where far less is explained than a right reading would, whatever the noise.

    Misfits of noise and of position add up in squares, nearly: what is left of the shuffled R without
    the spread of the predicted images is what R would be as read rightly. An object that is mostly noise
    itself explains less, but something for certain.
    """
    if found.fits or found.r_factor is None or found.shuffled is None or found.images < LEAST_CONTRADICTING:
        return found
    expected = found.shuffled - float(np.sqrt(max(found.shuffled**2 - spread**2, 0.0)))
    if expected < 2 * LEAST_EXPLAINED * found.shuffled:
        return found
    explained = found.shuffled - found.r_factor
    for_certain = explained > NOTHING * expected and explained > _chance_of(one.beyond)
    if explained > HARDLY * expected or for_certain:
        return found
    reason = (
        f"R of {found.images} images is {found.r_factor:.4f} as given, {found.shuffled:.4f} with positions "
        f"shuffled and as high in every other reading, though this object predicts images that differ by "
        f"{spread:.2g}: it is another object, or positions are in another unit or order"
    )
    return replace(found, reason=reason, unexplained=True)


def _chance_of(differences: NDArray[np.float64]) -> float:
    """What the mean of some differences exceeds by chance alone once in 10 000 times (t-test)."""
    error = float(np.std(differences, ddof=1)) / len(differences) ** 0.5
    return float(error * scipy.special.stdtrit(len(differences) - 1, 1 - CHANCE))


def _rank(held: HeldImages, geometry: GeometryReading, images: NDArray[np.int64]) -> float:
    """R on a few images, and a little more for each thing in which a reading differs."""
    try:
        return held.residual(geometry, images).r_factor * (1 + SIMPLER * geometry.parts)
    except ScoringError:  # none of them lies on the object
        return np.inf


def _as_given(through: str, found: Explained) -> GeometryCheck:
    check = GeometryCheck(through, "", found.images, found.r_factor, found.shuffled)
    verdict = (
        "no other reading is clearly better" if check.fits else "this does not tell one reading from another"
    )
    return replace(
        check,
        reason=f"R of {found.images} images is {found.r_factor:.4f} as given and {found.shuffled:.4f} with "
        f"positions shuffled: {verdict}",
    )
