"""Intervals for every number of a scorecard, and for every difference between two arms."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations

from ptycho_compare.scoring.metrics.arm_metrics import Measurement
from ptycho_compare.scoring.metrics.estimate import Draws, Interval, Resampling, Sample
from ptycho_compare.scoring.metrics.metric import (
    NO_CONTRAST,
    ONLY_SMOOTH,
    Component,
    Difference,
    Metric,
    declared,
)

ROUNDING = 1e-9
"""Two numbers that differ by less than this part of them are the same: a gain rounds differently."""

_HARDLY_SHOWN = (NO_CONTRAST, ONLY_SMOOTH)
"""In such a component arms differ by their noise."""

Key = tuple[str, Component]
Samples = Mapping[Key, Sample | None]


def with_uncertainty(
    measured: Mapping[str, Measurement], how: Resampling
) -> tuple[dict[str, tuple[Metric, ...]], tuple[Difference, ...]]:
    """Draw every number of the arms again, all of them measured on one mask.

    Returns
    -------
    dict of str to tuple of Metric
        The rows of each arm, with intervals.
    tuple of Difference
        Between every two arms, for every number that both have; scores of what the truth hardly
        shows are left out, as are numbers that are a bound. Without an interval where one of the two
        was fitted over the arm's place.
    """
    draws = Draws(how)
    samples: dict[str, Samples] = {
        arm: {
            (metric, part): estimate.sample(draws)
            for metric, found in each.estimates.items()
            for part, estimate in found.items()
            if not estimate.bound
        }
        for arm, each in measured.items()
    }
    rows = {
        arm: tuple(_with_intervals(metric, samples[arm], how.level) for metric in each.metrics)
        for arm, each in measured.items()
    }
    return rows, tuple(_differences(rows, samples, how.level))


def _with_intervals(metric: Metric, drawn: Samples, level: float) -> Metric:
    found: dict[Component, Interval] = {}
    for (name, part), sample in drawn.items():
        ends = sample.interval(level) if sample and name == metric.name else None
        if ends is not None:
            found[part] = ends
    return replace(metric, intervals=found)


def _differences(
    rows: Mapping[str, Sequence[Metric]], samples: Mapping[str, Samples], level: float
) -> list[Difference]:
    found = []
    for first, second in combinations(rows, 2):
        others = {metric.name: metric for metric in rows[second]}
        for metric in rows[first]:
            if metric.name in others:
                found += _of_metric(
                    (first, second), metric, others[metric.name], samples[first], samples[second], level
                )
    return found


def _of_metric(
    arms: tuple[str, str], one: Metric, other: Metric, drawn: Samples, others: Samples, level: float
) -> list[Difference]:
    found = []
    for key in drawn:
        name, part = key
        a, b = one.number(part), other.number(part)
        if name != one.name or key not in others or a is None or b is None:
            continue
        if declared(one.note, part) in _HARDLY_SHOWN:
            continue
        equal = math.isclose(a, b, rel_tol=ROUNDING)  # two infinite PSNRs are
        value = 0.0 if equal else a - b
        first, second = (None, None) if one.fitted or other.fitted else (drawn[key], others[key])
        ends = None if first is None or second is None else first.minus(second).interval(level)
        if equal and ends is not None:
            ends = Interval(min(ends.low, 0.0), max(ends.high, 0.0))
        found.append(Difference(*arms, name, part, value, ends))
    return found
