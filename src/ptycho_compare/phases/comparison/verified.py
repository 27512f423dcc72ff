"""Stored evidence computed again, for `verify`, and for whoever makes a report of it.

Which pieces of a network's canvas are computed again follows from the digests of the hub, so that whoever
judges the same hub looks at the same places, and whoever changes a hub cannot know them before.
"""

from __future__ import annotations

import hashlib
import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from ptycho_compare.checks.freshness import judge_in_place
from ptycho_compare.errors import InputError, first_of
from ptycho_compare.finding import Finding
from ptycho_compare.hub import Artifacts, Hub
from ptycho_compare.phases.comparison import COMPUTED_BY
from ptycho_compare.phases.comparison.arm import Setting
from ptycho_compare.phases.comparison.compare import open_setting
from ptycho_compare.phases.comparison.inputs import Inputs, input_files, inspect_inputs
from ptycho_compare.phases.comparison.log import LOGGER
from ptycho_compare.phases.comparison.made_again import evidence_differences, made_again, pieces_again
from ptycho_compare.phases.comparison.request import CompareRequest, request_of
from ptycho_compare.phases.comparison.stored import stored_plan_differs
from ptycho_compare.reconstruction.user_made import UserSource
from ptycho_compare.records.manifest import Manifest, read_manifest
from ptycho_compare.scoring.collapse import limits_of
from ptycho_compare.storage.files import digest_of
from ptycho_compare.storage.fingerprint import Fingerprint
from ptycho_compare.study import Comparison, Study

PIECES = 3
"""How many windows of each network's canvas are computed again."""


@dataclass(frozen=True)
class Recomputation:
    """The evidence of a hub's comparisons, computed again by a study's settings.

    Attributes
    ----------
    hub, study : Hub, Study
    figures : bool
        Figures are drawn again, too. Nothing else rests on them, and they take a fourth of the time.
    """

    hub: Hub
    study: Study
    figures: bool = True

    def __call__(self, comparison: Comparison) -> list[Finding]:
        """Say what does not follow from the canvases, or is not what the networks give.

        Comparisons of other tiers of the same dose, view and split are looked into as well, where they were
        run. What was scored by other definitions cannot be computed again; `why_not` says so.
        """
        return [finding for each in self._places(comparison) for finding in self.alone(each)]

    def why_not(self, comparison: Comparison) -> str:
        """Say what was left out, and why; empty where nothing was."""
        texts: list[str] = []
        for each in self._places(comparison):
            try:
                manifest = read_manifest(self._names(each).manifest)
                texts += _left_out(self._request(each), manifest)
            except (OSError, ValidationError, InputError):
                continue  # a finding already
        return "; ".join(dict.fromkeys(texts))

    def _places(self, comparison: Comparison) -> Iterator[Comparison]:
        for tier in dict.fromkeys([comparison.tier, *self.study.tiers]):
            each = replace(comparison, tier=tier)
            if self.is_there(each):
                yield each

    def is_there(self, comparison: Comparison) -> bool:
        """Say if a comparison of the study left evidence."""
        return comparison.tier in self.study.tiers and self._names(comparison).manifest.exists()

    def _names(self, comparison: Comparison) -> Artifacts:
        return Artifacts(comparison.folder(self.hub))

    def _request(self, comparison: Comparison) -> CompareRequest:
        return request_of(self.hub, self.study, comparison)

    def alone(self, comparison: Comparison) -> list[Finding]:
        """Say it of one comparison; its records are judged first, for nothing follows from damaged ones."""
        names, required = self._names(comparison), self.study.tiers[comparison.tier].required_arms
        light = judge_in_place(
            self.hub, comparison, required=required, limits=limits_of(self.study), arrays=False
        )
        if light:
            said = f"{comparison.id}: not computed again: {first_of(light)}"
            return [Finding(light[0].kind, said)]
        try:
            request, manifest = self._request(comparison), read_manifest(names.manifest)
            if differs := of_other_settings(request, manifest):
                return [Finding("stale", f"{comparison.id}: not computed again: {differs}")]
            texts = _differences(request, names, manifest, seed_of(self.hub, names), figures=self.figures)
        except InputError as error:
            texts = (str(error),)
        return [Finding("changed", f"{comparison.id}: {text}") for text in texts]


def seed_of(hub: Hub, names: Artifacts) -> int:
    """Return what the choice of pieces is drawn from: the digests of the hub and of one manifest."""
    listed = hub.reports().digests
    of_hub = digest_of(listed) if listed.is_file() else ""
    both = hashlib.sha256(f"{of_hub} {digest_of(names.manifest)}".encode())
    return int.from_bytes(both.digest()[:8], "big")


def of_other_settings(request: CompareRequest, manifest: Manifest) -> str:
    """Say in what evidence rests on something else than what a request states; empty when in nothing."""
    digests = {name: digest_of(path) for name, path in input_files(request).items()}
    here = Fingerprint.here(digests, request.settings(), computed_by=COMPUTED_BY)
    return "; ".join(manifest.fingerprint().differences(here, made_elsewhere=True))


def _left_out(request: CompareRequest, manifest: Manifest) -> Iterator[str]:
    here = request.scoring.metric_version
    if manifest.metric_version != here:
        yield f"scores by {manifest.metric_version} (here: {here})"
    for arm in request.arms:
        if isinstance(arm.source, UserSource):
            yield f"the canvas of {arm.name}, which is made by code of the study"


_Key = tuple[str, ...]
_KNOWN: dict[_Key, tuple[str, ...]] = {}
"""What this process has found; a session asks more than once, and equal keys stand for equal bytes."""


def _differences(
    request: CompareRequest, names: Artifacts, manifest: Manifest, seed: int, *, figures: bool
) -> tuple[str, ...]:
    """Compute what is not known yet; artifacts and inputs are those whose digests the manifest holds."""
    evidence: _Key = (str(names.folder.resolve()), digest_of(names.manifest), repr(request))
    canvases, scores = (*evidence, "canvases", str(seed)), (*evidence, "scores", str(figures))
    if not {scores, canvases} <= _KNOWN.keys():
        inputs = inspect_inputs(request)
        with (
            unheard(),
            tempfile.TemporaryDirectory(prefix="ptycho-verify-") as folder,
            open_setting(request, inputs, spool_folder=Path(folder)) as (setting, warnings),
        ):
            if differs := stored_plan_differs(names.plan, setting.plan):
                return (f"{names.plan}: {differs}",)
            if canvases not in _KNOWN:
                _KNOWN[canvases] = tuple(_of_canvases(inputs, names, setting, seed))
            if scores not in _KNOWN:
                where = Path(folder)
                found = _of_scores(inputs, names, manifest, setting, warnings, where, figures=figures)
                _KNOWN[scores] = tuple(found)
    return (*_KNOWN[scores], *_KNOWN[canvases])


def _of_scores(
    inputs: Inputs,
    names: Artifacts,
    manifest: Manifest,
    setting: Setting,
    warnings: Sequence[str],
    folder: Path,
    *,
    figures: bool,
) -> Iterator[str]:
    request = setting.request
    if manifest.metric_version != request.scoring.metric_version:
        return
    try:
        result = made_again(inputs, names, manifest, setting, warnings)
        files = input_files(request)
        yield from evidence_differences(names, manifest, result, folder, inputs=files, figures=figures)
    except InputError as error:
        yield str(error)


def _of_canvases(inputs: Inputs, names: Artifacts, setting: Setting, seed: int) -> Iterator[str]:
    generator = np.random.default_rng(seed)
    try:
        for _ in pieces_again(inputs, names, setting, pieces=PIECES, generator=generator):
            pass
    except InputError as error:
        yield str(error)


@contextmanager
def unheard() -> Iterator[None]:
    """Keep what a comparison tells on its way out of the words of a judge."""
    logger = logging.getLogger(LOGGER)
    before = logger.disabled
    logger.disabled = True
    try:
        yield
    finally:
        logger.disabled = before
