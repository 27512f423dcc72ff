"""Which reading a network was trained on: the plausible ones tried on 64 images, and ranked by R.

The rule is that of geometry checks: what a reading explains beyond chance, with a little to pay for each
thing in which it is not the plainest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import ArmError, BundleError, ScoringError
from ptycho_compare.models.engines import OnnxSession
from ptycho_compare.models.own.candidates import differences, readings_of, usual
from ptycho_compare.models.own.declaration import Declaration
from ptycho_compare.models.own.ends import LEAST_ROWS, fit
from ptycho_compare.models.own.inspect_own import OwnFile
from ptycho_compare.models.own.own_network import own_predictor
from ptycho_compare.models.own.trial import open_tried
from ptycho_compare.models.own.turning import ORIENTATION_NAMES
from ptycho_compare.models.predictor import NetworkPredictor
from ptycho_compare.reconstruction.geometry import LEAST_EXPLAINED, SIMPLER, clearly_better, settled
from ptycho_compare.reconstruction.held_images import Explained
from ptycho_compare.reconstruction.network_check import explained_by_network, r_of_network
from ptycho_compare.scan.plan import Plan
from ptycho_compare.scan.read import Scan
from ptycho_compare.untrusted.onnx.contents import OnnxGraph

_ROWS = 16
_TURNED = 3
"""How many of the best readings are tried in other orientations."""


@dataclass(frozen=True)
class TriedReading:
    """A reading, and its R on 64 images."""

    said: Declaration
    r_factor: float

    @property
    def rank(self) -> float:
        """R, and a little more for each thing that is not the plainest."""
        return self.r_factor * (1 + SIMPLER * differences(self.said))


@dataclass(frozen=True)
class RankedReadings:
    """All that was tried, the best first, and what that one explains."""

    tried: tuple[TriedReading, ...]
    best: Explained

    @property
    def explains(self) -> bool:
        """More than chance does."""
        return self.best.r_factor <= (1 - LEAST_EXPLAINED) * self.best.shuffled


@dataclass
class RememberedRuns:
    """An open network that computes the same batch once."""

    session: OnnxSession
    label: str
    device: str
    _known: dict[bytes, dict[str, NDArray[Any]]] = field(default_factory=dict)

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """See `OnnxSession.run`."""
        digest = hashlib.blake2b(b"".join(values.tobytes() for values in inputs.values())).digest()
        if digest not in self._known:
            self._known[digest] = self.session.run(inputs)
        return self._known[digest]


def rank_readings(graph: OnnxGraph, scan: Scan, plan: Plan, *, label: str) -> RankedReadings:
    """Try readings of a network on a scan; loads ONNX Runtime.

    Orientations are tried where no reading as given explains half of R.

    Parameters
    ----------
    plan : Plan
        Of the scan, with groups as the network takes them.

    Raises
    ------
    BundleError
        The graph allows no reading, it cannot be run, or no image lies on what it makes.
    """
    fed = {
        each.name: tuple(LEAST_ROWS if isinstance(side, str) else side for side in each.dims)
        for each in graph.inputs
    }
    session = open_tried(graph, fed, label=label)
    trial = _Trial(graph, RememberedRuns(session, label, session.device), scan, plan, label)
    found = [trial.of(said) for said in readings_of(graph, label=label)]
    first = trial.best_of(found)
    if first is None:
        raise BundleError(
            f"{label}: none of 64 images of {scan.path} lies on what this network makes of them, or the scan "
            "has no probe; give a scan with a probe, or write the toml (docs/own_networks.md)"
        )
    if not settled(first[1]):
        ranked = sorted(found, key=lambda each: each.rank)[:_TURNED]
        found += [trial.of(_turned(each.said, name)) for each in ranked for name in ORIENTATION_NAMES[1:]]
        first = trial.best_of(found) or first
    others = sorted((each for each in found if each is not first[0]), key=lambda each: each.rank)
    return RankedReadings((first[0], *others), first[1])


def _turned(said: Declaration, name: str) -> Declaration:
    return said.model_copy(update={"input": said.input.model_copy(update={"orientation": name})})


@dataclass(frozen=True)
class _Trial:
    graph: OnnxGraph
    network: RememberedRuns
    scan: Scan
    plan: Plan
    label: str

    def of(self, said: Declaration) -> TriedReading:
        try:
            with np.errstate(all="ignore"):  # numbers of a wrong reading may overflow
                return TriedReading(said, r_of_network(self._predictor(said), self.scan, self.plan))
        except (ArmError, ScoringError):  # nothing that could be compared came out
            return TriedReading(said, np.inf)

    def best_of(self, found: Sequence[TriedReading]) -> tuple[TriedReading, Explained] | None:
        """Take the best of the usual readings, unless an unusual one is clearly better, or alone settled.

        A range of phase is a free contrast, and an orientation one of eight: with a poor network some of
        them fit a little better by chance.
        """
        finite = sorted((each for each in found if np.isfinite(each.r_factor)), key=lambda each: each.rank)
        plain = next((each for each in finite if usual(each.said)), None)
        pairs = [(each, self.explained(each)) for each in (plain, *finite[:1]) if each is not None]
        known = [(each, explained) for each, explained in pairs if explained is not None]
        if len(known) < 2 or known[0][0] is known[1][0]:
            return known[0] if known else None
        (_, one), (_, other) = known
        better = one.images == other.images and clearly_better(other, one)
        return known[better or (settled(other) and not settled(one))]

    def explained(self, tried: TriedReading) -> Explained | None:
        try:
            return explained_by_network(self._predictor(tried.said), self.scan, self.plan)
        except (ArmError, ScoringError):
            return None

    def _predictor(self, said: Declaration) -> NetworkPredictor:
        ends = fit(self.graph, said, label=self.label)
        own = OwnFile.of(Path(self.label), self.graph, said, ends)
        return own_predictor(own, self.network, batch_rows=_ROWS, normalization=self.plan.normalization)
