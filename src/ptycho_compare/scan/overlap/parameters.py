"""The parameters of a view of phase D: one record, echoed into every file of the view."""

from __future__ import annotations

from dataclasses import dataclass

from ptycho_compare.study import Study

DIAMETER_OVER_SIDE = 0.6
"""Probe diameter per side of a diffraction pattern, where the study states none."""


@dataclass(frozen=True)
class OverlapParameters:
    """How one view of a split is drawn and measured. The names are those of PtychoPINN's files.

    Attributes
    ----------
    gridsize : int
        1: each image is its own group. 2: groups of four.
    s_img : float
        Part of the images that is kept, in (0, 1].
    n_groups : int
        Groups that the metrics are taken over where `gridsize` is 2. With 1 there is a group per image.
    neighbor_count : int
        K, how many nearest neighbours the metrics average over.
    probe_diameter_px : float
        D of the discs, px of the object's grid.
    rng_seed_subsample, rng_seed_grouping : int
        Of the kept images, and of the groups.

    Raises
    ------
    ValueError
        One is out of its range.
    """

    gridsize: int
    s_img: float
    n_groups: int
    neighbor_count: int
    probe_diameter_px: float
    rng_seed_subsample: int
    rng_seed_grouping: int

    def __post_init__(self) -> None:
        if self.gridsize not in (1, 2):
            raise ValueError(f"gridsize must be 1 or 2; found {self.gridsize}")
        if not 0 < self.s_img <= 1:
            raise ValueError(f"s_img must be in (0, 1]; found {self.s_img}")
        for name in ("n_groups", "neighbor_count", "probe_diameter_px"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive; found {getattr(self, name)}")

    @classmethod
    def of_study(cls, study: Study, view: str, *, patch_px: int) -> OverlapParameters:
        """Take a view's parameters from the study; `patch_px` is N, px."""
        overlap, chosen = study.overlap, study.overlap.view(view)
        diameter = overlap.probe_diameter_px
        return cls(
            gridsize=chosen.gridsize,
            s_img=chosen.s_img,
            n_groups=chosen.n_groups,
            neighbor_count=overlap.neighbors,
            probe_diameter_px=DIAMETER_OVER_SIDE * patch_px if diameter is None else diameter,
            rng_seed_subsample=overlap.seed,
            rng_seed_grouping=study.grouping.seed,
        )
