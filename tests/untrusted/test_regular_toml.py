"""TOML from outside: bounded before tomllib sees it, and one line where it is none."""

from __future__ import annotations

import pytest

from ptycho_compare.untrusted.regular import load_toml


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = " + "[" * 5000, "nested too deep"),
        ("a = 1" + "0" * 5000, "is not TOML"),
        ("a = 1" + "0" * 1000, "whole number of more than"),
        ("[a", "is not TOML"),
        ("b = 1\n" + ".".join("a" * 200_000) + " = 1", "line 2 holds more than 1000 dots"),
        ('"\u2028".' * 200_000 + "a = 1", "line 1 holds more than 1000 dots"),
    ],
    ids=[
        "deep",
        "too long a number",
        "a long number",
        "no TOML",
        "a key of many parts",
        "line ends in a key",
    ],
)
def test_what_is_no_plain_toml_is_refused_in_one_line(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as refused:
        load_toml(text)
    assert len(str(refused.value)) < 300
    assert "\n" not in str(refused.value)
