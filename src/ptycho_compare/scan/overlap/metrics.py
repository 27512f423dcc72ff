"""How far probes overlap, as discs: three averages of the overlap fraction, and a bound on the density.

Metric 1 averages over the images of a group, metric 2 over an image and its neighbours, metric 3
over groups. All are in [0, 1]; f is `disc_overlap_fraction`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from ptycho_compare.scan.group import form_groups
from ptycho_compare.scan.overlap.parameters import OverlapParameters

METRICS_VERSION = "1.0"
BOUND_AT_MOST = 0.10
ACCEPTANCE_AT_LEAST = 1e-6
_BLOCK = 2048
"""Centres whose neighbours are held at a time."""


@dataclass(frozen=True)
class OverlapMetrics:
    """How far the probes of a view overlap. The names are those of PtychoPINN's files.

    Attributes
    ----------
    metric_1_group_based_avg : float or None
        None where groups are single images.
    metric_2_image_based_avg, metric_3_group_to_group_avg : float
    n_images_total, n_images_subsampled, n_unique_images : int
        Of the split, of them kept, and of these with different positions.
    n_groups_actual : int
    geometry_acceptance_bound, effective_min_acceptance : float
        Reported; nothing is refused by them.
    """

    metric_1_group_based_avg: float | None
    metric_2_image_based_avg: float
    metric_3_group_to_group_avg: float
    n_images_total: int
    n_images_subsampled: int
    n_unique_images: int
    n_groups_actual: int
    geometry_acceptance_bound: float
    effective_min_acceptance: float

    def record(self, parameters: OverlapParameters) -> dict[str, Any]:
        """Contents of a metrics file: version, parameters, numbers."""
        return {"metrics_version": METRICS_VERSION, **asdict(parameters), **asdict(self)}


def measure_overlap(
    positions: NDArray[np.float64], parameters: OverlapParameters, *, n_total: int
) -> OverlapMetrics:
    """Measure a view.

    Parameters
    ----------
    positions : ndarray, (n, 2), float64
        Of the kept images: x, y in px.
    parameters : OverlapParameters
    n_total : int
        Images of the split before any was left out.

    Raises
    ------
    ScanError
        Fewer images than a group needs.
    """
    diameter, neighbors = parameters.probe_diameter_px, parameters.neighbor_count
    groups = overlap_groups(
        positions,
        gridsize=parameters.gridsize,
        count=parameters.n_groups,
        seed=parameters.rng_seed_grouping,
    )
    bound = geometry_bound(positions, diameter)
    return OverlapMetrics(
        metric_1_group_based_avg=within_groups(positions, groups, diameter=diameter, neighbors=neighbors),
        metric_2_image_based_avg=between_images(positions, diameter=diameter, neighbors=neighbors),
        metric_3_group_to_group_avg=between_groups(positions[groups].mean(axis=1), diameter=diameter),
        n_images_total=n_total,
        n_images_subsampled=len(positions),
        n_unique_images=len(np.unique(positions, axis=0)),
        n_groups_actual=len(groups),
        geometry_acceptance_bound=bound,
        effective_min_acceptance=max(bound, ACCEPTANCE_AT_LEAST),
    )


def overlap_groups(
    positions: NDArray[np.float64], *, gridsize: int, count: int, seed: int
) -> NDArray[np.int64]:
    """Draw the groups that the metrics are taken over.

    Parameters
    ----------
    positions : ndarray, (n, 2), float64
        x, y in px.
    gridsize : int
        1 gives each image as its own group, and `count` has no meaning. 2 gives an image with its
        three nearest neighbours.
    count : int
        Their first images are drawn without replacement as long as there are so many, with
        replacement beyond.
    seed : int

    Returns
    -------
    ndarray, (count, 4) or (n, 1), int64
        Image numbers; the drawn image comes first.

    Raises
    ------
    ScanError
        Fewer than four images for groups of four.
    """
    images, size = len(positions), gridsize**2
    every = form_groups(positions, size=size, count=images, neighbors=size - 1, seed=seed)
    if size == 1:
        return every
    drawn = np.random.default_rng(seed).choice(images, size=count, replace=count > images)
    return every[drawn]


def within_groups(
    positions: NDArray[np.float64], groups: NDArray[np.int64], *, diameter: float, neighbors: int
) -> float | None:
    """Metric 1: mean f of a member and its K nearest fellows, over all members of all groups.

    Parameters
    ----------
    positions : ndarray, (n, 2), float64
    groups : ndarray, (B, C), int64
        Image numbers.
    diameter : float
        D, px.
    neighbors : int
        K; in a group of C there are C - 1 fellows at most.

    Returns
    -------
    float or None
        In [0, 1]; None where a group is a single image.
    """
    size = groups.shape[1]
    if size == 1:
        return None
    members = positions[groups]
    distance = np.linalg.norm(members[:, :, None] - members[:, None], axis=3)
    distance[:, np.arange(size), np.arange(size)] = np.inf  # no member is its own fellow
    nearest = np.sort(distance, axis=2)[:, :, : min(neighbors, size - 1)]
    return float(disc_overlap_fraction(nearest, diameter).mean())


def between_images(positions: NDArray[np.float64], *, diameter: float, neighbors: int) -> float:
    """Metric 2: mean f of an image and its K nearest others, over images with different positions.

    Images at one and the same position count as one. With a single position there is nothing to
    overlap with: 0.
    """
    unique = np.unique(positions, axis=0)
    pool = min(neighbors, len(unique) - 1)
    if pool == 0:
        return 0.0
    distance = np.asarray(scipy.spatial.KDTree(unique).query(unique, k=pool + 1)[0])
    return float(disc_overlap_fraction(distance[:, 1:], diameter).mean())  # the first is the image itself


def between_groups(centres: NDArray[np.float64], *, diameter: float) -> float:
    """Metric 3: mean f of a group and all others nearer than D, over groups; without any such, f is 0.

    Parameters
    ----------
    centres : ndarray, (B, 2), float64
        Mean position of each group's members, px.
    diameter : float
        D, px.
    """
    means = np.concatenate(list(_means_to_near(centres, diameter)))
    return float(means.mean())


def _means_to_near(centres: NDArray[np.float64], diameter: float) -> Iterator[NDArray[np.float64]]:
    """Mean f of each centre to those nearer than D, in blocks: a dense scan has millions of pairs."""
    tree = scipy.spatial.KDTree(centres)
    for start in range(0, len(centres), _BLOCK):
        block = centres[start : start + _BLOCK]
        pairs = scipy.spatial.KDTree(block).sparse_distance_matrix(tree, diameter, output_type="ndarray")
        near = pairs[(pairs["i"] + start != pairs["j"]) & (pairs["v"] < diameter)]
        overlap = disc_overlap_fraction(near["v"], diameter)
        total = np.bincount(near["i"], weights=overlap, minlength=len(block))
        yield total / np.maximum(np.bincount(near["i"], minlength=len(block)), 1)


def geometry_bound(positions: NDArray[np.float64], diameter: float) -> float:
    """Largest part of the images that could be kept without any overlap, at most 0.10.

    bound = min(bounding-box area / (n pi (D/2)^2), 0.10): n discs of diameter D against the area that
    was scanned. It is PtychoPINN's rule ACCEPTANCE-001.

    Parameters
    ----------
    positions : ndarray, (n, 2), float64
    diameter : float
        D, px.
    """
    area = float(np.ptp(positions, axis=0).prod())
    return min(area / (len(positions) * np.pi * (diameter / 2) ** 2), BOUND_AT_MOST)


def disc_overlap_area(distance: ArrayLike, diameter: float) -> NDArray[np.float64]:
    """Area that two equal discs share.

    A(d) = 2 R^2 arccos(d / 2R) - (d / 2) sqrt(4 R^2 - d^2) for d < D, else 0: two circular segments [1]_.

    Parameters
    ----------
    distance : array_like, any shape
        d, of the centres, px; not negative.
    diameter : float
        D = 2R, px.

    Returns
    -------
    ndarray, the shape of `distance`, float64
        px^2, from pi R^2 at d = 0 down to 0 at d = D.

    Raises
    ------
    ValueError
        A distance is negative, or D is not positive.

    References
    ----------
    .. [1] E. W. Weisstein, "Circle-Circle Intersection", MathWorld, the case of equal radii.
    """
    distance = np.asarray(distance, np.float64)
    if not diameter > 0:
        raise ValueError(f"diameter must be positive; found {diameter}")
    if (distance < 0).any():
        raise ValueError(f"distances must not be negative; found {distance.min()}")
    apart = np.minimum(distance / diameter, 1.0)
    return np.asarray(0.5 * diameter**2 * (np.arccos(apart) - apart * np.sqrt(1 - apart**2)))


def disc_overlap_fraction(distance: ArrayLike, diameter: float) -> NDArray[np.float64]:
    """f(d) = A(d) / (pi R^2): 1 at d = 0, 0.391 at d = R, 0 from d = D on; see `disc_overlap_area`."""
    return disc_overlap_area(distance, diameter) / (np.pi * (diameter / 2) ** 2)
