"""What one comparison is asked to do, and how a study's comparison becomes such a request."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ptycho_compare.errors import HubError
from ptycho_compare.hub import Hub, cell_text, level_text
from ptycho_compare.models.engines import engine_settings
from ptycho_compare.reconstruction.image_source import ImageSource, parse_source
from ptycho_compare.reconstruction.user_made import UserSource, declared_by, parse_user_source
from ptycho_compare.reporting.figures.drawing import PlotLimits
from ptycho_compare.scan.read import Scan
from ptycho_compare.scan.reading import Reading
from ptycho_compare.scoring.collapse import limits_of
from ptycho_compare.scoring.metrics.estimate import Resampling
from ptycho_compare.scoring.placement import PlacingSettings
from ptycho_compare.scoring.settings import ScoringSettings
from ptycho_compare.storage.fingerprint import OF_RECONSTRUCTOR
from ptycho_compare.study import PTYCHI, Comparison, EngineName, Study, arms_of, in_cell_of, networks_of


@dataclass(frozen=True)
class ArmSettings:
    """How an arm's groups are fed to its network; neither changes a result."""

    chunk_groups: int | None = None
    batch_rows: int = 32


@dataclass(frozen=True)
class ArmRequest:
    """One arm.

    Attributes
    ----------
    name : str or None
        None: a ready-made reconstruction is called as its file says.
    source : ImageSource or UserSource
        A trained model (its folder or file), a ready-made reconstruction, or a
        reconstructor of the user's own.
    halves : tuple of ImageSource
        Two ready-made reconstructions of half the data each, or none.
    """

    name: str | None
    source: ImageSource | UserSource
    how: ArmSettings = ArmSettings()
    halves: tuple[ImageSource, ...] = ()


@dataclass(frozen=True)
class CompareRequest:
    """One comparison.

    Attributes
    ----------
    arms : tuple of ArmRequest
        In the order of the table.
    test_data : Path
        The split's scan.
    groups : int or None
        Groups compared, for all arms; None for one per image.
    images, image_seed : int or None
        Thin the scan to that many images, drawn with that seed.
    neighbors, seed : int
        How groups are drawn.
    crop_px : int
        M, side of the central part of each patch that is used.
    half_data : bool or None
        Whether networks reconstruct each half of the data as well; None: where there is no truth.
    patches : int
        Patches of each network that are kept, and scored before they are stitched.
    engine : {"onnxruntime", "tensorflow"}
        By what networks are run.
    """

    arms: tuple[ArmRequest, ...]
    test_data: Path
    output_dir: Path
    groups: int | None = None
    images: int | None = None
    image_seed: int | None = None
    neighbors: int = 7
    seed: int = 123
    crop_px: int = 20
    half_data: bool | None = None
    patches: int = 0
    engine: EngineName = "onnxruntime"
    reading: Reading = field(default_factory=Reading)
    scoring: ScoringSettings = field(default_factory=ScoringSettings)
    plot: PlotLimits = field(default_factory=PlotLimits)
    save_npz: bool = True
    save_npz_aligned: bool = True
    save_debug_images: bool = False
    baseline_debug_dir: Path | None = None

    def settings(self) -> dict[str, Any]:
        """Everything but the paths, and of the arms what is in no file, for the manifest."""
        plain = {
            key: value for key, value in asdict(self).items() if key != "arms" and not isinstance(value, Path)
        }
        if not self.patches:  # what was compared before there were any stays what it was
            del plain["patches"]
        # files are inputs, and stand among those
        sources = {name: str(source) for name, source in self._reconstructors().items()}
        keys = {name: source.key for name, source in self.files_of_arms() if source.key is not None}
        own = {"reconstructors": sources, "keys": keys}
        return plain | {"engine": engine_settings(self.engine)} | {key: of for key, of in own.items() if of}

    def reconstructor_versions(self) -> dict[str, str]:
        """By which packages its reconstructors are declared, as far as that is known, for the manifest."""
        found = {name: declared_by(source) for name, source in self._reconstructors().items()}
        return {f"{OF_RECONSTRUCTOR}{name}": package for name, package in found.items() if package}

    def _reconstructors(self) -> dict[str, UserSource]:
        found = ((arm.name, arm.source) for arm in self.arms)
        return {name or source.entry: source for name, source in found if isinstance(source, UserSource)}

    def files_of_arms(self) -> Iterator[tuple[str, ImageSource]]:
        """Yield what is read of the arms, under the names by which the manifest records it."""
        for arm in self.arms:
            if not isinstance(arm.source, UserSource):
                name = arm.name or arm.source.path.stem
                yield name, arm.source
                yield from (
                    (f"{name}, half {number}", half) for number, half in enumerate(arm.halves, start=1)
                )

    def why_no_patches(self, scan: Scan) -> str:
        """Say why patches that were asked for are not scored before stitching; empty where they are."""
        if self.patches and scan.truth is None:
            return f"{scan.path}: holds no true object, so no patch is scored before stitching"
        if self.patches and self.scoring.metrics != "standard":
            return f"metrics '{self.scoring.metrics}' are of whole images, so no patch is scored by them"
        return ""


def request_of(hub: Hub, study: Study, comparison: Comparison) -> CompareRequest:
    """Find a comparison's files in the hub and its settings in the study.

    Raises HubError when a reconstruction that is required in this tier is not there, StudyError when
    ``arms.toml`` of the hub holds no arms.
    """
    hub, study = in_cell_of(hub, study, comparison.cell)
    where = comparison.dose, comparison.view, comparison.split
    tier = study.tiers[comparison.tier]
    how = ArmSettings(tier.chunk, tier.batch)
    networks = networks_of(study, hub, comparison.dose, comparison.view)
    arms = [ArmRequest(name, ImageSource(folder), how) for name, folder in networks.items()]
    ready_made = {PTYCHI: ImageSource(hub.ptychi(*where))}
    for name, arm in arms_of(hub, study).items():
        if arm.reconstructor is not None:
            arms.append(ArmRequest(name, parse_user_source(arm.reconstructor), how))
        elif arm.network is not None:
            arms.append(ArmRequest(name, ImageSource(_in_hub(hub, arm.network, comparison)), how))
        else:
            ready_made[name] = parse_source(str(_in_hub(hub, arm.path, comparison)))
    for name, source in ready_made.items():
        if source.path.exists():
            arms.append(ArmRequest(name, source, how))
        elif name in tier.required_arms:
            raise HubError(
                f"{source.path}: there is no such file, and {comparison.id} requires {name}; "
                "run phase F for this split (another split's reconstruction does not serve)"
            )
    return CompareRequest(
        arms=tuple(arms),
        test_data=hub.split_data(*where),
        output_dir=comparison.folder(hub),
        groups=tier.groups,
        neighbors=study.grouping.neighbors,
        seed=study.grouping.seed,
        crop_px=study.stitching.crop_px,
        half_data=study.scoring.half_data,
        patches=study.scoring.patches,
        engine=study.models.engine,
        reading=Reading.of_study(study),
        scoring=scoring_of(study),
    )


def _in_hub(hub: Hub, path: str, comparison: Comparison) -> Path:
    levels = {name: level_text(level) for name, level in comparison.levels.items()}
    return hub.root / path.format(**levels, cell=cell_text(comparison.cell))


def scoring_of(study: Study) -> ScoringSettings:
    """How the study wants its arms scored, and when it counts one as dead."""
    tolerances, scoring = study.tolerances, study.scoring
    return ScoringSettings(
        placing=PlacingSettings(
            coverage=tolerances.coverage,
            search_radius_px=tolerances.search_radius_px,
            limits=limits_of(study),
        ),
        free_ramp=scoring.free_ramp,
        reference=scoring.reference,
        metrics=scoring.metrics,
        resampling=Resampling(**study.uncertainty.model_dump()),
    )
