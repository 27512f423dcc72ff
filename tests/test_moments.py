from datetime import datetime, timedelta, timezone

import pytest

from ptycho_compare.errors import first_of
from ptycho_compare.hub import moment_of, stamp, utc_text

MOMENT = datetime(2026, 11, 23, 12, 4, 11, 250_000, tzinfo=timezone(timedelta(hours=2)))


def test_a_moment_is_stated_in_utc_with_a_z() -> None:
    assert utc_text(MOMENT) == "2026-11-23T10:04:11Z"
    assert utc_text(MOMENT, to="milliseconds") == "2026-11-23T10:04:11.250Z"
    assert datetime.fromisoformat(utc_text()).utcoffset() == timedelta(0)


def test_a_stamp_is_read_back_to_the_second() -> None:
    assert stamp(MOMENT) == "20261123T100411Z"
    assert moment_of(stamp(MOMENT)) == MOMENT.replace(microsecond=0)
    assert moment_of("20261323T100411Z") is None


@pytest.mark.parametrize(
    ("problems", "text"), [(["one"], "one"), (["one", "two", "three"], "one (and 2 more)")]
)
def test_the_first_problem_says_how_many_more_there_are(problems: list[str], text: str) -> None:
    assert first_of(problems) == text
