"""Keys of a study by which stored canvases can be scored anew: no network runs for them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from ptycho_compare.errors import InputError, did_you_mean
from ptycho_compare.study.comparing import Scoring, Section, Tolerances, Uncertainty
from ptycho_compare.study.study import Study
from ptycho_compare.study.toml_problems import first_problem
from ptycho_compare.untrusted.bounds import why_unbounded

_SECTIONS: dict[str, type[Section]] = {
    "scoring": Scoring,
    "tolerances": Tolerances,
    "uncertainty": Uncertainty,
}
_OF_RUNS = ("scoring.half_data", "scoring.patches")
"""What networks give for these is in no artifact unless it was asked for."""
RESCORABLE = tuple(
    key
    for section, model in _SECTIONS.items()
    for name in model.model_fields
    if (key := f"{section}.{name}") not in _OF_RUNS
)
"""Keys that may be changed, with their sections."""


def otherwise(study: Study, words: Iterable[str], option: str) -> tuple[Study, dict[str, list[Any]]]:
    """Change keys of a study.

    Parameters
    ----------
    words : iterable of str
        ``SECTION.KEY=VALUE`` each, the value as in TOML; a plain word is a text.
    option : str
        Where they stand, for messages.

    Returns
    -------
    Study
        The study with the other values.
    dict of str to list
        By key, the value that it has in the study and the other one.

    Raises
    ------
    InputError
        No such key, or a value that the study cannot have; the line says which.
    """
    values = study.model_dump(mode="json")
    changed: dict[str, list[Any]] = {}
    for word in words:
        key, equals, text = word.partition("=")
        if not equals or key not in RESCORABLE:
            known = "" if key in (*RESCORABLE, *_OF_RUNS) else did_you_mean(key, RESCORABLE)
            hint = known or f"; the keys are {', '.join(RESCORABLE)}"
            raise InputError(f"{option} {word:.200}: needed: KEY=VALUE{hint}")
        section, _, name = key.partition(".")
        before = changed[key][0] if key in changed else values[section][name]
        values[section][name] = _value(text)
        changed[key] = [before, values[section][name]]
    if why := why_unbounded(values):
        raise InputError(f"{option}: {why}")
    try:
        return Study.model_validate(values), changed
    except ValidationError as error:
        raise InputError(first_problem(option, "", error, Study)) from None


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (tomllib.TOMLDecodeError, RecursionError):
        return text
