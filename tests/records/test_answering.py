"""Who is best: one rule over the tables of a comparison, whatever the order of its arms."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_compare.hub import Artifacts
from ptycho_compare.records.answering import answer_of, read_tables
from ptycho_compare.records.tables.metrics_csv import MetricRow, table_rows, write_metrics_csv
from ptycho_compare.records.tables.pairs_csv import DifferenceRow, difference_rows, write_differences_csv
from scorecards import card, noisy, staying
from thorough import examples


def row(arm, metric="fienup", number=None, part="value", **more):
    said = {"status": "ok", "mask_pixels": 5304, "reference": "truth", part: number} | more
    return MetricRow(**({"amplitude": None, "phase": None, "value": None} | said), model=arm, metric=metric)


def apart(first, second, difference, told=True, metric="fienup", part="value", half=None):
    """The difference of two arms with an interval that leaves out zero, or holds it, or with none."""
    half = (abs(difference) / 2 if told else abs(difference) * 2) if half is None else half
    ends = (None, None) if told is None else (difference - half, difference + half)
    return DifferenceRow(first, second, metric, part, difference, *ends, told)


def errors(**numbers):
    return [row(arm, number=number) for arm, number in numbers.items()]


def test_the_best_is_told_apart_from_all_others_and_its_lead_has_an_interval():
    found = answer_of(
        errors(Baseline=0.25, PtyChi=0.125, PtychoPINN=0.5),
        [
            apart("Baseline", "PtyChi", 0.125),
            apart("PtychoPINN", "PtyChi", 0.375),
            apart("Baseline", "PtychoPINN", -0.25),
        ],
    )
    assert (found.kind, found.winner, found.behind) == ("best", "PtyChi", ("Baseline", "PtychoPINN"))
    assert (found.margin.behind, found.margin.by, found.margin.low, found.margin.high) == (
        *("Baseline", 0.125, 0.0625, 0.1875),
    )
    assert found.lines == (
        "PtyChi is best",
        "Fienup error 0.1250 against 0.2500 of Baseline, 0.1250 lower [0.0625, 0.1875]",
        "compared with the true object, on the 5,304 pixels that every arm covers",
    )


def test_arms_that_cannot_be_told_apart_share_the_lead():
    found = answer_of(
        errors(A=0.125, B=0.1875, C=0.5),
        [apart("A", "B", -0.0625, told=False), apart("A", "C", -0.375), apart("C", "B", 0.3125)],
    )
    assert (found.kind, found.winner, found.beside) == ("alike", None, ("B",))
    assert [found.standing(arm) for arm in "ABC"] == ["first", "not told apart", "behind"]
    assert found.verdict == "A and B cannot be told apart; both are better than C"


def test_alike_does_not_pass_on_from_pair_to_pair():
    found = answer_of(
        errors(A=0.125, B=0.1875, C=0.25, D=0.5),
        [
            apart("A", "B", -0.0625, told=False),
            apart("A", "C", -0.125),
            apart("B", "C", -0.0625, told=False),
            *(apart(arm, "D", -0.25) for arm in "AB"),
            apart("C", "D", -0.25, told=False),
        ],
    )
    assert (found.beside, found.behind) == (("B",), ("D",))
    assert found.remarks == ("B and C cannot be told apart", "C and D cannot be told apart")


def test_two_that_are_as_good_as_the_first_may_differ_from_each_other():
    pairs = [
        apart("A", "B", -0.0625, told=False),
        apart("A", "C", -0.125, told=False),
        apart("B", "C", -0.0625),
    ]
    found = answer_of(errors(A=0.125, B=0.1875, C=0.25), pairs)
    assert (found.kind, found.beside) == ("alike", ("B", "C"))
    assert found.remarks == ("B is better than C",)


def test_a_score_that_says_the_opposite_takes_the_win_away():
    rows = [*errors(A=0.125, B=0.25), row("A", "ssim", 0.5, "phase"), row("B", "ssim", 0.75, "phase")]
    fienup = apart("A", "B", -0.125)
    found = answer_of(rows, [fienup, apart("A", "B", -0.25, metric="ssim", part="phase")])
    assert (found.kind, found.winner) == ("disagree", None)
    assert found.verdict == "no winner: the scores disagree about A and B"
    assert found.why == (
        "Fienup error says A, 0.1250 lower [0.0625, 0.1875]; "
        "SSIM of phase says B, 0.2500 higher [0.1250, 0.3750]"
    )
    unsure = apart("A", "B", -0.25, told=False, metric="ssim", part="phase")
    assert answer_of(rows, [fienup, unsure]).winner == "A", "what cannot be told apart contradicts nobody"


def test_where_the_deciding_score_cannot_tell_the_others_are_heard_and_decide_nothing():
    rows = [*errors(A=0.125, B=0.25), row("A", "ssim", 0.5, "phase"), row("B", "ssim", 0.75, "phase")]
    pairs = [apart("A", "B", -0.125, told=False), apart("A", "B", -0.25, metric="ssim", part="phase")]
    found = answer_of(rows, pairs)
    assert (found.kind, found.winner) == ("alike", None)
    assert found.remarks == ("SSIM of phase says B, 0.2500 higher [0.1250, 0.3750]",)


def test_without_intervals_somebody_leads_and_nobody_knows_more():
    found = answer_of(errors(A=0.25, B=0.125), [])
    assert (found.kind, found.winner, found.first) == ("leads", None, "B")
    assert found.verdict == "B leads, but nobody knows whether it can be told apart from A"
    assert found.why == "Fienup error 0.1250 against 0.2500 of A, 0.1250 lower, without an interval"
    rows = [*errors(A=0.25, B=0.125), row("A", "ssim", 0.75, "phase"), row("B", "ssim", 0.5, "phase")]
    assert answer_of(rows, []).kind == "disagree"


def test_an_arm_that_shows_nothing_does_not_win():
    flat = row("A", "contrast", note="flat: contrast of the object is 0.0002 (limit 0.001)", reference="")
    found = answer_of([*errors(A=0.125, B=0.25), flat], [apart("A", "B", -0.125)])
    assert (found.kind, found.winner) == ("flat", None)
    assert found.verdict == "no winner: A, first by the numbers, is flat"
    assert found.remarks == ("A: flat: contrast of the object is 0.0002 (limit 0.001)",)


@pytest.mark.parametrize(
    ("rows", "verdict"),
    [
        (errors(A=0.125), "no winner: only one arm is scored, A"),
        (
            [row("A", status="failed", note="zero: it is"), *errors(B=0.5)],
            "no winner: only one arm is scored, B",
        ),
        ([row("A", status="failed", note="zero: it is")], "no winner: no arm has a score that decides"),
        ([], "no winner: no arm has a score that decides"),
        (errors(A=float("nan"), B=0.5), "no winner: only one arm is scored, B"),
    ],
)
def test_one_arm_or_none_is_no_comparison(rows, verdict):
    assert answer_of(rows, []).verdict == verdict


@pytest.mark.parametrize("turned", [False, True])
def test_why_an_arm_failed_is_what_its_scores_say(turned):
    rows = [
        row("D", status="failed", note="zero: all of it"),
        row("D", metric="registration_offset_x", status="failed", note="measured, not applied"),
    ]
    assert answer_of(rows[::-1] if turned else rows, ()).remarks == ("D: failed: zero: all of it",)


def test_a_failed_arm_is_named_with_its_reason_and_one_without_the_number_too():
    rows = [*errors(A=0.125, B=0.25), row("C"), row("D", status="failed", note="zero: all of it")]
    assert answer_of(rows, [apart("A", "B", -0.125)]).remarks == (
        "C has no Fienup error",
        "D: failed: zero: all of it",
    )


def test_without_a_truth_the_residual_decides():
    rows = [row(arm, "r_factor", number, reference="same_data") for arm, number in (("A", 0.2), ("B", 0.1))]
    found = answer_of(rows, [apart("A", "B", 0.1, metric="r_factor")])
    assert (found.winner, found.reference) == ("B", "none")
    assert found.grounds.startswith("no true object: arms are judged by their residual")


def test_agreement_with_a_reconstruction_of_the_same_data_is_called_so():
    rows = [dataclasses.replace(each, reference="same_data") for each in errors(A=0.125, B=0.25)]
    found = answer_of(rows, [apart("A", "B", -0.125)])
    assert found.verdict == "A agrees best"
    assert "agreement, not resolution" in found.grounds


_SCORES = (("fienup", "value"), ("ssim", "phase"))


@st.composite
def _tables(draw):
    arms = [f"Arm{index}" for index in range(draw(st.integers(1, 4)))]
    eighths = st.integers(0, 8).map(lambda each: each / 8)
    numbers = {(arm, *score): draw(eighths) for arm in arms for score in _SCORES}
    rows = [row(arm, metric, number, part) for (arm, metric, part), number in numbers.items()]
    pairs = []
    for index, first in enumerate(arms):
        for second in arms[index + 1 :]:
            for metric, part in _SCORES:
                difference = numbers[first, metric, part] - numbers[second, metric, part]
                told = draw(st.sampled_from([True, False, None])) if difference else False
                pairs.append(
                    apart(first, second, difference, told, metric, part, half=None if difference else 1)
                )
    return rows, pairs


@examples(200)
@given(_tables(), st.randoms(use_true_random=False))
def test_the_answer_does_not_depend_on_the_order_of_arms(tables, random):
    rows, pairs = tables
    turned = [
        DifferenceRow(
            *(each.second, each.first, each.metric, each.component, -each.difference),
            *((None, None) if each.low is None else (-each.high, -each.low)),
            each.told_apart,
        )
        if random.random() < 0.5
        else each
        for each in pairs
    ]
    shuffled = random.sample(rows, len(rows))
    found, again = answer_of(rows, pairs), answer_of(shuffled, random.sample(turned, len(turned)))
    assert found == again
    assert list(found.numbers.items()) == list(again.numbers.items())
    assert found.lines == again.lines


@examples(200)
@given(_tables())
def test_who_wins_is_told_apart_from_everybody_and_contradicted_by_nobody(tables):
    rows, pairs = tables
    found = answer_of(rows, pairs)
    if found.winner is None:
        return
    for each in pairs:
        if found.winner in (each.first, each.second):
            ahead = (each.difference > 0) == (each.first == found.winner)
            if each.metric == "fienup":
                assert each.told_apart
                assert not ahead, "of an error less is better"
            elif each.told_apart and each.difference:
                assert ahead


def test_the_answer_of_a_scorecard_is_that_of_its_files(tmp_path):
    scorecard = card(Worse=staying(noisy(0.3, 1)), Better=staying(noisy(0.05, 2)))
    names = Artifacts(tmp_path)
    write_metrics_csv(names.metrics, scorecard, groups=9, seconds={})
    without = answer_of(*read_tables(names))
    write_differences_csv(names.differences, scorecard.differences)
    read = answer_of(*read_tables(names))
    here = answer_of(table_rows(scorecard), difference_rows(scorecard.differences))
    assert (read.winner, without.kind) == ("Better", "leads")
    assert read.lines == here.lines
