"""The choices of a study about scoring, and the name of the definitions that follow from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from ptycho_compare.scoring.metrics import ptychopinn
from ptycho_compare.scoring.metrics.estimate import Resampling
from ptycho_compare.scoring.metrics.metric import ReferenceKind
from ptycho_compare.scoring.metrics.ptychopinn import PtychoPinnSettings
from ptycho_compare.scoring.placement import PlacingSettings

METRIC_VERSION = "ptycho-compare-3"
"""Names the definitions behind the numbers; changes whenever one of them does."""

Definitions = Literal["standard", "ptychopinn"]


class RampRule(NamedTuple):
    """Whether an arm's phase ramp is removed before scoring, and who decided so."""

    freed: bool
    because: str


@dataclass(frozen=True)
class ScoringSettings:
    """Choices of a study about scoring.

    Attributes
    ----------
    placing : PlacingSettings
    diagnostic_radius_px : float
        How far the shift of an arm that is never moved is searched.
    free_ramp : bool, tuple of str or None
        Whose linear phase ramp is removed: everyone's, nobody's, that of the named arms, or (None)
        of those whose code retrieved its probe. Elsewhere it is reported only.
    reference : ReferenceKind
        The kind of truth: simulated, an independent half, or made from the same data.
    metrics : {"standard", "ptychopinn"}
        Whose definitions are used.
    frc_sigma : float
        Smoothing of ring curves before the cut-off, in rings.
    resampling : Resampling
    ptychopinn : PtychoPinnSettings
    """

    placing: PlacingSettings = field(default_factory=PlacingSettings)
    diagnostic_radius_px: float = 3.0
    free_ramp: bool | tuple[str, ...] | None = None
    reference: ReferenceKind = "truth"
    metrics: Definitions = "standard"
    frc_sigma: float = 0.0
    resampling: Resampling = field(default_factory=Resampling)
    ptychopinn: PtychoPinnSettings = field(default_factory=PtychoPinnSettings)

    @property
    def metric_version(self) -> str:
        """Name of the definitions in use."""
        return METRIC_VERSION if self.metrics == "standard" else ptychopinn.METRIC_VERSION

    def ramp_rule(self, arm: str, *, retrieved: bool) -> RampRule:
        """Decide on an arm's phase ramp.

        Where a code retrieved the probe together with the object, a ramp is exact gauge freedom: the
        probe's opposite ramp takes it back, and no diffraction tells. Through a given probe it is not.

        Parameters
        ----------
        retrieved : bool
            The arm's code retrieved its probe.
        """
        if self.free_ramp is None:
            because = "its probe was retrieved with it" if retrieved else "no probe was retrieved with it"
            return RampRule(retrieved, because)
        freed = self.free_ramp if isinstance(self.free_ramp, bool) else arm in self.free_ramp
        return RampRule(freed, "by the settings")


DEFAULT_SETTINGS = ScoringSettings()
