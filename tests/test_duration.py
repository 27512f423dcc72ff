"""Durations: what is read, what is refused, and that what is written can be read."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ptycho_compare.duration import duration_text, parse_duration

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("540", 540),
        ("0.5", 0.5),
        ("9m", 540),
        ("9 M", 540),
        ("1h30m", 5400),
        ("1h 30m", 5400),
        ("1.5h", 5400),
        (" 1d 2h 3m 4s ", 93784),
        ("24h", 86400),
    ],
)
def test_what_people_write_is_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", " ", "0", "0m", "-5", "-1h", "soon", "5x", "m", ".", "1,5h", "1e3", "nan", "inf", "9m, 3s", "9 min",
     "1h-30m", "1:30", "٣x"],
)  # fmt: skip
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration; write 540, 9m or 1h30m"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["1h30", "1 000", "5 5", "30 1h"])
def test_a_number_without_a_unit_beside_others_is_refused(text: str) -> None:
    """Read as seconds, 1h30 would be an hour and half a minute, and 1 000 one second."""
    with pytest.raises(ValueError, match="is no duration"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["9" * 400, "99999999d", "1e99h"])
def test_what_no_clock_can_hold_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration"):
        parse_duration(text)


@given(
    st.dictionaries(
        st.sampled_from(sorted(UNITS)), st.floats(0.01, 99.0).map(lambda number: round(number, 2)), min_size=1
    ),
    st.sampled_from(["", " "]),
)
def test_terms_add_up(terms: dict[str, float], between: str) -> None:
    text = between.join(f"{number}{between}{unit}" for unit, number in terms.items())
    expected = sum(number * UNITS[unit] for unit, number in terms.items())
    assert math.isclose(parse_duration(text), expected, rel_tol=1e-9)


@given(st.integers(1, 10**8))
def test_whole_seconds_come_back_exactly(seconds: int) -> None:
    assert parse_duration(str(seconds)) == parse_duration(f"{seconds}s") == seconds


@given(st.text(max_size=20))
def test_any_text_is_a_duration_or_refused(text: str) -> None:
    try:
        seconds = parse_duration(text)
    except ValueError:
        return
    assert 0 < seconds < math.inf


HALF_A_DIGIT = {"s": 0.5, "min": 30.0, "h": 180.0}


@given(st.floats(0.51, 3e7))
@example(99.5)
def test_what_is_written_can_be_read_to_its_last_digit(seconds: float) -> None:
    text = duration_text(seconds)
    read = parse_duration(text.replace("min", "m"))
    assert math.isclose(read, seconds, rel_tol=1e-9, abs_tol=HALF_A_DIGIT[text.split()[1]])


@given(st.floats(0, 3e7), st.floats(0, 3e7))
@example(99.4, 99.5)
@example(5969.0, 5970.0)
def test_more_is_never_written_as_less(one: float, other: float) -> None:
    numbers = []
    for seconds in sorted((one, other)):
        number, unit = duration_text(seconds).split()
        numbers.append(float(number) * {"s": 1, "min": 60, "h": 3600}[unit])
    assert numbers[0] <= numbers[1]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (-0.4, "0 s"), (8.4, "8 s"), (99.4, "99 s"), (99.5, "2 min"), (540, "9 min"),
     (5969, "99 min"), (5970, "1.7 h"), (9000, "2.5 h"), (360000, "100.0 h")],
)  # fmt: skip
def test_what_people_read(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text
