"""What stands above an arm's panels: what was measured, what was removed, what went wrong."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from ptycho_compare.reporting.figures.drawing import LINE_CHARACTERS, Line

if TYPE_CHECKING:  # scoring loads scipy and scikit-image
    from ptycho_compare.scoring import ArmScore, Metric

_REASON_LINES = 3


def arm_lines(arm: ArmScore, *, against_truth: bool) -> tuple[Line, ...]:
    """Describe one arm in a few lines, the alarming ones first.

    Parameters
    ----------
    arm : ArmScore
    against_truth : bool
        Whether there was a truth to compare with; without one the R-factor stands first.
    """
    lines = list(_alarms(arm))
    error, label = ("fienup", "Fienup error") if against_truth else ("r_factor", "R-factor")
    if arm.status == "ok":
        lines += [Line(_with_interval(label, row)) for row in arm.metrics if row.name == error]
    if arm.gauge is not None:
        scale = arm.gauge.scale
        lines.append(Line(f"gain {_three_digits(abs(scale))}, phase {_signed(np.angle(scale), 3)} rad"))
    lines += _place(arm)
    return tuple(lines)


def _alarms(arm: ArmScore) -> Iterator[Line]:
    if arm.status != "ok":
        failed = arm.status == "failed"
        text = f"{'FAILED' if failed else 'not scored'}: {arm.reason}"
        for line in textwrap.wrap(text, LINE_CHARACTERS, max_lines=_REASON_LINES, placeholder=" ..."):
            yield Line(line, alarm=failed)
    if arm.twin is not None:
        yield Line(f"TWIN: overlap {arm.twin.overlap:.2f}, itself {arm.twin.direct_overlap:.2f}", alarm=True)


def _with_interval(label: str, row: Metric) -> str:
    if row.value is None:
        return f"{label} not known"
    ends = row.intervals.get("value")
    interval = "" if ends is None else f" [{_three_digits(ends.low)}, {_three_digits(ends.high)}]"
    return f"{label} {_three_digits(row.value)}{interval}"


def _place(arm: ArmScore) -> Iterator[Line]:
    """Say where the arm lay, and how its phase was tilted."""
    gauge, shift = arm.gauge, arm.shift
    if shift is not None and not shift.registered:
        yield Line("shift not registered")
    elif shift is not None:
        how = "applied" if arm.moved else "measured"
        yield Line(f"shift {_pair((shift.dy, shift.dx), digits=2)} px, {how}")
    if gauge is not None and any(gauge.ramp):
        yield Line(f"ramp {_pair(gauge.ramp, digits=4)} rad/px, removed")
    elif shift is not None and shift.registered:
        yield Line(f"ramp {_pair(shift.ramp, digits=4)} rad/px, measured")


def _three_digits(number: float) -> str:
    return f"{number:#.3g}".removesuffix(".")


def _pair(numbers: tuple[float, float], *, digits: int) -> str:
    return f"({_signed(numbers[0], digits)}, {_signed(numbers[1], digits)})"


def _signed(number: float, digits: int) -> str:
    return f"{round(number, digits) + 0.0:+.{digits}f}"  # no -0.00
