"""What one comparison is asked to do, and how a study's comparison becomes such a request."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ptycho_compare.errors import HubError
from ptycho_compare.hub import Hub
from ptycho_compare.reporting.figures import PlotLimits
from ptycho_compare.scoring import CollapseLimits, ScoringSettings
from ptycho_compare.study import PTYCHI, Comparison, Study


@dataclass(frozen=True)
class ArmSettings:
    """How an arm's groups are fed to its network; neither changes a result."""

    chunk_groups: int | None = None
    batch_rows: int = 32


@dataclass(frozen=True)
class CompareRequest:
    """One comparison.

    Attributes
    ----------
    pinn_dir, baseline_dir : Path
        Where the two trained models lie.
    test_data : Path
        The split's scan.
    output_dir : Path
        Where the artifacts go.
    ready_made : Path or None
        The iterative reconstruction of this split.
    groups : int or None
        Groups compared, for all arms; None for one per image.
    images, image_seed : int or None
        Thin the scan to that many images, drawn with that seed.
    neighbors, seed : int
        How groups are drawn.
    crop_px : int
        M, side of the central part of each patch that is used.
    """

    pinn_dir: Path
    baseline_dir: Path
    test_data: Path
    output_dir: Path
    ready_made: Path | None = None
    groups: int | None = None
    images: int | None = None
    image_seed: int | None = None
    neighbors: int = 7
    seed: int = 123
    crop_px: int = 20
    pinn: ArmSettings = field(default_factory=ArmSettings)
    baseline: ArmSettings = field(default_factory=ArmSettings)
    scoring: ScoringSettings = field(default_factory=ScoringSettings)
    plot: PlotLimits = field(default_factory=PlotLimits)
    save_npz: bool = True
    save_npz_aligned: bool = True
    save_debug_images: bool = False
    baseline_debug_dir: Path | None = None

    def settings(self) -> dict[str, Any]:
        """Everything but the paths, for the manifest."""
        return {key: value for key, value in asdict(self).items() if not isinstance(value, Path)}


def request_of(hub: Hub, study: Study, comparison: Comparison) -> CompareRequest:
    """Find a comparison's files in the hub and its settings in the study.

    Raises
    ------
    HubError
        The iterative reconstruction is required in this tier and is not there.
    """
    where = comparison.dose, comparison.view, comparison.split
    tier = study.tiers[comparison.tier]
    ready_made = hub.ptychi(*where)
    if not ready_made.is_file() and PTYCHI in tier.required_arms:
        raise HubError(
            f"{ready_made}: there is no such file, and {comparison.id} requires {PTYCHI}; "
            "run phase F for this split (another split's reconstruction does not serve)"
        )
    return CompareRequest(
        pinn_dir=hub.pinn_dir(comparison.dose, comparison.view),
        baseline_dir=hub.baseline_dir(comparison.dose),
        test_data=hub.split_data(*where),
        output_dir=hub.comparison_dir(*where, comparison.tier),
        ready_made=ready_made if ready_made.is_file() else None,
        groups=tier.groups,
        neighbors=study.grouping.neighbors,
        seed=study.grouping.seed,
        crop_px=study.stitching.crop_px,
        pinn=ArmSettings(tier.chunk, tier.batch),
        baseline=ArmSettings(tier.chunk, tier.batch),
        scoring=scoring_of(study),
    )


def scoring_of(study: Study) -> ScoringSettings:
    """How the study wants its arms scored, and when it counts one as dead."""
    tolerances = study.tolerances
    return ScoringSettings(
        coverage=tolerances.coverage,
        search_radius_px=tolerances.search_radius_px,
        limits=CollapseLimits(
            max_zero_fraction=tolerances.max_zero_fraction,
            min_contrast=tolerances.min_contrast,
            min_relative_contrast=tolerances.min_relative_contrast,
        ),
    )
