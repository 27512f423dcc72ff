"""Regression: every score against the accepted one, within tolerances, in the direction of better."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_compare.errors import MissingReportError, ReportError, StudyError
from ptycho_compare.gate.regression import GONE, changes
from ptycho_compare.hub import Artifacts, Hub
from ptycho_compare.phases.comparison.consistency import HALF_ROWS
from ptycho_compare.records.acceptance import Change, read_verdict
from ptycho_compare.records.measures import HIGHER_IS_BETTER
from ptycho_compare.records.tables.metrics_csv import METRIC_NAMES, MetricRow
from ptycho_compare.study.comparing import Acceptance, Tolerance
from thorough import examples

from .judged import ID, comparison, judged_hub, row, verdict

EXACT = Acceptance(default=Tolerance(interval=False))


def between(old: Sequence[MetricRow], new: Sequence[MetricRow], asked: Acceptance = EXACT) -> list[Change]:
    """Changes from one hub with these scores to another."""
    with tempfile.TemporaryDirectory() as folder:
        before, now = judged_hub(Path(folder, "before"), old), judged_hub(Path(folder, "now"), new)
        return changes(before, now, [comparison()], asked)


def words(found: Sequence[Change]) -> list[str]:
    return [each.judged for each in found]


def test_every_score_that_is_written_has_a_direction() -> None:
    """A score without one would never be compared."""
    of_halves = {f"half_{name}" for name in HALF_ROWS}
    assert set(HIGHER_IS_BETTER) == {*METRIC_NAMES, *of_halves, "r_factor", "r_factor_own_probe"}


@pytest.mark.parametrize("metric", HIGHER_IS_BETTER)
def test_a_higher_score_is_better_or_worse_by_its_metric(metric: str) -> None:
    lower_is_better = ("mae", "mse", "phase_rmse", "fienup", "r_factor")
    expected = "worse" if metric.removeprefix("half_").startswith(lower_is_better) else "better"
    (change,) = between([row(metric, value=0.25)], [row(metric, value=0.5)])
    assert (change.id, change.arm, change.metric, change.part) == (ID, "Baseline", metric, "value")
    assert (change.before, change.now, change.judged) == (0.25, 0.5, expected)


def test_shifts_times_and_gauges_are_no_scores() -> None:
    names = ["registration_offset_dy", "computation_time_s", "gauge_gain", "overlap_after", "twin_overlap"]
    rows = [row(name, value=1.0) for name in names]
    assert between(rows, [replace(each, value=2.0) for each in rows]) == []
    assert between([*rows, row("mae", value=1.0)], [row("mae", value=1.0)])[0].judged == "same"


@pytest.mark.parametrize(
    ("tolerance", "judged", "rule"),
    [
        (Tolerance(interval=False), "worse", "no tolerance"),
        (Tolerance(absolute=0.01, interval=False), "same", "within 0.01"),
        (Tolerance(absolute=0.009, interval=False), "worse", "not within 0.009"),
        (Tolerance(relative=0.0125, interval=False), "same", "within 0.0125 of the accepted value"),
        (Tolerance(relative=0.012, interval=False), "worse", "not within 0.012 of the accepted value"),
        (Tolerance(absolute=0.5, relative=0.0), "same", "within 0.5"),
        (Tolerance(absolute=0.0, relative=0.5), "same", "within 0.5 of the accepted value"),
        (
            Tolerance(absolute=0.001, relative=0.002, interval=True),
            "worse",
            "not within 0.001; not within 0.002 of the accepted value",  # neither has an interval
        ),
    ],
)
def test_one_rule_that_holds_is_enough_and_is_named(tolerance: Tolerance, judged: str, rule: str) -> None:
    """0.80 to 0.79 is exactly 0.01, whatever a float makes of it."""
    asked = Acceptance(tolerances={"ssim": tolerance}, default=Tolerance(absolute=99.0))
    (change,) = between([row("ssim", phase=0.80)], [row("ssim", phase=0.79)], asked)
    assert (change.judged, change.tolerance) == (judged, rule)


@pytest.mark.parametrize(("is_", "judged"), [(10e-6, "same"), (11e-6, "worse")])
def test_what_the_last_place_of_a_table_hides_is_no_change(is_: float, judged: str) -> None:
    """0.000009 and 0.000010 may be 0.0000094999 and 0.0000095001; 0.000011 is at least a tenth more."""
    asked = Acceptance(default=Tolerance(relative=0.01, interval=False))
    (change,) = between([row("mse", phase=9e-6)], [row("mse", phase=is_)], asked)
    assert change.judged == judged


@pytest.mark.parametrize(
    ("old", "new", "judged"),
    [
        ((0.79, 0.81), (0.60, 0.72), "worse"),
        ((0.69, 0.81), (0.60, 0.72), "same"),  # now lies in the accepted interval
        ((0.79, 0.81), (0.60, 0.80), "same"),  # the accepted score lies in the interval of now
        ((None, None), (0.0, 1.0), "worse"),  # one interval tells nothing
    ],
)
def test_either_score_in_the_other_s_interval_is_the_same(
    old: tuple[float | None, float | None], new: tuple[float | None, float | None], judged: str
) -> None:
    rows = [
        row("ssim", phase=value, phase_low=ends[0], phase_high=ends[1])
        for value, ends in ((0.80, old), (0.70, new))
    ]
    assert words(between(rows[:1], rows[1:], Acceptance(default=Tolerance(interval=True)))) == [judged]
    assert words(between(rows[:1], rows[1:])) == ["worse"]  # intervals not asked for


def test_what_is_gone_is_worse_and_what_is_new_is_left_out() -> None:
    kept, arm = row("mae", amplitude=0.25, phase=0.5), row("mae", arm="own", value=0.5)
    assert [(each.part, each.judged, each.now) for each in between([kept, arm], [kept])] == [
        ("amplitude", "same", 0.25),
        ("phase", "same", 0.5),
        ("value", "worse", None),
    ]
    (_, gone) = between([kept], [replace(kept, phase=None)])
    assert (gone.before, gone.now, gone.judged, gone.tolerance) == (0.5, None, "worse", GONE)
    assert words(between([kept], [kept, arm])) == ["same", "same"]
    assert words(between([replace(kept, phase=None)], [kept])) == ["same"]


def test_old_names_of_arms_are_one_with_the_new() -> None:
    """Where a table is PtychoPINN's own, which has no status; in ours each name is an arm."""
    own, ours = row("mae", arm="Pty-chi", value=1.0), row("mae", arm="PtyChi", value=1.0)
    assert words(between([replace(own, status="")], [ours])) == ["same"]
    assert words(between([own], [ours])) == ["worse"]


def test_equal_images_have_an_infinite_psnr_that_no_tolerance_reaches() -> None:
    perfect, good = row("psnr", phase=float("inf")), row("psnr", phase=90.0)
    wide = Acceptance(default=Tolerance(relative=0.5, absolute=9.0))
    assert words(between([perfect], [perfect], wide)) == ["same"]
    for old, new, judged in ((perfect, good, "worse"), (good, perfect, "better")):
        (change,) = between([old], [new], wide)
        assert (change.judged, change.tolerance) == (judged, "not both finite")
        verdict(changes=(change,)).write(Path(tempfile.mkdtemp(), "v.json"))  # JSON has no infinity


def test_other_pixels_or_groups_are_told_and_excuse_nothing() -> None:
    old, new = row("mae", value=0.5), row("mae", value=0.75, mask_pixels=8000, groups=160)
    (change,) = between([old], [new])
    assert change.judged == "worse"
    assert change.tolerance.endswith("; 9000 scored pixels before, 8000 now; 320 groups before, 160 now")


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"metric_version": "ptychopinn-1"}, "definitions: 'ptychopinn-1', and 'ptycho-compare-3' in "),
        ({"reference": "same_data"}, "reference of Baseline frc50: 'same_data', and 'truth' in "),
        ({"unit": "rings"}, "unit of Baseline frc50: 'rings', and '' in "),
    ],
)
def test_scores_of_another_kind_are_not_compared(cells: dict[str, str], said: str) -> None:
    old = row("frc50", value=0.25)
    with pytest.raises(ReportError, match=said) as caught:
        between([old], [replace(old, **cells)])
    assert "\n" not in str(caught.value)


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Hub, Hub]:
    """Two hubs with one score that became worse."""
    old, new = row("mae", value=0.5), row("mae", value=0.75)
    return judged_hub(tmp_path / "before", [old]), judged_hub(tmp_path / "now", [new])


def names(hub: Hub) -> Artifacts:
    return Artifacts(hub.comparison_dir(1000, "dense", "test", "full"))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda hub: names(hub).metrics.write_text("model"), "comparison_metrics.csv: is not the file"),
        (lambda hub: names(hub).metrics.unlink(), "comparison_metrics.csv: is not the file that was acc"),
        (lambda hub: names(hub).manifest.write_text("{}"), "manifest.json: is not the file that was acc"),
        (lambda hub: names(hub).manifest.unlink(), "manifest.json: is not the file that was accepted"),
        (lambda hub: hub.verdict().record.unlink(), "acceptance.json: not found; ptycho-hub gate writes it"),
        (
            lambda hub: hub.verdict().record.write_text("{}"),
            "acceptance.json: study: Field required",
        ),
        (
            lambda hub: verdict(comparison(id="other")).write(hub.verdict().record),
            "knows none of the comparisons that hold now",
        ),
        (
            lambda hub: verdict(comparison(state="stale")).write(hub.verdict().record),
            f"'{ID}' is stale there, and only what was accepted",
        ),
    ],
)
def test_only_what_was_accepted_and_is_untouched_is_compared_with(
    pair: tuple[Hub, Hub], damage: Callable[[Hub], object], said: str
) -> None:
    before, now = pair
    assert words(changes(before, now, [comparison()], EXACT)) == ["worse"]
    damage(before)
    with pytest.raises(ReportError, match=said) as caught:
        changes(before, now, [comparison()], EXACT)
    assert str(before.root) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_comparison_that_is_new_or_does_not_hold_now_is_left_out(pair: tuple[Hub, Hub]) -> None:
    before, now = pair
    also = comparison(id="another-dose", dose=5)
    assert words(changes(before, now, [also, comparison()], EXACT)) == ["worse"]
    assert changes(before, now, [comparison(state="red")], EXACT) == []
    (earlier,) = read_verdict(before.verdict().record).comparisons
    verdict(earlier.model_copy(update={"state": "missing"})).write(before.verdict().record)
    assert changes(before, now, [comparison(required=False)], EXACT) == []


def test_a_hub_that_was_never_judged(tmp_path: Path) -> None:
    with pytest.raises(MissingReportError):
        changes(Hub(tmp_path), Hub(tmp_path), [], EXACT)


def test_a_tolerance_for_what_is_no_score_is_refused(pair: tuple[Hub, Hub]) -> None:
    asked = Acceptance(tolerances={"ms-ssim": Tolerance()})
    with pytest.raises(StudyError, match=r"acceptance.tolerances: 'ms-ssim' is no score; scores are psnr, "):
        changes(*pair, [comparison()], asked)


_CELL = st.none() | st.integers(-8, 8).map(lambda number: number / 8)


@st.composite
def tables(draw: st.DrawFn, *, filled: bool = False) -> list[MetricRow]:
    """A table of two arms and four scores; intervals lie about their numbers."""
    rows = []
    for arm in ("Baseline", "own"):
        for metric in ("mae", "ssim", "frc50", "half_phase_rmse"):
            number = draw(st.integers(-8, 8).map(lambda n: n / 8) if filled else _CELL)
            width = draw(st.none() | st.sampled_from([0.0, 0.125, 0.5]))
            ends = (None, None) if number is None or width is None else (number - width, number + width)
            rows.append(row(metric, arm=arm, phase=number, phase_low=ends[0], phase_high=ends[1]))
    return rows


_LIMIT = st.none() | st.sampled_from([0.0, 0.125, 0.5, 2.0])
_TOLERANCES = st.builds(Tolerance, absolute=_LIMIT, relative=_LIMIT, interval=st.booleans())


@given(tables(), _TOLERANCES)
@examples(30)
def test_a_hub_is_the_same_as_itself(scores: list[MetricRow], tolerance: Tolerance) -> None:
    found = between(scores, scores, Acceptance(default=tolerance))
    assert len(found) == sum(each.phase is not None for each in scores)
    assert set(words(found)) <= {"same"}


@given(tables(filled=True), tables(filled=True), _TOLERANCES)
@examples(60)
def test_the_way_back_is_the_other_way(
    one: list[MetricRow], other: list[MetricRow], tolerance: Tolerance
) -> None:
    """A relative tolerance is a part of the accepted value: both ways it may hold in one of them only."""
    opposite = {"worse": "better", "same": "same", "better": "worse"}
    asked = Acceptance(default=tolerance)
    there, back = words(between(one, other, asked)), words(between(other, one, asked))
    assert len(there) == len(back) == len(one)
    for went, came in zip(there, back, strict=True):
        assert came == opposite[went] or (tolerance.relative and "same" in (went, came))


@given(tables(), tables(), _TOLERANCES, _TOLERANCES)
@examples(60)
def test_a_wider_tolerance_never_turns_the_same_into_worse(
    one: list[MetricRow], other: list[MetricRow], narrow: Tolerance, more: Tolerance
) -> None:
    def wider(name: str) -> float | None:
        limits = [limit for limit in (getattr(narrow, name), getattr(more, name)) if limit is not None]
        return max(limits, default=None)

    wide = Tolerance(
        absolute=wider("absolute"), relative=wider("relative"), interval=narrow.interval or more.interval
    )
    before = words(between(one, other, Acceptance(default=narrow)))
    after = words(between(one, other, Acceptance(default=wide)))
    for was, is_ in zip(before, after, strict=True):
        assert is_ in (was, "same")
