"""Studies of several doses and arms whose evidence comes from scorecards, through the real writers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from forged import record_again
from ptycho_compare.checks.study_answers import study_answers
from ptycho_compare.hub import Artifacts, Hub
from ptycho_compare.scoring.placement import ArmImage
from ptycho_compare.scoring.scorecard import Scorecard
from ptycho_compare.study import Comparison, Study, load_study
from reporting.page.made import write_evidence
from scorecards import SIDE, card, staying, truth_image

DOSES = (100, 400, 1600, 6400)
ARMS = ("PtychoPINN", "PtyChi")
Noises = Mapping[str, Callable[[Comparison], float]]


def by_dose(strength: float) -> Callable[[Comparison], float]:
    """Noise of photons: it falls as one over the square root of the dose."""
    return lambda each: strength / each.dose**0.5


def noisy_truth(strength: float, seed: int) -> ArmImage:
    """The true object and white complex noise of this standard deviation in each part."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal(SIDE) + 1j * rng.standard_normal(SIDE)
    return staying(truth_image() + strength * noise)


def scored(noises: Mapping[str, float], *, seed: int = 0) -> Scorecard:
    """Score arms of known noise."""
    return _scored(tuple(noises.items()), seed)


@cache
def _scored(noises: tuple[tuple[str, float], ...], seed: int) -> Scorecard:
    return card(**{arm: noisy_truth(level, seed + 100 * n) for n, (arm, level) in enumerate(noises)})


def study_text(doses: Sequence[int], views: Sequence[str], splits: Sequence[str], arms: Sequence[str]) -> str:
    """A study of the full tier."""
    return (
        f'name = "answered"\ndoses = {list(doses)}\nviews = {json.dumps(list(views))}\n'
        f"splits = {json.dumps(list(splits))}\n[tiers.full]\nrequired_arms = {json.dumps(list(arms))}\n"
    )


def make_study(
    root: Path,
    noises: Noises,
    *,
    doses: Sequence[int] = DOSES,
    views: Sequence[str] = ("dense",),
    splits: Sequence[str] = ("test",),
    more: str = "",
) -> tuple[Hub, Study]:
    """Write a hub whose comparisons all have evidence; `noises` says how noisy an arm is in each.

    `more` are other sections of the study, such as its factors.
    """
    hub = Hub(root)
    (root / "data").mkdir(parents=True)
    hub.study().write_text(study_text(doses, views, splits, list(noises)) + more)
    study = load_study(hub.study())
    for number, each in enumerate(study.comparisons()):
        compare(hub, each, {arm: of(each) for arm, of in noises.items()}, seed=1000 * number)
    return hub, study


def compare(hub: Hub, comparison: Comparison, noises: Mapping[str, float], *, seed: int) -> Artifacts:
    """Write the evidence of one comparison; its manifest tells of both tables."""
    names = write_evidence(hub, comparison, scored(noises, seed=seed))
    record_again(names.folder, names.differences.name)
    return names


def judged(hub: Hub) -> list[str]:
    """Return what does not hold of a hub's answers, as the gate and `verify` would say it."""
    return [str(each) for each in study_answers(hub, load_study(hub.study())).findings]
