"""The evidence of a comparison made again from its stored canvases, and where it differs from what is there.

Scores, intervals, curves, cut-offs, aligned images, residuals, figures and what the manifest tells follow
from the canvases, the scan and the settings. The code that wrote them writes them again, elsewhere. The
canvases themselves are computed again in part: pieces of networks, all of what is ready-made. Kept patches
are all predicted again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np

from ptycho_compare.checks.remade import first_difference
from ptycho_compare.hub import Artifacts
from ptycho_compare.models.bundle import ModelFile
from ptycho_compare.phases.comparison import COMPUTED_BY
from ptycho_compare.phases.comparison.arm import Arm, Setting
from ptycho_compare.phases.comparison.compare import score
from ptycho_compare.phases.comparison.differences import artifact_differences
from ptycho_compare.phases.comparison.geometry_check import geometry_through_arms, geometry_through_truth
from ptycho_compare.phases.comparison.inputs import ArmInput, Inputs
from ptycho_compare.phases.comparison.publish import Result, told_of, write_artifacts
from ptycho_compare.phases.comparison.recompute import Piece, check_network, check_ready_made, rescored_arm
from ptycho_compare.phases.comparison.stored import stored_image, stored_mask, stored_patches
from ptycho_compare.reconstruction.kept_patches import KeptPatches
from ptycho_compare.reconstruction.ready_made import ReadyMade
from ptycho_compare.reconstruction.user_made import UserSource
from ptycho_compare.records.manifest import ArmRecord, Manifest
from ptycho_compare.storage.files import plain_json
from ptycho_compare.storage.fingerprint import code_digest, version_of
from ptycho_compare.storage.watched import WatchedFiles

_HALVES = ("half_", "independent_half")
"""Begin cells of rows on halves of the data."""
_OF_THE_RUN = ("device", "batch_rows", "batches_that_did_not_fit")
"""What an arm's parameters tell of how it was run."""
_TOLD = 1e-5
"""Relative, of numbers in the manifest."""
_AT_MOST = 5
"""Differences of one artifact that are told."""


def pieces_again(
    inputs: Inputs, names: Artifacts, setting: Setting, *, pieces: int, generator: np.random.Generator
) -> Iterator[Piece]:
    """Compute pieces of each network's canvas and its kept patches again, and lay again what is ready-made.

    Raises AdoptionError when what is stored is another.
    """
    for name, arm in inputs.arms.items():
        stored = stored_image(names.reconstructions, name, setting.grid)
        if isinstance(arm.content, ModelFile):
            yield from check_network(
                name,
                arm.content,
                stored,
                _patches(names, name, arm, setting),
                setting,
                pieces=pieces,
                batch_rows=arm.request.how.batch_rows,
                generator=generator,
            )
        elif isinstance(arm.content, ReadyMade):
            check_ready_made(name, arm.content, stored, setting)


def made_again(
    inputs: Inputs, names: Artifacts, manifest: Manifest, setting: Setting, warnings: Sequence[str]
) -> Result:
    """Score the stored canvases here; AdoptionError where one cannot be read, or is on another grid."""
    arms: Mapping[str, Arm] = {
        name: rescored_arm(arm, stored_image(names.reconstructions, name, setting.grid), setting)
        for name, arm in inputs.arms.items()
    }
    arms = {
        name: replace(arm, patches=_patches(names, name, inputs.arms[name], setting))
        for name, arm in arms.items()
    }
    arms = {name: _as_recorded(arm, inputs, name, manifest.arms.get(name)) for name, arm in arms.items()}
    geometry = geometry_through_truth(setting)
    arms, of_arms = geometry_through_arms(arms, setting)
    scorecard, consistency = score(arms, setting)
    nothing = WatchedFiles({})
    return Result(nothing, setting, arms, scorecard, consistency, warnings, geometry=geometry + of_arms)


def _patches(names: Artifacts, name: str, arm: ArmInput, setting: Setting) -> KeptPatches | None:
    """Read what was kept of a network's patches; None of other arms, and where none were asked for."""
    count, crop_px = len(setting.sampled_groups), setting.request.crop_px
    if not count or not isinstance(arm.content, ModelFile):
        return None
    return stored_patches(names.patches, name, count=count, crop_px=crop_px)


def _as_recorded(arm: Arm, inputs: Inputs, name: str, record: ArmRecord | None) -> Arm:
    """Take over what nothing here can tell: times, and whether a user's code retrieved its probe."""
    content = inputs.arms[name].content
    parameters = content.parameters if isinstance(content, ModelFile) else arm.parameters
    if record is None:
        return replace(arm, parameters=parameters)
    arm = replace(arm, parameters=parameters, seconds=record.seconds)
    if isinstance(content, UserSource) and arm.image is not None:
        gauge = record.details.get("gauge")
        retrieved = isinstance(gauge, dict) and bool(gauge.get("ramp_removed"))
        image = replace(arm.image, retrieved=retrieved)
        arm = replace(arm, image=image, parameters={"reconstructor": str(content)})
    return arm


def evidence_differences(
    names: Artifacts,
    manifest: Manifest,
    result: Result,
    folder: Path,
    *,
    inputs: Mapping[str, Path],
    figures: bool = True,
) -> Iterator[str]:
    """Yield where artifacts and manifest differ from those that follow from the canvases.

    Parameters
    ----------
    folder : Path
        An empty one, where they are written again.
    inputs : mapping of str to Path
        Where the inputs lie now; the manifest may name them where they lay.
    figures : bool
        Figures are drawn and compared, too, where code and matplotlib are those that drew them.

    Notes
    -----
    Halves of a network are in no artifact, so what rests on them is left out.
    """
    if not np.array_equal(stored_mask(names.reconstructions), result.scorecard.mask):
        yield "'mask' is not where all arms reach"
        return
    leave_out = [*_left_out(result)]
    again = Artifacts(folder)
    made = write_artifacts(again, result, figures=figures and drawn_alike(manifest))
    written = {path.name: path for path in made}
    if result.setting.half_plans:
        written.pop(again.frc_plot.name, None)
    # tables first: whoever is told of one difference only should read of a score
    for name in sorted(written, key=lambda each: (not each.startswith("comparison_"), each)):
        if (names.folder / name).is_file():
            differing = artifact_differences(names.folder / name, written[name], leave_out=leave_out)
            yield from islice(differing, _AT_MOST)
        else:
            yield f"{name} is not there, and it follows from the canvases"
    yield from _unknown(names, manifest, written, result)
    yield from _told_differences(manifest, result, inputs=inputs)


def _left_out(result: Result) -> Iterator[str]:
    if result.setting.half_plans:
        yield from _HALVES
    if any(
        arm.image is not None and arm.parameters and "reconstructor" in arm.parameters
        for arm in result.arms.values()
    ):
        yield "r_factor_own_probe"  # of a user's code, whose probe is in no artifact


def _unknown(
    names: Artifacts, manifest: Manifest, written: Mapping[str, Path], result: Result
) -> Iterator[str]:
    figures = {path.name for path in (names.plot, names.frc_plot, names.residual_plot)}
    halves = {names.half_frc_curves(arm).name for arm in result.arms} if result.setting.half_plans else set()
    for name in manifest.artifacts.keys() - written.keys() - figures - halves:
        yield f"{name} is listed, and does not follow from the canvases"


def drawn_alike(manifest: Manifest) -> bool:
    """Say if the figures drawn here are those of the evidence, pixel by pixel."""
    same_library = manifest.versions.get("matplotlib") == version_of("matplotlib")
    return same_library and manifest.code == code_digest(COMPUTED_BY)


def _told_differences(manifest: Manifest, result: Result, *, inputs: Mapping[str, Path]) -> Iterator[str]:
    told = told_of(result)
    told["arms"] = {name: record.model_dump() for name, record in told["arms"].items()}
    expected = json.loads(json.dumps(told, default=plain_json))
    found = json.loads(manifest.model_dump_json(include=set(told)))
    moved = {manifest.inputs[name].path: path for name, path in inputs.items() if name in manifest.inputs}
    found["warnings"] = [_where_it_is(text, moved) for text in found["warnings"]]
    for record in found["arms"].values():
        parameters = record["details"].get("parameters")
        if isinstance(parameters, dict):
            record["details"]["parameters"] = {
                key: value for key, value in parameters.items() if key not in _OF_THE_RUN
            }
    for key in told:
        if differs := first_difference(expected[key], found[key], key, relative=_TOLD):
            yield f"manifest.json: {differs}"


def _where_it_is(text: str, moved: Mapping[str, Path]) -> str:
    for before, now in moved.items():
        text = text.replace(before, str(now))
    return text
