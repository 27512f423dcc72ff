"""Scores made anew from the stored canvases of a comparison: other draws, other pixels, other definitions.

No network is run. What comes out lies beside the comparison's own evidence, under a name, with a record of
what was changed; the evidence itself stays as it is.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from ptycho_compare.checks.freshness import judge_in_place
from ptycho_compare.errors import InputError, ReportError, first_of
from ptycho_compare.hub import Artifacts, Hub, utc_text
from ptycho_compare.phases.comparison import COMPUTED_BY
from ptycho_compare.phases.comparison.arm import Setting
from ptycho_compare.phases.comparison.compare import open_setting
from ptycho_compare.phases.comparison.differences import artifact_differences
from ptycho_compare.phases.comparison.inputs import inspect_inputs
from ptycho_compare.phases.comparison.made_again import made_again
from ptycho_compare.phases.comparison.publish import Result, write_artifacts
from ptycho_compare.phases.comparison.request import request_of
from ptycho_compare.phases.comparison.stored import stored_plan_differs
from ptycho_compare.phases.comparison.verified import of_other_settings, unheard
from ptycho_compare.reconstruction.image_source import ImageSource, read_mask
from ptycho_compare.reconstruction.user_made import UserSource
from ptycho_compare.records.adoption import whoever
from ptycho_compare.records.manifest import Manifest, read_manifest, record_artifacts, versions
from ptycho_compare.records.reconstructions_npz import write_arrays
from ptycho_compare.records.rescoring import RescoringRecord, read_rescoring
from ptycho_compare.scoring.collapse import limits_of
from ptycho_compare.scoring.scorecard import Scorecard
from ptycho_compare.storage.fingerprint import code_digest
from ptycho_compare.study import Comparison, Study
from ptycho_compare.study.rescoring import otherwise

_OPTION = "--set"


@dataclass(frozen=True)
class Rescoring:
    """How comparisons of a hub are scored anew.

    Attributes
    ----------
    name : str
        Under which the scores are kept.
    words : sequence of str
        ``SECTION.KEY=VALUE``: what is other than the study says.
    within : ImageSource or None
        An image on the object's grid, 0 where nothing is scored.
    """

    hub: Hub
    study: Study
    name: str
    words: Sequence[str] = ()
    within: ImageSource | None = None

    def names(self, comparison: Comparison) -> Artifacts:
        """Names of what is left of a comparison."""
        folder = comparison.folder(self.hub).relative_to(self.hub.analysis())
        return Artifacts(self.hub.rescored(self.name) / folder)

    def score(self, comparison: Comparison, *, command: Sequence[str]) -> Scorecard:
        """Score a comparison's canvases anew, and keep the scores; earlier ones of the name are replaced.

        Raises
        ------
        InputError
            The evidence does not hold, is not of the study and the code that are here, or a value or an
            image does not fit.
        """
        with self._scored(comparison) as (manifest, result):
            self._keep(comparison, manifest, result, command)
        return result.scorecard

    def differences(self, comparison: Comparison) -> Iterator[str]:
        """Score the canvases as a record says, and tell where what was kept is another.

        Raises
        ------
        InputError
            The record is damaged, or as `score`.
        """
        names = self.names(comparison)
        record = read_rescoring(names.rescoring)
        words = [f"{key}={json.dumps(after)}" for key, (_, after) in record.changed.items()]  # TOML too
        within = ImageSource(names.within, "within") if record.within else None
        again = replace(self, words=words, within=within)
        with again._scored(comparison) as (_, result), tempfile.TemporaryDirectory() as folder:
            for path in write_artifacts(Artifacts(Path(folder)), result):
                yield from artifact_differences(names.folder / path.name, path)

    @contextmanager
    def _scored(self, comparison: Comparison) -> Iterator[tuple[Manifest, Result]]:
        """Score; yields the manifest of the evidence, and what came out."""
        names = Artifacts(comparison.folder(self.hub))
        changed, _ = otherwise(self.study, self.words, _OPTION)
        manifest = self._evidence(comparison, names)
        request = replace(request_of(self.hub, changed, comparison), save_npz=False)
        inputs = inspect_inputs(request)
        with (
            unheard(),
            tempfile.TemporaryDirectory(prefix="ptycho-rescore-") as spool,
            open_setting(request, inputs, spool_folder=Path(spool)) as (setting, warnings),
        ):
            if differs := stored_plan_differs(names.plan, setting.plan):
                raise ReportError(f"{names.plan}: {differs}")
            yield manifest, made_again(inputs, names, manifest, self._limited(setting), warnings)

    def _evidence(self, comparison: Comparison, names: Artifacts) -> Manifest:
        required = self.study.tiers[comparison.tier].required_arms
        limits = limits_of(self.study)
        findings = judge_in_place(self.hub, comparison, required=required, limits=limits, arrays=False)
        if findings:
            raise ReportError(f"{comparison.id}: is not scored anew: {first_of(findings)}")
        manifest = read_manifest(names.manifest)
        request = request_of(self.hub, self.study, comparison)
        if differs := of_other_settings(request, manifest):
            raise ReportError(f"{comparison.id}: is not scored anew: {differs}; run the comparison again")
        return manifest

    def _limited(self, setting: Setting) -> Setting:
        if self.within is None:
            return setting
        mask = read_mask(self.within)
        if mask.shape != setting.grid.shape:
            raise InputError(
                f"{self.within}: is {' x '.join(map(str, mask.shape))} px, and the object's grid is "
                f"{' x '.join(map(str, setting.grid.shape))} px"
            )
        return replace(setting, within=mask)

    def _keep(
        self, comparison: Comparison, manifest: Manifest, result: Result, command: Sequence[str]
    ) -> None:
        """Write tables, figures and record, and put them in the place of earlier ones."""
        folder = self.names(comparison).folder
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", suffix=".tmp", dir=folder.parent) as made:
            staged = Artifacts(Path(made) / "whole")
            staged.folder.mkdir()
            written = write_artifacts(staged, result)
            if result.setting.within is not None:
                write_arrays(staged.within, {"within": result.setting.within})
                written.append(staged.within)
            self._record(comparison, manifest, result, written, command).write(staged.rescoring)
            shutil.rmtree(folder, ignore_errors=True)
            staged.folder.rename(folder)

    def _record(
        self,
        comparison: Comparison,
        manifest: Manifest,
        result: Result,
        written: Sequence[Path],
        command: Sequence[str],
    ) -> RescoringRecord:
        by, host = whoever()
        _, changed = otherwise(self.study, self.words, _OPTION)
        return RescoringRecord(
            comparison=comparison.id,
            manifest_sha256=manifest.sha256,
            scored=utc_text(),
            by=by,
            host=host,
            command=list(command),
            changed=changed,
            within="" if self.within is None else str(self.within),
            mask_pixels=int(result.scorecard.mask.sum()),
            left_out=[*_left_out(result)],
            metric_version=result.scorecard.metric_version,
            code=code_digest(COMPUTED_BY),
            versions=versions(),
            artifacts=record_artifacts(written[0].parent, written),
        )


def _left_out(result: Result) -> Iterator[str]:
    if result.setting.half_plans:
        yield "rows on halves of the data, which networks reconstruct"
    for arm in result.setting.request.arms:
        if isinstance(arm.source, UserSource):
            yield f"the residual of {arm.name} through its own probe, which is made by code of the study"
